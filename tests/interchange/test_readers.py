"""Readers of `.ts`, IDX and recordings: what is right is read as it stands, what is broken is named in one line."""

import gzip
import io
import struct
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_tf.data import ts_file
from gru_tf.data.datasets import DatasetError
from gru_tf.tasks.audio import spoken_digits
from gru_tf.tasks.images import mnist
from gru_tf.tasks.series.ucr import Ucr

HEADER = "#a comment: with, marks\n@problemName x\n@timeStamps false\n@univariate false\n@classLabel true walk run\n@data\n"
ROWS = "1,2,3:4,5,6:walk\n-1e2,.5:1,1:run\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))


def put(folder: Path, name: str, content: str | bytes) -> Path:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def refusal(path: Path, read: Callable[[Path], Any]) -> str:
    """The one line of the error, without the file's name that it begins with."""
    with pytest.raises(DatasetError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 200
    return message.removeprefix(f"{path}: ")


# ------------------------------------------------------------------------------------------------------------------ .ts


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROWS,
        "\ufeff" + HEADER + ROWS,
        (HEADER + ROWS).replace("\n", "\r\n"),
        HEADER.replace("@data", "\n@DATA") + "\n" + ROWS.replace("walk", " walk ") + "#end\n\n",
        (HEADER + ROWS).rstrip("\n"),
        HEADER.replace("@classLabel true walk run\n", "") + ROWS,
    ],
    ids=["plain", "byte order mark", "from Windows", "empty lines", "no last line end", "labels not listed"],
)
def test_series_are_read(tmp_path: Path, text: str) -> None:
    found = ts_file.read(put(tmp_path, "a.ts", text))
    assert found.values.tolist() == [[1, 4], [2, 5], [3, 6], [-100, 1], [0.5, 1]]
    assert found.lengths.tolist() == [3, 2]
    assert found.labels.tolist() == ["walk", "run"]
    assert (np.diff(found.lines) == 1).all()


BROKEN_TS = {
    "empty": ("", "expected a .ts file. Received: an empty file"),
    "only a header": (HEADER, "expected at least one series after @data. Received: none"),
    "no data line": ("#x\n1,2:a\n", "line 2: expected @data before the first series. Received: 1,2:a"),
    "cut in the header": (HEADER[:60], "line 4: expected @data before the end of the file. Received: no such line"),
    "latin-1": (
        (HEADER + ROWS).replace("run", "laufen für").encode("latin-1"),
        "line 5: expected UTF-8 text. Received: byte 0xfc at column 31",
    ),
    "UTF-16": ((HEADER + ROWS).encode("utf-16"), "line 1: expected UTF-8 text. Received: byte 0xff at column 1"),
    "cut in a channel": (
        HEADER + ROWS + "1,2,3:4,5",
        "line 9: expected one of walk, run after the last ':'. Received: 4,5; is the line cut off?",
    ),
    "cut before the label": (
        HEADER + ROWS + "1,2:4,5:",
        "line 9: expected one of walk, run after the last ':'. Received: nothing; is the line cut off?",
    ),
    "cut in the label": (
        HEADER + ROWS + "1,2:4,5:wa",
        "line 9: expected one of walk, run after the last ':'. Received: wa; is the line cut off?",
    ),
    "no label": (
        "@data\n1,2,3",
        "line 2: expected a class label after the last ':'. Received: 1,2,3; is the line cut off?",
    ),
    "a missing value": (
        HEADER + ROWS + "1,?:4,5:run",
        "line 9: channel 1, step 2: expected a finite number. Received: a missing value",
    ),
    "an empty value": (
        HEADER + ROWS + "1,2:4,,5:run",
        "line 9: channel 2, step 2: expected a finite number. Received: a missing value",
    ),
    "NaN": (HEADER + ROWS + "1,2:4,NaN:run", "line 9: channel 2, step 2: expected a finite number. Received: NaN"),
    "infinite": (HEADER + ROWS + "1,-inf:4,5:run", "line 9: channel 1, step 2: expected a finite number. Received: -inf"),
    "too large": (HEADER + ROWS + "1,1e999:4,5:run", "line 9: channel 1, step 2: expected a finite number. Received: 1e999"),
    "a word": (HEADER + ROWS + "1,two:4,5:run", "line 9: channel 1, step 2: expected a finite number. Received: two"),
    "an underscore": (HEADER + ROWS + "1,1_0:4,5:run", "line 9: channel 1, step 2: expected a finite number. Received: 1_0"),
    "unequal channels": (
        HEADER + ROWS + "1,2,3:4:run",
        "line 9: expected channels of equal length. Received: 3 steps in channel 1, 1 in channel 2",
    ),
    "unequal channels of an even sum": (
        HEADER + ROWS + "1,2,3:4:5,6:run",
        "line 9: expected channels of equal length. Received: 3 steps in channel 1, 1 in channel 2",
    ),
    "another number of channels": (
        HEADER + ROWS + "1,2:run",
        "line 9: expected 2 channels, as in line 7. Received: 1; is the line cut off?",
    ),
    "other than the header says": (
        HEADER.replace("@univ", "@dimensions 3\n@univ") + ROWS,
        "line 8: expected 3 channels, as @dimensions says. Received: 2; is the line cut off?",
    ),
    "another length than the header says": (
        HEADER.replace("@univ", "@equalLength true\n@seriesLength 3\n@univ") + ROWS,
        "line 10: expected 3 steps, as @seriesLength says. Received: 2",
    ),
    "time stamps": (
        HEADER.replace("Stamps false", "Stamps true") + ROWS,
        "line 3: expected series without time stamps. Received: @timeStamps true",
    ),
    "no classes": (
        "@classLabel false\n@data\n1,2:3",
        "line 1: expected series with class labels. Received: @classLabel false",
    ),
    "values to foretell": (
        "@targetLabel true\n@data\n1,2:3",
        "line 1: expected series with class labels. Received: @targetLabel true",
    ),
}


@pytest.mark.parametrize("name", BROKEN_TS)
def test_a_broken_ts_file_is_named(tmp_path: Path, name: str) -> None:
    content, message = BROKEN_TS[name]
    assert refusal(put(tmp_path, "a.ts", content), ts_file.read) == message


def test_a_ts_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.ts", ts_file.read) == "no such file"
    assert refusal(tmp_path, ts_file.read) == "cannot be read, Is a directory"


# -------------------------------------------------------------------------------------------- a user's own files in ucr


def own(folder: Path, train: str, test: str, **options: Any) -> Ucr:
    return Ucr(path=str(put(folder, "a.ts", train)), test_path=str(put(folder, "b.ts", test)), **options)


def test_own_files_make_a_task(tmp_path: Path) -> None:
    """Three channels of which one never changes; lengths 1 to 4; classes 2 and 10 in the order of numbers."""
    rng = np.random.default_rng(0)
    series = [rng.normal(3, 5, (3, steps)) for steps in (2, 4, 1, 3, 3, 2)]
    for values in series:
        values[1] = 7
    lines = [":".join(",".join(map(repr, map(float, row))) for row in values) for values in series]
    train = "@data\n" + "".join(f"{line}:{label}\n" for line, label in zip(lines, ("10", "2", "2", "10", "2"), strict=False))
    task = own(tmp_path, train, f"@data\n{lines[5]}:10\n", validation=0.3)
    signature = task.signature
    assert (signature.timesteps, signature.features, signature.outputs, signature.varying) == (4, 3, 2, True)
    splits = task.splits(rng)
    assert sorted(splits.train.targets.tolist()) == [0, 0, 1]
    assert sorted(splits.validation.targets.tolist()) == [0, 1]
    assert splits.test.targets.tolist() == [1]
    assert task.metric.chance == 0.5  # most training series are of class 2, the test series is not: a guess is better
    real = np.concatenate([steps[:n] for steps, n in zip(splits.train.inputs, splits.train.lengths, strict=True)])
    assert np.allclose(real.mean(0), 0, atol=1e-6)
    assert np.allclose(real.std(0), [1, 0, 1], atol=1e-6)
    assert set(task.checksums()) == {task.path, task.test_path}


CLASSES = "@data\n1,2:a\n1,3:b\n2,2:a\n4,3:b\n"


def test_a_class_seen_only_in_test_is_named(tmp_path: Path) -> None:
    task = own(tmp_path, CLASSES, "@data\n1,2:a\n\n1,3:c\n")
    message = refusal(tmp_path / "b.ts", lambda _: task.splits(np.random.default_rng(0)))
    assert message == f"line 4: expected a class of {tmp_path / 'a.ts'}: a, b. Received: 'c'"


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    task = own(tmp_path, CLASSES.replace("b", "a"), "@data\n1,2:a\n")
    message = refusal(tmp_path / "a.ts", lambda _: task.metric)
    assert message == "line 2: expected two classes or more. Received: 'a' in this and every other line"


def test_a_class_of_one_series_leaves_none_to_choose_on(tmp_path: Path) -> None:
    task = own(tmp_path, "@data\n1,2:a\n1,3:b\n", "@data\n1,2:a\n")
    message = refusal(tmp_path / "a.ts", lambda _: task.splits(np.random.default_rng(0)))
    assert message == "expected a class with two series or more, one of them to validate on. Received: none"


def test_other_channels_in_test_are_named(tmp_path: Path) -> None:
    task = own(tmp_path, CLASSES, "@data\n1,2:1,2:a\n")
    message = refusal(tmp_path / "b.ts", lambda _: task.signature)
    assert message == f"line 2: expected 1 channels, as in {tmp_path / 'a.ts'}. Received: 2"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    task = Ucr(path=str(tmp_path / "a.ts"), test_path=str(tmp_path / "b.ts"))
    for asked in (lambda _: task.signature, lambda _: task.checksums(), lambda _: task.metric):
        assert refusal(tmp_path / "a.ts", asked) == "no such file"


# ------------------------------------------------------------------------------------------------------ IDX, recordings

IDX = b"\0\0\x08\x03" + struct.pack(">3I", 2, 3, 4) + bytes(range(24))


def test_idx_is_read(tmp_path: Path) -> None:
    found = mnist.read_idx(put(tmp_path, "a.gz", gzip.compress(IDX)))
    assert np.array_equal(found, np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected an IDX file of bytes, which begins 0 0 8. Received: []"),
        (IDX, "expected a gzip file. Received: BadGzipFile: Not a gzipped file (b'\\x00\\x00')"),
        (gzip.compress(IDX)[:-10], "expected a gzip file. Received: EOFError: "),
        (gzip.compress(IDX)[:15] + b"\0" * 30, "expected a gzip file. Received: "),
        (gzip.compress(IDX[:-1]), "expected 2 × 3 × 4 bytes after 16. Received: 23"),
        (gzip.compress(IDX[:9]), "expected 2 × "),
        (gzip.compress(b"\0\0\x0d\x01"), "expected an IDX file of bytes, which begins 0 0 8. Received: [0, 0, 13]"),
    ],
)
def test_a_broken_idx_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    assert refusal(put(tmp_path, "a.gz", content), mnist.read_idx).startswith(message)


def recording(samples: Any, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", "NONE"))
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return stream.getvalue()


def archive(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in files.items():
            file.writestr(f"recordings/{name}.wav", content)
        file.writestr("recordings/README", b"x")
    return stream.getvalue()


def test_recordings_are_read(tmp_path: Path) -> None:
    path = put(tmp_path, "a.zip", archive(**{"1_theo_0": recording([1, -2, 3]), "0_theo_12": recording(range(300))}))
    found = spoken_digits.read_recordings(path)
    assert list(found) == ["recordings/0_theo_12.wav", "recordings/1_theo_0.wav"]
    assert found["recordings/1_theo_0.wav"].tolist() == [1, -2, 3]


WAV = recording(range(300))
BAD = "recordings/1_theo_0.wav: expected 16-bit mono at 8000 Hz. Received: "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a zip archive of recordings. Received: BadZipFile: File is not a zip file"),
        (
            archive(**{"1_theo_0": WAV})[:-40],
            "expected a zip archive of recordings. Received: BadZipFile: File is not a zip file",
        ),
        (archive(x=WAV), "expected recordings called recordings/DIGIT_SPEAKER_TAKE.wav. Received: none"),
        (archive(**{"1_theo_0": b""}), BAD),
        (archive(**{"1_theo_0": WAV[:-100]}), BAD + "250 of 300 samples"),
        (archive(**{"1_theo_0": recording(range(300), rate=16000)}), BAD + "1 channels of 2 bytes at 16000 Hz"),
        (archive(**{"1_theo_0": recording(range(300), channels=2)}), BAD + "2 channels of 2 bytes at 8000 Hz"),
    ],
)
def test_a_broken_archive_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    assert refusal(put(tmp_path, "a.zip", content), spoken_digits.read_recordings).startswith(message)


def test_recordings_are_taken_out_of_an_archive_of_the_repository(tmp_path: Path) -> None:
    inner = {f"recordings/{digit}_theo_{take}.wav": recording([digit, take]) for digit in (1, 0) for take in (2, 10)}
    path, again = tmp_path / "a.zip", tmp_path / "b.zip"
    for file, compression, names in ((path, zipfile.ZIP_DEFLATED, list(inner)), (again, zipfile.ZIP_STORED, sorted(inner))):
        with zipfile.ZipFile(file, "w", compression) as outer:
            for name in names:
                outer.writestr(f"repository-1a2b/{name}", inner[name])
            outer.writestr("repository-1a2b/README.md", "x")
        spoken_digits._repack(file)
    with zipfile.ZipFile(path) as outer:
        assert {name: outer.read(name) for name in outer.namelist()} == inner
    assert path.read_bytes() == again.read_bytes()  # whatever the archive's order and compression: it has one checksum
    with pytest.raises(ValueError, match="expected a zip archive"):
        spoken_digits._repack(put(tmp_path, "c.zip", b"no"))

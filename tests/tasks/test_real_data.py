"""Tasks on published data, each beside what can be had without its code: files read in another way, published numbers."""

import gzip
import hashlib
import io
import struct
import wave
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest

from gru_tf.data.datasets import locate
from gru_tf.data.log_mel import log_mel
from gru_tf.tasks import Examples, Splits, Task
from gru_tf.tasks.audio.spoken_digits import FETCHED, PACKED, SPEAKERS, SpokenDigits
from gru_tf.tasks.forecasting.airline import Airline
from gru_tf.tasks.forecasting.ett import Ett
from gru_tf.tasks.forecasting.sunspots import Sunspots
from gru_tf.tasks.forecasting.temperatures import Temperatures
from gru_tf.tasks.images.mnist import FILES, Mnist, permutation
from gru_tf.tasks.series.ucr import FILES as SETS
from gru_tf.tasks.series.ucr import Ucr

Needs = Callable[[Task], None]


def draw(task: Task) -> Splits:
    return task.splits(np.random.default_rng(0))


def parts(splits: Splits) -> tuple[Examples, Examples, Examples]:
    return splits.train, splits.validation, splits.test


# ------------------------------------------------------------------------------------------------------------ forecasts

FORECASTS: list[Any] = [
    Ett(),
    Ett(target="OT", inputs="all", window=24, horizon=48),
    Ett(target="OT", inputs="all", window=24, horizon=48, relative=True),
    Airline(),
    Airline(window=12, horizon=24, relative=False),
    Sunspots(horizon=12),
    Temperatures(window=10, horizon=7),
]


@pytest.mark.parametrize("task", FORECASTS, ids=repr)
def test_windows_are_the_rows_of_the_file_and_leak_nothing(task: Any, needs_files: Needs) -> None:
    """Each window against rows read in another way; so targets of one split are rows of that split and of no other."""
    needs_files(task)
    targets = naive.table(task)
    inputs = naive.table(task.model_copy(update={"target": "all"})) if isinstance(task, Ett) else targets
    _, columns, train, validation, test, _ = naive.FILES[type(task).__name__]
    inputs = inputs[:, [columns.index(name) for name in task.columns]]
    firsts = [task.window, train, validation]  # rows that the first targets of each split are
    for part, first, end in zip(parts(draw(task)), firsts, (train, validation, test), strict=True):
        assert len(part) == end - task.horizon - first + 1
        for index in (0, len(part) // 2, len(part) - 1):
            now = first + index
            seen, after = inputs[now - task.window : now], targets[now : now + task.horizon]
            if task.relative:
                seen, after = seen - inputs[now - 1], after - targets[now - 1]
            assert np.allclose(part.inputs[index], seen, atol=2e-6)
            assert np.allclose(part.targets[index], after.ravel(), atol=2e-6)
        assert now + task.horizon == end  # the last window ends with the split


@pytest.mark.parametrize("task", FORECASTS, ids=repr)
def test_baselines_are_the_naive_forecasts(task: Any, needs_files: Needs) -> None:
    needs_files(task)
    targets = draw(task).test.targets
    for name, predicted in naive.forecasts(task).items():
        mean = float(np.mean((predicted - targets) ** 2))
        assert task.naive_scores()[name] == pytest.approx(task.metric.value(mean), rel=1e-6)
    assert task.metric.chance == min(task.naive_scores().values())


PUBLISHED = [(96, 1.295, 0.713), (192, 1.325, 0.733), (336, 1.323, 0.744), (720, 1.339, 0.756)]


@pytest.mark.parametrize(("horizon", "mse", "mae"), PUBLISHED)
def test_the_last_value_scores_as_published(horizon: int, mse: float, mae: float, needs_files: Needs) -> None:
    """ "Repeat" of A. Zeng and others, arXiv 2205.13504, 2022, table 2, ETTh1, to all printed digits.

    Their loader leaves out the last windows, those that do not fill a batch of 32.
    """
    task = Ett(horizon=horizon)
    needs_files(task)
    test = draw(task).test
    count = len(test) // 32 * 32
    error = np.tile(test.inputs[:count, -1], horizon) - test.targets[:count]
    assert round(float(np.mean(error.astype(float) ** 2)), 3) == mse
    assert round(float(np.mean(np.abs(error.astype(float)))), 3) == mae


def test_units_are_those_of_the_file(needs_files: Needs) -> None:
    """Always 10 °C off scores 10 °C; and the same whether or not the change is predicted."""
    task = Temperatures()
    needs_files(task)
    deviation = task.metric.scale
    assert task.metric.value((10 / deviation) ** 2) == pytest.approx(10)
    assert task.metric.value(10 / deviation, "mae") == pytest.approx(10)
    for one, other in (({}, {"relative": True}), ({"horizon": 7}, {"horizon": 7, "relative": True})):
        assert Temperatures(**one).metric.chance == pytest.approx(Temperatures(**other).metric.chance)


def test_overlapping_windows_take_the_memory_of_one_series(needs_files: Needs) -> None:
    task = Ett(window=720, horizon=96)
    needs_files(task)
    inputs = draw(task).train.inputs
    assert inputs.nbytes > 150e6
    assert np.lib.array_utils.byte_bounds(inputs)[1] - np.lib.array_utils.byte_bounds(inputs)[0] < 1e6


# --------------------------------------------------------------------------------------------------------------- images


@cache
def digits(images: int, labels: int) -> tuple[Any, Any]:
    """The published files by their layout: 16 bytes before the images, 8 before the labels."""
    one, other = (gzip.decompress(locate(FILES[index]).read_bytes()) for index in (images, labels))
    assert struct.unpack(">4I", one[:16])[2:] == (28, 28)
    return np.frombuffer(one, np.uint8, offset=16).reshape(-1, 784), np.frombuffer(other, np.uint8, offset=8)


@pytest.mark.parametrize("permuted", [False, True])
def test_mnist_is_the_published_one(permuted: bool, needs_files: Needs) -> None:
    task = Mnist(permuted=permuted, reading="rows")
    needs_files(task)
    images, labels = digits(0, 1)
    order = permutation() if permuted else np.arange(784)
    published = (images[:50_000], labels[:50_000]), (images[50_000:], labels[50_000:]), digits(2, 3)
    for part, (pixels, classes) in zip(parts(draw(task)), published, strict=True):
        assert part.inputs.shape == (len(pixels), 28, 28)
        assert part.inputs.dtype == np.uint8
        assert np.array_equal(part.inputs.reshape(-1, 784), pixels[:, order])
        assert np.array_equal(part.targets, classes)
        assert part.inputs.max() * task.signature.scale == 1
        assert isinstance(part.inputs.base, np.memmap)


def test_the_readings_are_one_order_of_pixels(needs_files: Needs) -> None:
    few: dict[str, Any] = {"examples": 30, "validation_examples": 20, "permuted": True}
    needs_files(Mnist())
    pixels, rows = (draw(Mnist(reading=reading, **few)) for reading in ("pixels", "rows"))
    assert [len(part) for part in parts(pixels)] == [30, 20, 10_000]
    for one, other in zip(parts(pixels), parts(rows), strict=True):
        assert np.array_equal(one.inputs.reshape(-1, 28, 28), other.inputs)


def test_the_permutation_is_fixed() -> None:
    """Known numbers: another order would be another task."""
    assert sorted(permutation()) == list(range(784))
    assert permutation()[:6].tolist() == [318, 2, 606, 446, 758, 13]


# --------------------------------------------------------------------------------------------------------------- speech


def mel(hertz: Any) -> Any:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def log_mel_by_hand(samples: Any, rate: int, bands: int) -> Any:
    """The features in NumPy, float64: Hann window of 25 ms every 10 ms, magnitudes, triangles on the mel scale, log."""
    frame, hop = rate // 40, rate // 100
    points = 2 ** int(np.ceil(np.log2(frame)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    starts = range(0, len(samples) - frame + 1, hop)
    spectra = np.abs(np.fft.rfft([samples[start : start + frame] / 32768 * window for start in starts], points))
    edges = np.linspace(mel(20), mel(rate / 2), bands + 2)
    place = mel(np.arange(points // 2 + 1) * rate / points)[:, None]
    rising, falling = (place - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - place) / np.diff(edges)[1:]
    matrix = np.maximum(0, np.minimum(rising, falling))
    matrix[0] = 0  # the constant part belongs to no band
    return np.log(spectra @ matrix + 1e-6)


@cache
def recordings() -> dict[str, Any]:
    with zipfile.ZipFile(locate(PACKED)) as archive:
        samples = {}
        for name in archive.namelist():
            with wave.open(io.BytesIO(archive.read(name))) as file:
                samples[Path(name).stem] = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples


@cache
def features_of(name: str) -> Any:
    return log_mel_by_hand(recordings()[name], 8000, 40)


def test_log_mel_features_by_hand() -> None:
    rng = np.random.default_rng(0)
    waves = [rng.normal(0, 3000, samples).astype(np.int16) for samples in (200, 279, 280, 3000)] + [np.zeros(500, np.int16)]
    for wave_, features in zip(waves, log_mel(waves, 8000, 40), strict=True):
        assert features.dtype == np.float32
        assert features.shape == (1 + (len(wave_) - 200) // 80, 40)
        assert np.allclose(features, log_mel_by_hand(wave_, 8000, 40), atol=2e-3)


def test_a_recording_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="expected recordings of 200 samples or more. Received: 199"):
        log_mel([np.zeros(199, np.int16)], 8000, 40)


@pytest.mark.parametrize("held_out", [None, "theo", "yweweler"])
def test_spoken_digits_are_the_recordings_of_their_split(held_out: Any, needs_files: Needs) -> None:
    task = SpokenDigits(held_out=held_out)
    needs_files(task)

    def part_of(name: str) -> int:
        _, speaker, take = name.split("_")
        if held_out is None:
            return 2 if int(take) < 5 else 1 if int(take) < 10 else 0
        after = SPEAKERS[(SPEAKERS.index(held_out) + 1) % 6]
        return 2 if speaker == held_out else 1 if speaker == after else 0

    names = sorted(recordings())
    chosen = [[name for name in names if part_of(name) == place] for place in range(3)]
    assert list(map(len, chosen)) == ([2400, 300, 300] if held_out is None else [2000, 500, 500])
    frames = np.concatenate([features_of(name) for name in chosen[0]])
    for part, its in zip(parts(draw(task)), chosen, strict=True):
        assert part.targets.tolist() == [int(name[0]) for name in its]
        assert part.lengths.tolist() == [1 + (len(recordings()[name]) - 200) // 80 for name in its]
        for row in range(0, len(its), 97):
            expected = (features_of(its[row]) - frames.mean(0)) / frames.std(0)
            assert np.allclose(part.inputs[row, : part.lengths[row]], expected, atol=5e-3)


def test_what_is_fetched_holds_the_same_recordings(tmp_path: Path, needs_files: Needs) -> None:
    """The checksum of what a download is made into, from an archive of the repository that is made here."""
    needs_files(SpokenDigits())
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(locate(PACKED)) as packed, zipfile.ZipFile(path, "w") as outer:
        for name in packed.namelist():
            outer.writestr(f"repository-26eb9aa/{name}", packed.read(name))
        outer.writestr("repository-26eb9aa/README.md", "x")
    FETCHED.convert(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == FETCHED.sha256
    assert path.stat().st_size == FETCHED.bytes


# --------------------------------------------------------------------------------------------------------------- series


def rows_of(name: str, part: str) -> tuple[list[Any], list[str]]:
    """Series (steps, channels) and labels by splitting text, one number at a time."""
    file = locate(next(file for file in SETS[name] if part in file.path))
    lines = file.read_text(encoding="utf-8").split("@data\n")[1].splitlines()
    fields = [line.split(":") for line in lines if line]
    return [np.array([[float(v) for v in c.split(",")] for c in row[:-1]]).T for row in fields], [row[-1] for row in fields]


@pytest.mark.parametrize("name", ["ArrowHead", "GunPoint", "ItalyPowerDemand", "JapaneseVowels"])
def test_series_are_those_of_the_files(name: Any, needs_files: Needs) -> None:
    task = Ucr(name=name)
    needs_files(task)
    splits = draw(task)
    (series, labels), (held, held_labels) = rows_of(name, "TRAIN"), rows_of(name, "TEST")
    classes = sorted(set(labels), key=float)
    train, validation = splits.train, splits.validation
    assert len(train) + len(validation) == len(series)
    for label in range(len(classes)):  # each class is cut in the same proportion
        share = (validation.targets == label).sum() / labels.count(classes[label])
        assert abs(share - 0.25) * labels.count(classes[label]) <= 0.5 + 1e-9
    # The training part is what the validation part is not; so its scale can be found again from the file.
    chosen = match(train, series)
    kept = np.concatenate([series[row] for row in chosen])
    mean, deviation = kept.mean(0), kept.std(0)
    assert sorted([*chosen, *match(validation, series)]) == list(range(len(series)))
    for part, sources, words, rows in (
        (train, series, labels, chosen),
        (validation, series, labels, match(validation, series)),
        (splits.test, held, held_labels, range(len(held))),
    ):
        for index, row in enumerate(rows):
            assert np.allclose(part.inputs[index, : part.lengths[index]], (sources[row] - mean) / deviation, atol=1e-5)
            assert classes[part.targets[index]] == words[row]


def match(part: Examples, series: list[Any]) -> list[int]:
    """Which series each example is, whatever its scale: the one of its length that it is an affine map of."""
    rows = []
    for steps, length in zip(part.inputs, part.lengths, strict=True):
        same = [row for row, values in enumerate(series) if len(values) == length]
        distances = [np.abs(unit(steps[:length, 0]) - unit(series[row][:, 0])).max() for row in same]
        rows.append(same[int(np.argmin(distances))])
    return rows


def unit(values: Any) -> Any:
    centred = values - values.mean()
    return centred / np.sqrt((centred**2).sum())

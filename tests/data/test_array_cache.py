"""Arrays kept after the first parse: the same again, mapped and not read; whatever is damaged is made anew."""

import json
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_tf.data import array_cache
from gru_tf.data.datasets import DatasetError
from gru_tf.tasks import Task
from gru_tf.tasks.images.mnist import Mnist
from gru_tf.tasks.language.imdb import Imdb

CONTENT: dict[str, Any] = {
    "images": np.arange(6000, dtype=np.float32).reshape(10, 20, 30),
    "labels": np.array(["a", "bé", "ccc"]),
    "odd": np.arange(7, dtype=np.uint8),
    "none": np.zeros((0, 4), np.int64),
    "turned": np.arange(12.0).reshape(3, 4).T,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Parser:
    """Counts how often it is called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, Any]:
        self.calls += 1
        return CONTENT


def load(parser: Parser, checksums: tuple[str, ...] = ("ab", "cd"), version: int = 1) -> Any:
    return array_cache.load("set", checksums, version, parser)


def the_folder(cache: Path) -> Path:
    (folder,) = (cache / "parsed").iterdir()
    return folder


def files(cache: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in cache.rglob("*") if file.is_file()}


def test_the_second_time_nothing_is_parsed() -> None:
    parser = Parser()
    for _ in range(2):
        arrays = load(parser)
        assert list(arrays) == list(CONTENT)
        for name, array in arrays.items():
            assert array.dtype == CONTENT[name].dtype
            assert np.array_equal(array, CONTENT[name])
            assert not array.flags.writeable
            assert isinstance(array, np.memmap)
            assert array.flags.aligned
    assert parser.calls == 1


def test_other_files_or_another_parser_have_arrays_of_their_own(cache: Path) -> None:
    parser = Parser()
    for checksums, version in ((("ab", "cd"), 1), (("ab", "ce"), 1), (("abcd",), 1), (("ab", "cd"), 2)):
        load(parser, checksums, version)
    assert parser.calls == 4
    assert len(list((cache / "parsed").iterdir())) == 4


def test_the_files_are_ordinary_ones(cache: Path) -> None:
    load(Parser())
    folder = the_folder(cache)
    assert {file.name for file in folder.iterdir()} == {*(f"{name}.npy" for name in CONTENT), "manifest.json"}
    for name, content in CONTENT.items():
        assert np.array_equal(np.load(folder / f"{name}.npy"), content)


def at(place: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def damaged(content: bytes) -> bytes:
        manifest = json.loads(content)
        change(manifest)
        return json.dumps(manifest).encode()

    return damaged


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param("manifest.json", lambda content: b"", id="empty manifest"),
        pytest.param("manifest.json", lambda content: content[:100], id="manifest cut off"),
        pytest.param("manifest.json", lambda content: b"[]\n", id="a list"),
        pytest.param("manifest.json", lambda content: b'"text"', id="a text"),
        pytest.param("manifest.json", lambda content: b'{"arrays": [], "crc": 223132457}', id="no names"),
        pytest.param("manifest.json", lambda content: b"\xff\xfe\n" + content, id="no UTF-8"),
        pytest.param("manifest.json", at(0), id="a bit turned in the manifest"),
        pytest.param("manifest.json", lambda content: content.replace(b"labels", b"lapels"), id="another name"),
        pytest.param("manifest.json", edited(lambda manifest: manifest.pop("crc")), id="no checksum"),
        pytest.param("manifest.json", edited(lambda manifest: manifest["arrays"].pop("odd")), id="an array less"),
        pytest.param("manifest.json", edited(lambda manifest: manifest.update(arrays={})), id="no arrays"),
        pytest.param("manifest.json", edited(lambda manifest: manifest["arrays"]["odd"].pop("crc")), id="an entry less"),
        pytest.param("odd.npy", lambda content: b"", id="empty array"),
        pytest.param("odd.npy", lambda content: content[:-1], id="a byte short"),
        pytest.param("odd.npy", lambda content: content + b"\0", id="a byte long"),
        pytest.param("odd.npy", at(-5), id="a bit turned in an array"),
        pytest.param("images.npy", at(3000), id="a bit turned in another array"),
        pytest.param("images.npy", at(20), id="a bit turned in an array's header"),
        pytest.param("images.npy", lambda content: content.replace(b"(10, 20, 30)", b"(20, 10, 30)"), id="another shape"),
    ],
)
def test_damaged_files_are_made_anew(cache: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    parser = Parser()
    load(parser)
    whole = files(cache)
    (the_folder(cache) / name).write_bytes(damage(whole[name]))
    assert files(cache) != whole
    for array, content in CONTENT.items():
        assert np.array_equal(load(parser)[array], content)
    assert parser.calls == 2
    assert files(cache) == whole


@pytest.mark.parametrize("name", ["manifest.json", "images.npy"])
def test_absent_files_are_made_anew(cache: Path, name: str) -> None:
    """As a process leaves them that is killed before the manifest is written, or somebody who tidies up."""
    parser = Parser()
    load(parser)
    whole = files(cache)
    (the_folder(cache) / name).unlink()
    load(parser)
    assert parser.calls == 2
    assert files(cache) == whole


def test_a_pickled_array_is_never_read(cache: Path) -> None:
    """Not even with a checksum that fits: what is pickled may run anything."""
    parser = Parser()
    load(parser)
    folder = the_folder(cache)
    np.save(folder / "odd.npy", np.array([parser], dtype=object), allow_pickle=True)
    content = (folder / "odd.npy").read_bytes()
    entries = json.loads((folder / "manifest.json").read_bytes())["arrays"]
    entries["odd"] = {"size": len(content), "crc": zlib.crc32(content)}
    manifest = {"arrays": entries, "crc": zlib.crc32(json.dumps(entries).encode())}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert np.array_equal(load(parser)["odd"], CONTENT["odd"])
    assert parser.calls == 2


def test_files_of_the_former_format_are_not_read(cache: Path) -> None:
    load(Parser())
    folder = the_folder(cache)
    shutil.rmtree(folder)
    folder.with_suffix(".arrays").write_bytes(b'{"arrays": {}, "bytes": 0}\n')
    parser = Parser()
    load(parser)
    assert parser.calls == 1


def test_arrays_in_use_outlive_the_files(cache: Path) -> None:
    arrays = load(Parser())
    shutil.rmtree(the_folder(cache))
    assert np.array_equal(arrays["images"], CONTENT["images"])


def test_an_error_of_the_parser_passes_and_leaves_nothing(cache: Path) -> None:
    def parse() -> Any:
        raise DatasetError("line 3")

    with pytest.raises(DatasetError, match="line 3"):
        array_cache.load("set", ["ab"], 1, parse)
    assert list(cache.rglob("*.*")) == []


@pytest.mark.parametrize("writes", range(len(CONTENT) + 1))
def test_a_write_that_fails_leaves_nothing_and_warns(cache: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    replace, left = Path.replace, [writes]

    def full(file: Path, target: Path) -> Path:
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        return replace(file, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.warns(RuntimeWarning, match=r"set-\w{16}: cannot be written, No space left on device"):
        arrays = load(Parser())
    assert np.array_equal(arrays["images"], CONTENT["images"])
    assert not arrays["images"].flags.writeable
    assert list((cache / "parsed").iterdir()) == []


def test_a_cache_that_is_no_folder_costs_a_warning(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.warns(RuntimeWarning, match=r"set-\w{16}: cannot be written"):
        arrays = load(Parser())
    assert np.array_equal(arrays["images"], CONTENT["images"])


def test_several_threads_may_do_it_at_once(cache: Path) -> None:
    parser, results = Parser(), []
    threads = [threading.Thread(target=lambda: results.append(load(parser))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.array_equal(arrays["images"], CONTENT["images"]) for arrays in results)
    assert set(files(cache)) == {*(f"{name}.npy" for name in CONTENT), "manifest.json"}


WRITER = """
import sys
import numpy as np
from gru_tf.data import array_cache

print("ready", flush=True)
sys.stdin.read(1)
for version in range(30):
    content = {name: np.full((1000, place + 1), version) for place, name in enumerate("abcd")}
    arrays = array_cache.load("race", ["ab"], version, lambda: content)
    assert list(arrays) == list("abcd")
    assert all(np.array_equal(arrays[name], values) for name, values in content.items())
"""


def test_two_processes_may_do_it_at_once(cache: Path) -> None:
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", WRITER], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("!")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(list((cache / "parsed").iterdir())) == 30


PROGRAM = """
import sys, time
import numpy as np
from gru_tf.tasks import create

def memory():  # MiB at its peak; getrusage would say that of the process that started this one where it was more
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024

before, clock = memory(), time.perf_counter()
splits = create(sys.argv[1], {}).splits(np.random.default_rng(0))
print(time.perf_counter() - clock, memory() - before, memory())
"""


# The reviews are 104 MB of text and 46 MB of numbers, of which the splits take 50; the images are 55 MB, mapped as they are.
# The first time TensorFlow is imported to number the words, 400 MiB by itself.
LARGEST: list[tuple[Task, int, int]] = [(Imdb(), 1300, 200), (Mnist(), 250, 30)]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "first", "after"), LARGEST, ids=repr)
def test_peak_memory_of_the_largest(
    task: Task, first: int, after: int, needs_files: Callable[[Task], None], record_property: Callable[[str, object], None]
) -> None:
    """MiB of a process: at its peak the first time, when files are parsed, and what reading takes it after that."""
    needs_files(task)
    label = type(task).__name__.lower()
    for name in ("first", "after"):
        done = subprocess.run([sys.executable, "-c", PROGRAM, label], capture_output=True, text=True, check=True)
        seconds, grown, peak = map(float, done.stdout.split())
        for key, value in (("seconds", seconds), ("grown_mib", grown), ("peak_mib", peak)):
            record_property(f"{label}_{name}_{key}", round(value, 2))
        print(f"{label}, {name}: {seconds:.2f} s, peak {peak:.0f} MiB, {grown:.0f} MiB more than before")  # noqa: T201
        assert peak < first if name == "first" else grown < after

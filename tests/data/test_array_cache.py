"""Arrays kept after the first parse: the same again, mapped and not read; whatever is damaged is made anew."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_tf.data import array_cache
from gru_tf.data.datasets import DatasetError
from gru_tf.foundation import atomic_file
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
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        return CONTENT


def load(parser: Parser, checksums: tuple[str, ...] = ("ab", "cd"), version: int = 1) -> Any:
    return array_cache.load("set", checksums, version, parser)


def the_file(cache: Path) -> Path:
    (file,) = cache.rglob("*.*")
    return file


def test_the_second_time_nothing_is_parsed() -> None:
    parser = Parser()
    for _ in range(2):
        arrays = load(parser)
        assert list(arrays) == list(CONTENT)
        for name, array in arrays.items():
            assert array.dtype == CONTENT[name].dtype
            assert np.array_equal(array, CONTENT[name])
            assert not array.flags.writeable or not array.size
            assert isinstance(array, np.memmap) == bool(array.size)
            assert array.flags.aligned
    assert parser.asked == 1


def test_other_files_or_another_parser_have_arrays_of_their_own(cache: Path) -> None:
    parser = Parser()
    for checksums, version in ((("ab", "cd"), 1), (("ab", "ce"), 1), (("abcd",), 1), (("ab", "cd"), 2)):
        load(parser, checksums, version)
    assert parser.asked == 4
    assert len(list(cache.rglob("*.arrays"))) == 4


def at(place: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def with_line(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def damaged(content: bytes) -> bytes:
        line, _, rest = content.partition(b"\n")
        said = json.loads(line)
        change(said)
        return json.dumps(said).encode().ljust(len(line)) + b"\n" + rest

    return damaged


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:-1], id="a byte short"),
        pytest.param(lambda content: content[:100], id="cut in the first line"),
        pytest.param(lambda content: content + b"\0", id="a byte long"),
        pytest.param(at(-50), id="a bit turned in the last array"),
        pytest.param(at(3000), id="a bit turned in the first array"),
        pytest.param(at(0), id="a bit turned in the line"),
        pytest.param(lambda content: b"[]\n", id="another line"),
        pytest.param(lambda content: b"\xff\xfe\n" + content, id="no text"),
        pytest.param(with_line(lambda said: said["arrays"]["odd"].pop("crc")), id="no checksum"),
        pytest.param(with_line(lambda said: said["arrays"]["odd"].update(dtype="<f9")), id="no such type"),
    ],
)
def test_a_damaged_file_is_made_anew(cache: Path, damage: Callable[[bytes], bytes]) -> None:
    parser = Parser()
    load(parser)
    whole = the_file(cache).read_bytes()
    the_file(cache).write_bytes(damage(whole))
    assert np.array_equal(load(parser)["images"], CONTENT["images"])
    assert parser.asked == 2
    assert the_file(cache).read_bytes() == whole


def test_arrays_in_use_outlive_the_file(cache: Path) -> None:
    arrays = load(Parser())
    the_file(cache).unlink()
    assert np.array_equal(arrays["images"], CONTENT["images"])


def test_an_error_of_the_parser_passes_and_leaves_nothing(cache: Path) -> None:
    def parse() -> Any:
        raise DatasetError("line 3")

    with pytest.raises(DatasetError, match="line 3"):
        array_cache.load("set", ["ab"], 1, parse)
    assert list(cache.rglob("*.*")) == []


def test_a_write_that_fails_leaves_nothing_and_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_file.os, "fsync", full)
    with pytest.warns(RuntimeWarning, match=r"set-\w{16}\.arrays: cannot be written, No space left on device"):
        arrays = load(Parser())
    assert np.array_equal(arrays["images"], CONTENT["images"])
    assert list(cache.rglob("*.*")) == []


def test_several_may_do_it_at_once(cache: Path) -> None:
    parser, found = Parser(), []
    threads = [threading.Thread(target=lambda: found.append(load(parser))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(arrays["images"], CONTENT["images"]) for arrays in found)
    assert the_file(cache).suffix == ".arrays"


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

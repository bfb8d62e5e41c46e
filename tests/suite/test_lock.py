"""One coordinator an experiment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.suite import lock

HOLD = """
import sys
from pathlib import Path
from gru_tf.suite import lock
with lock.held(Path(sys.argv[1]), "question"):
    print(lock.mark(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Another process that holds the lock, and its mark."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_the_second_is_refused_naming_the_first(tmp_path: Path, holder: tuple["subprocess.Popen[str]", str]) -> None:
    refusal = f"question is already being run by process {holder[0].pid} on .*, since "
    with pytest.raises(UserError, match=refusal), lock.held(tmp_path, "question"):
        pass
    with lock.held(tmp_path, "another"):
        pass


def test_free_at_once_after_a_kill(tmp_path: Path, holder: tuple["subprocess.Popen[str]", str]) -> None:
    assert lock.lives(holder[1])
    holder[0].kill()
    holder[0].wait()
    assert (tmp_path / "question.holder.json").exists(), "the killed one had no time to tidy"
    with lock.held(tmp_path, "question"):
        assert f"process {os.getpid()} on " in (tmp_path / "question.holder.json").read_text(encoding="utf-8")
    assert not lock.lives(holder[1])


def test_free_after_the_block_and_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path, "question"):
        raise ZeroDivisionError
    with lock.held(tmp_path, "question"):
        pass
    assert not (tmp_path / "question.holder.json").exists()


def test_marks_of_others(holder: tuple["subprocess.Popen[str]", str]) -> None:
    number, _, started = holder[1].partition(" ")
    assert lock.lives(holder[1])
    assert not lock.lives(f"{number} {float(started) - 1}"), "the number was given to another process since"
    assert not lock.lives(lock.mark()), "oneself is no other"
    assert not lock.lives("")


@pytest.mark.parametrize("file", ["work", "work/question", "work/question.lock/x"])
def test_what_stands_in_the_place_of_work_in_progress_is_named_and_kept(tmp_path: Path, file: str) -> None:
    """It ended in a traceback, in part after the first training."""
    there = tmp_path / file
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_text("mine", encoding="utf-8")
    refusal = r"/work[^:]*: expected a folder for work in progress\. Received: "
    with pytest.raises(UserError, match=refusal), lock.held(tmp_path / "work", "question"):
        pass
    assert there.read_text(encoding="utf-8") == "mine"

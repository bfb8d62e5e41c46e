"""Files that are whole or absent, whatever happens while they are written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gru_tf.foundation import atomic_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.json"
    atomic_file.write(file, b"first")
    atomic_file.write(file, b"second")
    assert file.read_bytes() == b"second"
    assert names(file.parent) == ["a.json"]


def test_keeps_the_usual_rights_and_the_suffix(tmp_path: Path) -> None:
    seen: list[str] = []

    def save(neighbour: Path) -> None:
        seen.append(neighbour.suffix)
        neighbour.write_bytes(b"")

    atomic_file.through(tmp_path / "model.keras", save)
    (tmp_path / "plain").write_bytes(b"")
    assert seen == [".keras"]
    assert (tmp_path / "model.keras").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    file = tmp_path / "a.json"
    atomic_file.write(file, b"old")

    def fail(neighbour: Path) -> None:
        neighbour.write_bytes(b"ha")
        raise error

    with pytest.raises(type(error)):
        atomic_file.through(file, fail)
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_content_reaches_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that a power cut needs: content synced, renamed, folder synced."""
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append(_kind(handle)), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (steps.append("rename"), replace(self, to))[1])
    atomic_file.write(tmp_path / "a.json", b"content")
    assert steps == ["file", "rename", "folder"]


def _kind(handle: int) -> str:
    return "folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"


def test_killed_while_writing(tmp_path: Path) -> None:
    """kill -9 between content and rename: the old file stands."""
    file = tmp_path / "a.json"
    atomic_file.write(file, b"old")
    dying = "import os, sys; from pathlib import Path; Path.replace = lambda *_: os.kill(os.getpid(), 9)"
    writing = "from gru_tf.foundation import atomic_file; atomic_file.write(Path(sys.argv[1]), b'new')"
    command = [sys.executable, "-c", f"{dying}; {writing}", str(file)]
    assert subprocess.run(command, check=False).returncode == -9
    assert file.read_bytes() == b"old"

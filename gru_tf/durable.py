"""Files that are whole or absent: what a kill or a power cut leaves behind is never half a file."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Write `content` to `file` in one step: to a neighbour first, to the disk, then renamed.

    Raises:
        OSError: where the disk is full or the folder cannot be written; the old file is then untouched.
    """
    through(file, lambda neighbour: neighbour.write_bytes(content))


def through(file: Path, save: Callable[[Path], object]) -> None:
    """`save` to a neighbour of `file` with the same suffix, then rename it to `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix=file.suffix, dir=file.parent)
    os.close(handle)
    neighbour = Path(name)
    try:
        save(neighbour)
        with neighbour.open("rb+") as written:
            os.fsync(written.fileno())
        neighbour.replace(file)
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise

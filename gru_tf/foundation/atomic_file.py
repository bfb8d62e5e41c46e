"""Files that are whole or absent: what a kill or a power cut leaves behind is never half a file."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
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
    neighbour = file.with_name(f".writing-{secrets.token_hex(8)}{file.suffix}")
    try:
        save(neighbour)
        with neighbour.open("rb+") as written:
            os.fsync(written.fileno())
        neighbour.replace(file)
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # some network disks cannot; the file is whole in any case
        _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk as well: without it a power cut may bring the old file back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files that are whole or absent: what a kill or a power cut leaves behind is never half a file."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gru_tf.foundation.errors import UserError


def write(file: Path, content: bytes) -> None:
    """Write `content` to `file` in one step: to a neighbour first, to the disk, then renamed.

    Raises:
        OSError: where the disk is full or the folder cannot be written; the old file is then untouched.
    """
    through(file, lambda neighbour: neighbour.write_bytes(content))


def expect_folder(file: Path) -> None:
    """Refuse a file that someone named in a folder that does not exist: it would rather be a typing error than a wish.

    Raises:
        UserError: with the nearest folder above that exists.
    """
    folder = file.absolute().parent
    if not folder.is_dir():
        nearest = next(above for above in folder.parents if above.exists())
        raise UserError(f"{file}: there is no folder {folder}; the nearest that exists is {nearest}")


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

"""SHA-256 checksums of files, text and bytes."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

PINNED = "sha256"  # the option of a task or a model with the checksum of its files; no file needs to name it
SIZE = hashlib.sha256().digest_size  # bytes


def sha256_of_text(text: str) -> str:
    """64 hexadecimal digits of a text's UTF-8 bytes."""
    return sha256_of_bytes(text.encode()).hex()


def sha256_of_bytes(content: bytes) -> bytes:
    """The checksum itself, `SIZE` bytes."""
    return hashlib.sha256(content).digest()


def sha256_of_file(file: Path) -> str:
    """64 hexadecimal digits of a file's content; raises OSError where it cannot be read."""
    return sha256_of_parts([file])


def sha256_of_parts(parts: Iterable[Path | bytes]) -> str:
    """64 hexadecimal digits of files' contents and bytes, one after the other without anything in between.

    Raises:
        OSError: where a file cannot be read; its `filename` is that file's.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            total.update(part)
        else:
            _add(part, total)
    return total.hexdigest()


def _add(file: Path, total: "hashlib._Hash") -> None:
    """Update `total` with the content of a file, read in pieces."""
    try:
        with file.open("rb") as stream:
            hashlib.file_digest(stream, lambda: total)
    except OSError as error:
        error.filename = error.filename or str(file)  # opening says which file, reading does not
        raise

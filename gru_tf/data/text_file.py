"""Reads text files of data sets, with errors that name file and line."""

from pathlib import Path

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import cannot_read


def read(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file, line ends as they are.

    Raises:
        DatasetError: where it cannot be read, is empty or is in another encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(cannot_read(path, error)) from error
    if not content.strip():
        raise DatasetError(f"{path}: expected text. Received: {'white space only' if content else 'an empty file'}")
    return decode(content, str(path), encoding)


def decode(content: bytes, where: str, encoding: str = "utf-8") -> str:
    """`content` as text; raises DatasetError that says where and which byte is not of the encoding."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{where}: line {line}: expected {encoding} text. Received: byte 0x{content[error.start]:02x} at {error.start:,}"
        ) from error


def characters(text: str) -> Array:
    """(characters,) code points of a text, uint32."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def lines(text: str) -> list[str]:
    """The lines of a text, with or without a line end after the last."""
    return text.removesuffix("\n").split("\n")

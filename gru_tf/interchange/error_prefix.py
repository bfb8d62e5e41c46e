"""Messages that begin with the file that they are about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gru_tf.foundation.errors import UserError


@contextmanager
def prefixed(path: Path, *others: Path) -> Iterator[None]:
    """Inside, messages of a UserError begin with this file's name, except those that begin with one of the other files'."""
    try:
        yield
    except UserError as error:
        if str(error).startswith(tuple(f"{file}: " for file in (path, *others))):
            raise
        raise UserError(f"{path}: {error}") from None

"""What a '"' means in a file: the beginning of a text that may span lines, or a character as any other.

label   text
ham     "Well, here we go         read as usual, this text ends with the next quote,
spam    win a prize               two lines below, and the two rows between are gone
ham     so I said "yes
"""

import zlib
from pathlib import Path

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import csv_lines

CHUNK = 1 << 22  # bytes that are read at once


def resolve(path: Path, delimiter: str, count: int, begins: int, quoting: str | None) -> tuple[bool, list[str]]:
    """(whether quotes are characters as any other, what a user should know).

    They are where some are not closed in their line and every line has the right number of fields as it stands.

    Args:
        path: of the file.
        delimiter: between fields.
        count: of fields.
        begins: lines before the first row.
        quoting: "standard" or "none" where the user chose.

    Raises:
        DatasetError: naming the row where a quoted text begins that never ends.
    """
    if quoting == "none" or delimiter == " ":
        return delimiter != " ", []
    if not _any_open(path):
        return False, []
    lines, open_lines, right = _counted(path, delimiter, count)
    if quoting is None and right and count > 1:
        rows = lines - begins
        alone = "1 line has" if open_lines == 1 else f"{open_lines:,} lines have"
        return True, [f"quotes are read as characters, since {alone} an odd number of them: {rows:,} rows, a line each"]
    spanning = csv_lines.spanning(path, delimiter, begins)
    if not spanning:
        return False, []
    row, line = spanning[0]
    texts = "1 quoted text spans lines" if len(spanning) == 1 else f"{len(spanning):,} quoted texts span lines"
    return False, [f"{texts}, the first in row {row} (line {line})"]


def _any_open(path: Path) -> bool:
    """Whether a line has an odd number of quotes; parts of the file without any are not cut into lines."""
    carried = 0  # quotes in the line that is not at its end
    try:
        with csv_lines.opened(path) as stream:
            for part in iter(lambda: stream.read(CHUNK), b""):
                first, newline, others = part.partition(b"\n")
                carried += first.count(b'"')
                if not newline:
                    continue
                whole, _, last = others.rpartition(b"\n")
                if carried & 1 or (b'"' in whole and any(line.count(b'"') & 1 for line in whole.split(b"\n"))):
                    return True
                carried = last.count(b'"')
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read, {reason}; is it cut off?") from error
    return bool(carried & 1)


def _counted(path: Path, delimiter: str, count: int) -> tuple[int, int, bool]:
    """(lines that are not empty, those with a quote alone, whether all have the right number of fields as they stand)."""
    lines = alone = 0
    right, mark = True, delimiter.encode()
    try:
        with csv_lines.opened(path) as stream:
            for line in stream:
                if line.strip():
                    lines += 1
                    alone += line.count(b'"') & 1
                    right = right and line.count(mark) == count - 1
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read, {reason}; is it cut off?") from error
    return lines, alone, right

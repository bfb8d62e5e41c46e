"""How a file of text is a table: what separates its fields, which lines are its header, and what a quote means.

Worked example, a file of prices: three lines of names, of which the second says the same of every column.

    Price,Close,Volume
    Ticker,ABC,ABC               names: Date, Close, Volume
    Date,,
    2020-01-02,10.5,100
"""

import contextlib
import functools
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from gru_tf.data.own import header_lines, quotes
from gru_tf.data.own.text_lines import Lines, fields, read
from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import spelled

BLANKS = " "  # as a delimiter: one or more of them
CONSISTENT = 0.8  # share of the lines that a delimiter cuts into as many fields
COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")  # a number with a decimal comma
POINT = re.compile(r"\s*[-+]?\d+\.\d+\s*")
FOOTERS = 20  # lines, at most
MISSING = ("?", "-", "--", ".", "None", "none", "*", "NAN", "N/D", "missing")  # beside those of Arrow, among numbers
Quoting = Literal["standard", "none"]


@dataclass(frozen=True)
class Dialect:
    """How a file of text is a table.

    Args:
        delimiter: between fields; a blank for one or more blanks.
        names: of the columns; () where the header line has them, as it stands.
        begins: lines before the first row, without empty ones; 1 where there is a header line.
        skipped: lines before the first row, with empty ones.
        footer: bytes at the end of the file that belong to no row.
        decimal: the mark in numbers, "." or ",".
        quotes: whether a '"' at the beginning of a field has its usual meaning.
        remarks: what a user should know, each with the options that change it.
    """

    delimiter: str
    names: tuple[str, ...] = ()
    begins: int = 1
    skipped: int = 1
    footer: int = 0
    decimal: str = "."
    quotes: bool = True
    remarks: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it has one header line, and nothing after the last row."""
        return not self.names and not self.footer and self.delimiter != BLANKS


_CHOSEN: ContextVar[Quoting | None] = ContextVar("quoting", default=None)


@contextlib.contextmanager
def quoted(quoting: str | None) -> Iterator[None]:
    """Inside, quotes mean what the user chose; None: what fits the file.

    Raises:
        UserError: where it is none of "standard" and "none".
    """
    if quoting is not None and quoting not in get_args(Quoting):
        raise UserError(f"{spelled('quoting')}: received '{quoting}', expected one of {', '.join(get_args(Quoting))}")
    before = _CHOSEN.set(quoting)  # type: ignore[arg-type]
    try:
        yield
    finally:
        _CHOSEN.reset(before)


def dialect(path: Path) -> Dialect:
    """That of a file.

    Raises:
        DatasetError: where the file cannot be read, is not UTF-8, or has a quote that never ends.
    """
    status = path.stat()
    return _dialect(path, status.st_size, status.st_mtime_ns, _CHOSEN.get())


@functools.lru_cache(maxsize=64)
def _dialect(path: Path, size: int, changed: int, quoting: Quoting | None) -> Dialect:
    lines = read(path)
    delimiter, count = _delimiter(path, [line for line in lines.first if not line.startswith(header_lines.REMARK)])
    plain = Dialect(delimiter)
    if not lines.first:
        return plain
    rows = [fields(line, delimiter) for line in lines.first]
    begins = header_lines.before(rows, count)
    heading, names, remarks = header_lines.headings(rows[begins:], count)
    footer, ending = _footer(lines, delimiter, count)
    remarks = [*remarks, *ending]
    if begins:
        remarks.append((f"lines before the header left out: {begins}", ()))
    decimal = "," if delimiter != "," and _decimal_comma(rows[begins + heading :]) else "."
    if decimal == ",":
        remarks.append(("numbers have a decimal comma", ()))
    usual = {".tsv": "\t"}.get(_suffix(path), ",")
    if delimiter != usual:
        remarks.append((f"fields are separated by {WORDS.get(delimiter, repr(delimiter))}", ()))
    remarks += _missing_marks(rows[begins + heading :])
    literal, spanning = quotes.resolve(path, delimiter, count, begins + heading, quoting)
    skipped = lines.numbers[begins + heading] if begins + heading < len(lines.numbers) else begins + heading
    own = tuple(names) if begins or heading != 1 else ()
    remarks = [*remarks, *((text, ("quoting",)) for text in spanning)]
    return Dialect(
        delimiter,
        own,
        begins + heading,
        skipped,
        footer,
        decimal,
        not literal,
        tuple(remarks),
    )


WORDS = {"\t": "tabs", BLANKS: "blanks"}


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _delimiter(path: Path, lines: Sequence[str]) -> tuple[str, int]:
    """What cuts most lines into equally many fields, and how many these are."""
    usual = {".tsv": "\t"}.get(_suffix(path), ",")
    for mark in dict.fromkeys([usual if usual == "\t" else ";", ";", "\t", "|", ","]):
        counts = [len(fields(line, mark)) for line in lines]
        count = max(set(counts), key=counts.count, default=1)
        if count > 1 and counts.count(count) >= CONSISTENT * len(counts):
            return mark, count
    words = [line.split() for line in lines]
    counts = [len(parts) for parts in words]
    count = max(set(counts), key=counts.count, default=1)
    values = [sum(map(header_lines.is_value, parts)) for parts in words if len(parts) == count]
    if count > 1 and counts.count(count) >= CONSISTENT * len(counts) and 2 * sum(values) >= count * len(values):
        return BLANKS, count
    return usual, len(fields(lines[0], usual)) if lines else 1


def _decimal_comma(rows: list[list[str]]) -> bool:
    values = [value for row in rows for value in row]
    return any(map(COMMA.fullmatch, values)) and not any(map(POINT.fullmatch, values))


def _footer(lines: Lines, delimiter: str, count: int) -> tuple[int, list[tuple[str, tuple[str, ...]]]]:
    """The bytes of the last lines that are sentences, not rows, and a remark."""
    size, ending = 0, 0
    for line in lines.last[: -FOOTERS - 1 : -1] if count > 1 else []:
        text = line.decode("utf-8", "replace").strip()
        parts = [part.strip() for part in fields(text, delimiter) if part.strip()] if '"' not in text else [text, text]
        short = len(parts) == 1 and len(fields(text, delimiter)) < count
        if text and not (short and re.search(r"[^\W\d]{2}", parts[0]) and re.search(r"[\s:]", parts[0])):
            break
        size, ending = size + len(line), ending + bool(text)
    if not ending:
        return 0, []
    return size, [(f"lines after the last row left out: {ending}", ())]


def _missing_marks(rows: list[list[str]]) -> list[tuple[str, tuple[str, ...]]]:
    """A remark where a mark stands among numbers."""
    seen = set()
    for column in zip(*rows, strict=False):
        values = [value.strip() for value in column]
        marks = {value for value in values if value in MISSING}
        rest = [value for value in values if value and value not in MISSING]
        if marks and rest and all(map(header_lines.is_number, rest)):
            seen |= marks
    words = " and ".join(f"'{mark}'" for mark in sorted(seen))
    return [(f"{words} among numbers: missing values", ("missing",))] if seen else []

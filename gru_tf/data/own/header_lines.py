"""Which of the first lines of a table are its header: none, one, or several that name a column together."""

import re
from collections.abc import Sequence
from itertools import pairwise

DATE = re.compile(r"\s*(\d{1,4}[-/]\d{1,2}([-/]\d{1,4})?|\d{1,2}\.\d{1,2}\.\d{2,4})([ T]\d.*)?\s*|\s*\d{1,2}:\d{2}.*")
MARKS = ("", "?", "-", "--", "na", "n/a", "nan", "null", "none")
MOST = 5  # lines of a header
REMARK = "#"
SHOWN = 4  # columns in a remark
Remarks = list[tuple[str, tuple[str, ...]]]


def is_number(text: str) -> bool:
    """Whether a field is a number, with a decimal point or comma."""
    try:
        float(text.replace(",", ".", 1))
    except ValueError:
        return False
    return text.strip().lower() not in ("nan", "inf", "infinity")


def is_value(text: str) -> bool:
    """Whether a field is a number, a date or a time."""
    return is_number(text) or bool(DATE.fullmatch(text))


def before(rows: Sequence[Sequence[str]], count: int) -> int:
    """How many of the first lines are titles or remarks: one field alone, or after a '#'."""
    for number, row in enumerate(rows[:20]):
        filled = [value for value in row if value.strip()]
        remark = bool(row) and row[0].startswith(REMARK) and len(row) != count
        if count < 2 or not (remark or (len(row) == 1 and len(filled) <= 1)):
            return number
    return 0


def headings(rows: Sequence[Sequence[str]], count: int) -> tuple[int, list[str], Remarks]:
    """(lines of the header, names of the columns, remarks)."""
    if not rows or len(rows[0]) != count or len(rows) < 2:
        return 1, list(rows[0]) if rows else [], []
    if not _is_header(rows):
        names = [f"column{number}" for number in range(1, count + 1)]
        listed = ", ".join(names[:SHOWN]) + (" …" if count > SHOWN else "")
        return 0, names, [(f"no header: the columns are {listed}", ())]
    lines = 1
    while lines < min(MOST, len(rows) - 1) and _goes_on(rows, lines):
        lines += 1
    if lines == 1:
        return 1, list(rows[0]), []
    names = joined(rows[:lines])
    return lines, names, [(f"a header of {lines} lines: {', '.join(names[:SHOWN])}{' …' if count > SHOWN else ''}", ())]


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line has names: text above values, or text that does not come again in its column."""
    first, following = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not following:
        return True
    whole = [value.strip() for value in first]
    if all(value.isdigit() for value in whole) and len(set(whole)) == len(whole) and len(whole) > 1:
        return all(int(b) - int(a) == 1 for a, b in pairwise(whole)) or not _alike(first, following)
    pairs = list(zip(first, zip(*following, strict=True), strict=True))
    if any(not _filling(value) and _numeric(column) for value, column in pairs):
        return True
    if any(map(is_value, first)):
        return not _alike(first, following) or _counts(whole)
    return not any(value in column and len(set(column)) <= len(column) // 2 for value, column in pairs)


def _filling(text: str) -> bool:
    """Whether a field may stand in a column of values."""
    return is_value(text) or text.strip().lower() in MARKS


def _numeric(column: Sequence[str]) -> bool:
    values = [value for value in column if value.strip().lower() not in MARKS]
    return bool(values) and all(map(is_value, values))


def _alike(first: Sequence[str], following: Sequence[Sequence[str]]) -> bool:
    """Whether each field of the first line is of the kind of its column."""
    pairs = zip(first, zip(*following, strict=True), strict=True)
    return all(is_value(value) == _numeric(column) or value.strip().lower() in MARKS for value, column in pairs)


def _counts(names: Sequence[str]) -> bool:
    """Whether the values among the names go on by the same, as years do, or are dates."""
    values = [name for name in names if is_value(name)]
    if len(values) < 2 or not all(value.isdigit() or DATE.fullmatch(value) for value in values):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(values) if a.isdigit() and b.isdigit()}
    return len(steps) <= 1 and len(set(values)) == len(values)


def _goes_on(rows: Sequence[Sequence[str]], lines: int) -> bool:
    """Whether one more line belongs to the header: no value in it, and most columns have values below."""
    row, below = rows[lines], [r for r in rows[lines + 1 : lines + 6] if len(r) == len(rows[0])]
    if len(row) != len(rows[0]) or any(map(is_value, row)) or not below or not any(map(is_value, below[-1])):
        return False
    numeric = [_numeric(column) for column in zip(*below, strict=True)]
    if 2 * sum(numeric) < len(numeric):
        return False
    texts = [value for value, number in zip(row, numeric, strict=True) if number and value.strip().lower() not in MARKS]
    return bool(texts)


def joined(lines: Sequence[Sequence[str]]) -> list[str]:
    """One name a column: of the first the last line's, of others all lines' that differ by column."""
    differ = [len({value.strip() for value in line[1:] if value.strip()}) > 1 for line in lines]  # not one name of all
    telling = [lines[0], *(line for line, differs in zip(lines, differ, strict=True) if differs or not line[0].strip())]
    names = []
    for place in range(len(lines[0])):
        parts = [line[place].strip() for line in (lines if place == 0 else telling)]
        parts = [part for part in dict.fromkeys(parts) if part]
        names.append(" ".join(parts[-1:] if place == 0 else parts))
    return names

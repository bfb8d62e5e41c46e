"""Text as moments: ISO 8601, one of the usual forms of dates, or a period such as 2020Q1; the one that fits every row."""

import functools
import re
import warnings
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.columns import unlike
from gru_tf.foundation.array import Array

DateOrder = Literal["day-first", "month-first"]

DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%m/%Y", "%m.%Y"),
    *("%d.%b.%Y", "%d.%b.%y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d %b %Y", "%d %B %Y", "%d. %B %Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H.%M.%S")
WORDS = (
    ("%d", "day"),
    *((month, "month") for month in ("%m", "%b", "%B")),
    *((year, "year") for year in ("%Y", "%y")),
    *((clock.strip(), "time") for clock in sorted(CLOCKS[1:], key=len, reverse=True)),
)
OFFSET = re.compile(r"\d(Z|[+-]\d{2}:?\d{2})$")
PERIODS = (  # quarters, months and weeks as statistical offices name them
    re.compile(r"(?P<year>\d{4})[- ]?Q(?P<quarter>[1-4])"),
    re.compile(r"Q(?P<quarter>[1-4])[- /]?(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})[- ]?M(?P<month>\d{1,2})"),
    re.compile(r"(?P<year>\d{4})[- ]?W(?P<week>\d{1,2})"),
)


class AmbiguousDatesError(DatasetError):
    """Dates of which day and month could each be the other."""


class ReadTexts(NamedTuple):
    """Text as moments.

    Args:
        values: (rows,) datetime64, in UTC where they have a zone.
        offsets: from UTC, as they are written, in the order of their first row; () without a zone.
        form: as `strptime` has it, or that of a period, such as "{year}Q{quarter}"; "" for ISO 8601.
    """

    values: Array
    offsets: tuple[str, ...] = ()
    form: str = ""


def read(frame: Any, name: str, where: str, order: DateOrder | None = None, form: str = "") -> ReadTexts:
    """The moments of a column of text.

    Args:
        frame: with the column.
        name: of the column.
        where: what messages call the file.
        order: what comes first in dates of numbers, the day or the month; None where each date must show it.
        form: that of training, tried first.

    Raises:
        DatasetError: naming row and column where no form fits all rows, two do with other dates, or some have a zone.
    """
    import pandas

    text = frame[name].astype("str").str.strip()
    offsets = text.str.extract(OFFSET, expand=False)
    zoned = offsets.notna().to_numpy()
    if zoned.any() and not zoned.all():
        place = int((zoned != zoned[0]).argmax())
        raise unlike(frame, name, where, place, f"a time {'with' if zoned[0] else 'without'} a zone, as in the first row")
    iso = pandas.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if iso.notna().all():
        values = iso.dt.tz_localize(None).to_numpy()
        return ReadTexts(values, tuple(dict.fromkeys(offsets)) if zoned.any() else ())
    if (period := _periods(text)) is not None:
        return period
    if form and (moments := _as(text, form)) is not None:
        return ReadTexts(moments, form=form)
    fitting = {form: moments for form in _forms(text, order) if (moments := _as(text, form)) is not None}
    if not fitting:
        raise unlike(frame, name, where, _odd(text, iso), "a time such as 2016-07-01 or 2016-07-01 13:00, as in other rows")
    first, *others = fitting.values()
    if any(not np.array_equal(first, other) for other in others):
        forms = " or ".join(functools.reduce(lambda form, word: form.replace(*word), WORDS, form) for form in fitting)
        way = f"a time that can be read in one way, such as 2016-07-01, not as {forms}"
        raise AmbiguousDatesError(str(unlike(frame, name, where, 0, way)))
    return ReadTexts(first, form=next(iter(fitting)))


def written(moments: Any, form: str) -> Any:
    """Moments (a pandas column) as text of a form, such as "31.10.2017" or "2020Q1"; as they are where it is ""."""
    if "{" not in form:
        return moments.dt.strftime(form) if form else moments
    iso = moments.dt.isocalendar()
    years = iso["year"] if "{week" in form else moments.dt.year
    parts = {"quarter": moments.dt.quarter, "month": moments.dt.month, "week": iso["week"]}
    texts = []
    for known, year, *numbers in zip(moments.notna(), years, *parts.values(), strict=True):
        texts.append(form.format(year=int(year), **dict(zip(parts, map(int, numbers), strict=True))) if known else None)
    return texts


def _periods(text: Any) -> ReadTexts | None:
    """The first moments of quarters, months or weeks; None where a row is none."""
    import pandas

    for pattern in PERIODS:
        if not len(text) or not pattern.fullmatch(text.iloc[0]) or not text.str.fullmatch(pattern).all():
            continue
        parts = text.str.extract(pattern)
        unit = next(name for name in parts if name != "year")
        numbers = parts[unit].astype(int)
        if unit == "week":
            dates = parts["year"] + "-" + numbers.map("{:02}".format) + "-1"
            moments = pandas.to_datetime(dates, format="%G-%V-%u", errors="coerce")
        else:
            months = numbers * 3 - 2 if unit == "quarter" else numbers
            dates = parts["year"] + "-" + months.map("{:02}".format)
            moments = pandas.to_datetime(dates, format="%Y-%m", errors="coerce")
        if moments.notna().all():
            return ReadTexts(
                moments.to_numpy(), form=_template(pattern, text.iloc[0], unit, int(parts[unit].str.len().min()))
            )
    return None


def _template(pattern: re.Pattern[str], example: str, unit: str, digits: int) -> str:
    """The form of which an example is one."""
    match = pattern.fullmatch(example)
    assert match is not None  # noqa: S101, all rows match
    places = sorted([(match.span("year"), "{year}"), (match.span(unit), f"{{{unit}:0{digits}}}")])
    (first, _), (second, _) = places
    return f"{example[: first[0]]}{places[0][1]}{example[first[1] : second[0]]}{places[1][1]}"


def _forms(text: Any, order: DateOrder | None) -> Iterator[str]:
    """Those of dates in this order, and what pandas makes of the first row."""
    import pandas.tseries.api as guessing

    for form in (date + clock for date in DATES for clock in CLOCKS):
        if _in_order(form, order):
            yield form
    for day_first in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a form shows its order itself
            guessed = guessing.guess_datetime_format(str(text.iloc[0]), dayfirst=day_first) if len(text) else None
        if guessed and "%z" not in guessed.lower() and _in_order(guessed, order):  # names of zones tell no offset
            yield guessed


def _in_order(form: str, order: DateOrder | None) -> bool:
    """Whether a form has day and month in this order; one with the month's name, or the year first, shows it itself."""
    day, month = form.find("%d"), form.find("%m")
    if order is None or min(day, month) < 0 or form.startswith("%Y"):
        return True
    return (day < month) == (order == "day-first")


def _as(text: Any, form: str) -> Array | None:
    """The moments by one form; None where a row has another."""
    import pandas

    if pandas.to_datetime(text.iloc[:1], format=form, errors="coerce").isna().any():
        return None
    moments = pandas.to_datetime(text, format=form, errors="coerce")
    return None if moments.isna().any() else np.asarray(moments.to_numpy())


def _odd(text: Any, iso: Any) -> int:
    """The first row that no form reads that reads the most rows."""
    import pandas

    forms = (date + clock for date in DATES for clock in CLOCKS)
    read_rows = [iso, *(pandas.to_datetime(text, format=form, errors="coerce") for form in forms)]
    best = max(read_rows, key=lambda moments: int(moments.notna().sum()))
    return int(best.isna().to_numpy().argmax())

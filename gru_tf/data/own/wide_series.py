"""Series of wide tables, a row or a column each, as a long table has them.

    id  d_1  d_2  d_3           series  step  value             day  north  south           day  series  value
    a   5    6    7       →     a       1     5                 1    5      1          →    1    north   5
    b   1    2                  a       2     6  …              2    6      2               2    north   6
                                b       2     1                                             1    south   1  …

Rows of different lengths end at the same step, unless the columns are called by dates: what is last in each is newest.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns
from gru_tf.data.own.other_tables import ROW
from gru_tf.foundation.array import Array

SERIES, STEP, VALUE = "series", "step", "value"  # columns of the long table
Layout = Literal["long", "wide", "columns"]


def to_long(frame: Any, layout: Layout, where: str) -> Any:
    """A long table of a wide one; its index names the rows of the wide one.

    Raises:
        DatasetError: where it has no columns of numbers, or a value is no number.
    """
    import pandas

    if layout == "long":
        return frame
    names = [str(n) for n in frame.columns if frame[n].dtype.kind in "iuf" and not frame[n].isna().all()]
    if not names:
        raise DatasetError(f"{where}: expected columns of numbers. Received: {', '.join(map(str, frame.columns))}")
    others = [name for name in frame.columns if str(name) not in names]
    values = np.stack([columns.numbers(frame, name, where) for name in names], axis=1)
    if layout == "columns":
        index = np.tile(frame.index, len(names))
        kept = {name: np.tile(frame[name].to_numpy(), len(names)) for name in others}
        table = {**kept, SERIES: np.repeat(names, len(frame)), VALUE: values.T.ravel()}
        return pandas.DataFrame(table, index=index).dropna(subset=[VALUE])
    present = ~np.isnan(values)
    some = present.any(1)
    firsts, lasts = present.argmax(1), len(names) - present[:, ::-1].argmax(1)
    place = np.arange(len(names))
    real = (place >= firsts[:, None]) & (place < lasts[:, None]) & some[:, None]
    lengths = real.sum(1)
    kept = {name: frame[name].repeat(lengths) for name in others}
    named = identity(frame)
    series = frame[named].repeat(lengths) if named is not None else np.repeat(np.arange(1, len(frame) + 1), lengths)
    dates = _dates(names)
    shifted = place[None] + (len(names) - lasts)[:, None] + 1
    step = np.broadcast_to(place, real.shape)[real] if dates is not None else shifted[real]
    kept |= {SERIES: series, STEP: dates[step] if dates is not None else step, VALUE: values[real]}
    return pandas.DataFrame(kept, index=frame.index.repeat(lengths))


def identity(frame: Any) -> str | None:
    """The first column of text that has another value in each row; None where there is none."""
    import pandas

    texts = [str(name) for name in frame.columns if pandas.api.types.is_string_dtype(frame[name].dtype)]
    return next((name for name in texts if name != ROW and frame[name].is_unique), None)


def _dates(names: Sequence[str]) -> Array | None:
    """The dates that columns are called by; None where one is not."""
    import pandas

    text = pandas.Series(list(names))
    if not text.str.fullmatch(r"\d{4}-\d{1,2}(-\d{1,2})?([ T].*)?").all():
        return None
    dates = pandas.to_datetime(text, errors="coerce", format="ISO8601")
    moments: Array = dates.to_numpy()
    return None if dates.isna().any() else moments

"""How a table writes its times: in which columns, in which form and zone, so that times that follow are written alike."""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.data.own import date_texts, time_columns
from gru_tf.data.own.local_time import MOMENTS, local
from gru_tf.foundation.array import Array


class TimeForm(BaseModel):
    """The form of a table's times.

    Args:
        columns: that hold them.
        parts: what each holds, where there are several; see `gru_tf.data.own.time_columns`.
        form: of text, as `strptime` or `gru_tf.data.own.date_texts.PERIODS` have it; "" for others.
        zone: that they are counted in, e.g. "Europe/Berlin" or "+01:00"; None where they have none.
        written: whether each time has its zone in the table.
        offsets: from UTC, as text has them; two or more are those of a zone that is not named.
        from_one: whether hours are counted to 24, which is midnight.
    """

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    parts: tuple[str, ...] = ()
    form: str = ""
    zone: str | None = None
    written: bool = False
    offsets: tuple[str, ...] = ()
    from_one: bool = False

    @property
    def words(self) -> str:
        """The columns in messages."""
        return " and ".join(f"'{name}'" for name in self.columns)

    def write(self, moments: Array) -> dict[str, Any]:
        """Column → values: numbers, dates of the zone, text in the form of the table's where that is not ISO 8601.

        Args:
            moments: (rows,) numbers, or datetime64[ns] in UTC where there is a zone; NaT where none is known.
        """
        import pandas

        if moments.dtype.kind != "M":
            whole = bool((moments == np.round(moments)).all())  # years have no decimals
            return {self.columns[0]: moments.astype(np.int64) if whole else moments}
        if self.written and len(self.columns) == 1:
            zoned = pandas.Series(moments).dt.tz_localize("UTC").dt.tz_convert(self.zone)
            return {self.columns[0]: zoned}
        times = pandas.Series(local(np.asarray(moments, MOMENTS), self.zone))
        if self.parts:
            return time_columns.split(times, self.columns, self.parts, self.from_one, self.form)
        return {self.columns[0]: date_texts.written(times, self.form)}

"""The options of a forecast on a user's own table: what its task is set by and what its parts read, checked together."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gru_tf.data.own.date_texts import DateOrder
from gru_tf.data.own.local_time import wrong_zone
from gru_tf.data.own.origins import LEAST_TRAINING
from gru_tf.data.own.wide_series import Layout
from gru_tf.foundation.option_spelling import spelled
from gru_tf.tasks import Count
from gru_tf.tasks.own._task import Names, OwnData, Share, ShareOrNone, expect_training_share


class ForecastOptions(OwnData):
    """Which columns of a CSV or Parquet file to forecast, from what, how far ahead, and which rows train, validate and test.

    Args:
        target: columns to forecast, numbers.
        time: column of times, dates or numbers; rows are sorted by it. Several: those of the parts of a time, such as a date
            and an hour, or year and quarter. None: the rows are in order.
        zone: of the times, e.g. Europe/Berlin, where they are written without one, or with offsets alone; predicted times
            are its own.
        dates: what comes first in dates of numbers, "day-first" or "month-first"; None: the dates must show it.
        group: column that says which series a row belongs to, e.g. a shop; None: one series.
        covariates: further input columns, known up to the window's end; numbers, or text as categories. "hour", "weekday"
            and "month", where no column is called so, are made of the times.
        known: those of the covariates that are known in advance, such as holidays or prices: a window reads them of the rows
            that it forecasts. So it does those that are made of the times.
        window: rows of input.
        horizon: rows to forecast, all at once.
        relative: whether the last value of each target in the window is subtracted from it, in inputs and targets, so that
            the network predicts the change; for a series that leaves its training range.
        scale: by what numbers targets are standardised: of the whole "table", of each "series", or "robust", by each series'
            median and quartiles; see `gru_tf.tasks.own._scaling`.
        measure: the metric that chooses and that is tested: "rmse", "mae", "mape", "smape" or "mase"; None for the root of
            the mean squared error, of several targets the mean squared error.
        season: rows of the seasonal naive forecast, e.g. 7 for daily rows; 0: none.
        stride: rows from the start of one training or validation window to the next; the test uses every window.
        missing: how missing values are treated: "refuse" them, "drop" the row, "forward" (the last value before),
            "interpolate" (between the neighbours, if the window includes the later one) or "mean" (of the training rows;
            for categories the most frequent).
        gaps: windows in which times are missing: "leave_out" where the times are regular, or "stretch", so that windows and
            horizon count rows. None: leave_out; stretch in an experiment that was pinned before there was a choice.
        validation: share of the time points, those before the test; 0 for none, with `training.validation: none`.
        test: share of the time points, the last ones; not used with a `test_path`, whose rows must all be later.
        layout: of the table: "long", "wide" (a row a series, a column a step) or "columns" (a column a series). Of the last
            two the columns "series", "step" and "value" are made, which the other options name.
        backtest: cut-offs of a rolling-origin backtest; 0 for none. The test share is cut into so many parts that follow
            each other, and seeds take them in turn, the last part first: each is forecast by a model that knows what came
            before.
        split: "time", as every forecast is split.
        draws: "fixed": the same rows test at all seeds; "drawn": each seed draws the end of its test part, so that training,
            validation and test keep their order (rolling origins, see `gru_tf.data.own.origins`). At seed 0 it is the last
            row.
    """

    target: Annotated[Names, Field(min_length=1)]
    time: str | Annotated[Names, Field(min_length=1)] | None = None
    zone: str | None = None
    dates: DateOrder | None = None
    group: str | None = None
    covariates: Names = ()
    known: Names = ()
    window: Count
    horizon: Count = 1
    relative: bool = True
    scale: Literal["table", "series", "robust"] = "table"
    measure: Literal["rmse", "mae", "mape", "smape", "mase"] | None = None
    season: Annotated[int, Field(ge=0)] = 0
    stride: Count = 1
    missing: Literal["refuse", "drop", "forward", "interpolate", "mean"] = "refuse"
    gaps: Literal["leave_out", "stretch"] | None = None
    validation: ShareOrNone = 0.15
    test: Share = 0.2
    backtest: Annotated[int, Field(ge=0)] = 0
    split: Literal["time"] = "time"
    layout: Layout = "long"

    @model_validator(mode="after")
    def _one_use_each(self) -> Self:
        uses = [("target", name) for name in self.target] + [("covariates", name) for name in self.covariates]
        uses += [
            (use, name)
            for use, name in (*(("time", name) for name in self.times), ("group", self.group))
            if name is not None
        ]
        for place, (use, name) in enumerate(uses):
            if earlier := [other for other, again in uses[:place] if again == name]:
                also = " (targets are inputs as well, up to the window's end)" if use == "covariates" else ""
                raise ValueError(
                    f"received '{name}' as {spelled(earlier[0])} and {spelled(use)}, expected one of them{also}."
                )
        for name in self.known:
            if name not in self.covariates:
                covariates = ", ".join(self.covariates) or "none"
                raise ValueError(f"received {spelled('known')} '{name}', expected one of the covariates: {covariates}.")
        if self.known and self.window < self.horizon:
            raise ValueError(
                f"received a window of {self.window} rows with {spelled('known')}, expected at least {self.horizon}: what is"
                " known of the rows to forecast is read in it."
            )
        if self.backtest and self.draws == "fixed":
            raise ValueError(f"received {spelled('backtest')} {self.backtest}, expected draws: drawn beside it.")
        for option, value in (("zone", self.zone), ("dates", self.dates)):
            if value is not None and self.time is None:
                raise ValueError(f"received {spelled(option)} without {spelled('time')}, expected both.")
        if self.zone is not None and (wrong := wrong_zone(self.zone)):
            raise ValueError(f"{spelled('zone')}: {wrong}")
        if self.test_path is None:
            expect_training_share(self.validation, self.test)
        if self.measure == "rmse" and len(self.target) > 1:
            raise ValueError("received measure rmse for several targets, expected mae, mape, smape, mase, or none.")
        return self

    @property
    def overlap(self) -> float:
        """By the shares; training counts as in the middle between the first origin and the last."""
        if self.draws == "fixed":
            return 0.0
        left = 1 - self.validation - self.test
        if self.backtest:
            return self.test / self.backtest / (left + self.test / 2)
        return 2 * self.test / (min(LEAST_TRAINING, left) + left)

    @property
    def inputs(self) -> list[str]:
        """The columns that become inputs: the targets, then the covariates."""
        return [*self.target, *self.covariates]

    @property
    def columns(self) -> list[str]:
        """The columns that are read: those of times and groups, where there are any, then the inputs."""
        return [*self.times, *(() if self.group is None else (self.group,)), *self.inputs]

    @property
    def times(self) -> tuple[str, ...]:
        """The columns of times; () where there is none."""
        return () if self.time is None else (self.time,) if isinstance(self.time, str) else self.time

    @property
    def leaves_gaps_out(self) -> bool:
        """Whether windows in which times are missing are left out."""
        return self.gaps == "leave_out" or (self.gaps is None and not self.sha256)

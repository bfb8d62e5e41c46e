"""The options of a forecast on a user's own table: what its task is set by and what its parts read, checked together."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gru_tf.data.own.origins import LEAST_TRAINING
from gru_tf.foundation.option_spelling import spelled
from gru_tf.tasks import Count
from gru_tf.tasks.own._task import Names, OwnData, Share, expect_training_share


class ForecastOptions(OwnData):
    """Which columns of a CSV or Parquet file to forecast, from what, how far ahead, and which rows train, validate and test.

    Args:
        target: columns to forecast, numbers.
        time: column of times, dates or numbers; rows are sorted by it. None: the rows are in order.
        group: column that says which series a row belongs to, e.g. a shop; None: one series.
        covariates: further input columns, known up to the window's end; numbers, or text as categories.
        window: rows of input.
        horizon: rows to forecast, all at once.
        relative: whether the last value of each target in the window is subtracted from it, in inputs and targets, so that
            the network predicts the change; for a series that leaves its training range.
        season: rows of the seasonal naive forecast, e.g. 7 for daily rows; 0: none.
        stride: rows from the start of one training or validation window to the next; the test uses every window.
        missing: how missing values are treated: "refuse" them, "drop" the row, "forward" (the last value before),
            "interpolate" (between the neighbours, if the window includes the later one) or "mean" (of the training rows;
            for categories the most frequent).
        validation: share of the time points, those before the test.
        test: share of the time points, the last ones; not used with a `test_path`, whose rows must all be later.
        split: "fixed": the same rows test at all seeds; "drawn": each seed draws the end of its test part, so that training,
            validation and test keep their order (rolling origins, see `gru_tf.data.own.origins`). At seed 0 it is the last
            row.
    """

    target: Annotated[Names, Field(min_length=1)]
    time: str | None = None
    group: str | None = None
    covariates: Names = ()
    window: Count
    horizon: Count = 1
    relative: bool = True
    season: Annotated[int, Field(ge=0)] = 0
    stride: Count = 1
    missing: Literal["refuse", "drop", "forward", "interpolate", "mean"] = "refuse"
    validation: Share = 0.15
    test: Share = 0.2

    @model_validator(mode="after")
    def _one_use_each(self) -> Self:
        uses = [("target", name) for name in self.target] + [("covariates", name) for name in self.covariates]
        uses += [(use, name) for use, name in (("time", self.time), ("group", self.group)) if name is not None]
        for place, (use, name) in enumerate(uses):
            if earlier := [other for other, again in uses[:place] if again == name]:
                also = " (targets are inputs as well, up to the window's end)" if use == "covariates" else ""
                raise ValueError(
                    f"received '{name}' as {spelled(earlier[0])} and {spelled(use)}, expected one of them{also}."
                )
        if self.test_path is None:
            expect_training_share(self.validation, self.test)
        return self

    @property
    def overlap(self) -> float:
        """By the shares; training counts as in the middle between the first origin and the last."""
        if self.split == "fixed":
            return 0.0
        left = 1 - self.validation - self.test
        return 2 * self.test / (min(LEAST_TRAINING, left) + left)

    @property
    def inputs(self) -> list[str]:
        """The columns that become inputs: the targets, then the covariates."""
        return [*self.target, *self.covariates]

    @property
    def columns(self) -> list[str]:
        """The columns that are read: those of times and groups, where there are any, then the inputs."""
        return [name for name in (self.time, self.group) if name is not None] + self.inputs

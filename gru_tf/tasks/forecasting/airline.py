"""Airline passengers: forecast the monthly number of passengers, in thousands.

144 months, 1949-01 to 1960-12. There is no official split; here it is in order of time: 1949–1955 (84 months) train,
1956–1957 (24) validate, 1958–1960 (36) test. Test values lie up to 1.7 times above all training values, so by default
the network predicts the change from the window's last value.

Worked example, window=3, horizon=1: the first training example, in thousands, before standardising.

    Passengers            112 118 132 → 129
    relative to the last  −20 −14   0 →  −3

With `train` and `windows: published`, `scale: minmax`, `window: 1` and `relative: false` the data are those of J. Brownlee,
"Time series prediction with LSTM recurrent neural networks in Python with Keras", 2016: 96 months to train on, 48 to test
on, and no validation. The smallest and the largest value, by which they are scaled, are those of all 144 months, so that
training knows how large the test values will be: a leak, kept to compare with what was published. So is the loop that cuts
windows from each part by itself and leaves the last one out: 94 windows train and 46 test.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from gru_tf.data.datasets import DataFile
from gru_tf.tasks import Array, Count
from gru_tf.tasks.forecasting._forecast import Borders, SmallSeries

FILE = DataFile(
    "series/airline-passengers.csv",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/airline-passengers.csv",
    "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621",
    2_180,
)


MONTHS = 144


class Airline(SmallSeries):
    """Forecast monthly airline passengers, in thousands.

    Args:
        window: months of input.
        horizon: months to forecast.
        relative: whether to predict changes from the window's last value, as the series grows out of its training range.
        train: share of the months that train, rounded down, in place of 1949–1955; all others test, and none validates, so
            that `training` must have `validation: none`.
        scale: "standard", by mean and deviation of the training months; "minmax", to 0 … 1 by the smallest and the largest
            value of all months, those of the test too: a leak, for comparison with publications that have it.
        windows: whether those of a part may "reach_back" into the months before it; lie "inside" it, so that its first
            `window` months are no targets; or are, as "published", inside, without the last one.
    """

    question: ClassVar[str] = "How many airline passengers next month?"
    reference: ClassVar[str] = "G. E. P. Box, G. M. Jenkins, Time Series Analysis, 1976; github.com/jbrownlee/Datasets"
    licence: ClassVar[str] = "not stated"

    file: ClassVar[DataFile] = FILE
    columns: ClassVar[tuple[str, ...]] = ("Passengers",)
    time: ClassVar[str] = "Month"
    season: ClassVar[int] = 12  # a year of 12 months

    window: Count = 24
    horizon: Count = 1
    relative: bool = True
    train: Annotated[float, Field(gt=0, lt=1)] | None = None
    scale: Literal["standard", "minmax"] = "standard"
    windows: Literal["reach_back", "inside", "published"] = "reach_back"

    @property
    def borders(self) -> Borders:
        """7, 2 and 3 years; or a share and the rest."""
        if self.train is None:
            return Borders(84, 108, MONTHS)
        months = int(MONTHS * self.train)
        return Borders(months, months, MONTHS)

    @model_validator(mode="after")
    def _windows_in_each_part(self) -> Self:
        parts = self._parts() if self._validates else {**self._parts(), "validation": (0, self.horizon)}
        for part, (first, end) in parts.items():
            if first + self.horizon > end:
                raise ValueError(
                    f"received windows: {self.windows} with a window of {self.window} and a horizon of {self.horizon}"
                    f" months, expected shorter ones: the {part} part has room for none."
                )
        return self

    def _parts(self) -> dict[str, tuple[int, int]]:
        parts = super()._parts()
        if self.windows == "reach_back":
            return parts
        begins = {"train": 0, "validation": self.borders.train, "test": self.borders.validation}
        left_out = int(self.windows == "published")
        return {part: (begins[part] + self.window, end - left_out) for part, (_, end) in parts.items()}

    def _scale(self, rows: Array) -> tuple[Array, Array]:
        if self.scale == "standard":
            return super()._scale(rows)
        return rows.min(0), rows.max(0) - rows.min(0)


TASK = Airline

"""Airline passengers: forecast the monthly number of passengers, in thousands.

144 months, 1949-01 to 1960-12. There is no official split; here it is in order of time: 1949–1955 (84 months) train,
1956–1957 (24) validate, 1958–1960 (36) test. Test values lie up to 1.7 times above all training values, so by default
the network predicts the change from the window's last value.

Worked example, window=3, horizon=1: the first training example, in thousands, before standardising.

    Passengers            112 118 132 → 129
    relative to the last  −20 −14   0 →  −3
"""

from typing import ClassVar

from gru_tf.data.datasets import DataFile
from gru_tf.tasks import Count
from gru_tf.tasks.forecasting._forecast import Borders, SmallSeries

FILE = DataFile(
    "series/airline-passengers.csv",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/airline-passengers.csv",
    "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621",
    2_180,
)


class Airline(SmallSeries):
    """Forecast monthly airline passengers, in thousands.

    Args:
        window: months of input.
        horizon: months to forecast.
        relative: whether to predict changes from the window's last value, as the series grows out of its training range.
    """

    question: ClassVar[str] = "How many airline passengers next month?"
    reference: ClassVar[str] = "G. E. P. Box, G. M. Jenkins, Time Series Analysis, 1976; github.com/jbrownlee/Datasets"
    licence: ClassVar[str] = "not stated"

    file: ClassVar[DataFile] = FILE
    borders: ClassVar[Borders] = Borders(84, 108, 144)  # 7, 2 and 3 years
    columns: ClassVar[tuple[str, ...]] = ("Passengers",)
    time: ClassVar[str] = "Month"
    season: ClassVar[int] = 12  # a year of 12 months

    window: Count = 24
    horizon: Count = 1
    relative: bool = True


TASK = Airline

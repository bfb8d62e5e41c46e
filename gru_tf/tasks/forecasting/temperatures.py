"""Daily minimum temperatures: forecast the coming nights in Melbourne.

3,650 days, 1981-01-01 to 1990-12-31; the file lacks the last day of each leap year. There is no official split; here it
is in order of time, in years of 365 days: 1981–1985 (1,825 days) train, 1986–1987 (730) validate, 1988–1990 (1,095) test.

Worked example, window=3, horizon=1: the first training example in °C, before standardising.

    Temp   20.7 17.9 18.8 → 14.6
"""

from typing import ClassVar

from gru_tf.data.datasets import DataFile
from gru_tf.tasks import Count
from gru_tf.tasks.forecasting._forecast import Borders, SmallSeries

FILE = DataFile(
    "series/daily-min-temperatures.csv",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/daily-min-temperatures.csv",
    "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
    67_921,
)


class Temperatures(SmallSeries):
    """Forecast the daily minimum temperature, in °C.

    Args:
        window: days of input.
        horizon: days to forecast.
        relative: whether to predict changes from the window's last value.
    """

    question: ClassVar[str] = "How cold will the next night in Melbourne be?"
    reference: ClassVar[str] = "Australian Bureau of Meteorology, Time Series Data Library; github.com/jbrownlee/Datasets"
    licence: ClassVar[str] = "not stated"

    file: ClassVar[DataFile] = FILE
    borders: ClassVar[Borders] = Borders(1825, 2555, 3650)  # 5, 2 and 3 years
    columns: ClassVar[tuple[str, ...]] = ("Temp",)
    time: ClassVar[str] = "Date"
    season: ClassVar[int] = 365  # a year of 365 days

    window: Count = 30
    horizon: Count = 1
    relative: bool = False


TASK = Temperatures

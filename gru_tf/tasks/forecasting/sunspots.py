"""Sunspots: forecast the monthly mean sunspot number.

2,820 months, 1749-01 to 1983-12, of Zürich sunspot numbers. There is no official split; here it is in order of time:
1749–1865 (1,404 months) train, 1866–1904 (468) validate, 1905–1983 (948) test, the last third.

Worked example, window=3, horizon=1: the first training example, before standardising.

    Sunspots   58.0 62.6 70.0 → 55.7
"""

from typing import ClassVar

from gru_tf.data.datasets import DataFile
from gru_tf.tasks import Count
from gru_tf.tasks.forecasting._forecast import Borders, SmallSeries

FILE = DataFile(
    "series/monthly-sunspots.csv",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f/monthly-sunspots.csv",
    "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3",
    45_039,
)


class Sunspots(SmallSeries):
    """Forecast sunspot numbers.

    The cycle is about 11 years and not of fixed length; the seasonal naive forecast repeats 132 months.

    Args:
        window: months of input.
        horizon: months to forecast.
        relative: whether to predict changes from the window's last value.
    """

    question: ClassVar[str] = "How many sunspots next month?"
    reference: ClassVar[str] = "D. F. Andrews, A. M. Herzberg, Data, 1985; github.com/jbrownlee/Datasets"
    licence: ClassVar[str] = "not stated"

    file: ClassVar[DataFile] = FILE
    borders: ClassVar[Borders] = Borders(1404, 1872, 2820)  # 117, 39 and 79 years
    columns: ClassVar[tuple[str, ...]] = ("Sunspots",)
    time: ClassVar[str] = "Month"
    season: ClassVar[int] = 132  # a cycle of about 11 years

    window: Count = 48
    horizon: Count = 1
    relative: bool = False


TASK = Sunspots

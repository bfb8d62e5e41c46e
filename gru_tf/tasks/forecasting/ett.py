"""Electricity transformer temperature: forecast hourly load and oil temperature.

ETTh1: 17,420 hours from 2016-07-01 of six loads and the oil temperature OT. The split is that of the papers, 12, 4 and 4
months of 30 days: rows 0–8,639 train, 8,640–11,519 validate, 11,520–14,399 test; windows of the last two may reach back
into the rows before. Variables are standardised by the training rows, and scores are on that scale.

With window 96 and horizon 96 there are 8,449 windows to train on and 2,785 to test on, and every one is scored: errors are
averaged over windows, hours and variables. Programs of papers often leave the last, incomplete batch of the test out, so
that the number depends on the batch size (X. Qiu and others, TFB, VLDB 2024, arXiv 2403.20150): repeating the last value has
mse 1.2944 on all, 1.2946 without the last of batches of 32 (2,784 windows), 1.2994 of batches of 64 (2,752).

Worked example, window=3, horizon=2, target="OT": hours 0 to 2 give hours 3 and 4, each minus 17.13 °C and by 9.18 °C.

    OT in °C   30.53  27.79  27.79 → 25.04  21.95
    example     1.46   1.16   1.16 →  0.86   0.53
"""

from typing import ClassVar, Literal

from gru_tf.data.datasets import DataFile
from gru_tf.tasks import Count, Metric
from gru_tf.tasks._baselines import best_naive
from gru_tf.tasks.forecasting._forecast import Borders, Forecast, naive_metrics

FILE = DataFile(
    "ett/ETTh1.csv",
    "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
    "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    2_589_657,
)
VARIABLES = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
MONTH = 30 * 24


class Ett(Forecast):
    """Forecast ETTh1.

    Informer's horizons are 24, 48, 168, 336 and 720, those of later papers 96, 192, 336 and 720 with a window of 96.

    Args:
        window: hours of input.
        horizon: hours to forecast.
        target: "OT", the oil temperature alone, or "all" seven variables.
        inputs: "target", the variables to forecast alone, or "all" seven.
        relative: whether to predict changes from the window's last values; papers' plain networks do not, but the level
            drifts from split to split.
    """

    question: ClassVar[str] = "What will the load and oil temperature of an electricity transformer be, hour by hour?"
    reference: ClassVar[str] = "H. Zhou and others, Informer, AAAI 2021, arXiv 2012.07436; github.com/zhouhaoyi/ETDataset"
    licence: ClassVar[str] = "CC BY-ND 4.0: files must stay unmodified when passed on"

    window: Count = 96
    horizon: Count = 96
    target: Literal["OT", "all"] = "all"
    inputs: Literal["target", "all"] = "target"

    @property
    def file(self) -> DataFile:
        """ETTh1.csv."""
        return FILE

    @property
    def borders(self) -> Borders:
        """12, 4 and 4 months of 30 days."""
        return Borders(12 * MONTH, 16 * MONTH, 20 * MONTH)

    @property
    def columns(self) -> tuple[str, ...]:
        """OT, or all seven."""
        return VARIABLES if "all" in (self.target, self.inputs) else ("OT",)

    @property
    def targets(self) -> tuple[str, ...]:
        """OT, or all seven."""
        return VARIABLES if self.target == "all" else ("OT",)

    @property
    def time(self) -> str:
        """The column "date"."""
        return "date"

    @property
    def season(self) -> int:
        """A day of 24 hours."""
        return 24

    @property
    def metric(self) -> Metric:
        """Mean squared error over all windows, hours and targets of the test split, standardised; MAE is recorded too.

        The baseline is the better, by MSE, of the last value and the seasonal naive forecast (the day before);
        `naive_scores` returns both.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        errors = naive_metrics(self)
        best, trivial = best_naive(errors, self.season)
        return Metric("mse", "min", chance=errors[best], solved=0.0, also=("mae",), trivial=trivial)

    def _error(self, mse: float) -> float:
        return mse


TASK = Ett

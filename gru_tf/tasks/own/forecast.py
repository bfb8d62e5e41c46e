"""Your own series: forecast the next rows of one series or many in a table.

Rows are in order of time, series by series. The last time points test, those before them validate; the two cuts are the
same for every series. A window never crosses into another series; it belongs to the part in which all its targets lie, and
its inputs may reach back into the part before. Targets and covariates become inputs: numbers standardised by the training
rows, one input for each category. A target that is missing in the file is neither trained on nor scored.

Worked example, window=3, horizon=1, target: load, covariates: day; relative to the last load.

    load   112 118 132 → 129        −20 −14   0 →  −3
    day=Sun  0   0   1                0   0   1
"""

import functools
import json
from typing import Any, ClassVar, Literal

import numpy as np

from gru_tf.data import array_cache
from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import files, timestamps
from gru_tf.data.own.local_time import local
from gru_tf.data.own.origins import last_moments
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import (
    FORECAST_BASELINES,
    Array,
    Evaluation,
    Examples,
    ForecastRows,
    Metric,
    MetricName,
    Outputs,
    Signature,
    Splits,
)
from gru_tf.tasks._baselines import best_naive
from gru_tf.tasks._text_arrays import to_text
from gru_tf.tasks._windows import cut
from gru_tf.tasks.own._encoded_series import ABOUT, VERSION, ForecastSeries, encode
from gru_tf.tasks.own._evaluation import evaluation, forecasts
from gru_tf.tasks.own._history import history
from gru_tf.tasks.own._known_ahead import ahead as ahead_of
from gru_tf.tasks.own._last_windows import last_windows
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._scaling import SeriesScales
from gru_tf.tasks.own._task import NewHistory, PreparedInputs, percent, warn_of_unknown

PARTS = ("train", "validation", "test")
_BESIDE: dict[str, tuple[MetricName, ...]] = {"rmse": ("mae",), "mse": ("mae",), "mae": ("mse",)}  # in the same pass
MONTH = len("1960-12")


class OwnForecast(ForecastOptions):
    """Forecast columns of a CSV or Parquet file; `ForecastOptions` says what each option means."""

    question: ClassVar[str] = "What comes next in your series?"

    @property
    def signature(self) -> Signature:
        """`window` rows of the encoded columns; `horizon` values of each target, row by row.

        Raises:
            DatasetError: where the file cannot be read, or its columns are not as the options say.
        """
        features, targets = self.arrays()["rows"].shape[1], len(self.target)
        outputs = self.horizon * targets
        return Signature(self.window, features, outputs, target="value", continued=tuple(range(targets)))

    @property
    def metric(self) -> Metric:
        """The `measure`: by default the root of the mean squared error in the target's units, or of several targets the mse.

        The baseline is the best, on the test split, of the last value, the seasonal naive forecast and the mean of the
        training rows. Further errors are recorded beside it.

        Raises:
            DatasetError: as `signature`, and where the measure is not defined on these data.
        """
        about = self._about()
        default: Literal["rmse", "mse"] = "rmse" if len(self.target) == 1 else "mse"
        name = self.measure or default
        naive = {forecast: values[name] for forecast, values in about.naive.items() if name in values}
        if not naive:
            raise DatasetError(f"{self.path}: measure: received {name}, expected a metric that is defined on these values")
        best, trivial = best_naive(naive, self.season)
        whole = self.scale != "table" or name not in ("rmse", "mse", "mae")
        unit = about.encoding.columns[0].deviation if len(self.target) == 1 else 1.0
        return Metric(
            name, "min", naive[best], 0.0, scale=unit, also=() if whole else _BESIDE[name], trivial=trivial, whole=whole
        )

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, window, columns) and targets (N, horizon · targets) float32; `rng` is not used: `at` draws.

        Windows overlap. Those of a long series are made on demand, so that they never take `window` times its memory.

        Raises:
            DatasetError: as `signature`.
        """
        arrays = self.arrays()
        targets = range(len(self.target))
        relative = targets if self.relative else ()

        def part(name: str) -> Examples:
            return cut(arrays["rows"], arrays[name], self.window, self.horizon, targets, relative)

        return Splits(part("train"), part("validation") if self.validation else None, part("test"))

    def naive_scores(self) -> dict[str, float]:
        """The metric on the test split of each naive forecast, by name.

        Raises:
            DatasetError: as `signature`.
        """
        name = self.metric.name
        return {forecast: values[name] for forecast, values in self._about().naive.items()}

    @property
    def is_evaluated(self) -> bool:
        """Errors of every kind, by series and by step, and prediction intervals."""
        return True

    def measured(self, split: Literal["validation", "test"], outputs: Array) -> dict[str, float]:
        """The errors of `gru_tf.tasks._forecast_errors`."""
        return forecasts(self, self._about(), self.arrays(), split, outputs).errors()

    def evaluated(self, outputs: Outputs) -> Evaluation:
        """Errors of every kind, by series and by step ahead; and prediction intervals."""
        return evaluation(self, self._about(), self.arrays(), outputs)

    @property
    def baselines(self) -> tuple[str, ...]:
        """Those of forecasts; those of them that read a series from its beginning do without covariates."""
        return FORECAST_BASELINES

    def forecast_rows(self) -> ForecastRows:
        """The targets of all rows, those that were filled in among them, series by series.

        A series' rows to train on are those up to the last target of its training windows.

        Raises:
            DatasetError: as `signature`.
        """
        arrays, about, targets = self.arrays(), self._about(), len(self.target)
        firsts = np.asarray(arrays["firsts"])
        frequency = about.frequency
        evenly = self.time is None or (frequency is not None and not frequency.gaps)
        scale, series = SeriesScales.of_arrays(arrays), np.searchsorted(np.unique(firsts), firsts)
        centres, spreads = (
            np.broadcast_to(each[0], (len(firsts), targets)) if self.scale == "table" else each[series]
            for each in (scale.centres, scale.spreads)
        )
        return ForecastRows(
            rows=np.asarray(arrays["rows"][:, :targets]),
            firsts=firsts,
            training=_up_to_last_target(firsts, np.asarray(arrays["train"]) + self.horizon),
            starts={part: np.asarray(arrays[part]) for part in PARTS},
            horizon=self.horizon,
            season=self.season,
            regular=evenly and len(firsts) == about.rows,  # fewer where rows with missing values were dropped
            relative=self.relative,
            mean=centres,
            deviation=spreads,
        )

    @property
    def recency(self) -> Any:
        """The last moment of the test part."""
        return self.arrays()["times"].max()

    def origins(self) -> Array:
        """The last moment of the test part at each origin that a seed may draw, rising; at seed 0 it is the last one.

        Raises:
            DatasetError: as `signature`.
        """
        if self.backtest:
            return np.array([self.at(number).arrays()["times"].max() for number in range(self.backtest)])[::-1]
        return last_moments(np.asarray(self.at(0).arrays()["times"]), self.validation, self.test)

    def pinned(self) -> dict[str, str]:
        """The checksum, and where times are missing what is done with their windows, so that a run always means the same.

        Raises:
            DatasetError: as `OwnData.pinned`.
        """
        pinned = super().pinned()
        return {**pinned, "gaps": "leave_out"} if self.gaps is None and not self.sha256 and self._about().broken else pinned

    def split_in_words(self) -> str:
        """By time, the same for all series."""
        same = ", the same of all series" if self.group is not None else ""
        tested = "data of their own test" if self.test_path else f"the last {percent(self.test)} of the times test"
        validated = f"the {percent(self.validation)} before them validate" if self.validation else "nothing validates"
        return f"by time: {tested}, {validated}{same}"

    def drawn_in_words(self) -> str:
        """Between which moments the test parts end."""
        if self.draws == "fixed":
            return ""
        about, ends = self._about(), self.origins()[[0, -1]]
        ends = local(ends, about.times.zone if about.times is not None else None)
        first, last = (timestamps.moment(moment).removesuffix(" 00:00:00") for moment in ends)
        if about.frequency is not None and about.frequency.monthly:
            first, last = first[:MONTH], last[:MONTH]
        return f"{'test parts that end' if self.backtest else 'origins'} between {first} and {last}"

    def notes(self) -> tuple[str, ...]:
        """What a user should know of the data: rows out of order, gaps in time, series too short, values filled in."""
        return self._about().notes

    def encodings(self) -> dict[str, Any]:
        """Inputs, outputs and options, as JSON can hold them.

        Where each series has a scale of its own, "scales" has it, not the outputs and the encoding; "read_ahead" are
        the inputs that hold what comes `horizon` rows later.
        """
        about = self._about()
        outputs: list[dict[str, Any]] = [
            {"target": column.name, "ahead": ahead, "mean": column.mean, "deviation": column.deviation}
            for ahead in range(1, self.horizon + 1)
            for column in about.encoding.columns[: len(self.target)]
        ]
        own = self._own_scales(about)
        if own:
            outputs = [{name: output[name] for name in ("target", "ahead")} for output in outputs]
        later = ahead_of(self, about.encoding, self.time is not None and about.frequency is not None)
        return {
            "task": "forecast",
            "options": self.model_dump(mode="json"),
            **({"draw": self.draw} if self.draw else {}),
            "inputs": list(about.encoding.names),
            "outputs": outputs,
            "read_ahead": [name for column in later.columns for name in column.names],
            **({"scales": own} if own else {}),
            **about.model_dump(mode="json"),
        }

    def _own_scales(self, about: ForecastSeries) -> dict[str, dict[str, dict[str, float]]]:
        """Series → target → by what it is standardised; empty where the table's scale is that of all."""
        if self.scale == "table":
            return {}
        scale = SeriesScales.of_arrays(self.arrays())
        return {
            name: {
                target: {"mean": float(centre), "deviation": float(spread)}
                for target, centre, spread in zip(self.target, centres, spreads, strict=True)
            }
            for name, centres, spreads in zip(about.groups or ("",), scale.centres, scale.spreads, strict=True)
        }

    def prepare(self, frame: Any) -> PreparedInputs:
        """The last `window` rows of each series in `frame`, series in the order of their names.

        Raises:
            UserError: where a column is missing, a series has too few rows, or a value is not as in training.
        """
        inputs = last_windows(self, self._about(), SeriesScales.of_arrays(self.arrays()), frame).windows
        warn_of_unknown(self._about().encoding.unknown(frame))
        targets = len(self.target)
        if self.relative:
            inputs = inputs.copy()
            inputs[..., :targets] -= inputs[:, -1:, :targets].copy()
        return PreparedInputs(inputs, np.full(len(inputs), self.window, np.int32))

    def history(self, frame: Any) -> NewHistory:
        """The rows before the forecast after the last row of each series in `frame`, with those of training where they meet.

        Raises:
            UserError: as `prepare`.
        """
        return history(self, self._about(), self.arrays(), self.forecast_rows(), frame)

    def answer(self, outputs: Array, frame: Any) -> Any:
        """The forecast after the last row of each series: a row for each series and step ahead, targets in their units.

        Columns: `group` where there is one, `time` where the times of training are regular, in their zone and form, "ahead"
        from 1, the targets.

        Args:
            outputs: (series, horizon · targets) of the network.
            frame: the one that `prepare` had.

        Raises:
            UserError: as `prepare`, and where there are not as many outputs as series.
        """
        import pandas

        about = self._about()
        inputs, groups, times, scale = last_windows(self, about, SeriesScales.of_arrays(self.arrays()), frame)
        count, targets = len(inputs), len(self.target)
        if np.shape(outputs) != (count, self.horizon * targets):
            expected = (count, self.horizon * targets)
            raise UserError(f"answer: expected outputs of the shape {expected}. Received: {np.shape(outputs)}")
        values = np.asarray(outputs, np.float64).reshape(count, self.horizon, targets)
        if self.relative:
            values = values + inputs[:, -1:, :targets]
        values = values * scale.spreads[:, None] + scale.centres[:, None]
        answers: dict[str, Any] = {}
        if self.group is not None:
            answers[self.group] = np.repeat(groups, self.horizon)
        if times is not None and about.times is not None:
            answers |= about.times.write(times)
        answers["ahead"] = np.tile(np.arange(1, self.horizon + 1), count)
        answers |= {column.name: values[..., place].ravel() for place, column in enumerate(about.encoding.columns[:targets])}
        return pandas.DataFrame(answers)

    def arrays(self) -> array_cache.Arrays:
        """The encoded rows, and the starts of the windows of each part; mapped from the cache after the first time."""
        if self._carried is not None:
            return self._carried
        return _load(self, self.sha256 or files.digest(*self.paths))

    @property
    def predicted(self) -> tuple[str, ...]:
        """The targets."""
        return self.target

    def carried(self, whole: bool) -> dict[str, Array]:
        """What is known of each series; with `whole` all rows, else none of them."""
        by_row = ("rows", "firsts", "times", *PARTS)
        return {name: np.asarray(a if whole or name not in by_row else a[:0]) for name, a in self.arrays().items()}

    def _about(self) -> ForecastSeries:
        return ForecastSeries.model_validate_json(to_text(self.arrays()[ABOUT]))


def _up_to_last_target(firsts: Array, ends: Array) -> Array:
    """(rows,) whether a row lies before the last of its own series' `ends`."""
    last = np.zeros(len(firsts) + 1, np.int64)
    np.maximum.at(last, firsts[ends - 1], ends)
    before: Array = np.arange(len(firsts)) < last[firsts]
    return before


@functools.lru_cache(maxsize=8)  # tasks of two draws are not equal
def _load(task: OwnForecast, content: str) -> array_cache.Arrays:
    """By the content of the files, so that another content is read anew."""
    options = task.model_dump(mode="json", exclude={"path", "test_path", "sha256", "draws", "measure"})
    options["gaps"] = task.leaves_gaps_out
    draw = [f"draw {task.draw}"] if task.draw else []

    def parse() -> array_cache.Arrays:
        task.content()  # the files that were pinned are those that are read
        with files.read_as(task.quoting, task.layout):
            return encode(task)

    return array_cache.load("forecast", [content, json.dumps(options, sort_keys=True), *draw], VERSION, parse)


TASK = OwnForecast

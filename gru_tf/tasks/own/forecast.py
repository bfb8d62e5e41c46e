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
from gru_tf.data.own import files, timestamps
from gru_tf.data.own.origins import last_moments
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import FORECAST_BASELINES, Array, ForecastRows, Metric, Signature, Splits
from gru_tf.tasks._baselines import best_naive
from gru_tf.tasks._text_arrays import to_text
from gru_tf.tasks._windows import cut
from gru_tf.tasks.own._encoded_series import ABOUT, VERSION, ForecastSeries, encode
from gru_tf.tasks.own._history import history
from gru_tf.tasks.own._last_windows import last_windows
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._task import NewHistory, PreparedInputs

PARTS = ("train", "validation", "test")
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
        """Root mean squared error in the target's units; of several targets the mean squared error, standardised.

        The baseline is the best, on the test split, of the last value, the seasonal naive forecast and the mean of the
        training rows. The mean absolute error is recorded beside it.

        Raises:
            DatasetError: as `signature`.
        """
        about = self._about()
        best, name = best_naive(about.naive, self.season)
        scale = about.encoding.columns[0].deviation
        kind: Literal["rmse", "mse"] = "rmse" if len(self.target) == 1 else "mse"
        metric = Metric(kind, "min", 0.0, 0.0, scale=scale if kind == "rmse" else 1.0, also=("mae",))
        chance = metric.value(about.naive[best])
        return Metric(kind, "min", chance, 0.0, scale=metric.scale, also=("mae",), trivial=name)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, window, columns) and targets (N, horizon · targets) float32; `rng` is not used: `at` draws.

        Windows overlap. Those of a long series are made on demand, so that they never take `window` times its memory.

        Raises:
            DatasetError: as `signature`.
        """
        arrays = self.arrays()
        targets = range(len(self.target))
        relative = targets if self.relative else ()
        train, validation, test = (
            cut(arrays["rows"], arrays[part], self.window, self.horizon, targets, relative) for part in PARTS
        )
        return Splits(train, validation, test)

    def naive_scores(self) -> dict[str, float]:
        """The metric on the test split of each naive forecast, by name.

        Raises:
            DatasetError: as `signature`.
        """
        metric = self.metric
        return {name: metric.value(error) for name, error in self._about().naive.items()}

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
        return ForecastRows(
            rows=np.asarray(arrays["rows"][:, :targets]),
            firsts=firsts,
            training=_up_to_last_target(firsts, np.asarray(arrays["train"]) + self.horizon),
            starts={part: np.asarray(arrays[part]) for part in PARTS},
            horizon=self.horizon,
            season=self.season,
            regular=evenly and len(firsts) == about.rows,  # fewer where rows with missing values were dropped
            relative=self.relative,
            mean=np.array([column.mean for column in about.encoding.columns[:targets]]),
            deviation=np.array([column.deviation for column in about.encoding.columns[:targets]]),
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
        return last_moments(np.asarray(self.at(0).arrays()["times"]), self.validation, self.test)

    def drawn_in_words(self) -> str:
        """Between which moments the test parts end."""
        if self.split == "fixed":
            return ""
        first, last = (timestamps.moment(moment).removesuffix(" 00:00:00") for moment in self.origins()[[0, -1]])
        step = self._about().frequency
        if step is not None and step.unit == "month":
            first, last = first[:MONTH], last[:MONTH]
        return f"origins between {first} and {last}"

    def notes(self) -> tuple[str, ...]:
        """What a user should know of the data: rows out of order, gaps in time, series too short, values filled in."""
        return self._about().notes

    def encodings(self) -> dict[str, Any]:
        """Inputs, outputs and options, as JSON can hold them."""
        about = self._about()
        outputs = [
            {"target": column.name, "ahead": ahead, "mean": column.mean, "deviation": column.deviation}
            for ahead in range(1, self.horizon + 1)
            for column in about.encoding.columns[: len(self.target)]
        ]
        return {
            "task": "forecast",
            "options": self.model_dump(mode="json"),
            **({"draw": self.draw} if self.draw else {}),
            "inputs": list(about.encoding.names),
            "outputs": outputs,
            **about.model_dump(mode="json"),
        }

    def prepare(self, frame: Any) -> PreparedInputs:
        """The last `window` rows of each series in `frame`, series in the order of their names.

        Raises:
            UserError: where a column is missing, a series has too few rows, or a value is not as in training.
        """
        inputs, _ = last_windows(self, self._about(), frame)
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

        Columns: `group` where there is one, `time` where the times of training are regular, "ahead" from 1, the targets.

        Args:
            outputs: (series, horizon · targets) of the network.
            frame: the one that `prepare` had.

        Raises:
            UserError: as `prepare`, and where there are not as many outputs as series.
        """
        import pandas

        about = self._about()
        inputs, ends = last_windows(self, about, frame)
        count, targets = len(inputs), len(self.target)
        if np.shape(outputs) != (count, self.horizon * targets):
            expected = (count, self.horizon * targets)
            raise UserError(f"answer: expected outputs of the shape {expected}. Received: {np.shape(outputs)}")
        values = np.asarray(outputs, np.float64).reshape(count, self.horizon, targets)
        if self.relative:
            values = values + inputs[:, -1:, :targets]
        columns = about.encoding.columns[:targets]
        values = values * [column.deviation for column in columns] + [column.mean for column in columns]
        answers: dict[str, Any] = {}
        if self.group is not None:
            answers[self.group] = np.repeat([name for name, _ in ends], self.horizon)
        if self.time is not None and about.frequency is not None:
            frequency = about.frequency
            answers[self.time] = np.concatenate([frequency.after(time, self.horizon) for _, time in ends])
        answers["ahead"] = np.tile(np.arange(1, self.horizon + 1), count)
        answers |= {column.name: values[..., place].ravel() for place, column in enumerate(columns)}
        return pandas.DataFrame(answers)

    def arrays(self) -> array_cache.Arrays:
        """The encoded rows, and the starts of the windows of each part; mapped from the cache after the first time."""
        return _load(self, self.sha256 or files.digest(*self.paths))

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
    options = task.model_dump(mode="json", exclude={"path", "test_path", "sha256", "split"})
    draw = [f"draw {task.draw}"] if task.draw else []

    def parse() -> array_cache.Arrays:
        task.content()  # the files that were pinned are those that are read
        return encode(task)

    return array_cache.load("forecast", [content, json.dumps(options, sort_keys=True), *draw], VERSION, parse)


TASK = OwnForecast

"""A forecast on a user's own table: from the last rows of one series or many, say the next ones.

Rows are in order of time, series by series. The last moments test, those before them validate; the two cuts are the same
for every series. A window never crosses into another series; it belongs to the part in which all its targets lie, and its
inputs may reach back into the part before. What is foretold and further columns become inputs: numbers standardised by
the training rows, categories one place each. A target that is missing in the file is never learned from nor scored.

Worked example, window=3, horizon=1, target: load, covariates: day; relative to the last load.

    load   112 118 132 → 129        −20 −14   0 →  −3
    day=Sun  0   0   1                0   0   1
"""

import functools
import json
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.data import array_cache
from gru_tf.data.own import files
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array, Count, Metric, Signature, Splits
from gru_tf.tasks._windows import cut
from gru_tf.tasks.own._series import VERSION, Series, last_windows, series
from gru_tf.tasks.own._task import Names, OwnData, Prepared, Share

PARTS = ("train", "validation", "test")


class OwnForecast(OwnData):
    """Forecast columns of a CSV or Parquet file.

    Args:
        target: columns that are foretold, numbers.
        time: column of times, dates or numbers; rows are sorted by it. None: the rows are in order.
        group: column that says which series a row belongs to, e.g. a shop; None: one series.
        covariates: further columns that are seen, up to the window's end; numbers, or text as categories.
        window: rows that are seen.
        horizon: rows that are foretold, all at once.
        relative: whether the last seen value of each target is subtracted from it, in inputs and targets, so that the
            network foretells the change; for a series that leaves the range of training.
        season: rows of the seasonal naive forecast, e.g. 7 of daily rows; 0: none.
        stride: every how many rows a window to train or to choose on starts; the test has all.
        missing: what is done about missing values: "refuse" them, "drop" the row, "forward" (the last value before),
            "interpolate" (between the neighbours, of which the later one is seen before the window's end) or "mean" (of the
            training rows; of categories the most frequent).
        validation: share of the moments, before those of the test.
        test: share of the moments, the last ones; not read where there is a `test_path`, which must be all later.
    """

    question: ClassVar[str] = "What comes next in your series?"

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
                also = " (what is foretold is seen as well, up to the window's end)" if use == "covariates" else ""
                raise ValueError(f"received '{name}' as {earlier[0]} and {use}, expected one of them{also}.")
        if self.test_path is None and self.validation + self.test >= 1:
            shares = f"{self.validation:g} to validate and {self.test:g} to test"
            raise ValueError(f"received shares of {shares}, expected less than 1 together.")
        return self

    @property
    def signature(self) -> Signature:
        """`window` rows of the encoded columns; `horizon` values of each target, row by row.

        Raises:
            DatasetError: where the file cannot be read, or its columns are not as the options say.
        """
        features = self._read()["rows"].shape[1]
        return Signature(self.window, features, outputs=self.horizon * len(self.target), target="value")

    @property
    def metric(self) -> Metric:
        """Root mean squared error in the target's units; of several targets the mean squared error, standardised.

        Chance is the best, on the test split, of the last value, the seasonal naive forecast and the mean of the training
        rows. The mean absolute error is recorded beside it.

        Raises:
            DatasetError: as `signature`.
        """
        said = self._said()
        name = min(said.naive, key=lambda name: said.naive[name])
        scale = said.encoding.columns[0].deviation
        words = {
            "last value": "the last value",
            "seasonal naive": f"the value {self.season} rows before",
            "training mean": "the mean of the training rows",
        }
        kind: Literal["rmse", "mse"] = "rmse" if len(self.target) == 1 else "mse"
        metric = Metric(kind, "min", 0.0, 0.0, scale=scale if kind == "rmse" else 1.0, also=("mae",))
        chance = metric.value(said.naive[name])
        return Metric(kind, "min", chance, 0.0, scale=metric.scale, also=("mae",), trivial=words[name])

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, window, columns) and targets (N, horizon · targets) float32; `rng` is not used.

        Windows overlap. Those of a long series are made on demand, so that they never take `window` times its memory.

        Raises:
            DatasetError: as `signature`.
        """
        found = self._read()
        targets = range(len(self.target))
        relative = targets if self.relative else ()
        train, validation, test = (
            cut(found["rows"], found[part], self.window, self.horizon, targets, relative) for part in PARTS
        )
        return Splits(train, validation, test)

    def baselines(self) -> dict[str, float]:
        """The metric on the test split of the forecasts that learn nothing, by name.

        Raises:
            DatasetError: as `signature`.
        """
        metric = self.metric
        return {name: metric.value(error) for name, error in self._said().naive.items()}

    def notes(self) -> tuple[str, ...]:
        """What was found: rows out of order, gaps in time, series too short, values filled in."""
        return self._said().notes

    def encodings(self) -> dict[str, Any]:
        """Inputs, outputs and options, as JSON can hold them."""
        said = self._said()
        outputs = [
            {"target": column.name, "ahead": ahead, "mean": column.mean, "deviation": column.deviation}
            for ahead in range(1, self.horizon + 1)
            for column in said.encoding.columns[: len(self.target)]
        ]
        return {
            "task": "forecast",
            "options": self.model_dump(mode="json"),
            "inputs": list(said.encoding.names),
            "outputs": outputs,
            **said.model_dump(mode="json"),
        }

    def prepare(self, frame: Any) -> Prepared:
        """The last `window` rows of each series in `frame`, series in the order of their names.

        Raises:
            UserError: where a column is missing, a series has too few rows, or a value is not as in training.
        """
        inputs, _ = last_windows(self, self._said(), frame)
        targets = len(self.target)
        if self.relative:
            inputs = inputs.copy()
            inputs[..., :targets] -= inputs[:, -1:, :targets].copy()
        return Prepared(inputs, np.full(len(inputs), self.window, np.int32))

    def answer(self, outputs: Array, frame: Any) -> Any:
        """What comes after the last row of each series: a row for each series and step ahead, targets in their units.

        Columns: `group` where there is one, `time` where the times of training are regular, "ahead" from 1, the targets.

        Args:
            outputs: (series, horizon · targets) of the network.
            frame: what `prepare` was given.

        Raises:
            UserError: as `prepare`, and where there are not as many outputs as series.
        """
        import pandas

        said = self._said()
        inputs, ends = last_windows(self, said, frame)
        count, targets = len(inputs), len(self.target)
        if np.shape(outputs) != (count, self.horizon * targets):
            expected = (count, self.horizon * targets)
            raise UserError(f"answer: expected outputs of the shape {expected}. Received: {np.shape(outputs)}")
        values = np.asarray(outputs, np.float64).reshape(count, self.horizon, targets)
        if self.relative:
            values = values + inputs[:, -1:, :targets]
        columns = said.encoding.columns[:targets]
        values = values * [column.deviation for column in columns] + [column.mean for column in columns]
        answers: dict[str, Any] = {}
        if self.group is not None:
            answers[self.group] = np.repeat([name for name, _ in ends], self.horizon)
        if self.time is not None and said.frequency is not None:
            frequency = said.frequency
            answers[self.time] = np.concatenate([frequency.after(moment, self.horizon) for _, moment in ends])
        answers["ahead"] = np.tile(np.arange(1, self.horizon + 1), count)
        answers |= {column.name: values[..., place].ravel() for place, column in enumerate(columns)}
        return pandas.DataFrame(answers)

    def _read(self) -> array_cache.Arrays:
        """The encoded rows, and the starts of the windows of each part; mapped from the cache after the first time."""
        return _arrays(self, self.sha256 or files.digest(*self._paths()))

    def _said(self) -> Series:
        return Series.model_validate_json(self._read()["said"].tobytes())


@functools.lru_cache(maxsize=8)
def _arrays(task: OwnForecast, content: str) -> array_cache.Arrays:
    """By the content of the files, so that another content is read anew."""
    options = task.model_dump(mode="json", exclude={"path", "test_path", "sha256"})

    def parse() -> array_cache.Arrays:
        task._content()  # what was pinned is what is read
        return series(task)

    return array_cache.load("forecast", [content, json.dumps(options, sort_keys=True)], VERSION, parse)


TASK = OwnForecast

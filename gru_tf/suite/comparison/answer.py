"""The answer to a comparison: table, recommendation, the recommended model, and its predictions for new data."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gru_tf.analysis.recommendation import Recommendation, recommend
from gru_tf.analysis.table import Row
from gru_tf.data.own import frames
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import UserError
from gru_tf.suite import Results
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.suite.tracking import Record, registry
from gru_tf.suite.tracking import model as trained
from gru_tf.tasks import Task, create
from gru_tf.tasks.own._task import OwnData

BATCH = 256  # sequences at a time in a prediction


@dataclass(frozen=True, repr=False)
class Comparison:
    """The answer to a comparison.

    Args:
        results: of the experiment, every run.
        store: tracking URI, None for the default.
        inferences: options that were inferred, and defaults; empty for a comparison from the store.
    """

    results: Results
    store: str | None = None
    inferences: tuple[Inference, ...] = ()

    @property
    def guess(self) -> tuple[str, ...]:
        """What was inferred, a line each, with the arguments that override it."""
        return tuple(f"{text} (override with {', '.join(options)})" for text, options in self.inferences)

    def table(self) -> list[Row]:
        """One row a cell, under the comparison's name: the task's own is long."""
        return [replace(row, title=self.results.experiment.name) for row in self.results.table()]

    @cached_property
    def recommendation(self) -> Recommendation:
        """Which cell, how certain, at what cost, against the baseline, and where the model is; `str` of it is text."""
        models = {cell: f"{uri} ({_which(run)})" for cell, (uri, run) in self._models.items()}
        return recommend(self.results.evidence, self._task.metric.trivial, models)

    def __repr__(self) -> str:
        return str(self.recommendation)

    def model(self) -> Any:
        """The recommended cell's network with the weights of its best seed, a `keras.Model`, from the store.

        Where the baseline is recommended, that of the cell that comes nearest to it.

        Raises:
            UserError: where the store has no model of it.
        """
        return self._model

    def predict(self, frame: Any) -> Any:
        """What the recommended network predicts for new data with the columns of training; labels and targets may be absent.

        Args:
            frame: a pandas frame, arrays by name, or the path of a table, an NPZ or a `.ts` file; of a forecast, the last
                rows of each series, at least a window.

        Returns:
            A pandas frame: forecasts in the units of the data, or classes with their probabilities.

        Raises:
            UserError: where the data are not as in training, naming row and column.
        """
        task, frame = self._task, frames.read(frame)
        prepared = task.prepare(frame)
        return task.answer(_outputs(self.model(), prepared.inputs, prepared.lengths), frame)

    def lines(self) -> tuple[str, str]:
        """One line of Python that loads the comparison from the store, and one that predicts."""
        store = f", store={self.store!r}" if self.store else ""
        name = self.results.experiment.name
        return (
            f"comparison = gru_tf.compared({name!r}{store})",
            "comparison.predict(new_rows)  # comparison.model() is the Keras model",
        )

    def _repr_html_(self) -> str:
        """For notebooks: the recommendation."""
        from html import escape

        rows = "".join(f"<tr><th>{escape(h)}</th><td>{escape(t)}</td></tr>" for h, t in self.recommendation.lines)
        return f"<table>{rows}</table>"

    @cached_property
    def _model(self) -> Any:
        cell, record = self.recommendation.nearest, self.results.record
        if not isinstance(record, Record) or cell not in self._models:
            raise UserError(f"{self.results.experiment.name}: the store has no trained model of {cell or 'any cell'}")
        return trained.load(record.uri, self._models[cell][0])

    @property
    def _task(self) -> OwnData:
        task = _task_of(self.results.experiment)
        if not isinstance(task, OwnData):
            raise UserError(
                f"{self.results.experiment.name}: expected a comparison on own data. Received: another experiment"
            )
        return task

    @cached_property
    def _models(self) -> dict[str, tuple[str, RunResult]]:
        """Cell → (URI of its model, the run that trained it)."""
        record = self.results.record
        return registry.models(record, self.results.runs) if isinstance(record, Record) else {}


def _task_of(experiment: Experiment) -> Task:
    return create(experiment.tasks[0].name, experiment.tasks[0].options)


def _which(run: RunResult) -> str:
    return f"{run.run.cell.label}, seed {run.run.seed}, the best of its seeds on validation"


def _outputs(model: Any, inputs: Any, lengths: Any) -> Any:
    """The network's outputs; it gets a mask of the valid steps where it takes one."""
    fed = [inputs]
    if len(model.inputs) > 1:
        fed.append(np.arange(inputs.shape[1]) < np.asarray(lengths)[:, None])
    return model.predict(fed if len(fed) > 1 else inputs, batch_size=BATCH, verbose=0)

"""The answer to a comparison: table, recommendation, the recommended model, and its predictions for new data."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gru_tf.analysis.recommendation import Recommendation, recommend
from gru_tf.analysis.table import Row
from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation.errors import UserError
from gru_tf.suite import Results
from gru_tf.suite.comparison import artifact
from gru_tf.suite.comparison.final import on_all_data
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.suite.comparison.models import Models
from gru_tf.suite.comparison.predictor import Predictor
from gru_tf.tasks import Task, create
from gru_tf.tasks.own._task import OwnData


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
        return tuple(
            f"{text} (override with {', '.join(options)})" if options else text for text, options in self.inferences
        )

    def table(self) -> list[Row]:
        """One row a cell, under the comparison's name: the task's own is long."""
        return [replace(row, title=self.results.experiment.name) for row in self.results.table()]

    @cached_property
    def recommendation(self) -> Recommendation:
        """Which model, how certain, at what cost, against the baseline, and where it is; `str` of it is text."""
        return recommend(self.results.evidence, self._task.metric.trivial, self._models.places())

    def __repr__(self) -> str:
        return str(self.recommendation)

    def model(self, cell: str | None = None) -> Any:
        """A cell's network with the weights of its best seed, a `keras.Model`, from the store.

        With `intervals: quantile` outputs are (N, levels · outputs) in the blocks of `gru_tf.tasks.prediction_intervals`,
        without the correction that `predict` adds.

        Args:
            cell: label; the recommended one if None. Where none is recommended, the one that comes nearest.

        Raises:
            UserError: where the store has no model of it.
        """
        return self._models.network(self.recommendation.nearest if cell is None else cell)

    def predictor(self, model: str | None = None) -> Predictor:
        """The model that `predict` uses; `str` of it says in a line which one that is and why.

        Args:
            model: label of a cell, or name of a baseline that was compared; the recommended one if None.

        Raises:
            UserError: where the store has no such model, and it cannot be fitted anew.
        """
        if model not in self._predictors:
            kept = self._models.kept_predictor() if model is None else None
            self._predictors[model] = kept or self._made(model)
        return self._predictors[model]

    def _made(self, model: str | None) -> Predictor:
        """From the models in the store and the file of training."""
        task = self._task
        return self._models.predictor(self.recommendation, model, task, task.metric.trivial)

    @property
    def is_kept(self) -> bool:
        """Whether the store keeps the predictor of this comparison."""
        return self._models.keeps_predictor

    def keep(self, final: bool = False) -> str:
        """Keep the recommended predictor with the comparison in the store; why that failed in a line, or "".

        Args:
            final: whether its model is first trained anew on all of the data, see `gru_tf.suite.comparison.final`.
        """
        try:
            self._predictors[None] = self._made(None)
            result = self._models.run_of(self._predictors[None].name)
            if final and result is not None:  # the naive forecasts learn nothing
                self._predictors[None] = on_all_data(self._predictors[None], result)
            self._models.keep_predictor(self._predictors[None])
        except UserError as error:
            return f"the predictor was not kept in the store: {error}. Results are not affected"
        return ""

    def predict(self, frame: Any, model: str | None = None) -> Any:
        """What the recommended model predicts for new data with the columns of training; labels and targets may be absent.

        Args:
            frame: a pandas frame, arrays by name, or the path of a table, an NPZ or a `.ts` file; of a forecast, the last
                rows of each series, at least a window.
            model: label of a cell, or name of a baseline that was compared, in place of the recommended one.

        Returns:
            A pandas frame: forecasts in the units of the data with prediction intervals, or classes with their
            probabilities.

        Raises:
            UserError: where the data are not as in training, naming row and column.
        """
        return self.predictor(model).predict(frame)

    def save(self, folder: str | Path, model: str | None = None) -> Path:
        """Write the predictor as one folder, from which `gru_tf.load_predictor` predicts without store and training file.

        Args:
            folder: that does not exist yet, or is empty.
            model: label of a cell, or name of a baseline, in place of the recommended one.

        Raises:
            UserError: where the folder is there already, or cannot be written.
        """
        return artifact.save(self.predictor(model), folder)

    def lines(self) -> tuple[str, str]:
        """One line of Python that loads the comparison from the store, and one that predicts."""
        store = f", store={self.store!r}" if self.store else ""
        name, advice = self.results.experiment.name, self.recommendation
        network = "comparison.model() is the Keras model"
        if advice.cell is None:
            network = f"by {advice.other or 'the baseline'}; comparison.model() is the best network"
        return (f"comparison = gru_tf.compared({name!r}{store})", f"comparison.predict(new_rows)  # {network}")

    def _repr_html_(self) -> str:
        """For notebooks: the recommendation."""
        from html import escape

        left = 'style="text-align: left"'  # notebooks align entries to the right, which is for numbers
        lines = ((escape(heading), escape(text)) for heading, text in self.recommendation.lines)
        rows = "".join(f"<tr><th {left}>{heading}</th><td {left}>{text}</td></tr>" for heading, text in lines)
        return f"<table>{rows}</table>"

    @cached_property
    def _models(self) -> Models:
        return Models(self.results)

    @cached_property
    def _predictors(self) -> dict[str | None, Predictor]:
        return {}

    @property
    def _task(self) -> OwnData:
        task = _task_of(self.results.experiment)
        if not isinstance(task, OwnData):
            raise UserError(
                f"{self.results.experiment.name}: expected a comparison on own data. Received: another experiment"
            )
        return task


def _task_of(experiment: Experiment) -> Task:
    return create(experiment.tasks[0].name, experiment.tasks[0].options)

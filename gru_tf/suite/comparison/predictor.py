"""Which model of a comparison predicts, why, and its outputs for new data: a network, a baseline, or a constant answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gru_tf.baselines import scoring
from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.baselines.constant_answer import ConstantAnswer
from gru_tf.baselines.forecasts._repeated import Repeated
from gru_tf.baselines.forecasts.ets import FittedEts
from gru_tf.data.own import files, frames
from gru_tf.data.own.splits import TRAIN
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.tasks.evaluation import Bounds
from gru_tf.tasks.own._labelled_task import LabelledData
from gru_tf.tasks.own._task import NewHistory, OwnData
from gru_tf.tasks.own.forecast import OwnForecast
from gru_tf.tasks.prediction_intervals import ends, from_blocks, with_quantiles

BATCH = 256  # sequences at a time in a network
READS_ROWS = (FittedEts, Repeated, ConstantAnswer)  # these read rows from before the window, all others windows alone
INSTEAD = "a network does without: choose one as the model"


@dataclass(frozen=True, repr=False)
class Predictor:
    """A model that predicts, with all that turns new data into its inputs and its outputs into answers.

    Args:
        name: label of the cell or the baseline; "" for the best constant answer.
        why: in a line.
        task: on the split of the run whose model it is.
        model: a `keras.Model`, or a fitted baseline.
        radii: coverage in percent → half the width of a prediction interval, of values; empty where there is none.
        quantiles: whether the model is a network that has learned quantiles, to whose ends `radii` are added.
    """

    name: str
    why: str
    task: OwnData
    model: Any
    radii: Mapping[str, Sequence[float]] = field(default_factory=dict)
    quantiles: bool = False

    def __str__(self) -> str:
        return self.why

    __repr__ = __str__

    @property
    def is_baseline(self) -> bool:
        """Whether it is no network."""
        return isinstance(self.model, FittedBaseline)

    @property
    def reads_rows(self) -> bool:
        """Whether its model reads rows of training, beside new ones."""
        return isinstance(self.model, READS_ROWS)

    def outputs(self, frame: Any) -> Array:
        """(N, outputs) as the task's `answer` takes them, of a frame as its `prepare` does; of quantiles the medians."""
        return self._outputs(frame)[0]

    def _outputs(self, frame: Any) -> tuple[Array, Bounds | None]:
        """The outputs, and the ends of intervals that the model gives itself; None of a model that gives none."""
        if self.is_baseline:
            return of_baseline(self.name or "the baseline", self.model, self.task, frame), None
        outputs = of_network(self.model, self.task, frame)
        signature = with_quantiles(self.task.signature) if self.quantiles else self.task.signature
        shape = (*outputs.shape[: 1 + signature.per_step], signature.outputs)
        if outputs.shape != shape:
            raise UserError(f"{self.name}: expected outputs of the shape {shape}. Received: {outputs.shape}")
        return from_blocks(outputs) if self.quantiles else (outputs, None)

    def predict(self, data: Any) -> Any:
        """What it predicts for new data with the columns of training, as `Comparison.predict`; with prediction intervals.

        Of values, the columns NAME_low_80, NAME_high_80, NAME_low_95 and NAME_high_95 are the ends of intervals: of one
        width, or the network's own quantiles, in both cases corrected on the validation split.

        Raises:
            UserError: where the data are not as in training, naming row and column.
        """
        with files.read_as(self.task.quoting):
            frame = self._of_task(frames.read(data))
        outputs, bounds = self._outputs(frame)
        answer = self.task.answer(outputs, frame)
        added = {int(level): np.asarray(radii) for level, radii in self.radii.items()}
        for level, both in ends(outputs, bounds, added):
            answers = [self.task.answer(one, frame) for one in both]
            for name in self.task.predicted:
                for end, each in zip(("low", "high"), answers, strict=True):
                    answer[f"{name}_{end}_{level}"] = each[name]
        return answer

    def _of_task(self, data: Any) -> Any:
        """The data in the form of training's: a table where that was one, else arrays or a file of sequences.

        Values alone are the one target of a series without times.
        """
        task, table = self.task, files.form(self.task.path) == "table"
        if table == (not isinstance(data, (str, dict))):
            return data
        if not table:
            raise UserError("the data: expected arrays by name, as in training. Received: a table")
        values = np.asarray(data["X"]) if isinstance(data, dict) and list(data) == ["X"] else None
        alone = isinstance(task, OwnForecast) and task.columns == list(task.target) and len(task.target) == 1
        if alone and values is not None and values.ndim == 1:
            import pandas

            return pandas.DataFrame({task.predicted[0]: values})
        received = "arrays" if isinstance(data, dict) else "a file of sequences"
        names = ", ".join(task.columns if isinstance(task, OwnForecast) else ()) or "those of training"
        raise UserError(f"the data: expected a table with the columns {names}. Received: {received}")


def of_network(model: Any, task: OwnData, frame: Any) -> Array:
    """A network's outputs; it gets a mask of the valid steps where it takes one."""
    inputs, lengths = task.prepare(frame)
    fed = [inputs]
    if len(model.inputs) > 1:
        fed.append(np.arange(inputs.shape[1]) < np.asarray(lengths)[:, None])
    outputs: Array = model.predict(fed if len(fed) > 1 else inputs, batch_size=BATCH, verbose=0)
    return outputs


def of_baseline(name: str, model: FittedBaseline, task: OwnData, frame: Any) -> Array:
    """A baseline's outputs.

    Raises:
        UserError: where the new data lack what the model reads, or the model is of other data.
    """
    prepared, signature = task.prepare(frame), task.signature
    if getattr(model, "signature", signature) != signature:
        raise UserError(f"{name}: expected a model of these data. Received: one of inputs or outputs of another shape")
    values = prepared.inputs[:, : int(prepared.lengths.max())]
    history = task.history(frame) if isinstance(model, READS_ROWS) else None
    if history is not None:
        _expect_history(name, model, task, history)
    rows, starts = (None, None) if history is None else (history.rows, history.starts)
    inputs = ModelInputs(values, prepared.lengths, rows, starts)
    try:
        parts = [model.predict(inputs.part(part)) for part in scoring.blocks(signature, values.shape[1], len(inputs))]
    except UserError as error:
        raise UserError(f"the data: {name}: {error}; {INSTEAD}") from error
    except (ValueError, IndexError) as error:
        raise UserError(f"{name}: expected a model of these data. Received: one that fails on them, {error}") from error
    outputs: Array = np.concatenate(parts)
    shape = (len(inputs), *((values.shape[1],) if signature.per_step else ()), signature.outputs)
    if outputs.shape != shape:
        raise UserError(f"{name}: expected outputs of the shape {shape}. Received: {outputs.shape}")
    return outputs


def _expect_history(name: str, model: FittedBaseline, task: OwnData, history: NewHistory) -> None:
    """Raise UserError where a series does not reach back to what a model reads of it."""
    firsts = history.rows.firsts[history.starts - 1]
    for number, (series, start, whole) in enumerate(zip(history.names, history.starts, history.whole, strict=True)):
        of = f" of '{series}'" if series else ""
        if isinstance(model, FittedEts) and not whole:
            raise UserError(
                f"the data: {name} reads a series from its first row in training, without a gap: expected the rows{of} from"
                f" there on, or those that follow. Received: others; {INSTEAD}"
            )
        if isinstance(model, Repeated) and model.season > start - firsts[number]:
            count = start - firsts[number]
            raise UserError(f"the data: {name}: expected at least {model.season} rows{of}, a season. Received: {count}")
    season = model.smoothing.m if isinstance(model, FittedEts) else model.season if isinstance(model, Repeated) else 1
    if season > 1 and not history.rows.regular:
        raise UserError(f"the data: {name}: expected times without gaps, as a season is counted in rows. Received: gaps")


def constant(task: OwnData) -> FittedBaseline:
    """The best answer that learns nothing from the inputs, as a model: what `metric.trivial` names."""
    if isinstance(task, OwnForecast):
        errors = task.naive_scores()
        best = min(errors, key=lambda name: errors[name])
        if best != "training mean":
            return Repeated(task.season if best == "seasonal naive" else 1)
    signature = task.signature
    if isinstance(task, LabelledData) and task.kind == "class":
        labels = task.labels_in(TRAIN)
        shares = np.bincount(labels, minlength=signature.outputs) / len(labels)
        with np.errstate(divide="ignore"):
            return ConstantAnswer(np.log(shares), signature.per_step)
    return ConstantAnswer(np.zeros(signature.outputs), signature.per_step)

"""What speaks against a cell's result being the best that it can do: a range that ends too early, training that does.

A search whose best learning rate lies at the end of its range has not seen the optimum; a network whose best epoch is among
the last has not been trained to its end. Such a cell is marked, and nothing is called better than it: with a wider range, or
more epochs, the order might turn. That it is better than another stands, for it could only gain.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from gru_tf.analysis.statistics.tuning import range_end, still_improving
from gru_tf.experiment import ranges
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Range

SIZES = ("units", "parameters", "layers")


class Mark(NamedTuple):
    """What is wrong with a cell's tuning or training on a task, and what mends it; `short` for a sentence."""

    what: str
    mend: str
    short: str
    of_training: bool = False


def marks_of(experiment: Experiment, finals: Sequence[RunResult], drawn: Mapping[str, Range]) -> tuple[Mark, ...]:
    """The marks of one cell on one task.

    Args:
        experiment: with its recipe.
        finals: the finished final runs.
        drawn: hyperparameter → the range that it was drawn from in the end, widened or not.
    """
    return (*_at_ends(finals, drawn), *_unfinished(experiment, finals))


def _at_ends(finals: Sequence[RunResult], drawn: Mapping[str, Range]) -> list[Mark]:
    """Of each range, where half of the choices, or more, lie at the same end; not of sizes, which are the budget."""
    marks = []
    for name, axis in drawn.items():
        if name in SIZES:
            continue
        values = [min(max(ranges.value_of(r, name), axis.low), axis.high) for r in finals]
        ends = [range_end(value, axis.low, axis.high, axis.sampling == "log") for value in values]
        bounds: tuple[tuple[Literal["low", "high"], float], ...] = (("low", axis.low), ("high", axis.high))
        for end, bound in bounds:
            if ends and 2 * ends.count(end) >= len(finals):
                side, beyond = ("lower", "below") if end == "low" else ("upper", "beyond")
                what = f"{name} chosen at the {side} end of its range ({bound:g}) by {ends.count(end)} of {len(finals)}"
                mend, short = f"widen search.space.{name} {beyond} {bound:g}", f"{name} at its range's {side} end"
                marks.append(Mark(what, mend, short))
    return marks


def _unfinished(experiment: Experiment, finals: Sequence[RunResult]) -> list[Mark]:
    """Where half of the finals, or more, have their best epoch in the last fifth of those that they were allowed.

    Not where the clock ends training, which is then the question, nor where the learning rate decays over the epochs, to
    nothing or by a fixed plan: the last ones are meant to be the best. Nor where the last one is tested whatever it is, or
    the task is solved. By steps the stretches that a run was allowed are counted, those of its history where nothing ended
    it before.
    """
    training = experiment.training
    planned = any(result.run.training.decay not in ("none", "plateau") for result in finals)
    if training.seconds is not None or planned:
        return []
    if training.select == "last":
        return []
    finals = [result for result in finals if not result.solved]
    by_limit: dict[int, list[int]] = {}
    for result in finals:
        if result.best_epoch is not None and (allowed := _allowed(result)):
            by_limit.setdefault(allowed, []).append(min(result.best_epoch + 1, allowed))
    late = sum(sum(still_improving([epoch], limit) for epoch in epochs) for limit, epochs in by_limit.items())
    known = sum(map(len, by_limit.values()))
    if not known or 2 * late < known:
        return []
    epochs = max(by_limit)
    what = f"best epoch among the last fifth of {epochs:,} in {late} of {known}"
    patience = "" if experiment.training.patience else " with a patience"
    unit = "epochs" if training.steps is None else "looks at validation"
    return [Mark(what, f"allow more than {epochs:,} {unit}{patience}", "best epochs among the last", of_training=True)]


def _allowed(result: RunResult) -> int:
    """Epochs that a run was allowed, or stretches of its steps; 0 where that is not known."""
    training = result.run.training
    if training.steps is None:
        return training.epochs
    every = training.evaluate_every
    return -(-training.steps // every) if every else 0

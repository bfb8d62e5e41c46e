"""Ranges of a search that are widened, step by step, and how wide they were in the end, from the trials alone.

A value that is chosen at the end of its range says that a better one may lie beyond. A step goes outwards by a factor of 3
on a logarithmic axis and by half of the first width on a linear one, never to where a value is impossible: up to a bound
that is possible itself, else half of the way.
"""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import MODEL, ModelSpec, Range, TrainingSpec, is_integer

STEPS = 2  # at most, of a task
OUTWARDS, WIDER = 3.0, 0.5  # a factor on a logarithmic axis, a part of the width on a linear one
TOLERANCE = 1e-9  # of a value that was drawn at the very end of a range, by its logarithm

Side = Literal["low", "high"]


def widened(name: str, axis: Range, low: int, high: int) -> Range:
    """The range of a hyperparameter after so many steps to each side, as the file has it for none."""
    ends = {"low": axis.low, "high": axis.high}
    for side, steps in (("low", low), ("high", high)):
        for _ in range(steps):
            ends[side] = _next(name, axis, ends[side], side == "high")
    return Range(**ends, sampling=axis.sampling)


def _next(name: str, axis: Range, end: float, up: bool) -> float:
    if axis.sampling == "log":
        new = end * OUTWARDS if up else end / OUTWARDS
    else:
        new = end + (1 if up else -1) * WIDER * (axis.high - axis.low)
    if is_integer(name):
        new = max(round(new), end + 1) if up else min(round(new), end - 1)
    bound, itself = _bound(name, up)
    if bound is None or (new < bound if up else new > bound):
        return float(new)
    return float(bound if itself else (end + bound) / 2)


def _bound(name: str, up: bool) -> tuple[float | None, bool]:
    """The largest, or the smallest, number that a hyperparameter may be, and whether it may be that; None without one."""
    for rule in _rules(name):
        for kind, itself in (("le", True), ("lt", False)) if up else (("ge", True), ("gt", False)):
            if hasattr(rule, kind):
                return float(getattr(rule, kind)), itself
    return None, False


def _rules(name: str) -> list[Any]:
    """What pydantic asks of a field's value, also where it may be null besides."""
    field = (ModelSpec if name in MODEL else TrainingSpec).model_fields[name]
    nested = [rule for part in get_args(field.annotation) for rule in getattr(part, "__metadata__", ())]
    return [*field.metadata, *(rule for one in nested for rule in getattr(one, "metadata", [one]))]


def used(experiment: Experiment, results: Iterable[RunResult]) -> dict[str, dict[str, Range]]:
    """Task label → hyperparameter → the range that its trials were drawn from in the end; of axes that are ranges.

    Each step has at least one trial in what it added, so that the trials tell how many steps there were.
    """
    axes = {name: axis for name, axis in _ranges(experiment).items() if isinstance(axis, Range)}
    drawn: dict[tuple[str, str], list[float]] = {}
    for result in results:
        for name in axes if result.run.purpose == "trial" else ():
            drawn.setdefault((result.run.task.label, name), []).append(value_of(result, name))
    return {
        task.label: {name: _holding(name, axis, drawn.get((task.label, name), ())) for name, axis in axes.items()}
        for task in experiment.tasks
    }


def _ranges(experiment: Experiment) -> dict[str, Any]:
    return experiment.search.axes if experiment.search else {}


def value_of(result: RunResult, name: str) -> float:
    """A hyperparameter of a run."""
    return float(getattr(result.run.model if name in MODEL else result.run.training, name))


def _holding(name: str, axis: Range, values: Iterable[float]) -> Range:
    """The narrowest of the widened ranges that has all values."""
    values = list(values)
    steps = {"low": 0, "high": 0}
    for side in steps:
        while steps[side] < STEPS and any(_outside(value, widened(name, axis, **steps), side) for value in values):
            steps[side] += 1
    return widened(name, axis, **steps)


def _outside(value: float, axis: Range, side: str) -> bool:
    room = TOLERANCE * (axis.high - axis.low)
    return value < axis.low - room if side == "low" else value > axis.high + room

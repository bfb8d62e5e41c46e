"""What the evidence of an experiment advises: which cell, how sure, at what cost, and against the baseline.

`rule.py` selects, `words.py` says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.recommendation import words
from gru_tf.analysis.recommendation.rule import select


@dataclass(frozen=True)
class Recommendation:
    """The advice.

    Args:
        cell: label of the recommended cell; None where the baseline or a model without a recurrent network is better, or no
            run has finished.
        nearest: the best cell, also where something else is recommended.
        significant: whether every other cell is significantly worse.
        lines: (heading, text), in the order in which they are read.
        other: the recommended model without a recurrent network; None where a cell or the baseline is recommended.
    """

    cell: str | None
    nearest: str | None
    significant: bool
    lines: tuple[tuple[str, str], ...]
    other: str | None = None

    def __str__(self) -> str:
        return "\n".join(f"{heading}: {text}" for heading, text in self.lines)


def recommend(evidence: Evidence, trivial: str, models: Mapping[str, str] | None = None) -> Recommendation:
    """The advice of an experiment's evidence.

    Args:
        evidence: of an experiment of one task.
        trivial: what the baseline is, in words.
        models: cell or baseline → where its trained model is, in words.

    Raises:
        ValueError: for an experiment of several tasks.
    """
    if len(evidence.tasks) != 1:
        raise ValueError(f"recommend: expected an experiment of one task. Received: {len(evidence.tasks)} tasks")
    (task,) = evidence.tasks
    selection = select(task)
    if selection is None:
        return Recommendation(None, None, False, words.nothing(task))
    label = selection.cell.cell
    other, places = words.other(task, selection), models or {}
    place = places.get(label, "none in the store.")
    if other:
        place = f"{places.get(other.cell, 'fitted anew from its settings to predict')}; the network's: {place}"
    lines = words.lines(task, selection, trivial, place)
    instead = selection.baseline or other is not None
    name = other.cell if other else None
    return Recommendation(None if instead else label, label, selection.significant, lines, name)

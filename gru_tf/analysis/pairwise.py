"""Two cells of an experiment, task by task: which is better, by how much, and is that significant?"""

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.statistics import PairedComparison
from gru_tf.analysis.statistics.paired import LEVEL
from gru_tf.analysis.table_text import metric, task_names
from gru_tf.analysis.wording import difference, p_value
from gru_tf.foundation.errors import UserError, did_you_mean

HEADINGS = ("task", "", "difference [95 % interval]", "p", "seeds", "verdict")


class _OnTask(NamedTuple):
    task: TaskEvidence
    pair: PairedComparison | None
    needed: int | None


class Versus(Mapping[str, PairedComparison]):
    """Task → `gru_tf.analysis.statistics.PairedComparison` of two cells at equal seeds, first − second.

    A difference above 0 is for the first cell, whichever way the metric goes. P-values are corrected (Holm) for all
    comparisons of the evidence, those that are not looked at here included. Printed, it says what they show; a task of which
    no seed has finished with both cells is printed, but not in the mapping.

    Args:
        evidence: of the experiment.
        first, second: labels of cells, or names where these are clear.

    Raises:
        UserError: for a cell that the experiment does not have, and for one cell beside itself.
    """

    def __init__(self, evidence: Evidence, first: str, second: str):
        labels = {cell.label: cell.name for cell in evidence.experiment.cells}
        self.first, self.second = (_label(name, labels) for name in (first, second))
        if self.first == self.second:
            raise UserError(f"compare: expected two cells. Received: '{first}' and '{second}'")
        names = task_names(evidence.experiment)
        self._by_task = {names[task.task]: self._on(task) for task in evidence.tasks}

    def _on(self, task: TaskEvidence) -> _OnTask:
        for pair, needed in zip(task.pairs, task.needed, strict=True):
            if {pair.first, pair.second} == {self.first, self.second} and pair.seeds:
                return _OnTask(task, pair.seen_from(self.first), needed)
        return _OnTask(task, None, None)

    def __getitem__(self, task: str) -> PairedComparison:
        on_task = self._by_task.get(task)
        if on_task is None or on_task.pair is None:
            raise KeyError(task)
        return on_task.pair

    def __iter__(self) -> Iterator[str]:
        return (name for name, on_task in self._by_task.items() if on_task.pair is not None)

    def __len__(self) -> int:
        return sum(on_task.pair is not None for on_task in self._by_task.values())

    def verdict(self, task: str) -> str:
        """What the pair shows on a task, in a few words."""
        on_task = self._by_task[task]
        if on_task.pair is None:
            return "no seed has finished with both"
        if on_task.pair.better:
            return f"{on_task.pair.better} is better"
        return f"inconclusive{_why(on_task.pair)}{_enough(on_task)}"

    def __repr__(self) -> str:
        lines = [f"{self.first} against {self.second}, at equal seeds (paired t-tests, Holm):"]
        for name, (task, pair, _) in self._by_task.items():
            verdict = self.verdict(name)
            lines.append(f"  {name}, {_metric(task)}: {_summary(pair, verdict) if pair else verdict}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """For notebooks: a row a task."""
        heading = "".join(f"<th>{escape(text)}</th>" for text in HEADINGS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in self._cells(name)) + "</tr>" for name in self._by_task
        )
        caption = f"<b>{escape(self.first)} − {escape(self.second)}</b>, above 0 where {escape(self.first)} is better"
        note = "<p>At equal seeds; p: paired t-tests with Holm's correction for all comparisons of the experiment.</p>"
        return f"<p>{caption}</p><table><thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table>{note}"

    def _cells(self, name: str) -> tuple[str, ...]:
        task, pair, _ = self._by_task[name]
        if pair is None:
            return name, _metric(task), "–", "–", "0", self.verdict(name)
        p = "–" if math.isnan(pair.t_holm) else p_value(pair.t_holm).removeprefix("p ").removeprefix("= ")
        return name, _metric(task), difference(pair.difference), p, str(pair.seeds), self.verdict(name)


def _label(name: str, labels: Mapping[str, str]) -> str:
    if name in labels:
        return name
    matches = [label for label, cell in labels.items() if cell == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"several cells are called '{name}': {'; '.join(matches)}")
    raise UserError(f"the experiment has no cell '{name}'.{did_you_mean(name, list(labels))} Cells: {', '.join(labels)}")


def _summary(pair: PairedComparison, verdict: str) -> str:
    """The difference, how sure it is, and the verdict where that is another one than the difference."""
    ahead = pair.seen_from(pair.second) if pair.difference.mean < 0 else pair
    if ahead.difference.mean == 0:
        by = f"equal, {difference(ahead.difference)}"
    else:
        by = f"{ahead.first} {'is better' if pair.significant else 'ahead'} by {difference(ahead.difference)}"
    seeds = "1 seed" if pair.seeds == 1 else f"{pair.seeds} seeds"
    p = "" if math.isnan(pair.t_holm) else p_value(pair.t_holm)
    return ", ".join(filter(None, [by, p, seeds, "" if pair.significant else verdict]))


def _why(pair: PairedComparison) -> str:
    """What speaks against a difference that is significant by the t-test alone."""
    if not pair.t_holm <= LEVEL:
        return ""
    if pair.reachable:
        return f": permutation test {p_value(pair.permutation_holm)}"
    return f": not all {pair.seeds} seeds agree"


def _enough(on_task: _OnTask) -> str:
    return f" (about {on_task.needed:,} seeds would be needed)" if on_task.needed else ""


def _metric(task: TaskEvidence) -> str:
    return metric(cell.row for cell in task.cells) or "no metric yet"

"""Two cells of an experiment, task by task: which is better, by how much, and is that significant?"""

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.table_text import metric, task_names
from gru_tf.analysis.wording import difference, p_value
from gru_tf.foundation.errors import UserError, did_you_mean

HEADINGS = ("task", "", "difference [95 % interval]", "p", "seeds", "verdict")
TESTS = {  # how a pair was compared → the test's name
    "welch": "Welch's test",
    "paired": "paired t-test",
    "resampled": "corrected resampled t-test",
    "rates": "Fisher's exact test",
    "constant": "Student's test",
}
CORRECTED = "p is corrected for all comparisons (Holm), the 95 % intervals are not"


class _OnTask(NamedTuple):
    task: TaskEvidence
    pair: SampleComparison | None


class Versus(Mapping[str, SampleComparison]):
    """Task → `gru_tf.analysis.statistics.unpaired.SampleComparison` of two cells, first − second.

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
        return _OnTask(task, task.pair(self.first, self.second))

    def __getitem__(self, task: str) -> SampleComparison:
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
        return words(on_task.task, on_task.pair)

    def __repr__(self) -> str:
        lines = [f"{self.first} against {self.second} ({self._tests()}; {CORRECTED}):"]
        for name, (task, pair) in self._by_task.items():
            verdict = self.verdict(name)
            lines.append(f"  {name}, {_metric(task)}: {_summary(task, pair, verdict) if pair else verdict}")
        return "\n".join(lines)

    def _tests(self) -> str:
        """The names of the tests that were made."""
        made = {on_task.pair.test for on_task in self._by_task.values() if on_task.pair is not None}
        return " and ".join(name for test, name in TESTS.items() if test in made) or "no test"

    def _repr_html_(self) -> str:
        """For notebooks: a row a task."""
        heading = "".join(f"<th>{escape(text)}</th>" for text in HEADINGS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in self._cells(name)) + "</tr>" for name in self._by_task
        )
        caption = f"<b>{escape(self.first)} − {escape(self.second)}</b>, above 0 where {escape(self.first)} is better"
        note = f"<p>{escape(self._tests())}; {CORRECTED}.</p>"
        return f"<p>{caption}</p><table><thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table>{note}"

    def _cells(self, name: str) -> tuple[str, ...]:
        task, pair = self._by_task[name]
        if pair is None:
            return name, _metric(task), "–", "–", "0", self.verdict(name)
        p = "–" if math.isnan(pair.p_holm) else p_value(pair.p_holm).removeprefix("p ").removeprefix("= ")
        return name, _metric(task), difference(pair.difference), p, _counts(pair), self.verdict(name)


def _label(name: str, labels: Mapping[str, str]) -> str:
    if name in labels:
        return name
    matches = [label for label, cell in labels.items() if cell == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"several cells are called '{name}': {'; '.join(matches)}")
    raise UserError(f"the experiment has no cell '{name}'.{did_you_mean(name, list(labels))} Cells: {', '.join(labels)}")


def words(task: TaskEvidence, pair: SampleComparison) -> str:
    """The verdict on a pair in a few words, with what a withheld one needs."""
    if task.first_look:
        return f"not decided, comparisons begin at {task.first_look} replicates"
    verdict = task.verdict(pair)
    if verdict == "better":
        return f"{pair.better} {'learns more often' if pair.test == 'rates' else 'is better'}"
    if verdict == "withheld":
        name = task.withheld(pair)
        mark = task.cell(name).marks[0]
        return f"withheld: {name}: {mark.what}; {mark.mend}"
    if verdict == "equivalent":
        return "equivalent" + (f" within {task.margin:.2g}" if task.margin else "")
    return "unreliable: neither learns more often, or is better, significantly" if verdict == "unreliable" else verdict


def _summary(task: TaskEvidence, pair: SampleComparison, verdict: str) -> str:
    """The difference, how sure it is, and the verdict where that is another one than the difference."""
    ahead = pair.seen_from(pair.second) if pair.difference.mean < 0 else pair
    better = task.verdict(pair) == "better"
    if ahead.difference.mean == 0:
        by = f"equal, {difference(ahead.difference)}"
    else:
        of = " of rates of success" if pair.test == "rates" else ""
        by = f"{ahead.first} {'is better' if better else 'ahead'} by {difference(ahead.difference)}{of}"
    seeds = _counts(pair) + (" seed" if max(pair.counts) == 1 else " seeds")
    p = "" if math.isnan(pair.p_holm) else p_value(pair.p_holm)
    return ", ".join(filter(None, [by, p, seeds, "" if better else verdict]))


def _counts(pair: SampleComparison) -> str:
    """Of how many seeds each is."""
    return str(pair.counts[0]) if pair.counts[0] == pair.counts[1] else f"{pair.counts[0]} and {pair.counts[1]}"


def _metric(task: TaskEvidence) -> str:
    return metric(cell.row for cell in task.cells) or "no metric yet"

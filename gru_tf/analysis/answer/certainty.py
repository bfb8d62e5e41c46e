"""What the best cell of a task is against the others: better, equivalent, undecided, or withheld; who sometimes fails."""

import math
from collections.abc import Sequence

from gru_tf.analysis.answer.seeds import equal
from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.wording import listed, p_value


def certainty(task: TaskEvidence, alone: bool) -> str:
    """Whom the best cell is better than: "significantly better than rnn (p = 0.003), inconclusive against lstm (p = 0.2)".

    Nothing where the answer speaks of one seed, of which it says once that it is inconclusive.
    """
    own = _own(task)
    if not own:
        return "inconclusive: no other cell has finished"
    if alone:
        return ""
    by_verdict: dict[str, list[SampleComparison]] = {}
    for pair in own:
        by_verdict.setdefault(_word(task, pair), []).append(pair)
    groups = (
        ("better", "significantly better than {others} ({p})"),
        ("equivalent", "equivalent to {others} (within {margin})"),
        ("inconclusive", "inconclusive against {others} ({p})"),
        ("worse", "significantly worse than {others} ({p})"),
        ("unknown", "inconclusive against {others} (too few seeds)"),
    )
    parts = [_filled(task, text, by_verdict[word]) for word, text in groups if word in by_verdict]
    return ", ".join([*parts, *_failing(task), *_withheld(task, by_verdict.get("withheld", []))])


def _word(task: TaskEvidence, pair: SampleComparison) -> str:
    """The verdict as this sentence groups it; of cells that sometimes fail by how often."""
    if math.isnan(pair.p_holm):
        return "unknown"
    verdict = task.verdict(pair)
    if verdict == "better":
        return "better" if pair.better == task.best else "worse"
    return "inconclusive" if verdict == "unreliable" else verdict


def _filled(task: TaskEvidence, text: str, pairs: Sequence[SampleComparison]) -> str:
    margin = "–" if task.margin is None else f"{task.margin:.2g}"
    return text.format(others=listed([pair.second for pair in pairs]), p=_p(pairs), margin=margin)


def _failing(task: TaskEvidence) -> list[str]:
    """Each cell that sometimes fails, with how often it learned: "rnn is unreliable: it learned in 3 of 5 replicates"."""
    cells = [cell for cell in task.cells if cell.row.unreliable and cell.row.modes]
    rates = [(cell.cell, cell.row.modes) for cell in cells]
    return [
        f"{name} is unreliable: it learned in {modes.successes} of {modes.runs} replicates" for name, modes in rates if modes
    ]


def _withheld(task: TaskEvidence, pairs: Sequence[SampleComparison]) -> list[str]:
    """Why a difference that was found is not called one, in brackets; the report says more, and what mends it."""
    names = dict.fromkeys(task.withheld(pair) for pair in pairs)
    marks = [(name, task.cell(name).marks[0]) for name in names]
    return [f"not called {_what(task, pairs, name)} ({name}: {mark.short})" for name, mark in marks]


def _what(task: TaskEvidence, pairs: Sequence[SampleComparison], name: str) -> str:
    """Of the best cell: "better than rnn", "equivalent to lstm", or "worse than lstm"."""
    own = [pair for pair in pairs if task.withheld(pair) == name]
    word = "equivalent to" if own[0].equivalent else "worse than" if name == task.best else "better than"
    return f"{word} {listed([pair.second for pair in own])}"


def undecided(task: TaskEvidence) -> list[SampleComparison]:
    """The best cell against each that it is neither significantly better than nor equivalent to."""
    return [pair for pair in _own(task) if task.better(pair) != task.best and task.verdict(pair) != "equivalent"]


def _own(task: TaskEvidence) -> list[SampleComparison]:
    """The best cell against each that has another mean."""
    own = [pair.seen_from(task.best or "") for pair in task.pairs if task.best in (pair.first, pair.second)]
    return [pair for pair in own if pair.second not in equal(task)]


def _p(pairs: Sequence[SampleComparison]) -> str:
    """All of their p-values: "p = 0.021", "p = 0.021 to 0.13", "p up to 0.021"."""
    low, high = (p_value(end(pair.p_holm for pair in pairs)) for end in (min, max))
    if low == high:
        return low
    return f"p up to {high.removeprefix('p = ')}" if "<" in low else f"{low} to {high.removeprefix('p = ')}"

"""What the best cell of a task is against the others: better, equivalent, inconclusive, or withheld; who sometimes fails."""

import math
from collections.abc import Sequence

from gru_tf.analysis.answer.seeds import Seeds, equal
from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.wording import cell_name, cell_names, p_value
from gru_tf.foundation.errors import counted

CLAUSES = (  # verdict → its words, in the order in which they are read
    ("better", "{beats} {others} ({p})"),
    ("equivalent", "equivalent to {others} (within {margin})"),
    ("inconclusive", "vs {others} inconclusive ({p})"),
    ("worse", "significantly worse than {others} ({p})"),
    ("unknown", "vs {others} {few}"),
)


def verdicts(task: TaskEvidence) -> list[str]:
    """What it is against each, those of one verdict together: "beats RNN (p = 0.003)", "vs LSTM inconclusive (p = 0.2)"."""
    by_other = _by_other(task)
    if not by_other:
        tie = len(equal(task)) == len(task.cells)
        return [] if tie else ["no other cell has finished"]
    by_verdict: dict[str, list[SampleComparison]] = {}
    for pairs in by_other.values():
        word, pair = _shared(task, pairs)
        by_verdict.setdefault(word, []).append(pair)
    clauses = [_filled(task, text, by_verdict[word]) for word, text in CLAUSES if word in by_verdict]
    return [*clauses, *_failing(task), *_withheld(task, by_verdict.get("withheld", []))]


def _by_other(task: TaskEvidence) -> dict[str, list[SampleComparison]]:
    """Each other cell → the pairs of it with every cell of the best mean."""
    pairs: dict[str, list[SampleComparison]] = {}
    for cell in equal(task):
        for pair in task.pairs:
            if cell in (pair.first, pair.second) and not {pair.first, pair.second} <= set(equal(task)):
                seen = pair.seen_from(cell)
                pairs.setdefault(seen.second, []).append(seen)
    return pairs


def _shared(task: TaskEvidence, pairs: Sequence[SampleComparison]) -> tuple[str, SampleComparison]:
    """The verdict that all cells of the best mean have against another, with the pair that is the least sure.

    Where they differ nothing is claimed of all: "inconclusive", by the largest p-value.
    """
    words = {_word(task, pair) for pair in pairs}
    known = [pair for pair in pairs if not math.isnan(pair.p_holm)]
    least = max(known, key=lambda pair: pair.p_holm) if known else pairs[0]
    if len(words) == 1:
        return words.pop(), least
    return ("unknown" if "unknown" in words else "inconclusive"), least


def _word(task: TaskEvidence, pair: SampleComparison) -> str:
    """The verdict as a line groups it; of cells that sometimes fail by how often."""
    if math.isnan(pair.p_holm):
        return "unknown"
    verdict = task.verdict(pair)
    if verdict == "better":
        return "better" if pair.better == pair.first else "worse"
    return "inconclusive" if verdict == "unreliable" else verdict


def _filled(task: TaskEvidence, text: str, pairs: Sequence[SampleComparison]) -> str:
    margin = "–" if task.margin is None else f"{task.margin:.2g}"
    few = f"inconclusive ({'one seed' if Seeds.from_task(task).single else 'too few seeds'})"
    if task.first_look:
        few = f"not decided ({counted(Seeds.from_task(task).most, 'replicate')})"
    beats = "beats" if len(equal(task)) == 1 else "beat"
    return text.format(beats=beats, others=cell_names([pair.second for pair in pairs]), p=_p(pairs), margin=margin, few=few)


def _failing(task: TaskEvidence) -> list[str]:
    """Each cell that sometimes fails, with how often it learned: "RNN unreliable: it learned in 3 of 5 replicates"."""
    rates = [(cell.cell, cell.row.modes) for cell in task.cells if cell.row.unreliable]
    return [
        f"{cell_name(cell)} unreliable: it learned in {modes.successes} of {modes.runs} replicates"
        for cell, modes in rates
        if modes
    ]


def _withheld(task: TaskEvidence, pairs: Sequence[SampleComparison]) -> list[str]:
    """Why a difference is not called one, in brackets; the report says more, and what mends it."""
    names = dict.fromkeys(task.withheld(pair) for pair in pairs)
    marks = [(name, task.cell(name).marks[0]) for name in names]
    return [f"not called {_what(task, pairs, name)} ({cell_name(name)}: {mark.short})" for name, mark in marks]


def _what(task: TaskEvidence, pairs: Sequence[SampleComparison], name: str) -> str:
    """Of the best cell: "better than RNN", "equivalent to LSTM", or "worse than LSTM"."""
    own = [pair for pair in pairs if task.withheld(pair) == name]
    word = "equivalent to" if own[0].equivalent else "worse than" if name == task.best else "better than"
    return f"{word} {cell_names([pair.second for pair in own])}"


def _p(pairs: Sequence[SampleComparison]) -> str:
    """All of their p-values: "p = 0.021", "p = 0.021 to 0.13", "p up to 0.021"."""
    low, high = (p_value(end(pair.p_holm for pair in pairs)) for end in (min, max))
    if low == high:
        return low
    return f"p up to {high.removeprefix('p = ')}" if "<" in low else f"{low} to {high.removeprefix('p = ')}"

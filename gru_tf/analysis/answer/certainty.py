"""Which cells the best mean on a task is significantly better than, and how many seeds the others would need."""

import math
from collections.abc import Sequence

from gru_tf.analysis.answer.seeds import equal
from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.statistics import PairedComparison
from gru_tf.analysis.statistics.paired import LEVEL
from gru_tf.analysis.wording import listed, p_value


def certainty(task: TaskEvidence, alone: bool) -> str:
    """Whom the best mean is better than: "significantly better than rnn (p = 0.003), inconclusive against lstm (p = 0.2)".

    Nothing where the answer speaks of one seed, of which it says once that it is inconclusive.
    """
    own = _own(task)
    if not own:
        return "inconclusive: no other cell has finished"
    if alone:
        return ""
    groups = (
        ("significantly better than", [pair for pair in own if pair.better == task.best]),
        ("inconclusive against", [pair for pair in own if not pair.significant and not math.isnan(pair.p)]),
        ("significantly worse at equal seeds than", [pair for pair in own if pair.better == pair.second]),
    )
    parts = [f"{what} {_others(pairs)} ({_p(pairs)}{_doubt(pairs)})" for what, pairs in groups if pairs]
    unknown = [pair for pair in own if math.isnan(pair.p)]
    if unknown:
        parts.append(f"inconclusive against {_others(unknown)} (too few common seeds)")
    return ", ".join(parts)


def needed(tasks: Sequence[TaskEvidence]) -> str:
    """How many seeds would be needed to decide between each best cell and the others, where that is known."""
    open_ = [
        (pair, dict(zip(map(_names, task.pairs), task.needed, strict=True))) for task in tasks for pair in undecided(task)
    ]
    wanted = [of_pairs[_names(pair)] for pair, of_pairs in open_]
    known = [count for count, (pair, _) in zip(wanted, open_, strict=True) if count is not None and count > pair.seeds]
    if not known:
        return ""
    which = "" if len(known) == len(open_) else f" for {len(known)} of these {len(open_)}"
    return f"about {max(known):,} seeds would be needed{which}"


def undecided(task: TaskEvidence) -> list[PairedComparison]:
    """The best cell against each that it is not significantly better than."""
    return [pair for pair in _own(task) if pair.better != task.best]


def _own(task: TaskEvidence) -> list[PairedComparison]:
    """The best cell against each that has another mean."""
    own = [pair.seen_from(task.best or "") for pair in task.pairs if task.best in (pair.first, pair.second)]
    return [pair for pair in own if pair.second not in equal(task)]


def _others(pairs: Sequence[PairedComparison]) -> str:
    return listed([pair.second for pair in pairs])


def _p(pairs: Sequence[PairedComparison]) -> str:
    """All of their p-values: "p = 0.021", "p = 0.021 to 0.13", "p up to 0.021"."""
    low, high = (p_value(end(pair.p for pair in pairs)) for end in (min, max))
    if low == high:
        return low
    return f"p up to {high.removeprefix('p = ')}" if "<" in low else f"{low} to {high.removeprefix('p = ')}"


def _doubt(pairs: Sequence[PairedComparison]) -> str:
    """What speaks against a difference that is significant by its p-value alone."""
    return ", but seeds disagree" if any(pair.p <= LEVEL and not pair.significant for pair in pairs) else ""


def _names(pair: PairedComparison) -> frozenset[str]:
    return frozenset((pair.first, pair.second))

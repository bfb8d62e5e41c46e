"""A verdict on each claim of an experiment: supported, contradicted, or inconclusive; pure, from results alone.

Counts of parameters are exact: a claim about them holds on every task that it is about, or is contradicted. Scores and
metrics differ from replicate to replicate: `claim_tests.py` tests them, and they are corrected together with everything else
that the experiment asks. Times of a training step, or of a batch, are judged by `timed_claims.py` from the phase in which
the networks were timed side by side. Times of the training itself are compared with nothing: runs share a machine, and on a
busy one the same networks took from 0.6 to 2.1 times as long.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gru_tf.analysis import timed_claims
from gru_tf.analysis.claim_tests import ClaimTest
from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.wording import difference, p_value
from gru_tf.experiment import claim
from gru_tf.experiment.claim import Claim, Quantity
from gru_tf.experiment.result import RunResult

LEVEL = 0.05
NAMED = 3  # tasks that a reason names
COUNTS: dict[str, Callable[[RunResult], float | None]] = {
    "parameters": lambda r: r.parameters,
    "recurrent_parameters": lambda r: r.recurrent_parameters,
}
Known = Mapping[tuple[str, str, int], RunResult]  # task, cell, seed → its final run


@dataclass(frozen=True)
class Verdict:
    """What the results say of one claim.

    Args:
        text: the claim.
        verdict: its answer.
        difference: left − right with its 95 % interval; None for counts, and where there is none.
        p: corrected p-value, two-sided; None for counts, for times, and where nothing could be tested.
        why: what the verdict rests on, or what is missing, in words.
        unit: of the difference: "%" of the right side for times, else "", the quantity's own.
    """

    text: str
    verdict: Literal["supported", "contradicted", "inconclusive"]
    difference: Interval | None
    p: float | None
    why: str
    unit: str = ""

    @property
    def difference_text(self) -> str:
        """The difference with its interval and unit, "" where there is none."""
        return _text(self.difference, self.unit) if self.difference else ""


def judge(evidence: Evidence, results: Sequence[RunResult]) -> tuple[Verdict, ...]:
    """A verdict on each claim, in their order; also of an experiment that is not finished, or of which every run failed.

    Args:
        evidence: of the results.
        results: every run.
    """
    experiment = evidence.experiment
    claims = [claim.parse(text, experiment.cells, experiment.tasks) for text in experiment.claims]
    known = {(r.run.task.label, r.run.cell.label, r.run.seed): r for r in results if r.run.purpose == "final"}
    titles = {task.label: task.title for task in experiment.tasks}
    tested = {test.claim.text: (test, p) for test, p in evidence.family.claims}
    return tuple(
        _counted(one, known, titles)
        if one.left.kind == "a count"
        else _timed(one, evidence, titles)
        if one.left.kind == "a time"
        else _measured(*tested[one.text], evidence)
        for one in claims
    )


# --- times ---


def _timed(one: Claim, evidence: Evidence, titles: Mapping[str, str]) -> Verdict:
    if not timed_claims.are_timed(one, evidence.timings):
        return Verdict(one.text, "inconclusive", None, None, f"{_not_timed(one, evidence)}.")
    verdict, by, why = timed_claims.judge(one, evidence.timings or {}, titles)
    return Verdict(one.text, verdict, by, None, why, "%" if by else "")


def _not_timed(one: Claim, evidence: Evidence) -> str:
    """Why there is no time to compare."""
    names = {side.name for side in (one.left, one.right) if isinstance(side, Quantity)}
    if names - timed_claims.SERIES.keys():
        others = " and ".join(timed_claims.SERIES)
        return f"times of runs that share a machine are not compared; {others} are timed side by side"
    if not evidence.experiment.timing or len(evidence.experiment.cells) < 2:
        return "the networks were not timed side by side (timing: false, or a single cell)"
    return "the networks have not been timed side by side"


# --- counts ---


def _counted(one: Claim, known: Known, titles: Mapping[str, str]) -> Verdict:
    sides = {task: (_count(one.left, task, known), _count(one.right, task, known)) for task in one.tasks}
    full = {task: (a, b) for task, (a, b) in sides.items() if a is not None and b is not None}
    wrong = {task: both for task, both in full.items() if not one.holds(*both)}
    if wrong:
        return Verdict(one.text, "contradicted", None, None, _against(wrong, titles, len(sides)))
    if len(full) < len(sides):
        missing = [titles[task] for task in sides if task not in full]
        return Verdict(one.text, "inconclusive", None, None, f"no run has a parameter count on {_listed(missing)}.")
    return Verdict(one.text, "supported", None, None, _against(full, titles, len(sides)))


def _count(side: Quantity | float, task: str, known: Known) -> float | None:
    """A network's count, the same at every seed, also of a run that diverged."""
    if not isinstance(side, Quantity):
        return side
    runs = (result for (t, c, _), result in known.items() if (t, c) == (task, side.cell))
    return next((value for value in map(COUNTS[side.name], runs) if value is not None), None)


def _against(sides: Mapping[str, tuple[float, float]], titles: Mapping[str, str], tasks: int) -> str:
    parts = [f"{a:,.10g} against {b:,.10g}" + (f" on {titles[t]}" if tasks > 1 else "") for t, (a, b) in sides.items()]
    return f"{_listed(parts)}."


# --- what is measured ---


def _measured(test: ClaimTest, p: float, evidence: Evidence) -> Verdict:
    one, mean = test.claim, test.mean()
    interval = None if math.isnan(mean.mean) else mean.interval()
    known_p = None if math.isnan(p) else p
    undecided = Verdict(one.text, "inconclusive", interval, known_p, "")
    missing = _missing(test, evidence)
    if missing:
        return _because(undecided, f"no results for {_listed(missing)}")
    if known_p is None:
        return _because(undecided, f"difference {undecided.difference_text}, {_untested(test, evidence)}")
    pair = test.pair()
    by = undecided.difference_text
    if pair is not None and interval is not None and known_p <= LEVEL and not interval.excludes(0.0):
        by = f"{interval.mean:.3g}"  # whose own interval knows nothing of the logarithm, or logit, that was tested
    over = f"difference {by} over {_over(test)}, {p_value(known_p)}"
    if pair is not None and pair.test == "rates":
        over = (
            f"{pair.first} and {pair.second} differ by {difference(pair.difference)} in how often they learn, {p_value(p)}"
        )
    elif pair is None and test.unreliable():
        names = ", ".join(dict.fromkeys(cell for _, cell in test.unreliable()))
        return _because(undecided, f"{over}; but {names} sometimes fails, so that a mean is of two kinds of runs")
    if known_p > LEVEL:
        return _because(undecided, over)
    if marked := _marked(test, evidence):
        return _because(undecided, f"{over}; withheld: {marked}")
    answer: Literal["supported", "contradicted"] = "supported" if test.holds() else "contradicted"
    return Verdict(one.text, answer, interval, known_p, f"{over}{_small(pair, test, evidence)}.")


def _small(pair: SampleComparison | None, test: ClaimTest, evidence: Evidence) -> str:
    """That a difference, though there is one, is within the margin of equivalence."""
    task = evidence.tasks[test.on[0].number]
    known = task.pair(pair.first, pair.second) if pair else None
    return (
        f"; a small one: both are equivalent within {task.margin:.2g}" if known and known.equivalent and task.margin else ""
    )


def _because(verdict: Verdict, why: str) -> Verdict:
    return Verdict(verdict.text, verdict.verdict, verdict.difference, verdict.p, f"{why}.", verdict.unit)


def _missing(test: ClaimTest, evidence: Evidence) -> list[str]:
    """Sides, with their tasks, that have no value at all."""
    missing = []
    for task in test.on:
        on = f" on {evidence.tasks[task.number].title}" if len(evidence.tasks) > 1 else ""
        sides = ((test.claim.left, task.left), (test.claim.right, task.right))
        missing += [f"{side}{on}" for side, values in sides if not any(map(math.isfinite, values))]
    return missing


def _untested(test: ClaimTest, evidence: Evidence) -> str:
    """Why there is no p-value."""
    first = evidence.tasks[test.on[0].number].first_look
    over = _over(test)
    return "from a single replicate" if not first else f"over {over}: not decided, comparisons begin at {first}"


def _over(test: ClaimTest) -> str:
    """Of how many replicates it is."""
    sides = [(side, values) for t in test.on for side, values in ((test.claim.left, t.left), (test.claim.right, t.right))]
    counts = [sum(map(math.isfinite, values)) for side, values in sides if isinstance(side, Quantity)]
    number = str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    each = " on each task" if len(test.on) > 1 else " each" if isinstance(test.claim.right, Quantity) else ""
    return f"{number} {'replicate' if number == '1' else 'replicates'}{each}"


def _marked(test: ClaimTest, evidence: Evidence) -> str:
    """What speaks against the side that the claim says, or denies, to be worse; "" where nothing does."""
    pair = test.pair()
    if pair is None:
        return ""
    task = evidence.tasks[test.on[0].number]
    name = pair.first if pair.difference.mean < 0 else pair.second
    marks = task.cell(name).marks
    return f"{name}: {marks[0].what}; {marks[0].mend}" if marks else ""


def _text(value: Interval, unit: str) -> str:
    number = f"{value.mean:.3g}" if math.isnan(value.low) else difference(value)
    return f"{number} {unit}".strip()


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")

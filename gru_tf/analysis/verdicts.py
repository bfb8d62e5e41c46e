"""A verdict on each claim of an experiment: supported, contradicted, or inconclusive; pure, from results alone.

Counts of parameters are exact: a claim about them holds on every task that it is about, or is contradicted. What is
measured differs from seed to seed: the two sides are compared in pairs, at the same seed of the same task, by the tests of
`gru_tf.analysis.statistics.paired`, with Holm's correction over all measured claims of the experiment. So where there is no
difference anywhere, the chance that any of them is called supported or contradicted stays below 5 %.

Times are compared by their ratio, which is alike on tasks of all sizes; the difference is then in percent of the right side.
Step times that a timing phase has measured are judged by `gru_tf.analysis.timed_claims`, and those of training are not used.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gru_tf.analysis import timed_claims
from gru_tf.analysis.statistics import Interval, PairedComparison, compare, correct
from gru_tf.analysis.statistics.paired import LEVEL
from gru_tf.analysis.statistics.power import seeds_needed
from gru_tf.analysis.wording import difference, p_value
from gru_tf.experiment import claim
from gru_tf.experiment.claim import Claim, Quantity
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.timing import Timings

NAMED = 3  # tasks that a reason names
VALUES: dict[str, Callable[[RunResult], float | None]] = {
    "parameters": lambda r: r.parameters,
    "recurrent_parameters": lambda r: r.recurrent_parameters,
    "seconds_per_step": lambda r: r.speed.step_ms / 1000 if r.speed else None,
    "compile_seconds": lambda r: r.speed.compile_seconds if r.speed else None,
    "train_seconds": lambda r: r.speed.train_seconds if r.speed else None,
    "predict_seconds": lambda r: r.speed.predict_ms / 1000 if r.speed and r.speed.predict_ms is not None else None,
    "score": lambda r: r.score,
    "test": lambda r: r.test,
    "chance": lambda r: r.chance,
}
Known = Mapping[tuple[str, str, int], RunResult]  # task, cell, seed → its final run


@dataclass(frozen=True)
class Verdict:
    """What the results say of one claim.

    Args:
        text: the claim.
        verdict: its answer.
        difference: left − right with its 95 % interval; None for counts, and where there is no pair.
        p: corrected p-value, two-sided; None for counts, for times of a timing phase, and for fewer than two pairs.
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


@dataclass(frozen=True)
class _Pairs:
    """The two sides of a measured claim at the same seed of the same task; NaN where one has none."""

    left: tuple[float, ...]
    right: tuple[float, ...]
    missing: tuple[str, ...]  # sides, or tasks, without any value

    @property
    def differences(self) -> list[float]:
        return [a - b for a, b in zip(self.left, self.right, strict=True) if math.isfinite(a - b)]


def judge(experiment: Experiment, results: Iterable[RunResult], timings: Timings | None = None) -> tuple[Verdict, ...]:
    """A verdict on each claim, in their order; also of an experiment that is not finished, or of which every run failed."""
    claims = [claim.parse(text, experiment.cells, experiment.tasks) for text in experiment.claims]
    runs = [result for result in results if result.run.purpose == "final"]
    known = {(r.run.task.label, r.run.cell.label, r.run.seed): r for r in runs}
    titles = {task.label: task.title for task in experiment.tasks}
    timed = {one.text: _timed(one, timings, titles) for one in claims if timings and timed_claims.are_timed(one, timings)}
    measured = [one for one in claims if one.left.kind != "a count" and one.text not in timed]
    pairs = [_pairs(one, known, experiment.seeds, titles) for one in measured]
    judged = iter(map(_measured, measured, pairs, correct([compare(both.left, both.right) for both in pairs])))
    return tuple(
        timed.get(one.text) or (_counted(one, known, titles) if one.left.kind == "a count" else next(judged))
        for one in claims
    )


def _timed(one: Claim, timings: Timings, titles: Mapping[str, str]) -> Verdict:
    verdict, difference, why = timed_claims.judge(one, timings, titles)
    return Verdict(one.text, verdict, difference, None, why, "%" if difference else "")


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
    return next((value for value in map(VALUES[side.name], runs) if value is not None), None)


def _against(sides: Mapping[str, tuple[float, float]], titles: Mapping[str, str], tasks: int) -> str:
    parts = [f"{a:,.10g} against {b:,.10g}" + (f" on {titles[t]}" if tasks > 1 else "") for t, (a, b) in sides.items()]
    return f"{_listed(parts)}."


# --- what is measured ---


def _pairs(one: Claim, known: Known, seeds: Sequence[int], titles: Mapping[str, str]) -> _Pairs:
    kind = one.left.kind
    left = {task: _values(one.left, kind, task, known, seeds) for task in one.tasks}
    right = {task: _values(one.right, kind, task, known, seeds) for task in one.tasks}
    if "compile_seconds" in (one.left.name, getattr(one.right, "name", "")):
        for task in one.tasks:
            left[task], right[task] = _measured_once(left[task], right[task], isinstance(one.right, Quantity))
    missing = []
    for task in one.tasks:
        on = f" on {titles[task]}" if len(titles) > 1 else ""
        empty = [str(s) for s, values in ((one.left, left[task]), (one.right, right[task])) if not any(map(_is, values))]
        missing += [f"{side}{on}" for side in empty]
        if not empty and not any(_is(a - b) for a, b in zip(left[task], right[task], strict=True)):
            missing.append(f"both sides at the same seed{on}")
    flat = [tuple(value for task in one.tasks for value in side[task]) for side in (left, right)]
    return _Pairs(flat[0], flat[1], tuple(missing))


def _values(side: Quantity | float, kind: str, task: str, known: Known, seeds: Sequence[int]) -> list[float]:
    """A value for each seed, the logarithm of a time; NaN where there is none."""
    if not isinstance(side, Quantity):
        return [_scaled(side, kind)] * len(seeds)
    runs = [known.get((task, side.cell, seed)) for seed in seeds]
    values = [VALUES[side.name](run) if run is not None and run.status == "finished" else None for run in runs]
    return [math.nan if value is None else _scaled(value, kind) for value in values]


def _scaled(value: float, kind: str) -> float:
    if kind != "a time":
        return float(value)
    return math.log(value) if value > 0 else math.nan


def _measured_once(left: Sequence[float], right: Sequence[float], both: bool) -> tuple[list[float], list[float]]:
    """Seeds that were trained by one worker share one compilation: each measurement counts for one pair alone."""
    seen: set[float] = set()
    pairs: list[tuple[float, float]] = []
    for a, b in zip(left, right, strict=True):
        sides = {a, b} if both else {a}
        pairs.append((math.nan, math.nan) if sides & seen else (a, b))
        seen |= sides
    return [a for a, _ in pairs], [b for _, b in pairs]


def _measured(one: Claim, pairs: _Pairs, comparison: PairedComparison) -> Verdict:
    difference, unit = (comparison.difference if comparison.seeds else None), ""
    if difference and one.left.kind == "a time":
        difference, unit = Interval(*(100 * math.expm1(bound) for bound in difference)), "%"
    if comparison.significant and not pairs.missing:
        verdict: Any = "supported" if one.holds(comparison.difference.mean, 0) else "contradicted"
    else:
        verdict = "inconclusive"
    judged = Verdict(one.text, verdict, difference, comparison.p if math.isfinite(comparison.p) else None, "", unit)
    return replace(judged, why=f"{_why(one, pairs, comparison, judged)}.")


def _why(one: Claim, pairs: _Pairs, comparison: PairedComparison, judged: Verdict) -> str:
    if pairs.missing:
        return f"no results for {_listed(pairs.missing)}"
    wanted, difference = len(pairs.left), f"difference {judged.difference_text}"
    if judged.p is None:
        return f"{difference}, from a single pair"
    pooled = "pairs of seed and task" if len(one.tasks) > 1 else "paired seeds"
    seeds = f"{comparison.seeds} of " if comparison.seeds < wanted else ""
    text = f"{difference} over {seeds}{wanted} {pooled}, {p_value(judged.p)}"
    if judged.verdict != "inconclusive":
        return text
    if judged.p <= LEVEL:
        return f"{text}; but the differences do not all have the same sign"
    needed = seeds_needed(pairs.differences, comparison.comparisons)
    more = needed is not None and needed > comparison.seeds
    each = " of each task" if len(one.tasks) > 1 else ""
    return text + (f"; about {math.ceil(needed / len(one.tasks)):,} seeds{each} would be needed" if more and needed else "")


def _text(value: Interval, unit: str) -> str:
    number = f"{value.mean:.3g}" if math.isnan(value.low) else difference(value)
    return f"{number} {unit}".strip()


def _is(value: float) -> bool:
    return math.isfinite(value)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")

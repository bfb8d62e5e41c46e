"""Claims about step times, judged by the timing phase of each task; tasks are not pooled.

Both sides were measured in the same rounds, so their ratio is known with an interval. A claim holds on a task where the
whole interval does what it states, and is contradicted where the whole interval does the opposite. Over several tasks it is
supported where it holds on each, and contradicted where it is on any: a mean over tasks could hide both.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.ratios import ratio
from gru_tf.analysis.wording import difference
from gru_tf.experiment.claim import Claim, Quantity
from gru_tf.experiment.timing import Timing, Timings

SERIES = {"seconds_per_step": "train_ms", "predict_seconds": "predict_ms"}  # quantity → where a network has it


class TimedVerdict(NamedTuple):
    """What the timing phase says of a claim: its verdict, left against right in percent on a single task, and why."""

    verdict: Literal["supported", "contradicted", "inconclusive"]
    difference: Interval | None
    why: str


def are_timed(one: Claim, timings: Timings | None) -> bool:
    """Whether the claim is about times that a timing phase has measured, on any of its tasks."""
    sides = [side.name for side in (one.left, one.right) if isinstance(side, Quantity)]
    return bool(timings) and all(name in SERIES for name in sides) and any(task in (timings or {}) for task in one.tasks)


def judge(one: Claim, timings: Timings, titles: Mapping[str, str]) -> TimedVerdict:
    """The verdict on a claim that `are_timed`.

    Args:
        one: the claim.
        timings: of the experiment's tasks.
        titles: label of a task → what it is called.
    """
    ratios: dict[str, Interval] = {}
    missing: list[str] = []
    for task in one.tasks:
        on = f" on {titles[task]}" if len(titles) > 1 else ""
        sides = [_series(side, timings.get(task)) for side in (one.left, one.right)]
        missing += [f"{side}{on}" for side, values in zip((one.left, one.right), sides, strict=True) if not values]
        if all(sides):
            ratios[task] = ratio(*sides)
    answers = {task: _answer(one, times) for task, times in ratios.items()}
    whole = _whole(list(answers.values()), bool(missing))
    percent = {task: Interval(*(100 * (bound - 1) for bound in times)) for task, times in ratios.items()}
    parts = [_words(titles[task], percent[task], timings[task].rounds, len(one.tasks) > 1) for task in ratios]
    parts += [f"no time of {side}" for side in missing]
    single = next(iter(percent.values())) if len(one.tasks) == len(percent) == 1 else None
    return TimedVerdict(whole, single, f"{'; '.join(parts)}.")


def _series(side: Quantity | float, timing: Timing | None) -> Sequence[float]:
    """A value a round; () where there is none."""
    if timing is None:
        return ()
    if not isinstance(side, Quantity):
        return (1000 * side,) * timing.rounds
    network = timing.timed.get(side.cell)
    return getattr(network, SERIES[side.name]) if network else ()


def _answer(one: Claim, times: Interval) -> bool | None:
    """Whether the whole interval does what the claim states, or None where it does neither that nor the opposite."""
    if not times.excludes(1.0):
        return None
    return one.holds(times.mean, 1.0)


def _whole(answers: Sequence[bool | None], missing: bool) -> Literal["supported", "contradicted", "inconclusive"]:
    if False in answers:
        return "contradicted"
    return "inconclusive" if missing or None in answers else "supported"


def _words(title: str, percent: Interval, rounds: int, several: bool) -> str:
    on = f" on {title}" if several else ""
    return f"difference {difference(percent)} %{on}, timed in {rounds:,} rounds"

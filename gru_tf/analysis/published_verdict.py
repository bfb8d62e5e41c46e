"""The verdict on a published number: reproduced, better, worse, not comparable, or none, with the reason.

The rule: *reproduced* where our 95 % interval over seeds overlaps what their number may be, that is, the range of its
printed digits (0.0029 is anything from 0.00285 to 0.00295), widened by its own 95 % interval where the paper gives its
uncertainty. Where it does not, *better* or *worse*, by the metric's direction. A number that is marked as such is *not
comparable*, whatever it is. One seed of ours, or none, gets *no verdict*.

A median is compared by our median with its interval. A best has no interval: ours, the best of our seeds, is reproduced
where it rounds to theirs, and better or worse where it does not, which is no test, and the verdict is marked so.

A baseline of data that are the same for each seed is fitted once: it has one value, which is reproduced where it is what
theirs may be, and better or worse where it is not; this is no test either, and the verdict is marked so. Where each seed
draws data, such as its own test series, a baseline is fitted at each, and judged as a cell is, by the spread of its values.

Marks: "smaller" where the experiment is smaller than the paper's, so that nothing is compared at full size; "protocol
differs" where the number's protocol is known to be another; "within our spread" where theirs lies outside of the interval
of our mean, but inside of that in which the mean of as many further runs of ours would lie, as theirs is of.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from gru_tf.analysis import wording
from gru_tf.analysis.published_intervals import described
from gru_tf.analysis.statistics import Interval
from gru_tf.experiment.specs import Published

PublishedWord = Literal["reproduced", "better", "worse", "not comparable", "no verdict"]


class Compared(Protocol):
    """A published number and ours, as `gru_tf.analysis.published.Beside` has them."""

    @property
    def published(self) -> Published:
        """The number."""

    @property
    def ours(self) -> Interval | None:
        """Ours, and its interval."""

    @property
    def metric(self) -> str:
        """Of both."""

    @property
    def direction(self) -> str:
        """Of the metric."""

    @property
    def values(self) -> tuple[float, ...]:
        """Ours of each finished seed."""

    @property
    def lost(self) -> int:
        """Seeds that diverged or failed."""

    @property
    def smaller(self) -> str | None:
        """What the experiment runs smaller."""

    @property
    def recorded(self) -> tuple[str, ...]:
        """The metrics that runs have, where none has this one."""

    @property
    def fitted(self) -> str:
        """How a baseline was: "once" on data that are the same for each seed, else at "each seed"; "" of a cell."""

    @property
    def left_out(self) -> str:
        """Why a baseline has no number."""

    @property
    def theirs(self) -> Interval:
        """All that their number may be."""

    @property
    def predicted(self) -> Interval | None:
        """Where the mean of as many further runs of ours would lie."""


@dataclass(frozen=True)
class PublishedVerdict:
    """The verdict on a published number.

    Args:
        word: what it is.
        marks: what restricts it, in a few words each.
        why: the numbers that it is by, in a sentence or two.
    """

    word: PublishedWord
    marks: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return ", ".join((self.word, *self.marks))


def verdict(one: Compared) -> PublishedVerdict:
    """The verdict by the rule above."""
    if one.published.not_comparable:
        return PublishedVerdict("not comparable", (), f"{wording.sentence(one.published.not_comparable.rstrip('.'))}.")
    if one.ours is None:
        return PublishedVerdict("no verdict", _limits(one), f"{_without(one)}{_remarks(one)}")
    if one.fitted == "once":
        return _of_one_value(one, one.ours)
    if one.published.statistic == "best":
        return _of_best(one, one.ours)
    if not one.ours.low <= one.ours.high:
        return PublishedVerdict("no verdict", _limits(one), f"{_both(one)}. {_no_interval(one)}.{_remarks(one)}")
    if meet(one.ours, one.theirs):
        return PublishedVerdict("reproduced", _limits(one), f"{_both(one)}. They overlap.{_remarks(one)}")
    spread, words = _spread(one)
    return PublishedVerdict(
        _side(one, one.ours), (*spread, *_limits(one)), f"{_both(one)}. They do not overlap.{words}{_remarks(one)}"
    )


def meet(ours: Interval, theirs: Interval) -> bool:
    """Whether the two have a value in common; the bounds belong to them."""
    return ours.low <= theirs.high and theirs.low <= ours.high


def runs_of(number: Published) -> str:
    """What the number is of: "a single run", "the best of 10 runs", "the mean, of how many runs the paper does not say"."""
    if number.runs == 1:
        return "a single run"
    of = f"of {number.runs} runs" if number.runs else "of how many runs is not known"
    return f"the {number.statistic}{' ' if number.runs else ', '}{of}"


def _of_best(one: Compared, ours: Interval) -> PublishedVerdict:
    count = len(one.values)
    why = f"{_both(one)}. A best has no interval, so this is not tested."
    if one.published.runs and one.published.runs != count:
        why += " The best of more runs is better by chance alone."
    same = one.theirs.low <= ours.mean <= one.theirs.high
    word: PublishedWord = "reproduced" if same else _side(one, ours)
    return PublishedVerdict(word, (f"best of {count}, not tested", *_limits(one)), why + _remarks(one))


def _of_one_value(one: Compared, ours: Interval) -> PublishedVerdict:
    """Of a baseline that was fitted once."""
    same = one.theirs.low <= ours.mean <= one.theirs.high
    word: PublishedWord = "reproduced" if same else _side(one, ours)
    how = "It is" if same else "It is not"
    why = f"{_both(one)}. {how} what theirs may be; one value has no interval, so this is not tested.{_remarks(one)}"
    return PublishedVerdict(word, ("one value, not tested", *_limits(one)), why)


def _side(one: Compared, ours: Interval) -> Literal["better", "worse"]:
    more = ours.mean > one.published.value
    return "better" if more == (one.direction == "max") else "worse"


def _spread(one: Compared) -> tuple[tuple[str, ...], str]:
    """The mark, and the sentence, where further runs of ours may well give what theirs did."""
    predicted, runs = one.predicted, one.published.runs
    if predicted is None or not meet(predicted, one.theirs):
        return (), ""
    what = "a single further run of ours" if runs == 1 else f"the mean of {runs} further runs of ours"
    low, high = (f"{bound:.4g}" for bound in predicted[1:])
    return ("within our spread",), f" But {what} would lie in [{low}, {high}] (95 % prediction), which contains it."


def _both(one: Compared) -> str:
    """Theirs and ours, each with what it is of."""
    low, high = (f"{bound:.6g}" for bound in one.theirs[1:])
    theirs = f"Theirs is {one.published.printed}, {runs_of(one.published)}; {described(one.published)} [{low}, {high}]"
    count, statistic = len(one.values), one.published.statistic
    assert one.ours is not None  # noqa: S101, where there is one
    if one.fitted == "once":
        return f"{theirs}; ours is {one.ours.mean:.6g}, fitted once"
    if count == 1:
        return f"{theirs}; ours is {one.ours.mean:.4g}, one seed"
    number = f"{one.ours.mean:.4g}" if statistic == "best" else wording.interval(one.ours)
    return f"{theirs}; ours is {number}, the {statistic} of {count} seeds"


def _no_interval(one: Compared) -> str:
    if len(one.values) == 1:
        return "One seed has no interval"
    return "So few seeds, or such values, have no interval"


def _without(one: Compared) -> str:
    if one.left_out:
        return f"{wording.sentence(one.left_out.rstrip('.'))}."
    if one.recorded:
        return f"No run recorded '{one.metric}', but {wording.listed(one.recorded)}."
    return "It has not been fitted yet." if one.fitted else "No seed of ours has finished."


def _limits(one: Compared) -> tuple[str, ...]:
    marks = {"protocol differs": one.published.differs, "smaller": one.smaller}
    return tuple(mark for mark, reason in marks.items() if reason)


def _remarks(one: Compared) -> str:
    parts = []
    if one.lost:
        seeds = "1 seed of ours" if one.lost == 1 else f"{one.lost} seeds of ours"
        parts.append(f"{seeds} diverged or failed, in no number here")
    if one.published.differs:
        parts.append(f"Their protocol: {one.published.differs.rstrip('.')}")
    if one.smaller:
        parts.append(f"Not comparable at full size: {one.smaller.rstrip('.')}")
    return "".join(f" {part}." for part in parts)

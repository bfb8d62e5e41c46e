"""Two independent samples of scores: is one mean larger, by how much, is that significant, or are they equivalent?

Where every replicate draws its own initial values, order and search, and all see the same fixed data, replicate 3 of one
cell has no more in common with replicate 3 of another than with replicate 4. Welch's test then finds more than a paired one,
which has half as many degrees of freedom. Pairs are right where the task draws its data from the seed: that is a property of
the task, and never decided from the correlation that was observed. A deterministic baseline is a constant; where each
replicate draws a split of the same data, it is fitted at each, and the splits' overlap is in every variance. Where a cell
sometimes fails, its rate of success is compared as well, and the smaller of both p-values counts twice: two cells of which
one learns at every replicate may differ in that alone, or may be so far apart that how often they learn is no question.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import Literal

import numpy as np

from gru_tf.analysis.statistics.equivalence import equivalence_test
from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.analysis.statistics.means import MeanTest, finite, in_pairs, one_sample, standardised, welch
from gru_tf.analysis.statistics.paired import LEVEL, effect_size, holm, probability_of_improvement
from gru_tf.analysis.statistics.unreliable import is_unreliable, rate_difference, rates_test, threshold_of

How = Literal["welch", "paired", "resampled", "constant", "rates"]
Transform = Callable[[float], float]


@dataclass(frozen=True)
class SampleComparison:
    """What is known of first − second; NaN where it cannot be computed.

    Args:
        first, second: whose scores.
        counts: scores of each; of a constant 1.
        difference: of the means, or of the rates of success where `test` is "rates", with its 95 % interval.
        p: two-sided, of the test that `test` names.
        p_equivalent: of the difference being a margin or more; NaN without a margin, and of rates.
        effect: difference in standard deviations: of a paired test and of a constant in those of the differences, else in
            the root of the mean of both variances; with Hedges' correction for few values.
        improvement: probability that a score of the first is larger than one of the second, equal ones by half.
        test: how they were compared: Welch's test, Student's in pairs, the same corrected for splits that overlap
            ("resampled"), Student's against a constant, Fisher's of rates.
        p_holm, p_equivalent_holm: corrected for everything that was tested together, each by itself.
        comparisons: how much `p` is corrected for.
        unreliable: whether one of them sometimes fails; `p` is then twice the smaller one of two tests.
    """

    first: str
    second: str
    counts: tuple[int, int]
    difference: Interval
    p: float
    p_equivalent: float
    effect: float
    improvement: float
    test: How = "welch"
    p_holm: float = math.nan
    p_equivalent_holm: float = math.nan
    comparisons: int = 1
    unreliable: bool = False

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is at most 5 %; never where there is none."""
        return self.p_holm <= LEVEL

    @property
    def better(self) -> str | None:
        """The one with the larger mean, or rate, where that is significant and both are not equivalent; else None."""
        if not self.significant or self.equivalent or self.difference.mean == 0:
            return None
        return self.first if self.difference.mean > 0 else self.second

    @property
    def equivalent(self) -> bool:
        """Whether both are the same within the margin, be the rest of the difference significant or not.

        Were a significant difference better in any case, two experiments could call one pair better and equivalent, both
        rightly, for a small difference is both; within the margin it makes no difference to whoever chooses.
        """
        return self.p_equivalent_holm <= LEVEL

    @property
    def verdict(self) -> Literal["better", "equivalent", "unreliable", "inconclusive"]:
        """In a word: "unreliable" where one of them sometimes fails, and how often does not tell them apart."""
        if self.better:
            return "better"
        return "equivalent" if self.equivalent else "unreliable" if self.unreliable else "inconclusive"

    def seen_from(self, name: str) -> "SampleComparison":
        """The same with the one of this name first.

        Raises:
            ValueError: where it is neither's name.
        """
        if name not in (self.first, self.second):
            raise ValueError(f"seen_from: expected {self.first!r} or {self.second!r}. Received: {name!r}")
        if name == self.first:
            return self
        mean, low, high = (-bound for bound in self.difference)
        return replace(
            self,
            first=self.second,
            second=self.first,
            counts=self.counts[::-1],
            difference=Interval(mean, high, low),
            effect=-self.effect,
            improvement=1 - self.improvement,
        )


@dataclass(frozen=True)
class TaskSamples:
    """The scores of one task, larger is better.

    Args:
        scores: cell → its scores by replicate; NaN where one has none, −inf where it diverged.
        constants: deterministic baseline → its score.
        paired: whether the task draws its data from the seed, so that replicates of two cells are pairs.
        baselines: deterministic baseline → its scores by replicate, where each of these has a split of its own.
        overlap: of these splits, as of `means.one_sample`.
        chance: score of the baseline that failures are measured by; None where cells are not asked for failures, so that
            runs that diverged are left out.
        margin: within which two means are equivalent; None where that is not asked.
        transform: a growing function to the scale that differences are tested on, such as `scales.growing`; what is printed
            and the margin stay in the units of the scores.
    """

    scores: Mapping[str, Sequence[float]]
    constants: Mapping[str, float] = field(default_factory=dict)
    paired: bool = False
    chance: float | None = None
    margin: float | None = None
    transform: Transform | None = None
    baselines: Mapping[str, Sequence[float]] = field(default_factory=dict)
    overlap: float = 0.0

    def pairs(self) -> list[tuple[str, str]]:
        """Every two cells, then every cell with every baseline; two baselines need no test."""
        others = (*self.constants, *self.baselines)
        return [*combinations(self.scores, 2), *((cell, name) for cell in self.scores for name in others)]

    def unreliable(self, replicates: int | None = None) -> list[str]:
        """The cells that sometimes fail, as seen by the first `replicates`."""
        if self.chance is None:
            return []
        return [cell for cell, scores in self.scores.items() if is_unreliable(scores[:replicates], self.chance)]

    def compare(self, first: str, second: str, replicates: int | None = None) -> SampleComparison:
        """One of `pairs`, by the first `replicates` of each cell where a number is given."""
        names, a = (first, second), self.scores[first][:replicates]
        constant = second in self.constants
        b = [self.constants[second]] if constant else {**self.baselines, **self.scores}[second][:replicates]
        failing = {first, second} & set(self.unreliable(replicates))
        if failing and self.chance is not None:
            thresholds = [threshold_of(self.scores[cell][:replicates], self.chance)[0] for cell in failing]
            rates = compare_rates(a, b, float(np.fmax.reduce(thresholds)), names)
            return _of_two(rates, self._means(_at_least(a, self.chance), _at_least(b, self.chance), names, constant))
        return self._means(a, b, names, constant)

    def _means(self, a: Sequence[float], b: Sequence[float], names: tuple[str, str], constant: bool) -> SampleComparison:
        if constant:
            return compare_with_constant(a, b[0], names, self.margin, self.transform)
        if self.paired:  # a cell that was dropped has fewer replicates than the others
            both = min(len(a), len(b))
            a, b = a[:both], b[:both]
        return compare_samples(a, b, names, self.paired, self.margin, self.transform, self.overlap)


def _at_least(scores: Sequence[float], chance: float) -> list[float]:
    """A run that diverged learned nothing: it counts as the baseline's score."""
    return [chance if score == -math.inf else score for score in scores]


def _of_two(rates: SampleComparison, means: SampleComparison) -> SampleComparison:
    """By the test that says more, whose p-value counts twice; never equivalent: two means of two kinds of runs each.

    A mean decides for none that learns less often: it may be ahead where it learns, and behind where it does not.
    """
    against = means.difference.mean * rates.difference.mean < 0
    by = means if means.p < rates.p and not against else rates
    return replace(by, p=min(2 * by.p, 1.0), p_equivalent=math.nan, counts=rates.counts, unreliable=True)


def compare_samples(
    first: Sequence[float],
    second: Sequence[float],
    names: tuple[str, str] = ("first", "second"),
    paired: bool = False,
    margin: float | None = None,
    transform: Transform | None = None,
    overlap: float = 0.0,
) -> SampleComparison:
    """Compare two cells, nothing corrected.

    Args:
        first: scores by replicate, larger is better; those that are not finite are left out.
        second: the same of the other; as many where `paired`.
        names: whose.
        paired: whether the task draws its data from the seed, so that replicates of both are pairs.
        margin: within which they are equivalent.
        transform: to the scale of the test.
        overlap: of the splits that pairs are of, as of `means.one_sample`; not without pairs.

    Raises:
        ValueError: where pairs are asked for, and there are not equally many, or a score has no place on the scale; and for
            an overlap without pairs.
    """
    if overlap and not paired:
        raise ValueError(f"compare_samples: expected pairs where splits overlap. Received: an overlap of {overlap:g} alone")
    mean_test = partial(in_pairs, overlap=overlap) if paired else welch
    test = mean_test(first, second)
    p = _p(test, mean_test(_moved(first, transform), _moved(second, transform)))
    a, b = np.asarray(first, float), np.asarray(second, float)
    if paired:
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
    a, b = finite(a.tolist()), finite(b.tolist())
    effect = effect_size(a - b) if paired and test.error > 0 else math.nan if paired else standardised(a, b)
    counts = len(a), len(b)
    better = probability_of_improvement(a, b)
    how: How = "resampled" if overlap else "paired" if paired else "welch"
    return _comparison(names, counts, test, p, margin, effect, better, how)


def _p(test: MeanTest, on_scale: MeanTest) -> float:
    """Of the test on its scale; 1 where the difference there is the other way round: neither is larger on both."""
    return 1.0 if test.mean * on_scale.mean < 0 else on_scale.p()


def _moved(values: Sequence[float], transform: Transform | None) -> Sequence[float]:
    """On the scale of the test.

    Raises:
        ValueError: where a finite score is not finite there: it would be left out, and without a word.
    """
    if transform is None:
        return values
    moved = [transform(value) for value in values]
    lost = [old for old, new in zip(values, moved, strict=True) if math.isfinite(old) and not math.isfinite(new)]
    if lost:
        raise ValueError(f"transform: expected a finite value of each finite score. Received: none of {lost[0]:g}")
    return moved


def compare_with_constant(
    values: Sequence[float],
    constant: float,
    names: tuple[str, str] = ("first", "second"),
    margin: float | None = None,
    transform: Transform | None = None,
) -> SampleComparison:
    """Compare a cell with a score that has no spread, e.g. of a deterministic baseline; nothing corrected."""
    test, a = one_sample(values, constant), finite(values)
    p = _p(test, one_sample(_moved(values, transform), _moved([constant], transform)[0]))
    effect = effect_size(a - constant) if test.error > 0 else math.nan
    better = probability_of_improvement(a, finite([constant]))
    return _comparison(names, (len(a), 1), test, p, margin, effect, better, "constant")


def _comparison(
    names: tuple[str, str],
    counts: tuple[int, int],
    test: MeanTest,
    p: float,
    margin: float | None,
    effect: float,
    improvement: float,
    how: How,
) -> SampleComparison:
    equivalent = math.nan if margin is None else equivalence_test(test, margin)
    return SampleComparison(*names, counts, test.interval(), p, equivalent, effect, improvement, how)


def compare_rates(
    first: Sequence[float],
    second: Sequence[float],
    threshold: float,
    names: tuple[str, str] = ("first", "second"),
) -> SampleComparison:
    """Compare how often two cells reach a threshold, by Fisher's exact test; nothing corrected.

    Args:
        first: scores by replicate; −inf of a run that diverged, NaN where there is none, which is left out.
        second: the same of the other. One score is a deterministic baseline: it reaches the threshold as often as the
            first was run, or never.
        threshold: what counts as success.
        names: whose.
    """
    a, b = ([score for score in scores if not math.isnan(score)] for scores in (first, second))
    runs = [len(a), len(a) if len(second) == 1 and b else len(b)]
    wins = [sum(score >= threshold for score in a), sum(score >= threshold for score in b) * (runs[1] // max(len(b), 1))]
    one, other = (wins[0], runs[0]), (wins[1], runs[1])
    better = probability_of_improvement(a, b)
    p, difference = rates_test(one, other), rate_difference(one, other)
    return SampleComparison(*names, (len(a), len(b)), difference, p, math.nan, math.nan, better, "rates")


def compare_family(
    tasks: Sequence[TaskSamples], further: Sequence[float] = ()
) -> tuple[list[list[SampleComparison]], list[float]]:
    """Every pair on every task, and further p-values such as those of claims, all corrected together by Holm's procedure.

    Were each task, or the claims, corrected by themselves, one experiment in several would find a difference that is not
    there.

    Args:
        tasks: scores of each.
        further: p-values of what else is asked; NaN where a test could not be made.

    Returns:
        The comparisons of each task, in the order of `TaskSamples.pairs`, and the further p-values, corrected.
    """
    comparisons = [[task.compare(*pair) for pair in task.pairs()] for task in tasks]
    flat = [one for task in comparisons for one in task]
    p_values = [*(one.p for one in flat), *further]
    family, corrected = sum(map(math.isfinite, p_values)), iter(holm(p_values))
    equivalent = iter(holm([one.p_equivalent for one in flat]))
    done = [
        [replace(one, p_holm=next(corrected), p_equivalent_holm=next(equivalent), comparisons=family or 1) for one in task]
        for task in comparisons
    ]
    return done, list(corrected)

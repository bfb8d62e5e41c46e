"""Scales on which an interval stays within what a metric can be: shares by their logit, errors by their logarithm.

An accuracy of 0.99 ± 0.02 reaches above 1, and a negative log likelihood of 0.1 ± 0.2 below 0: Student's interval does not
know where a metric ends. On the logit of a share, and on the logarithm of a positive error, there is no end, and the bounds
that are transformed back stay inside (A. Agresti, Categorical data analysis, 2013, §3.1, for shares). Where a test asks
which of two is larger, it is made of the transformed scores as well: an error that is halved counts alike at any size.

A share of exactly 0 or 1 among n examples has no logit. It gets that of half an example more on either side,
log((k + ½) / (n − k + ½)), the empirical logit (J. B. S. Haldane, 1956; F. J. Anscombe, On estimating binomial response
relations, 1956). An error of exactly 0 has no logarithm; it counts as half of the smallest positive one beside it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.analysis.statistics.means import finite, one_sample

Kind = Literal["plain", "logit", "log", "loglog"]
KINDS: dict[str, tuple[Kind, float]] = {  # metric → its scale, and the largest value of a share
    "accuracy": ("logit", 1.0),
    "balanced_accuracy": ("logit", 1.0),
    "macro_f1": ("logit", 1.0),
    "roc_auc": ("logit", 1.0),
    "bleu": ("logit", 100.0),
    "beam_bleu": ("logit", 100.0),
    "mse": ("log", math.inf),
    "mae": ("log", math.inf),
    "rmse": ("log", math.inf),
    "mape": ("log", math.inf),
    "smape": ("log", math.inf),
    "mase": ("log", math.inf),
    "nll": ("log", math.inf),
    "bpc": ("log", math.inf),
    "perplexity": ("loglog", math.inf),  # of which the logarithm is a positive number of nats
}


@dataclass(frozen=True)
class MetricScale:
    """A strictly growing function of a metric, and its inverse.

    Args:
        kind: which.
        most: the largest value of a share, e.g. 100 of BLEU.
        examples: that a share is of; half of one is added on either side.
        least: what an error of 0, or a perplexity of 1 in nats, counts as.
    """

    kind: Kind = "plain"
    most: float = math.inf
    examples: float = math.inf
    least: float = 0.0

    def forward(self, value: float) -> float:
        """On this scale; NaN for NaN, and for what the metric cannot be. Of a mean as of a single score."""
        if math.isnan(value) or self.kind == "plain":
            return value
        if self.kind == "logit":
            return self._logit(value / self.most)
        nats = value if self.kind == "log" else math.log(value) if value > 0 else math.nan
        if not nats >= 0:
            return math.nan
        return math.log(max(nats, self.least)) if max(nats, self.least) > 0 else -math.inf

    def _logit(self, share: float) -> float:
        if not 0 <= share <= 1:
            return math.nan
        if math.isinf(self.examples):
            return math.log(share / (1 - share)) if 0 < share < 1 else math.inf if share else -math.inf
        half = 0.5
        return math.log((share * self.examples + half) / ((1 - share) * self.examples + half))

    def back(self, value: float) -> float:
        """From this scale, never outside of what the metric can be."""
        if math.isnan(value) or self.kind == "plain":
            return value
        if self.kind == "logit":
            share = 1 / (1 + math.exp(-value)) if value > -700 else 0.0
            if math.isfinite(self.examples):
                share = (share * (self.examples + 1) - 0.5) / self.examples
            return self.most * min(max(share, 0.0), 1.0)
        inner = math.exp(value) if value < 700 else math.inf
        return inner if self.kind == "log" else math.exp(inner) if inner < 700 else math.inf

    def slope(self, value: float) -> float:
        """Derivative of `forward`, inside of what the metric can be."""
        if self.kind == "plain":
            return 1.0
        if self.kind == "logit":
            share, more = value / self.most, 0.5 / self.examples
            return (1 + 2 * more) / ((share + more) * (1 - share + more)) / self.most
        return 1 / value if self.kind == "log" else 1 / (value * math.log(value))


def scale_of(metric: str, values: Iterable[float] = (), examples: float | None = None) -> MetricScale:
    """The scale of a metric.

    Args:
        metric: its name; one that is not known has a plain scale, for nothing is known of where it ends.
        values: everything that is to be compared on it, of which the smallest positive error stands in for 0.
        examples: test examples of which an accuracy is the share; those of a word or a step within a sequence depend on one
            another, so sequences are counted, not steps. None where there is no number: 1 and 0 are then ±∞.
    """
    kind, most = KINDS.get(metric, ("plain", math.inf))
    if kind == "plain":
        return MetricScale()
    if kind == "logit":
        return MetricScale(kind, most, examples or math.inf)
    nats = [value if kind == "log" else math.log(value) for value in values if math.isfinite(value) and value > 0]
    return MetricScale(kind, least=min((n for n in nats if n > 0), default=2e-300) / 2)


def growing(scale: MetricScale, direction: Literal["max", "min"]) -> Callable[[float], float]:
    """From a score, larger is better (the metric, or its negative where less is better), to one on the scale, likewise.

    −∞, a run that diverged, stays −∞, and NaN stays NaN.
    """
    sign = 1.0 if direction == "max" else -1.0
    return lambda score: score if score == -math.inf else sign * scale.forward(sign * score)


def scaled_interval(values: Sequence[float], scale: MetricScale, confidence: float = 0.95, overlap: float = 0.0) -> Interval:
    """The arithmetic mean, and its interval by Student's on the scale, transformed back: never outside of the metric.

    The scale's slope at the mean turns the mean's standard error into that on the scale (the delta method), so the interval
    is about the mean that stands in the table, not about a geometric one. Where Student's interval of an error is wider than
    the mean itself, the upper bound goes on in proportion to it: three values that scatter that far would else have an
    interval up to thousands of times their mean. Where all values are exactly 0 or the largest
    share, there is no spread to go by; the bound is then what so many test examples allow, Clopper and Pearson's, or NaN
    where their number is not known. Values that are not finite are left out; NaN bounds for fewer than two. `overlap` is
    that of splits that they are of, as of `means.one_sample`.
    """
    test = one_sample(values, overlap=overlap)
    if not math.isfinite(test.error) or scale.kind == "plain":
        return test.interval(confidence)
    if test.error == 0:
        return _without_spread(test.mean, scale, confidence)
    centre = scale.forward(test.mean)
    if not math.isfinite(centre):  # e.g. a mean below 0 of what should be positive: the scale is not this metric's
        return Interval(test.mean, math.nan, math.nan)
    from scipy.special import stdtrit

    students = float(stdtrit(test.freedom, 0.5 + confidence / 2)) * test.error
    half = students * scale.slope(test.mean)
    farthest = math.inf if scale.kind == "logit" else test.mean + (math.e - 1) * students
    return Interval(test.mean, scale.back(centre - half), min(scale.back(centre + half), farthest))


def _without_spread(value: float, scale: MetricScale, confidence: float) -> Interval:
    end = scale.kind == "logit" and value in (0.0, scale.most)
    if not end:
        return Interval(value, value, value)
    if math.isinf(scale.examples):
        return Interval(value, math.nan, math.nan)
    from scipy.special import betaincinv

    missed = float(betaincinv(1.0, scale.examples, 0.5 + confidence / 2)) * scale.most
    return Interval(value, value, missed) if value == 0 else Interval(value, value - missed, value)


def geometric_mean(values: Sequence[float], scale: MetricScale) -> float:
    """The mean on the scale, transformed back: what a test on the scale compares; of errors the geometric mean."""
    moved = finite([scale.forward(value) for value in values])
    return scale.back(float(np.mean(moved))) if len(moved) else math.nan

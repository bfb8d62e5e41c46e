"""Where the mean or median of further runs will lie, and how often it lies inside of the interval of the first ones.

An interval of a mean says where the mean of all runs is. The mean of some further ones scatters about it as well: of n
runs with standard deviation s, that of m others differs with the standard error s √(1/n + 1/m), not s / √n (G. J. Hahn and
W. Q. Meeker, Statistical intervals, 1991, §4.7: a prediction interval for the mean of a future sample).

Of a cell that sometimes fails the median stands in place of the mean. Where the median of m others lies among n sorted
scores depends on no distribution: that j of the n lie below the k-th of the m has the probability

    C(k − 1 + j, j) C(m − k + n − j, n − j) / C(n + m, n)

(the same, §5.4: intervals for an order statistic of a future sample).
"""

import math
from collections.abc import Sequence

from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.analysis.statistics.means import one_sample
from gru_tf.analysis.statistics.scales import MetricScale
from gru_tf.analysis.statistics.unreliable import median_interval


def prediction_interval(values: Sequence[float], further: int, scale: MetricScale, confidence: float = 0.95) -> Interval:
    """The mean of `values` and where that of `further` new ones will lie, by Student's t on the metric's scale.

    The scale's slope at the mean turns the error of the difference into that on the scale, as `scales.scaled_interval` does
    for the mean itself, so that the bounds stay inside of the metric. NaN bounds for fewer than two values; without width
    where no value differs from another.

    Raises:
        ValueError: for fewer than one further run.
    """
    if further < 1:
        raise ValueError(f"prediction_interval: expected at least 1 further run. Received: {further}")
    test = one_sample(values)
    if not math.isfinite(test.error) or test.error == 0:
        return test.interval(confidence)
    students = _t(test.freedom, confidence) * test.error * math.sqrt(1 + (test.freedom + 1) / further)
    centre = scale.forward(test.mean)
    if scale.kind == "plain" or not math.isfinite(centre):
        return Interval(test.mean, test.mean - students, test.mean + students)
    half = students * scale.slope(test.mean)
    farthest = math.inf if scale.kind == "logit" else test.mean + (math.e - 1) * students
    return Interval(test.mean, scale.back(centre - half), min(scale.back(centre + half), farthest))


def share_inside(count: int, further: int, confidence: float = 0.95) -> float:
    """How often the mean of `further` new runs lies inside of the interval of `count` first ones, of normal scores.

    The difference over its estimated error is Student's t of n − 1 degrees of freedom, and the interval's bounds lie at
    t / √(1 + n / m) of these: 83.4 % for many runs and as many again, 90.7 % for three and three. NaN for one run.
    """
    if count < 2:
        return math.nan
    from scipy.special import stdtr

    bound = _t(count - 1, confidence) / math.sqrt(1 + count / further)
    return float(2 * stdtr(count - 1, bound) - 1)


def median_prediction(values: Sequence[float], further: int, confidence: float = 0.95) -> Interval:
    """The median of `values` and the closest pair of them that holds that of `further` new ones with this confidence.

    The smallest and the largest where no pair does.

    Raises:
        ValueError: for fewer than one further run, or no value.
    """
    if further < 1 or not values:
        received = f"{len(values)}, {further}"
        raise ValueError(f"median_prediction: expected values and at least 1 further run. Received: {received}")
    ordered, middle = sorted(values), median_interval(values).mean
    fewest = (len(ordered) - 1) // 2
    skipped = next((k for k in range(fewest, -1, -1) if median_inside(len(ordered), further, k) >= confidence), 0)
    return Interval(middle, ordered[skipped], ordered[-1 - skipped])


def median_inside(count: int, further: int, skipped: int) -> float:
    """How often the median of `further` new runs lies between two of `count` first ones, `skipped` on either side of them.

    Of an even number of runs, the mean of what holds for the two middle ones.
    """
    middles = {(further + 1) // 2, further // 2 + 1}
    return sum(_between(count, further, k, skipped) for k in middles) / len(middles)


def _between(count: int, further: int, k: int, skipped: int) -> float:
    """Probability that more than `skipped` of `count` lie below the k-th of `further`, and more than `skipped` above."""
    ways = (
        math.comb(k - 1 + j, j) * math.comb(further - k + count - j, count - j) for j in range(skipped + 1, count - skipped)
    )
    return sum(ways) / math.comb(count + further, count)


def _t(freedom: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))

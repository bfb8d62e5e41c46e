"""The test metrics of runs as scores, with intervals that stay within what the metric can be."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.scales import KINDS, scale_of, scaled_interval
from gru_tf.experiment.result import RunResult, sign


def oriented(result: RunResult) -> float:
    """The test metric, turned so that larger is better; −inf of a run that diverged, NaN of one without a metric."""
    if result.status == "diverged" or (result.test is not None and math.isinf(result.test)):
        return -math.inf
    if result.status != "finished" or result.test is None:
        return math.nan
    return sign(result.direction) * result.test


def examples_of(results: Iterable[RunResult]) -> float | None:
    """Test examples that a share is of; None where the results do not say, and no share tells.

    Results of older versions do not record their number. The smallest step from 0 or 1 that was measured stands in.
    """
    results = list(results)
    known = [r.test_examples for r in results if r.test_examples]
    if known:
        return float(known[0])
    shares = [r.test for r in results if r.test is not None and KINDS.get(r.metric, ("plain", 1.0)) == ("logit", 1.0)]
    steps = [min(share, 1 - share) for share in shares if 0 < share < 1]
    return 1 / min(steps) if steps else None


def bounded(metric: str, values: Sequence[float], examples: float | None = None, overlap: float = 0.0) -> Interval:
    """Mean and 95 % interval of a metric by Student's t on the metric's scale, so that it stays inside.

    Where every value is the same there is no spread to go by, and no width; of shares that are all 0, or all 1, the bound is
    what so many test examples allow, where their number is known. `overlap` is that of the task, see `Task.overlap`.
    """
    if not all(map(math.isfinite, values)):  # a mean without them would hide that they are there
        return Interval(float(np.mean(values)), math.nan, math.nan)
    known = scaled_interval(values, scale_of(metric, values, examples), overlap=overlap)
    alike = len(values) > 1 and len(set(values)) == 1 and math.isnan(known.low) and math.isfinite(values[0])
    return Interval(values[0], values[0], values[0]) if alike else known

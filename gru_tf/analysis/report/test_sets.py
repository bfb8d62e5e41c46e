"""What a cell's metric would be on another test set of this size: replicates crossed with test examples.

The interval over replicates holds for other searches and other initial values, on this test set. Every replicate is scored
on the same examples, so nothing in it says what others would do.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.replicates import crossed
from gru_tf.experiment import losses
from gru_tf.experiment.result import RunResult

FORMS: dict[str, Callable[[float], float]] = {  # of the metrics that are no mean themselves, up to the task's scale
    "rmse": lambda mean: math.sqrt(max(mean, 0.0)),
    "perplexity": lambda mean: math.exp(min(mean, 700.0)),
}


def other_test_sets(finals: Sequence[RunResult]) -> Interval | None:
    """Mean with its 95 % interval, of replicates and test examples; None where the losses of fewer than two are kept.

    Args:
        finals: finished final runs of one cell on one task, with their losses.
    """
    kept = [(r, losses.array(r.losses)) for r in finals if r.losses and r.test is not None and math.isfinite(r.test)]
    counts = {len(values) for _, values in kept}
    if len(kept) < 2 or len(counts) != 1 or counts.pop() < 2:
        return None
    table = np.array([values for _, values in kept], float)
    if not np.isfinite(table).all():
        return None
    form = FORMS.get(kept[0][0].metric, float)
    run, own = kept[0]
    unscaled = form(float(np.mean(own, dtype=np.float64)))
    scale = run.test / unscaled if unscaled and run.test else 1.0
    mean, low, high = crossed(table).test.interval()
    most = 1.0 if run.metric == "accuracy" else math.inf
    ends = (scale * form(max(low, 0.0)), min(scale * form(high), most))
    return Interval(scale * form(mean), *ends)

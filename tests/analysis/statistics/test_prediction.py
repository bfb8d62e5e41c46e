"""Medians of further runs against simulated ones, whatever the distribution."""

import numpy as np
import pytest

from gru_tf.analysis.statistics.prediction import median_inside, median_prediction
from gru_tf.analysis.statistics.unreliable import beside_median, median_interval


@pytest.mark.parametrize(("count", "further"), [(10, 10), (10, 9), (9, 9), (6, 20), (30, 30)])
@pytest.mark.parametrize("kind", ["normal", "two modes"])
def test_medians_lie_inside_as_often_as_said(count, further, kind):
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(40_000, count + further))
    if kind == "two modes":
        draws += 50 * (rng.random(draws.shape) < 0.6)
    first, second = np.sort(draws[:, :count], axis=1), np.median(draws[:, count:], axis=1)
    for skipped in (0, beside_median(count)):
        inside = (first[:, skipped] <= second) & (second <= first[:, -1 - skipped])
        within = 0.01 if further % 2 else 0.04  # of an even number, what holds for either middle one stands for their mean
        assert median_inside(count, further, skipped) == pytest.approx(inside.mean(), abs=within)


def test_the_prediction_holds_at_least_as_often_as_said_and_no_closer_pair_does():
    for count, further in ((10, 10), (12, 7), (30, 30)):
        values = np.arange(count, dtype=float).tolist()
        found = median_prediction(values, further)
        skipped = int(found.low)
        assert found.mean == np.median(values)
        assert found.high == count - 1 - skipped
        assert median_inside(count, further, skipped) >= 0.95 > median_inside(count, further, skipped + 1)
        stated = median_interval(values)
        assert found.low <= stated.low < stated.high <= found.high, "wider than where the median of all runs is"


def test_of_few_runs_the_prediction_is_all_of_them():
    assert median_prediction([3.0, 1.0, 2.0], 3) == (2.0, 1.0, 3.0)
    assert median_inside(3, 3, 0) < 0.95
    with pytest.raises(ValueError, match="at least 1 further run. Received: 3, 0"):
        median_prediction([3.0, 1.0, 2.0], 0)

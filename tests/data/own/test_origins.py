"""Rolling origins against a loop over moments, at every origin that there is."""

import numpy as np
import pytest

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import origins
from gru_tf.data.own.splits import TEST, TRAIN, VALIDATION, by_time

SIZES = [5, 10, 23, 40, 144]
SHARES = [(0.15, 0.2), (0.2, 0.2), (0.3, 0.4), (0.1, 0.05)]


def by_hand(count, validation, test):
    """The parts at every origin, earliest first: a moment counted one by one, from the end of the test part back."""
    tested, validated = max(1, round(test * count)), max(1, round(validation * count))
    parts = []
    for end in range(tested + validated + 1, count + 1):
        training = end - tested - validated
        if training >= min(count / 2, count - tested - validated):
            rows = []
            for moment in range(count):
                later = moment >= end
                part = TRAIN if moment < training else VALIDATION if moment < training + validated else TEST
                rows.append(origins.UNUSED if later else part)
            parts.append(rows)
    return parts


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("shares", SHARES, ids=str)
def test_every_draw_is_one_of_the_loops_and_each_of_these_is_drawn(count, shares):
    expected = by_hand(count, *shares)
    assert list(origins.ends(count, *shares)) == [sum(part != origins.UNUSED for part in parts) for parts in expected]
    drawn = [tuple(origins.by_origin(np.arange(count), *shares, draw)) for draw in range(1, 800)]
    assert set(drawn) == set(map(tuple, expected))
    if len(expected) > 1:
        often = [drawn.count(tuple(parts)) for parts in expected]
        assert min(often) > 0.4 * np.mean(often), "each origin is as likely as another"


@pytest.mark.parametrize("count", SIZES)
def test_draw_0_is_the_split_without_draws(count):
    times = np.random.default_rng(0).permutation(count)
    np.testing.assert_array_equal(origins.by_origin(times, 0.15, 0.2, 0), by_time(times, 0.15, 0.2))


def test_rows_of_many_series_in_any_order_go_by_their_moment():
    times = np.random.default_rng(1).permutation(np.repeat(np.datetime64("2020-01-01") + np.arange(30), 3))
    moments = np.unique(times)
    for draw in range(20):
        of_moment = dict(zip(moments, origins.by_origin(moments, 0.2, 0.2, draw), strict=True))
        assert origins.by_origin(times, 0.2, 0.2, draw).tolist() == [of_moment[time] for time in times]


def test_last_moments_are_the_ends_of_the_test_parts():
    times = 10 * np.arange(40)
    last = origins.last_moments(times, 0.15, 0.2)
    drawn = {int(times[origins.by_origin(times, 0.15, 0.2, draw) == TEST].max()) for draw in range(1, 400)}
    assert last.tolist() == sorted(drawn)
    assert last[-1] == times[-1]


def test_too_few_moments():
    with pytest.raises(DatasetError, match="a.csv: expected at least 3 moments .*Received: 2"):
        origins.by_origin(np.arange(2), 0.2, 0.2, 1, "a.csv")

"""How intervals are written."""

import math

import pytest

from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.analysis.wording import interval


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Interval(3.7e-5, 1.1e-5, 6.3e-5), "3.7 [1.1, 6.3]·10⁻⁵"),
        (Interval(0.953, 0.94, 0.97), "0.953 [0.940, 0.970]"),
        (Interval(0.5, 0.5, 0.5), "0.500 [0.500, 0.500]"),
        (Interval(0.95, -math.inf, 0.97), "0.950 [diverged, 0.970]"),
        (Interval(0.0101, 0.01, math.inf), "0.010100 [0.010000, diverged]"),
        (Interval(3e-5, 2e-5, math.inf), "3.00 [2.00, diverged]·10⁻⁵"),
        (Interval(0.2, -math.inf, math.inf), "0.200 [diverged, diverged]"),
        (Interval(math.inf, 0.11, math.inf), "diverged [0.11, diverged]"),
        (Interval(-math.inf, -math.inf, 0.9), "diverged [diverged, 0.9]"),
        (Interval(0.2, math.nan, math.nan), "0.2 [one seed]"),
        (Interval(math.inf, math.nan, math.nan), "inf [no interval]"),
    ],
)
def test_an_interval(value, expected):
    assert interval(value) == expected

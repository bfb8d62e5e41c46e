"""Numbers that mark missing values are named; numbers that are values are not."""

import numpy as np
import pandas
import pytest

from gru_tf.suite import comparison
from gru_tf.suite.comparison.guess.sentinels import sentinel

RNG = np.random.default_rng(0)
GAS = RNG.gamma(3, 60, 900).round()  # from about 5 to 900, as concentrations


def with_mark(values, mark, count=20):
    marked = values.copy()
    marked[RNG.permutation(len(values))[:count]] = mark
    return marked


MARKED = {
    "-200 below concentrations": (with_mark(GAS, -200.0), -200.0),
    "-200 below temperatures": (with_mark(RNG.normal(15, 8, 900).round(1), -200.0), -200.0),
    "9999": (with_mark(RNG.normal(1013, 9, 900).round(1), 9999.0), 9999.0),
    "-999 of small numbers": (with_mark(RNG.random(900).round(4), -999.0), -999.0),
    "99 among stars": (with_mark(RNG.normal(20, 2, 900).round(2), 99.0, 3), 99.0),
}
VALUES = {
    "noise": RNG.normal(size=900),
    "no rain on most days": np.where(RNG.random(900) < 0.7, 0.0, RNG.gamma(1, 4, 900).round(1)),
    "closed on Sundays": np.where(np.arange(900) % 7 == 6, 0.0, RNG.normal(5000, 600, 900).round()),
    "a sensor at its limit": np.minimum(RNG.normal(900, 100, 900).round(), 1023),
    "two classes": np.arange(900) % 2 * 50.0,
    "marks of a few values": RNG.choice([1.0, 2, 3, 4, 5, 9], 900),
    "one outlier": np.append(RNG.normal(size=900), 500.0),
    "heavy tails": RNG.standard_t(2, 900),
    "counts": RNG.poisson(3, 900).astype(float),
    "nothing": np.full(9, np.nan),
}


@pytest.mark.parametrize("case", MARKED)
def test_a_mark_of_missing_values_is_seen(case):
    values, mark = MARKED[case]
    assert sentinel(values) == mark


@pytest.mark.parametrize("case", VALUES)
def test_values_are_no_marks(case):
    assert sentinel(VALUES[case]) is None


def test_the_columns_are_named_before_anything_starts(tmp_path):
    days = pandas.date_range("2024-01-01", periods=900, freq="h")
    marked = with_mark(GAS, -200.0)
    frame = pandas.DataFrame({"time": days, "co": marked, "nox": with_mark(GAS, -200.0), "t": RNG.normal(size=900)})
    frame.to_csv(tmp_path / "air.csv", index=False)
    lines = [text for text, options in comparison.plan(tmp_path / "air.csv", target="co").inferences if "-200" in text]
    assert lines == ["-200 in co, nox, far from all other values: if it marks missing values, leave these fields empty"]
    frame.drop(columns="nox").to_csv(tmp_path / "air.csv", index=False)
    lines = [text for text, options in comparison.plan(tmp_path / "air.csv", target="co").inferences if "-200" in text]
    assert len(lines) == 1
    assert lines[0].startswith("-200 in 20 of 900 rows of co, far from all other values")


def test_so_are_those_of_arrays():
    inputs = np.stack([GAS.reshape(60, 15), with_mark(GAS, -200.0).reshape(60, 15)], axis=-1)
    lines = [text for text, _ in comparison.plan({"X": inputs, "y": np.arange(60) % 2}).inferences if "-200" in text]
    assert len(lines) == 1
    assert lines[0].startswith("-200 in 20 of 900 rows of X[1], far from all other values")

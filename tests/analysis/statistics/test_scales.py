"""Scales: closed forms, statsmodels' logit interval, bounds that stay inside, and coverage in simulation."""

import math
from typing import get_args

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest, gmean
from statsmodels.stats.proportion import proportion_confint

from gru_tf.analysis.statistics.intervals import mean_interval
from gru_tf.analysis.statistics.scales import KINDS, MetricScale, geometric_mean, growing, scale_of, scaled_interval
from gru_tf.tasks.task import MetricName

INSIDE = {"accuracy": (0.0, 0.3, 1.0), "bleu": (0.0, 30.0, 100.0), "mse": (1e-9, 0.3, 70.0), "perplexity": (1.001, 9.0, 1e4)}


def test_every_metric_has_a_scale():
    assert set(KINDS) == set(get_args(MetricName))
    assert scale_of("return", [1.0]) == MetricScale()


@pytest.mark.parametrize("metric", INSIDE)
def test_back_is_the_inverse_and_the_slope_the_derivative(metric):
    scale = scale_of(metric, INSIDE[metric], examples=360)
    for value in INSIDE[metric]:
        assert scale.back(scale.forward(value)) == pytest.approx(value, rel=1e-9, abs=1e-12)
    middle, step = INSIDE[metric][1], 1e-6
    rise = (scale.forward(middle + step) - scale.forward(middle - step)) / (2 * step)
    assert scale.slope(middle) == pytest.approx(rise, rel=1e-6)


def test_the_empirical_logit():
    scale = scale_of("accuracy", examples=360)
    assert scale.forward(354 / 360) == pytest.approx(math.log(354.5 / 6.5))
    assert scale.forward(1.0) == -scale.forward(0.0) == pytest.approx(math.log(360.5 / 0.5))
    assert scale_of("accuracy").forward(0.75) == pytest.approx(logit(0.75))
    assert scale_of("accuracy").forward(1.0) == math.inf
    assert scale.back(50.0) == 1.0
    assert scale.back(-50.0) == scale.back(-5000.0) == 0.0


def test_an_error_of_nothing_counts_as_half_of_the_smallest():
    scale = scale_of("mse", [0.0, 1e-4, 0.3, math.nan])
    assert scale.forward(0.0) == pytest.approx(math.log(0.5e-4))
    assert math.isfinite(scale_of("mse", [0.0]).forward(0.0))
    assert scale_of("perplexity", [1.0, math.e]).forward(1.0) == pytest.approx(math.log(0.5))


@pytest.mark.parametrize(("metric", "value"), [("accuracy", 1.01), ("accuracy", -0.1), ("mse", -1.0), ("perplexity", 0.9)])
def test_what_the_metric_cannot_be_is_no_number(metric, value):
    assert math.isnan(scale_of(metric, examples=10).forward(value))
    assert math.isnan(scale_of(metric, examples=10).forward(math.nan))


def test_the_interval_of_shares_is_the_logit_interval():
    """Of 0 and 1 scores, the delta method's variance is that of statsmodels' logit interval, but for n − 1 and t."""
    values, n = [1.0] * 70 + [0.0] * 30, 100_000
    big = values * (n // 100)
    low, high = proportion_confint(70 * n // 100, n, method="wilson")
    interval = scaled_interval(big, MetricScale("logit", 1.0))
    assert interval.mean == pytest.approx(0.7)
    assert interval[1:] == pytest.approx((low, high), abs=1e-6)
    error = 1.959964 / math.sqrt(n * 0.7 * 0.3)
    assert interval[1:] == pytest.approx((expit(logit(0.7) - error), expit(logit(0.7) + error)), abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "values", "least", "most"),
    [
        ("accuracy", [0.99, 1.0, 0.9, 1.0, 0.995], 0, 1),
        ("accuracy", [0.0, 0.1, 0.0, 0.0, 0.02], 0, 1),
        ("nll", [0.001, 0.5, 0.002, 0.003, 0.001], 0, math.inf),
        ("perplexity", [1.01, 1.02, 1.3, 1.01], 1, math.inf),
        ("bleu", [0.1, 3.0, 0.2, 0.1], 0, 100),
    ],
)
def test_bounds_stay_inside_where_students_do_not(metric, values, least, most):
    interval = scaled_interval(values, scale_of(metric, values, examples=200))
    assert least <= interval.low < interval.mean < interval.high <= most
    assert interval.mean == pytest.approx(np.mean(values))
    plain = mean_interval(values)
    assert plain.low < least or plain.high > most


def test_all_right_or_all_wrong():
    """Clopper and Pearson's bounds of 360 of 360 and of none: three replicates that agree are no three times as many."""
    scale = scale_of("accuracy", examples=360)
    theirs = binomtest(360, 360).proportion_ci(method="exact")
    assert scaled_interval([1.0] * 3, scale)[1:] == pytest.approx((theirs.low, 1.0))
    assert scaled_interval([0.0] * 3, scale)[1:] == pytest.approx((0.0, 1 - theirs.low))
    assert math.isnan(scaled_interval([1.0] * 3, scale_of("accuracy")).low)
    assert scaled_interval([0.9] * 3, scale) == (0.9, 0.9, 0.9)


@pytest.mark.parametrize("values", [[], [0.9], [math.nan, 0.9]])
def test_too_few(values):
    assert math.isnan(scaled_interval(values, scale_of("accuracy", examples=10)).low)


def test_the_plain_scale_is_students():
    values = [1.0, 4.0, 2.5]
    assert scaled_interval(values, MetricScale()) == pytest.approx(mean_interval(values))


def test_larger_is_better_on_the_scale():
    error = growing(scale_of("mse", [0.1, 0.2]), "min")
    assert [error(-0.1), error(-0.2), error(-math.inf)] == [-math.log(0.1), -math.log(0.2), -math.inf]
    assert math.isnan(error(math.nan))
    assert growing(scale_of("accuracy"), "max")(0.5) == 0.0


def test_the_mean_on_the_logarithm_is_the_geometric_one():
    assert geometric_mean([0.1, 0.2, 0.9], scale_of("mse", [0.1])) == pytest.approx(gmean([0.1, 0.2, 0.9]))


def covered(interval, draw, truth, runs=2000):
    rng = np.random.default_rng(0)
    return np.mean([not interval(draw(rng)).excludes(truth) for _ in range(runs)])


def test_it_holds_the_mean_of_errors_better_than_students():
    """Errors whose logarithms are normal with a deviation of 0.8, at eight replicates."""
    truth = math.exp(0.32)

    def draw(rng):
        return np.exp(0.8 * rng.normal(size=8)).tolist()

    held = covered(lambda v: scaled_interval(v, scale_of("mse", v)), draw, truth)
    assert held > covered(mean_interval, draw, truth)
    assert held > 0.91

"""Intervals from quantiles: corrections beside a loop by hand, blocks, ends; and those of one width as they were."""

import math
from itertools import product

import numpy as np
import pytest

from gru_tf.tasks import Outputs
from gru_tf.tasks._forecast_errors import COVERAGES, conformal, radii
from gru_tf.tasks.prediction_intervals import LEVELS, calibrated, corrections, ends, from_blocks

SPLIT = {"validation": 37, "test": 53}
OUTPUTS = 3


def drawn(seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values of both splits, and quantiles (N, levels · outputs) that cross here and there."""
    rng = np.random.default_rng(seed)
    truth = {split: rng.normal(0, 2, (count, OUTPUTS)) for split, count in SPLIT.items()}
    at = np.array([0.0, -0.8, 0.8, -1.1, 1.1])
    blocks = {split: at[None, :, None] + rng.normal(0, 0.4, (count, 5, OUTPUTS)) for split, count in SPLIT.items()}
    return truth, {split: each.reshape(len(each), -1) for split, each in blocks.items()}


def by_hand(truth: np.ndarray, low: np.ndarray, high: np.ndarray, coverage: int) -> list[float]:
    """Algorithm 1 for each output, one example after the other."""
    added = []
    for output in range(OUTPUTS):
        scores = []
        for y, lo, hi in zip(truth[:, output], low[:, output], high[:, output], strict=True):
            scores.append(max(lo - y, y - hi))
        place = math.ceil(round((len(scores) + 1) * coverage / 100, 9))
        added.append(sorted(scores)[place - 1])
    return added


def outputs_of(quantiles: dict[str, np.ndarray]) -> Outputs:
    (validation, bounds), (test, test_bounds) = (from_blocks(quantiles[split]) for split in ("validation", "test"))
    return Outputs(validation, test, bounds, test_bounds)


def test_levels_are_the_median_and_the_ends_of_each_coverage():
    assert LEVELS == (0.5, 0.1, 0.9, 0.025, 0.975)
    assert COVERAGES == (80, 95)


def test_blocks_are_medians_and_bounds_that_do_not_cross():
    _, quantiles = drawn()
    medians, bounds = from_blocks(quantiles["test"])
    crossed = 0
    for row, output in product(range(SPLIT["test"]), range(OUTPUTS)):
        own = [quantiles["test"][row, block * OUTPUTS + output] for block in range(5)]
        assert medians[row, output] == own[0]
        first, second, third, fourth = sorted(own[1:])
        assert [bounds[95][0][row, output], bounds[80][0][row, output]] == [first, second]
        assert [bounds[80][1][row, output], bounds[95][1][row, output]] == [third, fourth]
        crossed += own[3] > own[1]
    assert crossed > 10, "so that sorting shows"


@pytest.mark.parametrize("shape", [(4, 7), (4, 5, 1), (5,)])
def test_outputs_that_are_no_blocks_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected quantiles of the shape \(N, 5 · outputs\)\. Received: \("):
        from_blocks(np.zeros(shape))


def test_corrections_are_those_of_a_loop():
    truth, quantiles = drawn()
    medians, bounds = from_blocks(quantiles["validation"])
    less = {c: (low - truth["validation"], high - truth["validation"]) for c, (low, high) in bounds.items()}
    received = corrections(medians - truth["validation"], less)
    for coverage in COVERAGES:
        expected = by_hand(truth["validation"], *bounds[coverage], coverage)
        np.testing.assert_allclose(received[coverage], expected, rtol=1e-12)
        half = radii(medians - truth["validation"], coverage)
        assert np.abs(half - expected).min() > 0.1, "half the width of an interval around the median is another number"


def test_the_worked_example_of_the_docstring():
    truth, low, high = (np.array(each, float)[:, None] for each in ([5, 9, 7, 2], [4, 5, 4, 3], [6, 8, 9, 4]))
    scores = np.maximum(low - truth, truth - high)
    assert scores[:, 0].tolist() == [-1, 1, -2, 1]
    assert conformal(scores, 60).tolist() == [sorted(scores[:, 0])[math.ceil(5 * 0.6) - 1]] == [1]


def test_wide_quantiles_are_corrected_inwards():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(400, 1))
    wide = {coverage: (np.full_like(truth, -9.0) - truth, np.full_like(truth, 9.0) - truth) for coverage in COVERAGES}
    added = corrections(-truth, wide)
    assert added[80] == pytest.approx([1.2816 - 9], abs=0.2)
    assert added[95] == pytest.approx([1.96 - 9], abs=0.4)


def test_one_width_is_split_conformal_to_the_bit():
    truth, quantiles = drawn()
    point = {split: np.float32(each[:, :OUTPUTS]) for split, each in quantiles.items()}
    received = calibrated(Outputs(point["validation"], point["test"]), lambda split, each: each - truth[split])
    off = np.abs(point["test"] - truth["test"])
    for coverage in COVERAGES:
        half = radii(point["validation"] - truth["validation"], coverage)
        assert received.radii[str(coverage)] == tuple(half)
        assert received.covered[f"coverage_{coverage}"] == (off <= half).mean()


def test_coverage_is_counted_of_the_intervals_that_are_given():
    truth, quantiles = drawn()
    received = calibrated(outputs_of(quantiles), lambda split, each: each - truth[split])
    medians, bounds = from_blocks(quantiles["test"])
    added = {coverage: np.array(received.radii[str(coverage)]) for coverage in COVERAGES}
    shares = {}
    for coverage, (low, high) in ends(medians, bounds, added):
        inside = [lo <= y <= hi for y, lo, hi in zip(truth["test"].flat, low.flat, high.flat, strict=True)]
        shares[f"coverage_{coverage}"] = sum(inside) / len(inside)
    assert received.covered == pytest.approx(shares)
    assert 0.6 < shares["coverage_80"] < shares["coverage_95"]
    low, high = received.narrowest[80]
    np.testing.assert_allclose(low + truth["test"], next(ends(medians, bounds, added))[1][0])
    assert (high > low).all()


def test_ends_hold_the_forecast_and_the_narrower_interval():
    point = np.array([[0.0], [0.0], [0.0]])
    bounds = {80: (np.array([[-2.0], [1], [-1]]), np.array([[2.0], [3], [1]])), 95: (point - 2.5, point + 2.5)}
    added = {80: np.array([-1.5]), 95: np.array([0.0])}
    (_, (low, high)), (_, (lower, higher)) = ends(point, bounds, added)
    assert low.ravel().tolist() == [-0.5, 0, 0], "the last would begin above where it ends"
    assert high.ravel().tolist() == [0.5, 1.5, 0]
    assert (lower <= low).all()
    assert (higher >= high).all()


def test_too_few_values_give_no_interval_of_that_coverage():
    truth, quantiles = drawn()
    few = {"validation": quantiles["validation"][:12], "test": quantiles["test"]}
    less = {"validation": truth["validation"][:12], "test": truth["test"]}
    received = calibrated(outputs_of(few), lambda split, each: each - less[split])
    assert received.radii.keys() == {"80"}
    assert received.covered.keys() == {"coverage_80"}
    none = {"validation": quantiles["validation"][:2], "test": quantiles["test"]}
    nothing = calibrated(outputs_of(none), lambda split, each: each - truth[split][: len(each)])
    assert (nothing.radii, nothing.covered, nothing.narrowest) == ({}, {}, {})

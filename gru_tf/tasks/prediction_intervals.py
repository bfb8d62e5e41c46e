"""Prediction intervals: around one forecast, all of one width, or between the quantiles that a network has learned.

A network of quantiles has for each output the quantiles of `LEVELS`, in blocks, the medians first:

    all medians | all 0.1 | all 0.9 | all 0.025 | all 0.975

With y a value of the validation split and [lo, hi] its interval, the score max(lo − y, y − hi) says by how much y is
outside, less than 0 inside. The ⌈(n + 1) · coverage⌉-th smallest of n scores, which may be negative, is added at both ends
(Y. Romano, E. Patterson and E. Candès, Conformalized quantile regression, 2019, arXiv 1905.03222, Algorithm 1). Where lo and
hi are both the forecast it is half the width of split conformal prediction, so that one rule serves both.

Quantiles that cross are sorted first (V. Chernozhukov and others, Quantile and probability curves without crossing, 2010).
Afterwards an interval is widened, where it must be, to hold the forecast and the narrower intervals: ends of which the
lower is the larger say nothing, and what is wider covers no less.

Worked example: y = 5, 9, 7, 2; [lo, hi] = [4, 6], [5, 8], [4, 9], [3, 4]: scores −1, 1, −2, 1; for 60 % the third smallest
of them is added: 1.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.tasks._forecast_errors import COVERAGES, conformal
from gru_tf.tasks.evaluation import Bounds, Outputs
from gru_tf.tasks.task import Signature

LEVELS = (0.5, *(side / 200 for coverage in COVERAGES for side in (100 - coverage, 100 + coverage)))


def with_quantiles(signature: Signature) -> Signature:
    """The signature of a network that has each output at all levels: as many times the outputs."""
    return replace(signature, outputs=len(LEVELS) * signature.outputs)


def from_blocks(outputs: Array) -> tuple[Array, Bounds]:
    """The medians (N, outputs), and the bounds of each coverage, sorted so that they do not cross.

    Args:
        outputs: (N, levels · outputs) of a network of quantiles.

    Raises:
        ValueError: for another number of outputs.
    """
    if outputs.ndim != 2 or outputs.shape[1] % len(LEVELS):
        expected = f"(N, {len(LEVELS)} · outputs)"
        raise ValueError(f"expected quantiles of the shape {expected}. Received: {outputs.shape}")
    blocks = outputs.reshape(len(outputs), len(LEVELS), -1)
    by_size = np.sort(blocks[:, 1:], axis=1)
    from_outside = sorted(COVERAGES, reverse=True)
    bounds = {coverage: (by_size[:, place], by_size[:, -1 - place]) for place, coverage in enumerate(from_outside)}
    return blocks[:, 0], bounds


def corrections(point: Array, bounds: Bounds | None) -> dict[int, Array]:
    """Coverage in percent → (outputs,) what is added at both ends; without coverages for which there are too few values.

    Args:
        point: (N, outputs) forecasts of the validation split, less the values.
        bounds: the same of the ends; None where both are the forecast.
    """
    added = {}
    for coverage in COVERAGES:
        low, high = bounds[coverage] if bounds else (point, point)
        added[coverage] = conformal(np.maximum(low, -high), coverage)
    return {coverage: each for coverage, each in added.items() if np.isfinite(each).all()}


def ends(point: Array, bounds: Bounds | None, added: Mapping[int, Array]) -> Iterator[tuple[int, tuple[Array, Array]]]:
    """Each coverage with the ends of its intervals, from the narrowest to the widest.

    Args:
        point: (N, outputs) forecasts, or the same less any numbers, which are then taken from the ends as well.
        bounds: as in `corrections`.
        added: coverage → (outputs,), as `corrections` gives them.
    """
    low = high = point
    for coverage in sorted(added):
        below, above = bounds[coverage] if bounds else (point, point)
        low, high = np.minimum(low, below - added[coverage]), np.maximum(high, above + added[coverage])
        yield coverage, (low, high)


@dataclass(frozen=True)
class Calibrated:
    """Intervals that were corrected on the validation split, and tested.

    Args:
        radii: coverage in percent → (outputs,) what is added at both ends.
        covered: "coverage_80" → the share of test values inside.
        narrowest: its coverage → (N, outputs) the ends of the narrowest intervals of the test split, less the values; empty
            where there are none.
    """

    radii: Mapping[str, tuple[float, ...]]
    covered: Mapping[str, float]
    narrowest: Bounds


def calibrated(outputs: Outputs, less_truth: Callable[[str, Array], Array]) -> Calibrated:
    """Correct intervals on the validation split and test them on the other; without a validation split there are none.

    Args:
        outputs: of a model.
        less_truth: of "validation" or "test" and (N, outputs), these less the values.
    """
    if outputs.validation is None:
        return Calibrated({}, {}, {})

    def errors(split: str, point: Array, bounds: Bounds | None) -> tuple[Array, Bounds | None]:
        both = {c: (less_truth(split, low), less_truth(split, high)) for c, (low, high) in (bounds or {}).items()}
        return less_truth(split, point), both or None

    added = corrections(*errors("validation", outputs.validation, outputs.validation_bounds))
    covered: dict[str, float] = {}
    narrowest: dict[int, tuple[Array, Array]] = {}
    for coverage, (low, high) in ends(*errors("test", outputs.test, outputs.test_bounds), added):
        covered[f"coverage_{coverage}"] = float(((low <= 0) & (high >= 0)).mean())
        narrowest = narrowest or {coverage: (low, high)}
    radii = {str(coverage): tuple(map(float, each)) for coverage, each in added.items()}
    return Calibrated(radii, covered, narrowest)

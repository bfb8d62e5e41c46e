"""Gates over time in a few numbers: the share that is saturated, and how long a unit remembers."""

from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.training.diagnostics.gates_over_time import Gates

LOW, HIGH = 0.1, 0.9  # Karpathy et al. 2015


@dataclass(frozen=True)
class Saturation:
    """Of one gate, for each unit: the share of sequences and steps in which it is almost closed or open.

    Args:
        low: (units,), share of activations below the lower threshold (left-saturated).
        high: (units,), share above the upper one (right-saturated).
    """

    low: Array
    high: Array


def saturation(gates: Gates, low: float = LOW, high: float = HIGH) -> dict[str, Saturation]:
    """Gate → shares of saturated activations; candidates are left out, since they are not gates.

    A. Karpathy, J. Johnson, L. Fei-Fei, "Visualizing and understanding recurrent networks", arXiv 1506.02078, 2015, §4.2,
    with their thresholds. A unit whose update or forget gate is right-saturated in every step is an integrator, one whose
    gate is left-saturated in every step works feed-forward.

    Args:
        gates: of one layer.
        low: activations below it count as low.
        high: activations above it count as high.

    Raises:
        ValueError: where not 0 ≤ low < high ≤ 1.
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"saturation: expected 0 ≤ low < high ≤ 1. Received: low={low}, high={high}")
    return {name: _shares(gates.values[name], low, high) for name in gates.gates}


def _shares(values: Array, low: float, high: float) -> Saturation:
    real = ~np.isnan(values)
    steps = real.sum(axis=(0, 1))
    return Saturation(((values < low) & real).sum(axis=(0, 1)) / steps, ((values > high) & real).sum(axis=(0, 1)) / steps)


def memory_length(gates: Gates) -> Array | None:
    """Effective memory length of each unit, (units,), in steps; None for a cell without an update or forget gate.

    τ = −1 / mean log k, with k the share of the old state that a step keeps and the mean over sequences and steps: the
    number of steps after which the product of the shares, at their geometric mean, has fallen to 1/e. A gate that is
    always k gives −1 / log k, about 1 / (1 − k) for k near 1 (the time scale of C. Tallec, Y. Ollivier, "Can recurrent
    neural networks warp time?", arXiv 1804.11188, 2018). It is ∞ where everything is kept in every step, 0 where in any
    step nothing is, and may exceed the length of the sequences: it says how fast the gates forget, not what is in there.
    """
    if gates.kept is None:
        return None
    with np.errstate(divide="ignore"):  # log 0 and 1 / 0 are the limits that are meant
        mean = np.nanmean(np.log(gates.kept), axis=(0, 1))
        return np.asarray(1 / np.abs(mean))

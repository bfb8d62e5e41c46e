"""Random sequences for a network that a checkpoint's graph may compute."""

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import Network
from gru_tf.interchange.tensorflow.graph.limits import MOST_STEPS, UnfollowedError

MOST = 1 << 22  # numbers: the network computes several of each step


def inputs(network: Network, batch: int, steps: int) -> Array:
    """Sequences (batch, T, F) in float64, or token numbers (batch, T); raises UnfollowedError for too many."""
    shape = (batch, steps)
    if steps > MOST_STEPS or batch * steps * (1 if network.tokens is not None else network.features) > MOST:
        raise UnfollowedError(f"an input of {batch:,} sequences of {steps:,} steps")
    rng = np.random.default_rng(0)
    if network.tokens is not None:
        return rng.integers(0, network.tokens, shape).astype("int32")
    return rng.normal(size=(*shape, network.features))

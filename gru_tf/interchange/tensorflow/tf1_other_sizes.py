"""A checkpoint's graph computed once more, for other numbers of sequences and steps than it was read with.

What it gives for one size may be another function of any other: its step 4 is the last one of five steps only.
"""

from collections.abc import Mapping

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange import building
from gru_tf.interchange.network import Network
from gru_tf.interchange.tensorflow import tf1_other_inputs, tf1_samples
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError
from gru_tf.interchange.tensorflow.tf1_feeds import SEQUENCES, STEPS, FeedLayout, feeds
from gru_tf.interchange.tensorflow.tf1_other_inputs import Reading

OTHERS = ((SEQUENCES - 1, STEPS + 2), (SEQUENCES + 1, STEPS - 2))


def difference(reading: Reading, network: Network, layout: FeedLayout, switches: Mapping[str, float]) -> str:
    """How the graph differs from a network in another size that both take, in words; "" where it does not.

    Args:
        reading: of the graph, in one size.
        network: that gives the same in that size.
        layout: how the sequences enter the graph.
        switches: numbers that the graph was given.
    """
    model = building.build(network, dtype="float64")
    for batch, steps in OTHERS:
        inputs = tf1_samples.inputs(network, layout.batch or batch, layout.steps or steps)
        if inputs.shape == reading.inputs.shape:
            continue
        size = f"{inputs.shape[0]} sequences of {inputs.shape[1]} steps"
        try:
            own = _output(reading, layout, inputs, switches)
        except UnfollowedError as error:
            return f"nothing for {size} ({error})"
        expected = np.asarray(model(inputs))
        if own.size != expected.size:
            return f"an output of shape {own.shape} for {size}"
        if not tf1_other_inputs.same(reading.arrange(own, len(inputs)), expected):
            return f"other numbers for {size} than for {reading.inputs.shape[0]} of {reading.inputs.shape[1]}"
    return ""


def _output(reading: Reading, layout: FeedLayout, inputs: Array, switches: Mapping[str, float]) -> Array:
    flow = reading.flow.flow
    needed = flow.ancestors(reading.end)
    for fed, tried in feeds(flow.graph, layout, inputs, needed):
        if tried == switches:
            return reading.computed(fed)
    raise UnfollowedError("the numbers that the graph was given")

"""Outputs of a checkpoint's graph beside the one that is read: the same layers are used there once more, and otherwise.

A program that builds its network twice, with shared variables, has two outputs; only the program knows which one is meant.
"""

from collections.abc import Iterator

import numpy as np

from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError
from gru_tf.interchange.tensorflow.tf1_flow import Tf1Flow
from gru_tf.interchange.tensorflow.tf1_other_inputs import Reading, same
from gru_tf.interchange.tensorflow.tf1_placed import PlacedLayers


def named(reading: Reading, placed: PlacedLayers) -> Iterator[str]:
    """Phrases on further outputs of the last layer that are not the same numbers.

    Args:
        reading: of the graph.
        placed: the layers that were read.
    """
    flow = reading.flow
    kernels = [placed.head[-1].kernel] if placed.head else flow.last_kernels()
    for kernel in kernels:
        for use in _further_uses(flow, kernel, reading.end):
            output = _output(flow, use)
            if not _is_same(reading, output):
                yield f"{output}, a further output of the graph by {kernel}, beside {reading.end}, which was read"


def _further_uses(flow: Tf1Flow, kernel: str, end: str) -> list[str]:
    """Uses that the output does not need; not those of later steps of the same sequence."""
    needed = flow.flow.ancestors(end) | {end}
    uses = flow.last_uses(kernel)
    own = needed & set(uses)
    return [use for use in uses if use not in needed and not own & flow.flow.ancestors(use)]


def _output(flow: Tf1Flow, use: str) -> str:
    """The last node that the use of a layer leads to alone, such as behind its bias and its activation."""
    return flow.nodes.last(flow.nodes.bias(use)[1])[0][-1]


def _is_same(reading: Reading, output: str) -> bool:
    try:
        array = reading.computed({}, output)
    except UnfollowedError:  # as it takes further inputs
        return False
    return array.size == reading.output.size and array.dtype.kind == "f" and same(np.ravel(array), np.ravel(reading.output))

"""References to tensors as the inputs of nodes have them: a node and one of its outputs."""

from gru_tf.interchange.tensorflow.graph.file import Graph

OUTPUTS = {  # of operations with several, as functions refer to them
    "TensorArrayV3": ("handle", "flow"),
    "Switch": ("output_false", "output_true"),
    "Merge": ("output", "value_index"),
    "TensorListPopBack": ("output_handle", "tensor"),
    **dict.fromkeys(("LSTMBlockCell", "BlockLSTM"), ("i", "cs", "f", "o", "ci", "co", "h")),
    "GRUBlockCell": ("r", "u", "c", "h"),
}


def output_index(reference: str, graph: Graph) -> int:
    """Which output of its node: "node:1", and "node:output:1" inside of functions."""
    name, *rest = reference.split(":")
    if len(rest) < 2:
        return int(rest[0]) if rest else 0
    names = OUTPUTS.get(graph.nodes[name].op if name in graph.nodes else "", ())
    return (names.index(rest[0]) if rest[0] in names else 0) + int(rest[1])

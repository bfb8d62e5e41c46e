"""Whether the nodes of a graph from a file are connected as TensorFlow connects them."""

import re

from gru_tf.interchange.tensorflow.graph.file import Graph
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError

REFERENCE = re.compile(
    r"(\^[^:]+|[^:^]+(:\d+)?|[^:^]+:\w+:\d+)"
)  # to all of a node, an output, an output of a function's node
INPUTS = {  # that a node has at least, of operations whose inputs are looked at before they are computed
    **dict.fromkeys(("Switch", "RefSwitch", "Gather", "ResourceGather", "MatMul", "BatchMatMul", "BatchMatMulV2"), 2),
    **dict.fromkeys(("Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond"), 1),
    **dict.fromkeys(("Merge", "RefMerge", "ReadVariableOp", "If", "StatelessIf", "Identity", "Cast"), 1),
    **dict.fromkeys(("BiasAdd", "Add", "AddV2", "Transpose", "Reshape"), 2),
    "GatherV2": 3,
    "OneHot": 4,
    "PlaceholderWithDefault": 1,
}


def check(graph: Graph) -> None:
    """Raise UnfollowedError, naming the node, where an input is missing, is no reference, or is no node of the graph."""
    for each in (graph, *graph.functions.values()):
        for node in each.nodes.values():
            inputs = [reference for reference in node.input if not reference.startswith("^")]
            if len(inputs) < INPUTS.get(node.op, 0):
                raise UnfollowedError(f"{node.name} ({node.op}) with {len(inputs)} of {INPUTS[node.op]} inputs")
            for reference in inputs:
                name = reference.partition(":")[0]
                if not REFERENCE.fullmatch(reference) or not (name in each.nodes or name in each.arguments):
                    raise UnfollowedError(f"{node.name} ({node.op}) with the input {reference!r}, which is no node's")

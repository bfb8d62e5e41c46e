"""What stands around single nodes of a checkpoint's graph: their biases, activations behind them, where data comes from."""

from collections.abc import Sequence

from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.tensorflow.graph.flow import LOOPS, SUMS, Flow
from gru_tf.interchange.tensorflow.graph.limits import attribute
from gru_tf.interchange.tensorflow.tf1_operations import (
    ACTIVATIONS,
    MOVES,
    PICKS,
    SIZES,
    SOURCES,
    THROUGH_LOOPS,
    WHOLE_NUMBERS,
)


class Tf1Nodes:
    """Nodes of a checkpoint's graph.

    Args:
        flow: of the graph.
        where: the file, for messages.
    """

    def __init__(self, flow: Flow, where: str):
        self.flow, self.where = flow, where

    def sources(self, entry: str) -> list[str]:
        """Nodes from which data comes: tokens made arrays, or inputs of the graph."""
        needed = [name for name in self.flow.graph.nodes if name in self.flow.ancestors(entry)]
        return [name for name in needed if self.flow.op(name) == "OneHot"] or [
            name for name in needed if self.flow.op(name) in SOURCES
        ]

    def bias(self, node: str) -> tuple[str | None, str]:
        """The bias that is added to a product, and the node of the sum."""
        use = node
        for _ in self.flow.graph.nodes:  # no more often: a hostile graph may be a ring
            readers = [each for each in self.flow.consumers.get(node, ()) if self.flow.op(each) not in SIZES]
            for reader in readers:
                biases = [self.flow.variable_behind(name) for name in self.flow.graph.inputs(reader)]
                if self.flow.op(reader) in SUMS and any(biases):
                    return next(name for name in biases if name), reader
            if len(readers) != 1 or self.flow.op(readers[0]) not in ("Reshape", "Identity"):
                break
            node = readers[0]
        return None, use

    def last(self, node: str) -> tuple[tuple[str, ...], tuple[Activation, ...]]:
        """The output behind the last layer, and activations: as far as nothing else reads what is before."""
        activations: list[Activation] = []
        ends = [node]
        for _ in self.flow.graph.nodes:
            readers = [each for each in self.flow.consumers.get(node, ()) if self.flow.op(each) not in SIZES]
            if len(readers) != 1:
                break
            node = readers[0]
            if activation := self._activation(node):
                activations.append(activation)
                ends = [node]
            elif self.flow.op(node) in PICKS:
                ends.insert(0, node)
            else:
                break
        return tuple(ends), tuple(activations)

    def activations(self, start: Sequence[str], end: str, after: str) -> tuple[Activation, ...]:
        """What is computed on the way; refused where it is anything but activations."""
        activations = []
        others = []
        for name in self.flow.between(start, end):
            if _of_cell(name) or "dropout" in name.lower() or self._whole(name):
                continue
            if activation := self._activation(name):
                activations.append(activation)
            elif self.flow.op(name) not in MOVES | LOOPS and not self._is_bias(name):
                others.append(f"{name} ({self.flow.op(name)})")
        if others:
            kernel = f"the layer that computes {end}"
            expected = f"nothing but activations between {after} and {kernel} in its graph (.meta)"
            raise UserError(f"{self.where}: expected {expected}. Received: {several(others, 4)}, which are not read")
        return tuple(activations)

    def out_of_loop(self, end: str) -> str:
        """The node behind a loop that has what this node gives in every iteration."""
        left, seen = [end], {end}
        while left:
            for other in self.flow.consumers.get(left.pop(), ()):
                if self.flow.op(other) in ("TensorArrayGatherV3", "TensorListStack"):
                    return other
                if other not in seen and self.flow.op(other) in THROUGH_LOOPS:
                    seen.add(other)
                    left.append(other)
        raise UserError(f"{self.where}: {end}: expected its steps behind the loop of the graph (.meta). Received: none")

    def _activation(self, name: str) -> Activation | None:
        op = self.flow.op(name)
        if op == "LeakyRelu":
            return Activation("leaky_relu", round(float(attribute(self.flow.graph.nodes[name], "alpha", 0.2)), 7))
        return Activation(ACTIVATIONS[op]) if op in ACTIVATIONS else None

    def _whole(self, name: str) -> bool:
        return self.flow.graph.nodes[name].attr["T"].type in WHOLE_NUMBERS

    def _is_bias(self, name: str) -> bool:
        return self.flow.op(name) in SUMS and any(map(self.flow.variable_behind, self.flow.graph.inputs(name)))


def _of_cell(name: str) -> bool:
    """Whether a node is within a cell, of programs that call the cells step by step, without a loop."""
    parts = name.split("/")
    return any(part.startswith("multi_rnn_cell") or "_cell" in part for part in parts)

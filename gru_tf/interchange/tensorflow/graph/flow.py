"""How data flows through a graph: where variables are used, what is computed before what, and by which operations."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

from gru_tf.interchange.tensorflow.graph.file import GRADIENTS, Graph
from gru_tf.interchange.tensorflow.graph.limits import attribute
from gru_tf.interchange.tensorflow.graph.values import VARIABLES, variable_name

UNCHANGED = {  # a variable's numbers are still those of the variable behind these
    *("Identity", "ReadVariableOp", "Enter", "RefEnter", "Cast", "Transpose", "Reshape", "Snapshot", "StopGradient"),
}
PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2"}
LOOKUPS = {"Gather", "GatherV2", "ResourceGather"}
SUMS = {"BiasAdd", "Add", "AddV2"}
LOOPS = {"While", "StatelessWhile", "PartitionedCall", "StatefulPartitionedCall"}  # their bodies use what they read
BLOCKS = {"BlockLSTM", "BlockLSTMV2", "LSTMBlockCell", "GRUBlockCell"}
MOST_KEPT = 1 << 21  # names of ancestors: their number grows with the square of that of nodes


class Flow:
    """A graph with both directions of its edges.

    Args:
        graph: the graph.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self._ancestors: dict[str, frozenset[str]] = {}

    @cached_property
    def consumers(self) -> dict[str, list[str]]:
        """Name → the nodes that read its tensors."""
        return self.graph.consumers()

    @cached_property
    def variables(self) -> dict[str, str]:
        """Node of a variable → its name in checkpoints."""
        return {node.name: variable_name(node) for node in self.graph.nodes.values() if node.op in VARIABLES}

    def op(self, name: str) -> str:
        """A node's operation."""
        return str(self.graph.nodes[name].op) if name in self.graph.nodes else ""

    def ancestors(self, name: str) -> frozenset[str]:
        """All nodes that a node needs."""
        if name not in self._ancestors:
            if sum(map(len, self._ancestors.values())) > MOST_KEPT:
                self._ancestors.clear()
            self._ancestors[name] = self._closure([name], self.graph.inputs)
        return self._ancestors[name]

    def descendants(self, names: Iterable[str]) -> frozenset[str]:
        """All nodes that need one of these, without those of gradients."""
        return self._closure(names, lambda name: iter(self.consumers.get(name, ())))

    def _closure(self, names: Iterable[str], following: Any) -> frozenset[str]:
        seen: set[str] = set()
        left = list(names)
        while left:
            for other in following(left.pop()):
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        return frozenset(seen)

    def uses(self, variable: str, ops: Collection[str]) -> list[str]:
        """The nodes of these operations that read a variable, unchanged, in the order of the graph."""
        seen: set[str] = set()
        users: set[str] = set()
        left = [node for node, name in self.variables.items() if name == variable]
        while left:
            for other in self.consumers.get(left.pop(), ()):
                if other in seen:
                    continue
                seen.add(other)
                if self.op(other) in ops:
                    users.add(other)
                elif self.op(other) in UNCHANGED:
                    left.append(other)
        return [name for name in self.graph.nodes if name in users]

    def variable_behind(self, name: str) -> str:
        """The variable that a node's tensor is, unchanged; "" for another tensor."""
        for _ in self.graph.nodes:
            if name in self.variables:
                return self.variables[name]
            if self.op(name) not in UNCHANGED:
                return ""
            name = next(self.graph.inputs(name), "")
        return ""

    @cached_property
    def in_loops(self) -> frozenset[str]:
        """Nodes that are computed in each iteration of a loop of TensorFlow 1."""
        seen: set[str] = set()
        left = [name for name in self.graph.nodes if self.op(name) in ("Enter", "RefEnter")]
        seen.update(left)
        while left:
            for other in self.consumers.get(left.pop(), ()):
                if other not in seen and self.op(other) not in ("Exit", "RefExit"):
                    seen.add(other)
                    left.append(other)
        return frozenset(seen)

    def between(self, start: Iterable[str], end: str) -> list[str]:
        """The nodes outside of loops on the ways from the first to the last, in the order of the computation."""
        on_way = (self.descendants(start) & self.ancestors(end)) - self.in_loops - set(start)
        return self.in_order(on_way)

    def in_order(self, names: frozenset[str]) -> list[str]:
        """The same nodes, each behind those of them that it reads; by name where several could follow."""
        missing = {name: {other for other in self.graph.inputs(name) if other in names} for name in names}
        readers: dict[str, list[str]] = {name: [] for name in names}
        for name, others in missing.items():
            for other in others:
                readers[other].append(name)
        ready = [name for name, others in missing.items() if not others]
        heapq.heapify(ready)
        ordered = []
        while ready:
            ordered.append(heapq.heappop(ready))
            for name in readers[ordered[-1]]:
                missing[name].discard(ordered[-1])
                if not missing[name]:
                    heapq.heappush(ready, name)
        return [*ordered, *sorted(names - {*ordered})]  # the rest reads itself, and is refused where it is computed

    def scalars_added(self) -> Iterator[float]:
        """Numbers that are added to something, anywhere in the graph: one may be a forget bias."""
        for graph in (self.graph, *self.graph.functions.values()):
            for node in graph.nodes.values():
                if any(part.startswith(GRADIENTS) for part in node.name.split("/")):
                    continue
                if node.op in BLOCKS:
                    yield float(attribute(node, "forget_bias", 1.0))
                for name in graph.inputs(node.name) if node.op in SUMS else ():
                    yield from _scalar(graph.nodes.get(name))

    def operations(self) -> set[str]:
        """All operations in the graph and its functions."""
        return {node.op for graph in (self.graph, *self.graph.functions.values()) for node in graph.nodes.values()}


def _scalar(node: Any) -> Iterator[float]:
    """The number in a constant, none for another node."""
    while node is not None and node.op == "Const" and not node.attr["value"].tensor.tensor_shape.dim:
        tensor = node.attr["value"].tensor
        yield from [float(each) for each in tensor.float_val[:1]]
        if len(tensor.tensor_content) == 4:
            import numpy as np

            yield float(np.frombuffer(tensor.tensor_content, "<f4")[0])
        return

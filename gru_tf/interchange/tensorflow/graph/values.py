"""The values of a graph's tensors, computed in NumPy: loops and branches of TensorFlow 1 and 2, functions, variables.

Only what a wanted tensor needs is computed, each operation by `operations.OPERATIONS`; anything else is refused.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.tensorflow.graph.file import Graph
from gru_tf.interchange.tensorflow.graph.limits import (
    MOST_NUMBERS,
    MOST_OPERATIONS,
    MULTIPLICATIONS,
    UnfollowedError,
    at,
    check_size,
    type_of,
)
from gru_tf.interchange.tensorflow.graph.loops import Loop, loops_of
from gru_tf.interchange.tensorflow.graph.operations import OPERATIONS
from gru_tf.interchange.tensorflow.graph.references import output_index

VARIABLES = ("Variable", "VariableV2", "VarHandleOp")
RANDOM = ("RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2")
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
DEAD = object()  # a tensor of a branch that is not taken
Feeds = Mapping[str, Any]  # node → array of its first output


def _widened(value: Any) -> Any:
    """Numbers of float32 as float64."""
    return value.astype("float64") if isinstance(value, np.ndarray | np.generic) and value.dtype == "float32" else value


def variable_name(node: Any) -> str:
    """The name under which a variable is in checkpoints."""
    return node.attr["shared_name"].s.decode(errors="replace") or str(node.name)


class _Scope:
    """The values of one graph, function call or iteration."""

    def __init__(self, graph: Graph, known: Mapping[str, Any], outer: "_Scope | None" = None):
        self.graph, self.known, self.outer = graph, dict(known), outer
        self.ends: dict[str, dict[str, Any]] = {}  # of loops: frame → merge → last value


class Values:
    """Computes tensors of a graph.

    Args:
        graph: the graph.
        variable: reads a variable's numbers by its name.
        feeds: of placeholders, and of other nodes that are not to be computed.
        uniform: what random numbers between 0 and 1 are replaced by: what depends on it is random.
        wide: whether float32 is computed in float64.
    """

    def __init__(
        self, graph: Graph, variable: Callable[[str], Array], feeds: Feeds, uniform: float = 0.0, wide: bool = False
    ):
        self.variable, self.uniform, self.wide, self.left = variable, uniform, wide, MOST_OPERATIONS
        self.numbers = MOST_NUMBERS
        self.scope = _Scope(graph, {name: (value,) for name, value in feeds.items()})

    @cached_property
    def loops(self) -> dict[str, Loop]:
        """Those of TensorFlow 1."""
        return loops_of(self.scope.graph)

    def __getitem__(self, reference: str) -> Array:
        """The value of a tensor, "name" or "name:1"; raises UnfollowedError naming the operation."""
        try:
            with np.errstate(all="ignore"):
                value = self._value(reference, self.scope)
        except RecursionError:
            raise UnfollowedError("functions or loops nested too deep") from None
        if value is DEAD:
            raise UnfollowedError(f"{reference}: a branch that is not taken")
        return np.asarray(value)

    def _value(self, reference: str, scope: _Scope) -> Any:
        """A tensor's value; what it needs is computed first, without recursion, as graphs are deep."""
        wanted = [reference.partition(":")[0]]
        entered: set[str] = set()
        while wanted:
            name = wanted[-1]
            if name in scope.known:
                wanted.pop()
                continue
            missing = [other for other in self._needed(name, scope) if other not in scope.known]
            if not missing:
                node = scope.graph.nodes[name]
                with at(f"{node.name} ({node.op})"):
                    outputs = self._computed(node, scope)
                scope.known[name] = tuple(map(_widened, outputs)) if self.wide else outputs
                continue
            if name in entered:
                raise UnfollowedError(f"{name}: a tensor that needs itself")
            entered.add(name)
            wanted += missing
        with at(f"{reference}: no such output"):
            return scope.known[reference.partition(":")[0]][output_index(reference, scope.graph)]

    def _needed(self, name: str, scope: _Scope) -> Iterator[str]:
        node = scope.graph.nodes.get(name)
        if node is None:
            raise UnfollowedError(f"{name}: no such node")
        return iter(()) if node.op in ("Enter", "Exit", "RefEnter", "RefExit") else scope.graph.inputs(name)

    def _inputs(self, node: Any, scope: _Scope) -> list[Any]:
        references = [reference for reference in node.input if not reference.startswith("^")]
        try:
            return [scope.known[each.partition(":")[0]][output_index(each, scope.graph)] for each in references]
        except IndexError:
            raise UnfollowedError(f"{node.name} ({node.op}): an input that does not exist") from None

    def _computed(self, node: Any, scope: _Scope) -> tuple[Any, ...]:
        """All outputs of a node whose inputs are known."""
        self.left -= 1
        if self.left < 0:
            raise UnfollowedError(f"more than {MOST_OPERATIONS:,} operations")
        if node.op in ("Enter", "RefEnter"):
            if scope.outer is None:
                raise UnfollowedError(f"{node.name} (Enter) outside of a loop")
            return (self._value(node.input[0], scope.outer),)
        if node.op in ("Exit", "RefExit"):
            return (self._end(node, scope),)
        inputs = self._inputs(node, scope)
        if node.op in ("Merge", "RefMerge"):
            alive = [n for n, value in enumerate(inputs) if value is not DEAD]
            return (inputs[alive[0]], np.int32(alive[0])) if alive else (DEAD, DEAD)
        if any(value is DEAD for value in inputs):
            return (DEAD,) * 64
        if node.op in ("Switch", "RefSwitch"):
            return (DEAD, inputs[0]) if inputs[1] else (inputs[0], DEAD)
        if node.op in VARIABLES:
            return (self.variable(variable_name(node)),)
        if node.op == "ReadVariableOp":
            return (inputs[0],)
        return self._operation(node, inputs, scope)

    def _operation(self, node: Any, inputs: list[Any], scope: _Scope) -> tuple[Any, ...]:
        if node.op in RANDOM:
            shape = [int(size) for size in inputs[0]]
            check_size(node, shape)
            return (np.full(shape, self.uniform, type_of(node, "dtype")),)
        if node.op in ("While", "StatelessWhile"):
            return self._while(node, inputs, scope)
        if node.op in ("If", "StatelessIf"):
            branch = "then_branch" if inputs[0] else "else_branch"
            return self._call(node.attr[branch].func.name, inputs[1:], scope)
        if node.op in CALLS:
            return self._call(node.attr["f"].func.name, inputs, scope)
        if node.op not in OPERATIONS:
            raise UnfollowedError(f"{node.name} ({node.op})")
        result = OPERATIONS[node.op](node, *inputs)
        several = isinstance(result, tuple) and not node.op.startswith(("TensorArrayS", "TensorArrayW"))
        outputs = result if several else (result,)
        self._spend(node, inputs, outputs)
        return outputs

    def _spend(self, node: Any, inputs: list[Any], outputs: tuple[Any, ...]) -> None:
        """Count what was computed, so that no graph computes without end."""
        self.numbers -= sum(int(np.size(each)) for each in outputs if isinstance(each, np.ndarray))
        if "MatMul" in node.op:
            self.numbers -= int(inputs[0].size) * int(outputs[0].shape[-1]) // MULTIPLICATIONS
        if self.numbers < 0:
            raise UnfollowedError(f"{node.name} ({node.op}): more than {MOST_NUMBERS:,} numbers in all")

    def _call(self, function: str, inputs: list[Any], scope: _Scope) -> tuple[Any, ...]:
        body = scope.graph.functions.get(function)
        if body is None or len(body.arguments) != len(inputs):
            raise UnfollowedError(f"{function}: expected a function of {len(inputs)} arguments")
        inner = _Scope(body, {name: (value,) for name, value in zip(body.arguments, inputs, strict=True)})
        return tuple(self._value(reference, inner) for reference in body.results)

    def _while(self, node: Any, inputs: list[Any], scope: _Scope) -> tuple[Any, ...]:
        state = tuple(inputs)
        while self._call(node.attr["cond"].func.name, list(state), scope)[0]:
            state = self._call(node.attr["body"].func.name, list(state), scope)
            self.left -= 1
        return state

    def _end(self, node: Any, scope: _Scope) -> Any:
        """The value that leaves a loop of TensorFlow 1."""
        switch = scope.graph.nodes.get(node.input[0].partition(":")[0])
        merge = switch.input[0].partition(":")[0] if switch is not None and switch.input else ""
        frame = next((name for name, loop in self.loops.items() if merge in loop.variables), None)
        if frame is None:
            raise UnfollowedError(f"{node.name} (Exit) of no loop")
        if frame not in scope.ends:
            scope.ends[frame] = self._loop(self.loops[frame], scope)
        return scope.ends[frame][merge]

    def _loop(self, loop: Loop, scope: _Scope) -> dict[str, Any]:
        nodes = scope.graph.nodes
        state = {merge: self._value(nodes[enter].input[0], scope) for merge, (enter, _) in loop.variables.items()}
        while True:
            inner = _Scope(scope.graph, {merge: (value, np.int32(1)) for merge, value in state.items()}, scope)
            if not self._value(loop.condition, inner):
                return state
            state = {merge: self._value(following, inner) for merge, (_, following) in loop.variables.items()}

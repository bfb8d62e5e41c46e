"""Where the graph of a checkpoint uses its variables: layers before, between and behind the cells, and what is between.

Positions are those of the data flow; names and shapes do not matter. Which numbers come out is compared afterwards
(`tf1_program`), so that nothing that is not understood here can pass.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.tensorflow.graph.flow import BLOCKS, LOOKUPS, LOOPS, PRODUCTS, SUMS, UNCHANGED, Flow
from gru_tf.interchange.tensorflow.graph.limits import attribute
from gru_tf.interchange.tensorflow.tf1_cells import Cell, Tf1Stack

ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "Selu": "selu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
}
MOVES = UNCHANGED | {  # numbers are moved, or are the shapes that they are moved by
    *("Reshape", "Transpose", "ExpandDims", "Squeeze", "ConcatV2", "Concat", "Pack", "Unpack", "Split", "SplitV", "Slice"),
    *("StridedSlice", "Gather", "GatherV2", "GatherNd", "ReverseV2", "ReverseSequence", "Shape", "ShapeN", "Size", "Rank"),
    *("Range", "Prod", "Const", "Fill", "Switch", "Merge", "Exit", "RefExit", "Tile", "ZerosLike", "NoOp"),
    *("TensorArrayV3", "TensorArrayScatterV3", "TensorArrayGatherV3", "TensorArraySizeV3", "TensorArrayReadV3"),
    *("TensorListFromTensor", "TensorListStack", "TensorListReserve", "TensorListLength", "TensorListElementShape"),
    *("LogicalAnd", "Assert", "All"),
    *("PlaceholderWithDefault", "EnsureShape", "CheckNumerics", "PreventGradient", "LoopCond", "InvertPermutation"),
}
SIZES = {"Shape", "ShapeN", "Rank", "Size"}
PICKS = {
    "TensorArrayGatherV3",
    "TensorListStack",
    "Identity",
    "Reshape",
    "Squeeze",
    "Transpose",
    "StridedSlice",
    "Slice",
    "GatherNd",
    "Gather",
    "GatherV2",
}
THROUGH_LOOPS = {
    *("TensorArrayWriteV3", "NextIteration", "Merge", "Switch", "Exit", "Identity", "Select", "SelectV2", "BiasAdd", "Add"),
    *("AddV2", "Reshape"),
}
WHOLE_NUMBERS = {3, 4, 5, 6, 9, 10, 17, 22, 23}  # of TensorFlow's types: shapes and places, not data
SOURCES = {
    *("Placeholder", "PlaceholderWithDefault", "PlaceholderV2", "IteratorGetNext", "IteratorV2", "OneShotIterator"),
    *("QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2"),
}
CELLS = BLOCKS | LOOPS | PRODUCTS


@dataclass(frozen=True)
class NamedLinear:
    """A linear layer, and what follows it: names of its kernel and bias, the node that gives its result."""

    kernel: str
    bias: str | None
    node: str
    after: tuple[Activation, ...] = ()


@dataclass(frozen=True)
class PlacedLayers:
    """What a graph computes with the variables.

    Args:
        table: of the embedding, "" for none.
        lookup: the node that reads the table, "" for none.
        first: activations right behind the input or the embedding.
        before: linear layers before the cells.
        behind: activations right behind the cells.
        head: linear layers behind the cells.
        ends: nodes that give the output, the last one first; none without linear layers behind the cells.
        entry: the node of the first layer.
        cells: nodes that use the last layer's kernel.
    """

    table: str
    lookup: str
    first: tuple[Activation, ...]
    before: tuple[NamedLinear, ...]
    behind: tuple[Activation, ...]
    head: tuple[NamedLinear, ...]
    ends: tuple[str, ...]
    entry: str
    cells: tuple[str, ...]


class Tf1Flow:
    """The flow of a checkpoint's graph around its cells.

    Args:
        flow: of the graph.
        stack: the cells.
        kernels: other matrices of the checkpoint.
        where: the file, for messages.
    """

    def __init__(self, flow: Flow, stack: Tf1Stack, kernels: Sequence[str], where: str):
        self.flow, self.stack, self.where = flow, stack, where
        self.layers = [[use for cell in cells for use in flow.uses(_kernel(cell), CELLS)] for cells in stack.layers]
        self.kernels = {name: uses for name in kernels if (uses := flow.uses(name, PRODUCTS | LOOPS))}
        for cells, uses in zip(stack.layers, self.layers, strict=True):
            if not uses:
                raise UserError(
                    f"{where}: {cells[0].path}: expected its graph (.meta) to compute with it. Received: a graph without it"
                )

    def place(self, embedding: str | bool | None, head: Sequence[str] | None) -> PlacedLayers:
        """The layers around the cells.

        Args:
            embedding: as `tf1.read` takes it.
            head: kernels that the user has named; None for all.

        Raises:
            UserError: for what is not a chain of layers that a model can have, naming the kernels or operations.
        """
        ends = self._heads(head)
        if ends:  # a graph may have the network several times, for training and for testing
            needed = self.flow.ancestors(ends[-1][1])
            self.layers = [[use for use in uses if use in needed] or uses for uses in self.layers]
        first = min(self.layers[0], key=lambda name: len(self.flow.ancestors(name)))
        before = self._chain([(name, use) for name in self.kernels for use in self._before(name, first)], "before")
        entry = before[0][1] if before else first
        table, lookup = self._embedding(entry, embedding)
        start = [lookup] if lookup else self.sources(entry)
        following = [*(use for _, use in before[1:]), first][: len(before)]
        first_activations = self._activations(start, entry, "the input")
        steps = [self._step(name, use, then) for (name, use), then in zip(before, following, strict=True)]
        behind = self._behind(ends)
        return PlacedLayers(table, lookup, first_activations, tuple(steps), *behind, entry, tuple(self.layers[-1]))

    def _before(self, name: str, first: str) -> list[str]:
        """The use of a kernel that the first step of the cells needs, if there is one."""
        needed = self.flow.ancestors(first)
        return [use for use in self.kernels[name] if use in needed and not self._needs_cells(use)][:1]

    def _needs_cells(self, use: str) -> bool:
        return any(cell in self.flow.ancestors(use) or cell == use for cell in self.layers[0])

    def _chain(self, uses: list[tuple[str, str]], place: str) -> list[tuple[str, str]]:
        """Kernels and their uses in order; refused where they do not follow one another."""
        ordered = sorted(uses, key=lambda each: len(self.flow.ancestors(each[1])))
        for (_, one), (name, other) in itertools.pairwise(ordered):
            if one not in self.flow.ancestors(other):
                names = several([kernel for kernel, _ in ordered])
                advice = f", or one chosen with {option_names.called('head')}" if place == "on top of" else ""
                expected = f"linear layers one after the other {place} the cells{advice}"
                raise UserError(f"{self.where}: {name}: expected {expected}. Received: a graph with {names} side by side")
        return ordered

    def _heads(self, head: Sequence[str] | None) -> list[tuple[str, str]]:
        last = self.layers[-1]
        uses = []
        for name, each in self.kernels.items():
            behind = [use for use in each if self._needs_cells(use)]
            for use in behind:
                cells = [cell for layer in self.layers for cell in layer if use in self.flow.ancestors(cell) or use == cell]
                if cells or not any(cell in self.flow.ancestors(use) for cell in last):
                    expected = "linear layers before or on top of all cells"
                    raise UserError(f"{self.where}: {name}: expected {expected}. Received: one between or within cells")
            uses += [(name, behind[-1])] if behind else []
        if head is None:
            return self._chain(uses, "on top of")
        known = dict(uses)
        for name in head:
            if name not in known:
                near = did_you_mean(name, known)
                expected = f"{option_names.called('head')} to be on top of the cells in the graph (.meta).{near}"
                raise UserError(
                    f"{self.where}: {name}: expected {expected} Received: {several(sorted(known)) or 'none there'}"
                )
        chain = self._chain([(name, known[name]) for name in head], "on top of")
        needed = self.flow.ancestors(chain[-1][1]) if chain else frozenset()
        missing = [name for name, use in uses if use in needed and name not in head]
        if missing or [name for name, _ in chain] != list(head):
            order = [name for name, use in self._chain([e for e in uses if e[1] in needed or e[0] in head], "on top of")]
            expected = f"{option_names.called('head')} in the order of the graph (.meta), {several(order)}"
            raise UserError(f"{self.where}: expected {expected}. Received: {several(list(head))}")
        return chain

    def _embedding(self, entry: str, embedding: str | bool | None) -> tuple[str, str]:
        """The table that the input is looked up in, and where; "" for none."""
        needed = self.flow.ancestors(entry)
        lookups = {}
        for name in set(self.flow.variables.values()):
            uses = [use for use in self.flow.uses(name, LOOKUPS) if use in needed and not self._needs_cells(use)]
            if uses and self.flow.variable_behind(next(self.flow.graph.inputs(uses[0]))) == name:
                lookups[name] = uses[0]
        tables = several(sorted(lookups)) or "none"
        if len(lookups) > 1:
            raise UserError(f"{self.where}: expected one embedding in the graph (.meta). Received: {tables}")
        if isinstance(embedding, str) and embedding and embedding not in lookups:
            expected = f"{option_names.called('embedding')} to be looked up in the graph (.meta)"
            raise UserError(f"{self.where}: {embedding}: expected {expected}. Received: {tables} there")
        name, use = next(iter(lookups.items()), ("", ""))
        return ("" if embedding in (False, "") else name), use

    def sources(self, entry: str) -> list[str]:
        """Nodes from which data comes: tokens made arrays, or inputs of the graph."""
        needed = [name for name in self.flow.graph.nodes if name in self.flow.ancestors(entry)]
        return [name for name in needed if self.flow.op(name) == "OneHot"] or [
            name for name in needed if self.flow.op(name) in SOURCES
        ]

    def _step(self, kernel: str, use: str, then: str = "") -> NamedLinear:
        """A linear layer with the bias that is added to it, and the activations before the next one."""
        bias, node = self._bias(use)
        return NamedLinear(kernel, bias, node, self._activations([node], then, kernel) if then else ())

    def _bias(self, node: str) -> tuple[str | None, str]:
        """The bias that is added to a product, and the node of the sum."""
        use = node
        while True:
            readers = [each for each in self.flow.consumers.get(node, ()) if self.flow.op(each) not in SIZES]
            for reader in readers:
                biases = [self.flow.variable_behind(name) for name in self.flow.graph.inputs(reader)]
                if self.flow.op(reader) in SUMS and any(biases):
                    return next(name for name in biases if name), reader
            if len(readers) != 1 or self.flow.op(readers[0]) not in ("Reshape", "Identity"):
                return None, use
            node = readers[0]

    def _behind(
        self, heads: list[tuple[str, str]]
    ) -> tuple[tuple[Activation, ...], tuple[NamedLinear, ...], tuple[str, ...]]:
        """Activations behind the cells, linear layers, and the node of the output."""
        if not heads:
            return (), (), ()
        following = [*(use for _, use in heads[1:]), ""]
        steps = [self._step(name, use, then) for (name, use), then in zip(heads, following, strict=True)]
        last = steps[-1]
        joined = self._joined(last.kernel)
        ends, after = ((joined,), ()) if joined else self.last(last.node)
        ends = tuple(self._out_of_loop(end) if end in self.flow.in_loops else end for end in ends)
        behind = self._activations(self.layers[-1], heads[0][1], "the cells")
        return behind, (*steps[:-1], NamedLinear(last.kernel, last.bias, last.node, after)), ends

    def _joined(self, kernel: str) -> str:
        """Where the results of steps are put together, of a program that calls the layer for each step; "" for another."""
        uses = [use for use in self.kernels[kernel] if self._needs_cells(use)]
        cells = [self.flow.ancestors(use) & set(self.flow.uses(_kernel(self.stack.layers[-1][0]), CELLS)) for use in uses]
        if len(uses) == 1 or not any(one & other for n, one in enumerate(cells) for other in cells[:n]):
            return ""
        together = [
            each for each in self.flow.descendants(uses[-1:]) if self.flow.op(each) in ("Pack", "ConcatV2", "Concat")
        ]
        together = [each for each in together if set(uses) <= self.flow.ancestors(each)]
        if not together:
            expected = "one product with it, or those of all steps put together, in the graph (.meta)"
            raise UserError(f"{self.where}: {kernel}: expected {expected}. Received: {len(uses)} products that stay apart")
        return min(together, key=lambda name: len(self.flow.ancestors(name)))

    def _out_of_loop(self, end: str) -> str:
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

    def last(self, node: str) -> tuple[tuple[str, ...], tuple[Activation, ...]]:
        """The output behind the last layer, and activations: as far as nothing else reads what is before."""
        activations: list[Activation] = []
        ends = [node]
        while True:
            readers = [each for each in self.flow.consumers.get(node, ()) if self.flow.op(each) not in SIZES]
            if len(readers) != 1:
                return tuple(ends), tuple(activations)
            node = readers[0]
            if activation := self._activation(node):
                activations.append(activation)
                ends = [node]
            elif self.flow.op(node) in PICKS:
                ends.insert(0, node)
            else:
                return tuple(ends), tuple(activations)

    def _activations(self, start: Sequence[str], end: str, after: str) -> tuple[Activation, ...]:
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

    def _activation(self, name: str) -> Activation | None:
        op = self.flow.op(name)
        if op == "LeakyRelu":
            return Activation("leaky_relu", round(float(attribute(self.flow.graph.nodes[name], "alpha", 0.2)), 7))
        return Activation(ACTIVATIONS[op]) if op in ACTIVATIONS else None

    def _whole(self, name: str) -> bool:
        return self.flow.graph.nodes[name].attr["T"].type in WHOLE_NUMBERS

    def _is_bias(self, name: str) -> bool:
        return self.flow.op(name) in SUMS and any(map(self.flow.variable_behind, self.flow.graph.inputs(name)))


def order(flow: Flow | None) -> Callable[[Mapping[str, Cell]], Sequence[str]]:
    """The order of scopes, each with one of its cells, in which a graph computes them; none where it is not a chain."""

    def ordered(cells: Mapping[str, Cell]) -> Sequence[str]:
        if flow is None:
            return ()
        uses = {scope: flow.uses(_kernel(cell), CELLS)[-1:] for scope, cell in cells.items()}
        if not all(uses.values()):
            return ()
        scopes = sorted(cells, key=lambda scope: len(flow.ancestors(uses[scope][0])))
        pairs = itertools.pairwise(scopes)
        return scopes if all(uses[one][0] in flow.ancestors(uses[other][0]) for one, other in pairs) else ()

    return ordered


def _kernel(cell: Cell) -> str:
    return next(name for array, name in cell.variables.items() if "kernel" in array)


def _of_cell(name: str) -> bool:
    """Whether a node is within a cell, of programs that call the cells step by step, without a loop."""
    parts = name.split("/")
    return any(part.startswith("multi_rnn_cell") or "_cell" in part for part in parts)

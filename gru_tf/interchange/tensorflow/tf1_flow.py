"""Where the graph of a checkpoint uses its variables: layers before, between and behind the cells, and what is between.

Positions are those of the data flow; names and shapes do not matter. Which numbers come out is compared afterwards
(`tf1_program`), so that nothing that is not understood here can pass.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.tensorflow.graph.flow import LOOKUPS, LOOPS, PRODUCTS, Flow
from gru_tf.interchange.tensorflow.tf1_cells import Cell, Tf1Stack
from gru_tf.interchange.tensorflow.tf1_nodes import Tf1Nodes
from gru_tf.interchange.tensorflow.tf1_operations import CELLS
from gru_tf.interchange.tensorflow.tf1_placed import NamedLinear, PlacedLayers


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
        self.nodes = Tf1Nodes(flow, where)
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
        start = [lookup] if lookup else self.nodes.sources(entry)
        following = [*(use for _, use in before[1:]), first][: len(before)]
        first_activations = self.nodes.activations(start, entry, "the input")
        steps = [self._step(name, use, then) for (name, use), then in zip(before, following, strict=True)]
        behind = self._behind(ends)
        return PlacedLayers(table, lookup, first_activations, tuple(steps), *behind, entry, tuple(self.layers[-1]))

    def last_kernels(self) -> list[str]:
        """Kernels of the last layer of cells."""
        return [_kernel(cell) for cell in self.stack.layers[-1]]

    def last_uses(self, kernel: str) -> list[str]:
        """Where a kernel of the last layer of cells, or of a layer behind, is used, in every network of the graph."""
        uses = self.kernels.get(kernel) or self.flow.uses(kernel, CELLS)
        return [use for use in uses if kernel not in self.kernels or self._needs_cells_anywhere(use)]

    def _needs_cells_anywhere(self, use: str) -> bool:
        first = {each for cell in self.stack.layers[0] for each in self.flow.uses(_kernel(cell), CELLS)}
        return bool(first & (self.flow.ancestors(use) | {use}))

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

    def _step(self, kernel: str, use: str, then: str = "") -> NamedLinear:
        """A linear layer with the bias that is added to it, and the activations before the next one."""
        bias, node = self.nodes.bias(use)
        return NamedLinear(kernel, bias, node, self.nodes.activations([node], then, kernel) if then else ())

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
        ends, after = ((joined,), ()) if joined else self.nodes.last(last.node)
        ends = tuple(self.nodes.out_of_loop(end) if end in self.flow.in_loops else end for end in ends)
        behind = self.nodes.activations(self.layers[-1], heads[0][1], "the cells")
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

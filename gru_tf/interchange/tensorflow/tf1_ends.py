"""Where a checkpoint's graph gives the output of its cells, what that output needs, and what is computed from it."""

from collections.abc import Iterator
from dataclasses import replace

from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError
from gru_tf.interchange.tensorflow.graph.values import Values
from gru_tf.interchange.tensorflow.tf1_flow import Tf1Flow
from gru_tf.interchange.tensorflow.tf1_operations import ACTIVATIONS, COMPARE, MOVES, SIZES, SOURCES
from gru_tf.interchange.tensorflow.tf1_placed import PlacedLayers

MOST_ENDS = 200  # nodes that are looked at for the output of the cells
MOST_SORTED = 2000  # of them by how much they need, which takes long


def candidates(flow: Tf1Flow, placed: PlacedLayers) -> Iterator[tuple[str, tuple[bool, ...]]]:
    """Nodes that may give the output, and whether that is of every step; one of every step is preferred."""
    if placed.ends:
        yield from ((end, (True, False)) for end in placed.ends)
        return
    for every in (True, False):
        yield from ((end, (every,)) for end in _ends(flow, placed))


def _ends(flow: Tf1Flow, placed: PlacedLayers) -> Iterator[str]:
    """Nodes outside of loops with what the cells give."""
    kinds = MOVES | {"Mul", "Add", "AddV2", *ACTIVATIONS}
    behind = [name for name in flow.flow.graph.nodes if name in flow.flow.descendants(placed.cells) - flow.flow.in_loops]
    ends = [name for name in behind if flow.flow.op(name) in kinds]
    if len(ends) > MOST_SORTED:
        ends = flow.flow.in_order(frozenset(ends))[:MOST_SORTED]
    return iter(sorted(ends, key=lambda name: len(flow.flow.ancestors(name)))[:MOST_ENDS])


def followed(flow: Tf1Flow, placed: PlacedLayers, end: str) -> PlacedLayers | None:
    """The same with what alone reads the output of the cells, such as a slice of the last step; None for nothing."""
    ends, activations = flow.nodes.last(end)
    return replace(placed, ends=ends, behind=activations) if ends[0] != end or activations else None


def computed_behind(flow: Tf1Flow, values: Values, end: str) -> Iterator[str]:
    """Arrays that the graph computes from the output: unlike a loss, they may be the real output.

    They are computed from it and the inputs alone, or joined with a further input, except by comparing as losses do.
    """
    left, seen = [end], {end}
    while left:
        for name in flow.flow.consumers.get(left.pop(), ()):
            if name in seen:
                continue
            seen.add(name)
            if further := _further_input(flow, name, seen, end):
                yield f"{name} ({flow.flow.op(name)}) with {further}"
            elif flow.flow.op(name) in SIZES:
                continue
            elif flow.flow.op(name) in MOVES:
                left.append(name)
            else:
                yield from _array_of(flow, values, name)


def _further_input(flow: Tf1Flow, name: str, from_output: set[str], end: str) -> str:
    """An input of the graph that an operation joins with the output, and that the output does not need; "" for none."""
    if flow.flow.op(name) in COMPARE | SIZES:
        return ""
    others = [each for each in flow.flow.graph.inputs(name) if each not in from_output]
    needed = frozenset(others).union(*map(flow.flow.ancestors, others)) - flow.flow.ancestors(end)
    return next((each for each in sorted(needed) if flow.flow.op(each) in SOURCES), "")


def _array_of(flow: Tf1Flow, values: Values, name: str) -> Iterator[str]:
    try:
        array = values[name]
    except UnfollowedError:  # as it needs the targets, or only reports
        return
    if array.dtype.kind == "f" and array.size > 1:
        yield f"{name} ({flow.flow.op(name)})"


def variables_missed(flow: Tf1Flow, placed: PlacedLayers, known: set[str]) -> list[str]:
    """Variables that the output needs and the network does not have."""
    needed = needed_by(flow, placed)
    return sorted({name for node, name in flow.flow.variables.items() if node in needed} - known)


def needed_by(flow: Tf1Flow, placed: PlacedLayers) -> frozenset[str]:
    """What the output needs, or the output of the cells."""
    return frozenset().union(*map(flow.flow.ancestors, placed.ends[:1] or placed.cells))

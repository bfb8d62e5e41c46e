"""One GRU, LSTM or RNN node: what it reads, and what each direction gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gru_tf.interchange.network import STATES, Recurrent
from gru_tf.interchange.onnx import activations, recurrent_weights
from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError
from gru_tf.interchange.onnx.export.layers.masked_steps import MaskedSteps
from gru_tf.interchange.onnx.export.layers.reshaping import length
from gru_tf.interchange.onnx.export.model_graph import ModelGraph


@dataclass(frozen=True)
class Direction:
    """What a direction gives.

    Args:
        steps: (batch, T, H) the output at each step, in the order of time.
        last: (batch, H) the output after the last step that is read.
        states: (batch, H) each, after it.
    """

    steps: str
    last: str
    states: tuple[str, ...]


def run(
    graph: ModelGraph,
    owner: Any,
    layer: Recurrent,
    x: str,
    initial: Sequence[Sequence[str]] | None,
    mask: MaskedSteps | None,
    zeros: bool = False,
    carries: bool = False,
) -> list[Direction]:
    """Write a node.

    Args:
        graph: to write into.
        owner: the Keras layer whose weights these are.
        layer: one direction or two.
        x: (batch, T, I).
        initial: of each direction the initial states (batch, H), h first; None for zeros.
        mask: which steps are real; None for all.
        zeros: whether masked steps give zeros, not the output before.
        carries: whether the initial state stands before the first real step, not zeros.

    Raises:
        NotExportedError: for activations and weights that ONNX does not have.
    """
    kind, count, units = layer.forward.cell, len(layer.directions), layer.forward.units
    try:
        arrays = recurrent_weights.write(layer)
        options = activations.attributes(kind, layer.recurrent_activation, layer.activation, count)
    except ValueError as error:
        raise NotExportedError(str(error)) from None
    if kind == "gru":
        options["linear_before_reset"] = int(bool(layer.forward.reset_after))
    what = f"{layer.name}/" if layer.name else ""
    weights = [graph.weight(owner, f"{what}{name}", arrays[name]) if name in arrays else "" for name in "WRB"]
    by_time = graph.op("Transpose", x if mask is None else mask.front(x), perm=[1, 0, 2])
    before = [_joined(graph, [states[n] for states in initial]) for n in range(len(STATES[kind]))] if initial else []
    names = graph.ops(
        kind.upper(),
        1 + len(STATES[kind]),
        by_time,
        *weights,
        "" if mask is None else mask.lengths(),
        *before,
        hidden_size=units,
        direction="bidirectional" if count > 1 else "reverse" if layer.reverse else "forward",
        **options,
    )
    zero = _zeros(graph, x, units) if mask is not None and not initial else ""
    directions = []
    for n in range(count):
        y, *ends = (graph.op("Gather", each, _scalar(graph, n), axis=int(first)) for first, each in _numbered(names))
        y = graph.op("Transpose", y, perm=[1, 0, 2])
        backwards = layer.reverse or n == 1
        if mask is None:
            directions.append(Direction(y, ends[0], tuple(ends)))
            continue
        begun = initial[n] if initial else [zero] * len(ends)
        states = tuple(mask.state(after, first) for after, first in zip(ends, begun, strict=True))
        first_h = begun[0] if carries and initial else ""
        last = mask.last(ends[0], backwards, zeros, first_h)
        directions.append(Direction(mask.back(y, backwards, zeros, first_h), last, states))
    return directions


def _numbered(names: Sequence[str]) -> list[tuple[bool, str]]:
    """Y has directions as its second axis, the states as their first."""
    return [(n == 0, name) for n, name in enumerate(names)]


def _scalar(graph: ModelGraph, n: int) -> str:
    return graph.op("Squeeze", graph.numbers(n), graph.numbers(0))


def _joined(graph: ModelGraph, rows: Sequence[str]) -> str:
    """(directions, batch, H)."""
    parts = [graph.op("Unsqueeze", row, graph.numbers(0)) for row in rows]
    return graph.op("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]


def _zeros(graph: ModelGraph, x: str, units: int) -> str:
    """(batch, H)."""
    shape = graph.op("Concat", length(graph, x, 0), graph.numbers(units), axis=0)
    return graph.op("Expand", graph.constant(0.0), shape)

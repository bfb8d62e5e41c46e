"""GRU, LSTM and RNN nodes: weights, directions, activations and states, or what keeps them from being read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_tf.foundation.errors import counted, did_you_mean
from gru_tf.interchange.network import Linear, Recurrent
from gru_tf.interchange.onnx.activations import named
from gru_tf.interchange.onnx.graph import Graph, Node, shape_of
from gru_tf.interchange.onnx.values import Axis, Const, Filled, Flow, Layer, Size, Unread, UnreadableError, Value, constant
from gru_tf.recurrent import gates

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
KNOWN = (
    "activation_alpha", "activation_beta", "activations", "direction", "hidden_size", "layout", "linear_before_reset",
    "clip", "input_forget",
)  # fmt: skip


def recurrent(node: Node, name: str, reset_after: bool | None = None) -> list[Value]:
    """Outputs Y, Y_h and, of an LSTM, Y_c.

    Args:
        node: the node.
        name: what messages call it.
        reset_after: what a GRU's reset is taken for; None: what the node says.

    Raises:
        UnreadableError: for anything that a Keras layer does not compute, weights that do not fit, or first states that are
            neither zero nor inputs.
    """
    cell, attributes = node.op.lower(), node.attributes
    _check_attributes(node)
    both = attributes.get("direction", "forward")
    if both not in DIRECTIONS:
        near = did_you_mean(str(both), DIRECTIONS)
        raise UnreadableError(f"expected direction {', '.join(DIRECTIONS)}.{near} Received: {both}")
    after = bool(attributes.get("linear_before_reset", 0)) if reset_after is None else reset_after
    weights = _weights(node, cell, DIRECTIONS[both], after)
    activations, plain = named(cell, attributes, DIRECTIONS[both])
    gate, activation = activations if cell != "rnn" else ("sigmoid", *activations)
    x, swapped = _input(node, weights[0].features), attributes.get("layout", 0) == 1
    lengths = _lengths(node)
    read = Recurrent(weights[0], weights[1] if len(weights) > 1 else None, both == "reverse", activation, gate, name)
    for n in (5, 6) if cell == "lstm" else (5,):
        _check_first(node.input(n), ("initial_h", "initial_c")[n - 5], x.roots)
        _note_batch(node.input(n), node.graph, 0 if swapped else 1)
    return _outputs(x, Layer(read, node.index, lengths, plain and lengths is None), node.graph, swapped)


def _check_attributes(node: Node) -> None:
    for key, value in node.attributes.items():
        if key not in KNOWN:
            raise UnreadableError(f"expected attributes {', '.join(KNOWN)}.{did_you_mean(key, KNOWN)} Received: {key}")
        if key == "clip" or (key == "input_forget" and value):
            raise UnreadableError(f"expected no {key}, which Keras has not. Received: {key}={value:g}")
        if key == "layout" and value not in (0, 1):
            raise UnreadableError(f"expected layout 0 or 1. Received: {value}")
    if node.op == "LSTM" and node.input(7) is not None and constant(node.input(7)) != 0:
        raise UnreadableError("expected no peepholes, which Keras has not. Received: input P")


def _weights(node: Node, cell: str, directions: int, after: bool) -> list[gates.Gates]:
    arrays = {name: _array(node.input(n), name, rank) for n, name, rank in ((1, "W", 3), (2, "R", 3), (3, "B", 2))}
    given = {name: array for name, array in arrays.items() if array is not None}
    if len(given) < 2 or "W" not in given:
        raise UnreadableError("expected weights W and R")
    units, size = node.attributes.get("hidden_size"), given["R"].shape[-1]
    if units is not None and units != size:
        raise UnreadableError(f"expected hidden_size={size} by R of shape {list(given['R'].shape)}. Received: {units}")
    for name, array in given.items():
        if array.shape[0] != directions:
            direction = node.attributes.get("direction", "forward")
            raise UnreadableError(
                f"expected {name} for {directions} direction{'s' * (directions > 1)}, for direction is {direction}."
                f" Received: shape {list(array.shape)}"
            )
    node.graph.within(sum(array.nbytes for array in given.values()))
    layout = gates.layout(f"onnx_{cell}", *(("keep", after) if cell == "gru" else ()))
    try:
        read = [gates.read({name: array[n] for name, array in given.items()}, layout) for n in range(directions)]
    except ValueError as error:
        raise UnreadableError(str(error).removeprefix("gates: ")) from None
    return [one.with_one_bias() if cell == "gru" and not after else one for one in read]  # Keras has one bias there


def _array(value: Value | None, name: str, rank: int) -> Any:
    if value is None:
        return None
    if isinstance(value, Unread):
        raise UnreadableError(f"{name}: {value.reason}")
    if isinstance(value, Filled) and name == "B" and not value.value:
        return None
    if not isinstance(value, Const):
        raise UnreadableError(f"expected {name} to be numbers in the file. Received: what is computed from the input")
    if value.array.ndim != rank or value.array.dtype.kind != "f":
        raise UnreadableError(
            f"expected {name} with {rank} axes of floating-point numbers."
            f" Received: shape {list(value.array.shape)}, {value.array.dtype}"
        )
    half = value.array.dtype == np.float16  # in which biases could not be added up without loss
    return np.ascontiguousarray(value.array, "float32" if half else None)


def _input(node: Node, features: int) -> Flow:
    """X, whose axes now are known for time and batch."""
    x, graph = node.input(0), node.graph
    if isinstance(x, Unread):
        raise UnreadableError(f"its input: {x.reason}")
    if not isinstance(x, Flow) or len(x.axes) != 3 or x.cut or len(x.roots) != 1:
        raise UnreadableError("expected the whole sequence (time, batch, features) as input X")
    time, batch = (axis.name for axis in (x.axes[1::-1] if node.attributes.get("layout", 0) else x.axes[:2]))
    if x.whole and not any(isinstance(part, np.ndarray) for part in x.parts):
        raise UnreadableError("expected input X as it was given. Received: whole numbers, cast from it")
    if any(isinstance(part, Linear) for part in x.parts):
        raise UnreadableError("expected linear layers behind all recurrent ones. Received: one between them")
    if x.rows or (time, batch) != ((graph.time or time), (graph.batch or batch)) or not _raw(time, x) or not _raw(batch, x):
        received = ", ".join(axis.name for axis in x.axes)
        wanted = f"{graph.time}, {graph.batch}" if graph.time else "time, batch"
        raise UnreadableError(f"expected input X of axes ({wanted}, features). Received: ({received})")
    size: Size = graph.declared.get(x.axes[2].name, x.axes[2].size)
    if isinstance(size, int) and size != features:
        raise UnreadableError(f"expected input X of {counted(features, 'feature')} by W. Received: {size}")
    graph.time, graph.batch = time, batch
    return x


def _raw(name: str, x: Flow) -> bool:
    """Whether an axis is an input's own."""
    return name.startswith(f"{x.roots[0]}[")


def _lengths(node: Node) -> str | None:
    """The input that says how many steps are real; None where all are."""
    value, graph = node.input(4), node.graph
    if value is None:
        return None
    if isinstance(value, Flow) and not value.parts and not value.cut and len(value.axes) == 1:
        return value.roots[0]
    steps = value.value if isinstance(value, Filled) else constant(value)
    if steps == graph.time and graph.time:
        return None
    if steps is not None and steps == graph.declared.get(graph.time):
        graph.fixed.add(graph.time)
        return None
    reason = f" Received: {value.reason}" if isinstance(value, Unread) else ""
    raise UnreadableError(f"expected sequence_lens to be an input of the graph.{reason}")


def _check_first(value: Value | None, name: str, own: Sequence[str]) -> None:
    """First states are zero, or inputs of their own."""
    if value is None or (constant(value) == 0 and len(shape_of(value)) == 3):
        return
    if isinstance(value, Unread):
        raise UnreadableError(f"{name}: {value.reason}")
    if not isinstance(value, Flow):
        most = f" up to {np.abs(value.array).max():g}" if isinstance(value, Const) and value.array.size else ""
        raise UnreadableError(f"expected {name} to be zero, absent or an input of the graph. Received: numbers{most}")
    if len(value.axes) != 3:
        raise UnreadableError(f"expected {name} with 3 axes. Received: {len(value.axes)}")
    if value.parts or set(value.roots) & set(own):
        raise UnreadableError(f"expected {name} to be zero, absent or an input of the graph. Received: what it computes")


def _note_batch(value: Value | None, graph: Graph, axis: int) -> None:
    """First states laid out in the file are those of one batch size: the file then computes no other."""
    shape = value.array.shape if isinstance(value, Const) else value.shape if isinstance(value, Filled) else ()
    size = shape[axis] if len(shape) == 3 else None
    if isinstance(size, int):
        if size < 1:
            raise UnreadableError(f"expected first states of at least one sequence. Received: {size}")
        graph.declared[graph.batch] = size
        graph.fixed.add(graph.batch)


def _outputs(x: Flow, layer: Layer, graph: Graph, swapped: bool) -> list[Value]:
    """Y (T, D, B, H) and the states (D, B, H); with batch first (B, T, D, H) and (B, D, H)."""
    one = layer.recurrent
    time, batch = Axis(graph.time, graph.time), Axis(graph.batch, graph.batch)
    direction, features = Axis("direction", len(one.directions)), Axis("features", one.forward.units)
    axes = (batch, time, direction, features) if swapped else (time, direction, batch, features)
    ends = (batch, direction, features) if swapped else (direction, batch, features)
    parts = (*x.parts, layer)
    states = ("h", "c") if one.forward.cell == "lstm" else ("h",)
    rows = [tuple((layer, n, state) for n in range(len(one.directions))) for state in states]
    return [Flow(x.roots, parts, axes), *(Flow(x.roots, parts, ends, row) for row in rows)]

"""GRU, LSTM and RNN nodes as layers: weights, directions, activations and states."""

from collections.abc import Sequence

import numpy as np

from gru_tf.foundation.errors import counted, did_you_mean
from gru_tf.interchange.network import Linear, Recurrent
from gru_tf.interchange.onnx import recurrent_weights
from gru_tf.interchange.onnx.activations import keras_activations
from gru_tf.interchange.onnx.graph import Node, OnnxGraph, shape_of
from gru_tf.interchange.onnx.values import (
    Axis,
    Constant,
    FilledArray,
    Layer,
    Length,
    TracedTensor,
    UnreadableError,
    Unsupported,
    Value,
    fill_value,
)

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
KNOWN = (
    "activation_alpha", "activation_beta", "activations", "direction", "hidden_size", "layout", "linear_before_reset",
    "clip", "input_forget",
)  # fmt: skip


def read(node: Node, name: str, reset_after: bool | None = None) -> list[Value]:
    """Outputs Y, Y_h and, of an LSTM, Y_c, each with the layer that it comes from.

    Args:
        node: the node.
        name: what messages call it.
        reset_after: how a GRU resets; None: as the node says.

    Raises:
        UnreadableError: for anything that a Keras layer does not compute, weights that do not fit, and initial states that
            are neither zero nor inputs.
    """
    cell, attributes = node.op.lower(), node.attributes
    check_attributes(node)
    way = direction(node)
    after = bool(attributes.get("linear_before_reset", 0)) if reset_after is None else reset_after
    weights = recurrent_weights.read(node, cell, DIRECTIONS[way], after)
    activations, plain = keras_activations(cell, attributes, DIRECTIONS[way])
    gate, activation = activations if cell != "rnn" else ("sigmoid", *activations)
    x, swapped = _input(node, weights[0].features), attributes.get("layout", 0) == 1
    lengths = _lengths(node)
    backward = weights[1] if len(weights) > 1 else None
    layer = Recurrent(weights[0], backward, way == "reverse", activation, gate, name)
    for n in (5, 6) if cell == "lstm" else (5,):
        _check_initial(node.input(n), ("initial_h", "initial_c")[n - 5], x.roots)
        _note_batch(node.input(n), node.graph, 0 if swapped else 1)
    return _outputs(x, Layer(layer, node.index, lengths, plain and lengths is None), node.graph, swapped)


def direction(node: Node) -> str:
    """The node's direction; raises UnreadableError for one that does not exist."""
    way = node.attributes.get("direction", "forward")
    if way not in DIRECTIONS:
        near = did_you_mean(str(way), DIRECTIONS)
        raise UnreadableError(f"expected direction {', '.join(DIRECTIONS)}.{near} Received: {way}")
    return str(way)


def check_attributes(node: Node) -> None:
    """Refuse attributes that are unknown or that Keras has nothing for, and peepholes."""
    for key, value in node.attributes.items():
        if key not in KNOWN:
            raise UnreadableError(f"expected attributes {', '.join(KNOWN)}.{did_you_mean(key, KNOWN)} Received: {key}")
        if key == "clip" or (key == "input_forget" and value):
            raise UnreadableError(f"expected no {key}, which Keras does not support. Received: {key}={value:g}")
        if key == "layout" and value not in (0, 1):
            raise UnreadableError(f"expected layout 0 or 1. Received: {value}")
    if node.op == "LSTM" and node.input(7) is not None and fill_value(node.input(7)) != 0:
        raise UnreadableError("expected no peepholes, which Keras does not support. Received: input P")


def _input(node: Node, features: int) -> TracedTensor:
    """X, whose axes are from now on known to be time and batch."""
    x, graph = node.input(0), node.graph
    if isinstance(x, Unsupported):
        raise UnreadableError(f"its input: {x.reason}")
    if not isinstance(x, TracedTensor) or len(x.axes) != 3 or x.partial or len(x.roots) != 1:
        raise UnreadableError("expected the whole sequence (time, batch, features) as input X")
    time, batch = (axis.name for axis in (x.axes[1::-1] if node.attributes.get("layout", 0) else x.axes[:2]))
    if x.truncated and not any(isinstance(part, np.ndarray) for part in x.parts):
        raise UnreadableError("expected the original sequence as input X. Received: a cast to integers")
    if any(isinstance(part, Linear) for part in x.parts):
        raise UnreadableError("expected linear layers only after all recurrent ones. Received: one between them")
    known = (graph.time or time, graph.batch or batch)
    if x.states or (time, batch) != known or not (_is_input_axis(time, x) and _is_input_axis(batch, x)):
        received = ", ".join(axis.name for axis in x.axes)
        expected = f"{graph.time}, {graph.batch}" if graph.time else "time, batch"
        raise UnreadableError(f"expected input X of axes ({expected}, features). Received: ({received})")
    size: Length = graph.declared.get(x.axes[2].name, x.axes[2].size)
    if isinstance(size, int) and size != features:
        raise UnreadableError(f"expected input X of {counted(features, 'feature')} by W. Received: {size}")
    graph.time, graph.batch = time, batch
    return x


def _is_input_axis(name: str, x: TracedTensor) -> bool:
    """Whether an axis is one of the graph's input."""
    return name.startswith(f"{x.roots[0]}[")


def _lengths(node: Node) -> str | None:
    """The input with the lengths of sequences; None if all have every step."""
    value, graph = node.input(4), node.graph
    if value is None:
        return None
    if isinstance(value, TracedTensor) and not value.parts and not value.partial and len(value.axes) == 1:
        return value.roots[0]
    steps = value.value if isinstance(value, FilledArray) else fill_value(value)
    if steps == graph.time and graph.time:
        return None
    if steps is not None and steps == graph.declared.get(graph.time):
        graph.fixed.add(graph.time)
        return None
    reason = f" Received: {value.reason}" if isinstance(value, Unsupported) else ""
    raise UnreadableError(f"expected sequence_lens to be an input of the graph.{reason}")


def _check_initial(value: Value | None, name: str, own: Sequence[str]) -> None:
    """Refuse initial states that are neither zero nor separate inputs."""
    if value is None or (fill_value(value) == 0 and len(shape_of(value)) == 3):
        return
    if isinstance(value, Unsupported):
        raise UnreadableError(f"{name}: {value.reason}")
    if not isinstance(value, TracedTensor):
        most = f" up to {np.abs(value.array).max():g}" if isinstance(value, Constant) and value.array.size else ""
        raise UnreadableError(f"expected {name} to be zero, absent or an input of the graph. Received: numbers{most}")
    if len(value.axes) != 3:
        raise UnreadableError(f"expected {name} with 3 axes. Received: {len(value.axes)}")
    if value.parts or set(value.roots) & set(own):
        raise UnreadableError(f"expected {name} to be zero, absent or an input of the graph. Received: a computed value")


def _note_batch(value: Value | None, graph: OnnxGraph, axis: int) -> None:
    """Initial states stored in the file are those of one batch size: the file then computes no other."""
    shape = value.array.shape if isinstance(value, Constant) else value.shape if isinstance(value, FilledArray) else ()
    size = shape[axis] if len(shape) == 3 else None
    if isinstance(size, int):
        if size < 1:
            raise UnreadableError(f"expected initial states of at least one sequence. Received: {size}")
        graph.declared[graph.batch] = size
        graph.fixed.add(graph.batch)


def _outputs(x: TracedTensor, layer: Layer, graph: OnnxGraph, swapped: bool) -> list[Value]:
    """Y (T, D, B, H) and the states (D, B, H); with batch first (B, T, D, H) and (B, D, H)."""
    one = layer.recurrent
    time, batch = Axis(graph.time, graph.time), Axis(graph.batch, graph.batch)
    both, features = Axis("direction", len(one.directions)), Axis("features", one.forward.units)
    axes = (batch, time, both, features) if swapped else (time, both, batch, features)
    state_axes = (batch, both, features) if swapped else (both, batch, features)
    parts = (*x.parts, layer)
    states = ("h", "c") if one.forward.cell == "lstm" else ("h",)
    final = [tuple((layer, n, state) for n in range(len(one.directions))) for state in states]
    return [TracedTensor(x.roots, parts, axes), *(TracedTensor(x.roots, parts, state_axes, each) for each in final)]

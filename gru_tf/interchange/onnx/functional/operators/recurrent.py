"""GRU, LSTM and RNN nodes as Keras' own layers: Bidirectional for two directions, initial states, lengths as a mask."""

from typing import Any

import keras

from gru_tf.interchange.network import STATES, Recurrent
from gru_tf.interchange.onnx import recurrent_nodes, recurrent_weights
from gru_tf.interchange.onnx.activations import KERAS_2, keras_activations
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import initial_states
from gru_tf.interchange.onnx.functional.operators.recurrent_call import OWN, RecurrentCall
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.values import Expanded, RepeatedLength, SequenceLengths, Value
from gru_tf.interchange.onnx.functional.views import Group, TensorView, fresh
from gru_tf.interchange.onnx.graph import Node
from gru_tf.interchange.onnx.values import Constant, UnreadableError, Unsupported, fill_value

WEIGHTS = (1, 2, 3, 7)  # places of W, R, B and P


def read(node: OperatorNode) -> list[Value]:
    """Outputs Y, Y_h and, of an LSTM, Y_c."""
    layer = layer_of(node)
    x, (batch, time, features) = _input(node, layer)
    mask = _mask(node, x, batch, time)
    initial = initial_states.initial(node, layer, batch)
    used = [name in node.used for name in [*node.outputs, "", "", ""][:3]]
    states = len(STATES[layer.forward.cell])
    sequences, ends = used[0], (used[0] and any(used[1:])) or (states == 2 and used[2])
    inputs = (x.arranged((batch, time, features), node.title), *(() if mask is None else (mask,)), *initial)
    step = BuildStep(RecurrentCall(layer, sequences, ends, mask is not None), inputs, node.title)
    return _outputs(node, layer, step, (batch, time), sequences, ends)


def _plain(node: OperatorNode) -> Node:
    """The node with its constants, for readers that know only these."""
    values: list[Any] = []
    for n, value in enumerate(node.inputs):
        known = n in WEIGHTS and value is not None and not isinstance(value, (TensorView, Unsupported))
        array = node.as_constant(value) if known and value is not None else None
        values.append(value if array is None else Constant(array))
    return Node(node.index, node.op, node.attributes, values, node.outputs, node.graph)


def layer_of(node: OperatorNode) -> Recurrent:
    """Weights, directions and activations of a node, whatever its other inputs are."""
    cell, plain = node.op.lower(), _plain(node)
    recurrent_nodes.check_attributes(plain)
    direction = recurrent_nodes.direction(plain)
    count = recurrent_nodes.DIRECTIONS[direction]
    after = bool(node.attributes.get("linear_before_reset", 0))
    after = node.reset_after if cell == "gru" and node.reset_after is not None else after
    weights = recurrent_weights.read(plain, cell, count, after)
    activations, _ = keras_activations(cell, node.attributes, count, KERAS_2)
    gate, activation = activations if cell != "rnn" else ("sigmoid", *activations)
    backward = weights[1] if count > 1 else None
    if set(activations) & set(OWN):
        node.own_activations.append(node.title)
    return Recurrent(weights[0], backward, direction == "reverse", activation, gate, node.title)


def _input(node: OperatorNode, layer: Recurrent) -> tuple[TensorView, tuple[Group, Group, Group]]:
    """X and its axes of batch, time and features."""
    x = node.tensor(0)
    if x.rank != 3 or x.kind != "float":
        raise UnreadableError(f"expected a sequence (time, batch, features) as input X. Received: {x.rank} axes, {x.kind}")
    x.known.equate(x.size(x.axes[2]), SymbolicSize(layer.forward.features))
    first = node.attributes.get("layout", 0)
    time, batch = (x.axes[1], x.axes[0]) if first else (x.axes[0], x.axes[1])
    if not batch and x.is_batch(time):
        raise UnreadableError(
            "expected an input with an axis of the batch. Received: one sequence, whose first axis is time"
        )
    if batch and x.size(batch).names and x.size(batch) == x.size(time):
        expected = "expected the batch and the steps to have lengths of their own"
        received = f"both are {x.size(batch)}. If the file gives its free axes one name, export it with a name for each"
        raise UnreadableError(f"{expected}. Received: {received}")
    _learn_batch(x, batch)
    if len(batch) > 1:
        raise UnreadableError("expected the batch as an axis of its own. Received: batch and another in one")
    x.check_apart([1 if first else 0, 2])
    return x, (batch, time, x.axes[2])


def _learn_batch(x: TensorView, batch: Group) -> None:
    """Let this axis be the batch, if it comes from an input."""
    names = {x.known.name(name) for atom in batch for name in atom.size.names}
    if names:
        x.known.learn_batch(names)


def _mask(node: OperatorNode, x: TensorView, batch: Group, time: Group) -> BuildStep | None:
    """A mask of the real steps, (batch, time), of sequence_lens; None where all steps are real."""
    value = node.input(4)
    if value is None:
        return None
    if isinstance(value, SequenceLengths):
        return value.mask(x, batch, time)
    steps = x.size(time)
    if isinstance(value, TensorView):
        raise UnreadableError("expected sequence_lens to be an input of the graph. Received: a value computed at run time")
    if isinstance(value, RepeatedLength):
        x.known.equate(value.size, steps)
        return None
    array = value.array if isinstance(value, (Expanded, Constant)) else None
    fill = None if array is None else fill_value(Constant(array))
    if fill is not None and fill == int(fill):
        x.known.equate(steps, SymbolicSize(int(fill)))
        return None
    raise UnreadableError("expected sequence_lens to be an input of the graph, or all steps")


def _outputs(
    node: OperatorNode, layer: Recurrent, step: BuildStep, axes: tuple[Group, Group], sequences: bool, ends: bool
) -> list[Value]:
    """Y (T, D, B, H) and the states (D, B, H); with batch first (B, T, D, H) and (B, D, H)."""
    (batch, time), known, first = axes, node.known, node.attributes.get("layout", 0)
    direction, units = fresh(SymbolicSize(len(layer.directions)), known), fresh(SymbolicSize(layer.forward.units), known)
    width = (*direction, *units)
    values: list[Value] = []
    shape = (batch, time, direction, units) if first else (time, direction, batch, units)
    y = TensorView(step.item(0), (batch, time, width), shape, "float", known, node.title)
    values.append(y if sequences else Unsupported(f"node '{node.title}': Y is not computed"))
    for n, _ in enumerate(STATES[layer.forward.cell]):
        direction, units = fresh(SymbolicSize(len(layer.directions)), known), fresh(SymbolicSize(layer.forward.units), known)
        state = _final(node, layer, step, n, sequences, ends)
        view = (batch, direction, units) if first else (direction, batch, units)
        values.append(TensorView(state, (batch, (*direction, *units)), view, "float", known, node.title))
    return values


def _final(node: OperatorNode, layer: Recurrent, step: BuildStep, n: int, sequences: bool, ends: bool) -> BuildStep:
    """The n-th final state, of both directions side by side."""
    if not ends and not sequences:
        return step.item(0)  # the last step
    count = len(STATES[layer.forward.cell])
    each = [step.item(1 + direction * count + n) for direction in range(len(layer.directions))]
    return each[0] if len(each) == 1 else node.applied(lambda *states: keras.ops.concatenate(states, axis=-1), *each)

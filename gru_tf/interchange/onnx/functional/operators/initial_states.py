"""Initial states of recurrent nodes: zero, stored, learned, an input, or what another node computes."""

import numpy as np

from gru_tf.interchange.network import STATES, Recurrent
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators.lengths import sizes_of
from gru_tf.interchange.onnx.functional.operators.slices import cut
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.values import Expanded, Value
from gru_tf.interchange.onnx.functional.views import Group, TensorView
from gru_tf.interchange.onnx.values import Constant, UnreadableError, Unsupported


def initial(node: OperatorNode, layer: Recurrent, batch: Group) -> list[BuildStep]:
    """Initial states of each direction, h before c; none where they are zero."""
    names = ("initial_h", "initial_c")[: len(STATES[layer.forward.cell])]
    values = [_state(node, node.input(n), name, layer) for n, name in enumerate(names, 5)]
    for value in values:
        _note_rows(node, value, batch)
    if all(value is None or _is_zero(value) for value in values):
        return []
    zeros = Expanded(
        np.zeros((1, 1, 1), "float32"),
        (SymbolicSize(len(layer.directions)), _size(node, batch), SymbolicSize(layer.forward.units)),
    )
    states = []
    for direction in range(len(layer.directions)):
        for value in values:
            states.append(_of_direction(node, zeros if value is None else value, direction, layer, batch))
    return states


def _state(node: OperatorNode, value: Value | None, name: str, layer: Recurrent) -> Value | None:
    """An initial state with axes (direction, batch, units), whatever the node's layout."""
    if value is None:
        return None
    if isinstance(value, Unsupported):
        raise UnreadableError(f"{name}: {value.reason}")
    sizes = sizes_of(value)
    if len(sizes) != 3:
        raise UnreadableError(f"expected {name} with 3 axes. Received: {len(sizes)}")
    perm = (1, 0, 2) if node.attributes.get("layout", 0) else (0, 1, 2)
    node.known.equate(sizes[perm[0]], SymbolicSize(len(layer.directions)))
    node.known.equate(sizes[2], SymbolicSize(layer.forward.units))
    if isinstance(value, Constant):
        return Constant(value.array.transpose(perm))
    if isinstance(value, Expanded):
        return Expanded(value.array.transpose(perm), tuple(value.sizes[n] for n in perm))
    return node.as_tensor(value).viewed(tuple(node.as_tensor(value).axes[n] for n in perm))


def _is_zero(value: Value) -> bool:
    array = value.array if isinstance(value, (Constant, Expanded)) else None
    return array is not None and not np.any(array)


def _size(node: OperatorNode, batch: Group) -> SymbolicSize:
    return node.known.settled(batch[0].size) if batch else SymbolicSize(1)


def _note_rows(node: OperatorNode, value: Value | None, batch: Group) -> None:
    """States stored for each sequence of a batch are those of one batch size: the file computes no other."""
    if not isinstance(value, (Constant, Expanded)):
        return
    size = SymbolicSize(value.array.shape[1]) if isinstance(value, Constant) else node.known.settled(value.sizes[1])
    own = _size(node, batch)
    if size.number is None or own.number is not None:
        node.known.equate(size, own)
        return
    rows = value.array
    if rows.shape[1] > 1 and np.any(rows != rows[:, :1]):
        node.known.equate(own, size)
    node.known.note_rows(own, size.number)


def _of_direction(node: OperatorNode, value: Value, direction: int, layer: Recurrent, batch: Group) -> BuildStep:
    """A state (batch, units) of one direction."""
    own = _size(node, batch)
    if isinstance(value, (Constant, Expanded)):
        array = value.array[min(direction, len(value.array) - 1)]
        rows = array[:1] if own.number is None or len(array) == 1 else array
        one = node.as_tensor(
            Expanded(np.broadcast_to(rows, (len(rows), layer.forward.units)), (own, SymbolicSize(layer.forward.units)))
        )
        return one.arranged((one.axes[0], one.axes[1]), node.title)
    tensor = node.as_tensor(value)
    node.known.equate(tensor.size(tensor.axes[1]), own)
    part = cut(node, tensor, 0, direction, direction + 1) if len(layer.directions) > 1 else tensor
    if not isinstance(part, TensorView):
        raise UnreadableError("expected a state that the model computes")
    return part.arranged((part.axes[1], part.axes[2]), node.title)

"""Concat: arrays one after the other along an axis, lengths, or constants."""

from collections.abc import Sequence

import keras
import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import lengths
from gru_tf.interchange.onnx.functional.operators.lengths import sizes_of
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.values import Expanded, Lengths, Value
from gru_tf.interchange.onnx.functional.views import Group, TensorView, fresh
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import Constant, UnreadableError


def concat(node: OperatorNode) -> Value:
    """Concat: arrays one after the other along an axis; lengths; constants."""
    values = [value for value in node.inputs if value is not None]
    if not values:
        raise UnreadableError("expected inputs")
    if all(isinstance(value, Constant) for value in values):
        arrays = [value.array for value in values if isinstance(value, Constant)]
        node.graph.count_bytes(sum(array.nbytes for array in arrays))
        return Constant(np.concatenate(arrays, node.attributes["axis"]))
    if all(isinstance(value, (Lengths, Constant)) for value in values):
        return lengths.joined(values, node)
    if all(isinstance(value, (Expanded, Constant)) for value in values):
        return _joined_constants(node, values)
    return _joined(node, [node.as_tensor(value) for value in values])


def _joined_constants(node: OperatorNode, values: Sequence[Value]) -> Value:
    """Repeated constants one after the other along an axis whose lengths are known."""
    each = [value if isinstance(value, Expanded) else _whole(value) for value in values]
    axis = normalize_axes([node.attributes["axis"]], len(each[0].sizes))[0]
    counts = [number for one in each if (number := node.known.number(one.sizes[axis])) is not None]
    if len(counts) < len(each):
        return _joined(node, [node.as_tensor(value) for value in values])
    node.graph.count_bytes(sum(one.array.nbytes * max(1, count) for one, count in zip(each, counts, strict=True)))
    arrays = [
        np.repeat(one.array, count, axis) if one.array.shape[axis] == 1 else one.array
        for one, count in zip(each, counts, strict=True)
    ]
    shape = [max(lengths) for lengths in zip(*(array.shape for array in arrays), strict=True)]
    node.graph.count_bytes(sum(int(np.prod(shape, dtype=np.int64)) * array.itemsize for array in arrays))
    arrays = [np.broadcast_to(array, (*shape[:axis], array.shape[axis], *shape[axis + 1 :])) for array in arrays]
    joined = np.concatenate(arrays, axis)
    return Expanded(joined, (*each[0].sizes[:axis], SymbolicSize(joined.shape[axis]), *each[0].sizes[axis + 1 :]))


def _whole(value: Value) -> Expanded:
    if not isinstance(value, Constant):
        raise UnreadableError("expected constants")
    return Expanded(value.array, sizes_of(value))


def _joined(node: OperatorNode, tensors: Sequence[TensorView]) -> TensorView:
    """Tensors one after the other; their other axes lie in the same order."""
    first, known = tensors[0], node.known
    axis = normalize_axes([node.attributes["axis"]], first.rank)[0]
    if len({tensor.rank for tensor in tensors}) > 1 or len({tensor.kind for tensor in tensors}) > 1:
        raise UnreadableError("expected arrays of the same type with as many axes")
    for tensor in tensors:
        tensor.check_apart([axis])
        for n in range(first.rank):
            if n != axis:
                known.equate(first.size(first.axes[n]), tensor.size(tensor.axes[n]))
    order = sorted(range(first.rank), key=lambda n: (not any(t.is_batch(t.axes[n]) for t in tensors), n))
    cells = {n: [(first.axes[n],)] if n == axis else _same_cells([t.axes[n] for t in tensors], first) for n in order}
    steps: list[BuildStep] = []
    layout: list[Group] = []
    place = 0
    for n in order:
        place = len(layout) if n == axis else place
        layout += cells[n][0] if n != axis else [()]
    for number, tensor in enumerate(tensors):
        own = [group for n in order for group in ([tensor.axes[n]] if n == axis else cells[n][number])]
        steps.append(tensor.arranged(tuple(own), node.title))
    total = [known.settled(tensor.size(tensor.axes[axis])) for tensor in tensors]
    alike = len({one.names for one in total}) == 1
    size = SymbolicSize(sum(one.factor for one in total), total[0].names) if alike else known.window(total, -1)
    layout[place] = fresh(size, known)
    step = node.applied(lambda *each: keras.ops.concatenate(each, axis=place), *steps)
    axes = tuple(layout[place] if n == axis else tuple(a for cell in cells[n][0] for a in cell) for n in range(first.rank))
    return TensorView(step, tuple(layout), axes, first.kind, known, node.title)


def _same_cells(groups: Sequence[Group], tensor: TensorView) -> list[list[Group]]:
    """The same axis of several tensors in the same cells: merged ones of unknown lengths in their atoms."""
    cells = [tensor.cells(group) for group in groups]
    sizes = [[tensor.size(cell) for cell in each] for each in cells]
    if any(each != sizes[0] for each in sizes):
        raise UnreadableError("expected axes that were merged in the same way")
    return cells

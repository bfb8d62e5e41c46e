"""Operators along axes: means, sums, largest entries, norms, softmax, and over all steps (global pooling)."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import lengths
from gru_tf.interchange.onnx.functional.operators.slices import own_axis
from gru_tf.interchange.onnx.functional.sizes import ONE, product
from gru_tf.interchange.onnx.functional.values import Lengths, Value
from gru_tf.interchange.onnx.functional.views import Group, Layout, TensorView
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import Constant, UnreadableError

ops = keras.ops


def _sum_square(x: Any, axis: Any) -> Any:
    return ops.sum(ops.square(x), axis=axis)


def _l2(x: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(x), axis=axis))


def _l1(x: Any, axis: Any) -> Any:
    return ops.sum(ops.absolute(x), axis=axis)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceMean": ops.mean, "ReduceSum": ops.sum, "ReduceMax": ops.max, "ReduceMin": ops.min, "ReduceProd": ops.prod,
    "ReduceSumSquare": _sum_square, "ReduceL2": _l2, "ReduceL1": _l1, "ReduceLogSumExp": ops.logsumexp,
}  # fmt: skip
GLOBAL = {"GlobalAveragePool": ops.mean, "GlobalMaxPool": ops.max}


def reduce(node: OperatorNode) -> Value:
    """ReduceMean and others: over some axes."""
    value = node.value(0)
    rank = len(lengths.sizes_of(value))
    axes = node.setting("axes", 1)
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return value
    chosen = sorted(set(normalize_axes(axes, rank))) if axes else list(range(rank))
    keep = bool(node.attributes.get("keepdims", 1))
    if isinstance(value, TensorView):
        if value.kind != "float" and node.op not in ("ReduceSum", "ReduceMax", "ReduceMin"):
            raise UnreadableError(f"expected floating-point numbers. Received: {value.kind}")
        return _over(node, value, chosen, FUNCTIONS[node.op], keep)
    if isinstance(value, Lengths) and node.op == "ReduceProd":
        return Lengths((product(value.values),), scalar=not keep)
    array = node.as_constant(value)
    if array is None:
        raise UnreadableError("expected a sequence or constants")
    result = np.asarray(FUNCTIONS[node.op](array, axis=tuple(chosen)))
    return Constant((np.expand_dims(result, tuple(chosen)) if keep else result).astype(array.dtype))


def global_pool(node: OperatorNode) -> Value:
    """GlobalAveragePool and GlobalMaxPool: over all axes behind batch and channels."""
    tensor = node.tensor(0)
    if tensor.rank < 3:
        raise UnreadableError(f"expected (batch, channels, time). Received: {tensor.rank} axes")
    return _over(node, tensor, list(range(2, tensor.rank)), GLOBAL[node.op], keep=True)


def _over(
    node: OperatorNode, tensor: TensorView, chosen: Sequence[int], function: Callable[..., Any], keep: bool
) -> TensorView:
    tensor.check_apart(chosen)
    layout, places = own_axes(tensor, chosen)
    step = tensor.arranged(layout, node.title)
    if places:
        step = node.applied(function, step, axis=tuple(places))
    elif function is not ops.mean and node.op not in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "GlobalMaxPool"):
        raise UnreadableError("expected an axis longer than 1")
    kept = tuple(group for n, group in enumerate(layout) if n not in places)
    groups: list[Group] = [() if n in chosen else group for n, group in enumerate(tensor.axes)]
    axes = tuple(group for n, group in enumerate(groups) if keep or n not in chosen)
    return TensorView(step, kept, axes, tensor.kind, node.known, node.title)


def own_axes(tensor: TensorView, chosen: Sequence[int]) -> tuple[Layout, list[int]]:
    """A layout in which the atoms of these axes share no axis of Keras with others, and the places of those."""
    atoms = {atom for axis in chosen for atom in tensor.axes[axis]}
    if all(set(group) <= atoms or not set(group) & atoms for group in tensor.layout):
        layout = tensor.layout
    else:
        layout = tuple(cell for group in tensor.layout for cell in ([(atom,) for atom in group] if group else [()]))
    return layout, [n for n, group in enumerate(layout) if group and set(group) <= atoms]


def softmax(node: OperatorNode) -> Value:
    """Softmax and LogSoftmax; before opset 13 over all axes from one on."""
    tensor, old = node.tensor(0), node.opset < 13
    axis = normalize_axes([node.attributes.get("axis", 1 if old else -1)], tensor.rank)[0]
    if tensor.kind != "float":
        raise UnreadableError(f"expected floating-point numbers. Received: {tensor.kind}")
    if old and axis < tensor.rank - 1:
        merged = tuple(atom for group in tensor.axes[axis:] for atom in group)
        flat = tensor.viewed((*tensor.axes[:axis], merged))
        return _normalised(node, flat, axis).viewed(tensor.axes)
    return _normalised(node, tensor, axis)


def _normalised(node: OperatorNode, tensor: TensorView, axis: int) -> TensorView:
    """Softmax or its logarithm along an axis; of a single entry without Keras, which warns of it."""
    one = tensor.size(tensor.axes[axis]) == ONE
    if node.op == "Softmax":
        return _along(node, tensor, axis, _ones if one else ops.softmax)
    return _along(node, tensor, axis, _zeros if one else ops.log_softmax)


def _ones(x: Any, axis: int) -> Any:
    return ops.ones_like(x)


def _zeros(x: Any, axis: int) -> Any:
    return ops.zeros_like(x)


def _along(node: OperatorNode, tensor: TensorView, axis: int, function: Callable[..., Any]) -> TensorView:
    """A function along one axis, which stays."""
    tensor.check_apart([axis])
    layout, place = own_axis(tensor, axis)
    step = node.applied(function, tensor.arranged(layout, node.title), axis=place)
    return TensorView(step, layout, tensor.axes, tensor.kind, node.known, node.title)


def argmax(node: OperatorNode) -> Value:
    """ArgMax: places of the largest entries, the first of equal ones."""
    tensor = node.tensor(0)
    axis = normalize_axes([node.attributes.get("axis", 0)], tensor.rank)[0]
    if node.attributes.get("select_last_index", 0):
        raise UnreadableError("expected the first of equal entries. Received: select_last_index=1")
    tensor.check_apart([axis])
    layout, place = own_axis(tensor, axis)
    function = {"ArgMax": ops.argmax, "ArgMin": ops.argmin}[node.op]
    step = node.applied(function, tensor.arranged(layout, node.title), axis=place)
    kept = (*layout[:place], *layout[place + 1 :])
    groups: list[Group] = [() if n == axis else group for n, group in enumerate(tensor.axes)]
    if not node.attributes.get("keepdims", 1):
        groups.pop(axis)
    whole = node.applied(ops.cast, step, dtype="int64")  # Keras' own are int32
    return TensorView(whole, kept, tuple(groups), "int", node.known, node.title)


def lp_normalization(node: OperatorNode) -> Value:
    """LpNormalization: divided by the norm along an axis."""
    tensor, p = node.tensor(0), node.attributes.get("p", 2)
    axis = normalize_axes([node.attributes.get("axis", -1)], tensor.rank)[0]
    if p not in (1, 2):
        raise UnreadableError(f"expected p 1 or 2. Received: {p}")
    norm = _over(node, tensor, [axis], _l2 if p == 2 else _l1, keep=True)
    return node.combined(ops.divide_no_nan, [tensor, norm])  # zeros stay zeros


def cumsum(node: OperatorNode) -> Value:
    """CumSum: sums up to each entry of an axis."""
    tensor, axes = node.tensor(0), node.whole_numbers(1)
    if node.attributes.get("exclusive", 0) or node.attributes.get("reverse", 0) or len(axes) != 1:
        raise UnreadableError("expected sums from the first entry on that include each")
    return _along(node, tensor, normalize_axes(axes, tensor.rank)[0], ops.cumsum)

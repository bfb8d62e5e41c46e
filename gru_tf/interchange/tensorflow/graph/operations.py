"""Operations of a graph that only compute, in NumPy: the list of all that a graph from a file may contain.

No other operation is ever run: none that reads or writes files, calls Python, or waits for anything. Each has its inputs'
arrays and its node; what would be larger than `MOST` numbers is refused before it is made.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.tensorflow.graph.arrays_of_steps import STEPS
from gru_tf.interchange.tensorflow.graph.block_cells import BLOCK_CELLS
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError, attribute, check_size, type_of
from gru_tf.interchange.tensorflow.graph.pointwise import ARITHMETIC, POINTWISE
from gru_tf.interchange.tensorflow.graph.slicing import SLICING

Operation = Callable[..., Any]  # node and arrays → array, or tuple of outputs


def _axis(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in np.ravel(value))


def _elementwise(function: Callable[..., Array]) -> Operation:
    def operation(node: Any, *arrays: Array) -> Array:
        check_size(node, np.broadcast_shapes(*(np.shape(array) for array in arrays)))
        return function(*arrays)

    return operation


def _reduction(function: Callable[..., Array]) -> Operation:
    def operation(node: Any, array: Array, axis: Array) -> Array:
        return np.asarray(function(array, axis=_axis(axis), keepdims=bool(node.attr["keep_dims"].b)))

    return operation


def _mean(array: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    return np.mean(array, axis=axis, keepdims=keepdims, dtype=array.dtype)


def _matmul(node: Any, one: Array, other: Array) -> Array:
    turned = [node.attr[name].b for name in ("transpose_a", "transpose_b", "adj_x", "adj_y")]
    one = np.swapaxes(one, -1, -2) if turned[0] or turned[2] else one
    other = np.swapaxes(other, -1, -2) if turned[1] or turned[3] else other
    if one.shape[-1] != other.shape[-2]:
        raise UnfollowedError(f"{node.name} ({node.op}): shapes {one.shape} and {other.shape} do not fit")
    batch = np.broadcast_shapes(one.shape[:-2], other.shape[:-2])
    check_size(node, (*batch, one.shape[-2], other.shape[-1]))
    return np.asarray(np.matmul(one, other))


def _bias_add(node: Any, array: Array, bias: Array) -> Array:
    if node.attr["data_format"].s == b"NCHW":
        raise UnfollowedError(f"{node.name} (BiasAdd of NCHW)")
    check_size(node, np.broadcast_shapes(array.shape, bias.shape))
    return array + bias


def _leaky(node: Any, array: Array) -> Array:
    return np.where(array > 0, array, array * np.asarray(attribute(node, "alpha", 0.2), array.dtype))


def _fill(node: Any, dims: Array, value: Array) -> Array:
    check_size(node, _axis(dims))
    return np.full(_axis(dims), value)


def _tile(node: Any, array: Array, multiples: Array) -> Array:
    check_size(node, [size * int(many) for size, many in zip(array.shape, multiples, strict=True)])
    return np.tile(array, _axis(multiples))


def _broadcast_to(node: Any, array: Array, shape: Array) -> Array:
    check_size(node, _axis(shape))
    return np.broadcast_to(array, _axis(shape))


def _range(node: Any, start: Any, limit: Any, delta: Any) -> Array:
    if not delta or not math.isfinite(float((limit - start) / delta)):
        raise UnfollowedError(f"{node.name} (Range): a step of {delta}")
    check_size(node, (max(0, int((limit - start) / delta) + 1),))
    return np.asarray(np.arange(start, limit, delta, dtype=np.asarray(start).dtype))


def _one_hot(node: Any, indices: Array, depth: Array, on: Array, off: Array) -> Array:
    check_size(node, (*indices.shape, int(depth)))
    if (axis := attribute(node, "axis", -1)) != -1:
        raise UnfollowedError(f"{node.name} (OneHot along axis {axis})")
    return np.where(indices[..., None] == np.arange(int(depth)), on, off).astype(np.asarray(on).dtype)


def _cast(node: Any, array: Array) -> Array:
    return np.asarray(array).astype(type_of(node, "DstT"))


def _select(node: Any, condition: Array, one: Array, other: Array) -> Array:
    if np.ndim(condition) == 1 and np.ndim(one) > 1:  # of whole rows
        condition = condition.reshape(-1, *[1] * (np.ndim(one) - 1))
    check_size(node, np.broadcast_shapes(np.shape(condition), np.shape(one), np.shape(other)))
    return np.where(condition, one, other)


def _const(node: Any) -> Array:
    import tensorflow as tf

    tensor = node.attr["value"].tensor
    check_size(node, [each.size for each in tensor.tensor_shape.dim])
    return np.asarray(tf.make_ndarray(tensor))


def _add_n(node: Any, *arrays: Array) -> Array:
    check_size(node, (len(arrays), *np.shape(arrays[0])))
    return np.sum(np.stack(arrays), axis=0, dtype=arrays[0].dtype)


def _arg(function: Callable[..., Array]) -> Operation:
    return lambda node, array, axis: function(array, axis=int(axis)).astype(type_of(node, "output_type", "int64"))


REDUCTIONS: Mapping[str, Callable[..., Any]] = {
    "Sum": np.sum,
    "Mean": _mean,
    "Max": np.max,
    "Min": np.min,
    "Prod": np.prod,
    "All": np.all,
    "Any": np.any,
}
SAME: Sequence[str] = (
    "Identity",
    "StopGradient",
    "PreventGradient",
    "Snapshot",
    "LoopCond",
    "CheckNumerics",
    "EnsureShape",
    "PlaceholderWithDefault",
)
OPERATIONS: Mapping[str, Operation] = {
    **{name: (lambda _, value: (value,)) for name in SAME},
    **{name: _elementwise(function) for name, function in {**POINTWISE, **ARITHMETIC}.items()},
    **{name: _reduction(function) for name, function in REDUCTIONS.items()},
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2"), _matmul),
    "Fill": _fill,
    "Tile": _tile,
    "BroadcastTo": _broadcast_to,
    "Range": _range,
    "OneHot": _one_hot,
    "BiasAdd": _bias_add,
    "LeakyRelu": _leaky,
    "Cast": _cast,
    "Const": _const,
    "AddN": _add_n,
    "Select": _select,
    "SelectV2": _elementwise(np.where),
    "ArgMax": _arg(np.argmax),
    "ArgMin": _arg(np.argmin),
    "NoOp": lambda _: np.zeros(0),
    "IdentityN": lambda _, *arrays: arrays,
    **SLICING,
    **STEPS,
    **BLOCK_CELLS,
}

"""Operations of a graph that choose, order and reshape numbers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.tensorflow.graph.limits import MOST_STEPS, UnfollowedError, check_size, type_of


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in np.ravel(value))


def _strided_slice(node: Any, array: Array, begin: Array, end: Array, strides: Array) -> Array:
    masks = {name: node.attr[f"{name}_mask"].i for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    chosen: list[Any] = []
    for n, (first, last, stride) in enumerate(zip(_sizes(begin), _sizes(end), _sizes(strides), strict=True)):
        if masks["ellipsis"] >> n & 1:
            chosen.append(Ellipsis)
        elif masks["new_axis"] >> n & 1:
            chosen.append(None)
        elif masks["shrink_axis"] >> n & 1:
            chosen.append(first)
        else:
            ends = (None if masks["begin"] >> n & 1 else first), (None if masks["end"] >> n & 1 else last)
            chosen.append(slice(*ends, stride))
    return np.asarray(np.asarray(array)[tuple(chosen)])


def _slice(_: Any, array: Array, begin: Array, size: Array) -> Array:
    places = zip(_sizes(begin), _sizes(size), strict=True)
    return array[tuple(slice(first, None if many == -1 else first + many) for first, many in places)]


def _gather(node: Any, array: Array, indices: Array, axis: Any = 0) -> Array:
    axis = int(axis)
    if node.attr["batch_dims"].i:
        raise UnfollowedError(f"{node.name} ({node.op} with batch_dims)")
    if np.any(indices < 0) or np.any(indices >= array.shape[axis]):
        raise UnfollowedError(f"{node.name} ({node.op}): an index outside of {array.shape[axis]}")
    check_size(node, (*array.shape[:axis], *np.shape(indices), *array.shape[axis:][1:]))
    return np.take(array, indices, axis=axis)


def _gather_nd(node: Any, array: Array, indices: Array) -> Array:
    check_size(node, (*indices.shape[:-1], *array.shape[indices.shape[-1] :]))
    return np.asarray(array[tuple(np.moveaxis(indices, -1, 0))])


def _parts(node: Any, number: int) -> None:
    """Refuse more arrays than sequences may have steps."""
    if not 0 < number <= MOST_STEPS:
        raise UnfollowedError(f"{node.name} ({node.op}): {number:,} parts")


def _split(node: Any, axis: Array, array: Array) -> tuple[Array, ...]:
    _parts(node, node.attr["num_split"].i)
    return tuple(np.split(array, node.attr["num_split"].i, axis=int(axis)))


def _split_by(node: Any, array: Array, sizes: Array, axis: Array) -> tuple[Array, ...]:
    _parts(node, np.size(sizes))
    return tuple(np.split(array, np.cumsum(sizes)[:-1], axis=int(axis)))


def _unpack(node: Any, array: Array) -> tuple[Array, ...]:
    _parts(node, array.shape[node.attr["axis"].i])
    return tuple(np.moveaxis(array, node.attr["axis"].i, 0))


def _pack(node: Any, *arrays: Array) -> Array:
    check_size(node, (len(arrays), *np.shape(arrays[0])))
    return np.stack(arrays, axis=node.attr["axis"].i)


def _joined(node: Any, arrays: tuple[Array, ...], axis: Any) -> Array:
    check_size(node, (sum(array.size for array in arrays),))
    return np.concatenate(arrays, axis=int(axis))


def _squeeze(node: Any, array: Array) -> Array:
    axes = tuple(node.attr["squeeze_dims"].list.i)
    return np.squeeze(array, axis=axes or None)


def _reverse_sequence(node: Any, array: Array, lengths: Array) -> Array:
    time, batch = node.attr["seq_dim"].i, node.attr["batch_dim"].i
    moved = np.moveaxis(array, (batch, time), (0, 1)).copy()
    for row, length in zip(moved, _sizes(lengths), strict=True):
        row[:length] = row[:length][::-1].copy()
    return np.moveaxis(moved, (0, 1), (batch, time))


def _pad(node: Any, array: Array, paddings: Array, value: Any = 0) -> Array:
    if np.any(paddings < 0):
        raise UnfollowedError(f"{node.name} ({node.op}): negative")
    check_size(node, [size + int(sum(pair)) for size, pair in zip(array.shape, paddings, strict=True)])
    return np.pad(array, [tuple(map(int, pair)) for pair in paddings], constant_values=value)


def _shape(node: Any, array: Array) -> Array:
    return np.asarray(np.shape(array), type_of(node, "out_type", "int32"))


SLICING: Mapping[str, Callable[..., Any]] = {
    "Reshape": lambda _, array, shape: np.reshape(array, _sizes(shape)),
    "Transpose": lambda _, array, order: np.transpose(array, _sizes(order)),
    "ExpandDims": lambda _, array, axis: np.expand_dims(array, int(axis)),
    "Squeeze": _squeeze,
    "ConcatV2": lambda node, *parts: _joined(node, parts[:-1], parts[-1]),
    "Concat": lambda node, axis, *parts: _joined(node, parts, axis),
    "Pack": _pack,
    "Unpack": _unpack,
    "Split": _split,
    "SplitV": _split_by,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "Gather": _gather,
    "GatherV2": _gather,
    "ResourceGather": _gather,
    "GatherNd": _gather_nd,
    "ReverseV2": lambda _, array, axes: np.flip(array, _sizes(axes)),
    "ReverseSequence": _reverse_sequence,
    "Pad": _pad,
    "PadV2": _pad,
    "Shape": _shape,
    "ShapeN": lambda node, *arrays: tuple(_shape(node, array) for array in arrays),
    "Size": lambda node, array: np.asarray(np.size(array), type_of(node, "out_type", "int32")),
    "Rank": lambda _, array: np.int32(np.ndim(array)),
    "InvertPermutation": lambda _, order: np.argsort(order).astype(order.dtype),
}

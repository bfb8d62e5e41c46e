"""TensorArray and TensorList, in which loops of TensorFlow keep their steps: tuples of arrays here.

What TensorFlow calls the flow of a TensorArray is its content, so that nothing is ever changed in place.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.tensorflow.graph.limits import MOST_STEPS, UnfollowedError, check_size

Steps = tuple[Any, ...]


def _empty(node: Any, size: Any) -> Steps:
    if not 0 <= int(size) <= MOST_STEPS:
        raise UnfollowedError(f"{node.name} ({node.op}): {int(size):,} steps")
    return (None,) * int(size)


def _each(node: Any, array: Array) -> Steps:
    _empty(node, len(array))
    return tuple(array)


def _at(node: Any, steps: Steps, index: Any) -> Array:
    if not 0 <= int(index) < len(steps) or steps[int(index)] is None:
        raise UnfollowedError(f"{node.name} ({node.op}): step {int(index)} of {len(steps)}")
    return np.asarray(steps[int(index)])


def _with(node: Any, steps: Steps, index: Any, value: Any) -> Steps:
    if not 0 <= int(index) <= len(steps):
        raise UnfollowedError(f"{node.name} ({node.op}): step {int(index)} of {len(steps)}")
    return (*steps[: int(index)], value, *steps[int(index) + 1 :])


def _stacked(node: Any, steps: Steps) -> Array:
    if not steps or any(step is None or np.shape(step) != np.shape(steps[0]) for step in steps):
        raise UnfollowedError(f"{node.name} ({node.op}): steps of several shapes, or none")
    check_size(node, (len(steps), *np.shape(steps[0])))
    return np.stack(steps)


def _scatter(node: Any, _: Any, indices: Array, values: Array, steps: Steps) -> Steps:
    for index, value in zip(indices, values, strict=True):
        steps = _with(node, steps, index, value)
    return steps


def _gather(node: Any, _: Any, indices: Array, steps: Steps) -> Array:
    return _stacked(node, tuple(_at(node, steps, index) for index in indices))


def _pop(node: Any, steps: Steps, *_: Any) -> tuple[Steps, Array]:
    return steps[:-1], _at(node, steps, len(steps) - 1)


STEPS: Mapping[str, Callable[..., Any]] = {
    "TensorArrayV3": lambda node, size: (np.zeros(0), _empty(node, size)),
    "TensorArrayReadV3": lambda node, _, index, steps: _at(node, steps, index),
    "TensorArrayWriteV3": lambda node, _, index, value, steps: _with(node, steps, index, value),
    "TensorArrayScatterV3": _scatter,
    "TensorArrayGatherV3": _gather,
    "TensorArraySizeV3": lambda _, __, steps: np.int32(len(steps)),
    "TensorListReserve": lambda node, _, size: (_empty(node, size),),
    "EmptyTensorList": lambda *_: ((),),
    "TensorListFromTensor": lambda node, array, _: (_each(node, array),),
    "TensorListGetItem": lambda node, steps, index, _: _at(node, steps, index),
    "TensorListSetItem": lambda node, steps, index, value: (_with(node, steps, index, value),),
    "TensorListPushBack": lambda node, steps, value: (_with(node, steps, len(steps), value),),
    "TensorListPopBack": _pop,
    "TensorListStack": lambda node, steps, *_: _stacked(node, steps),
    "TensorListElementShape": lambda *_: np.int32(-1),  # unknown, as TensorFlow says it; no operation here reads it
    "TensorListLength": lambda _, steps: np.int32(len(steps)),
}

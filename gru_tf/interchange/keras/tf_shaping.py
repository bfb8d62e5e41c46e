"""TensorFlow functions that take parts of a tensor, or give it another shape, as operations of Keras 3."""

from itertools import accumulate
from typing import Any

from gru_tf.interchange.keras.objects import plain
from gru_tf.interchange.keras.tf_call import GraphTensor, KerasOperation, TensorFlowCall

BOUNDS = ("start", "stop", "step")  # of a slice


def reshape(call: TensorFlowCall) -> KerasOperation:
    """A size that the model computes is what remains beside the others, or it would not fit."""
    shape = call.taken("shape")
    computed = [isinstance(size, GraphTensor) for size in shape] if isinstance(shape, list) else [True]
    sizes = [-1 if isinstance(size, GraphTensor) else size for size in shape] if isinstance(shape, list) else []
    if not all(isinstance(size, int) for size in sizes) or sum(computed) + (-1 in _constants(shape)) > 1 or not sizes:
        raise call.error("a shape of whole numbers, one of which may be computed", "another shape")
    return call.operation("numpy.Reshape", newshape=sizes)


def _constants(shape: Any) -> list[Any]:
    return [size for size in shape if not isinstance(size, GraphTensor)] if isinstance(shape, list) else []


def split(call: TensorFlowCall) -> KerasOperation:
    """Into equal parts, or parts of these sizes."""
    parts, axis = call.constant("num_or_size_splits"), call.constant("axis", 0)
    if isinstance(parts, list):  # sizes; Keras 3 takes the places between them
        *first, last = parts or [None]
        sized = all(isinstance(size, int) and size >= 0 for size in first) and isinstance(last, int) and last >= -1
        if not sized:  # what the last part has, the sizes before it say, also where it is -1
            raise call.error("sizes of 0 or more, or -1 for the last", str(parts))
        parts = list(accumulate(parts[:-1]))
    return call.operation("numpy.Split", indices_or_sections=parts, axis=axis)


def slice(call: TensorFlowCall) -> KerasOperation:  # noqa: A001  # TensorFlow's name
    """A part from a place on, of a size."""
    begin, size = call.constant("begin"), call.constant("size")
    if not isinstance(begin, list) or not isinstance(size, list) or len(begin) != len(size):
        raise call.error("a begin and a size for each axis", f"{begin} and {size}")
    ends = [None if count == -1 else start + count for start, count in zip(begin, size, strict=True)]
    index = [_slice_object(start, end, None) for start, end in zip(begin, ends, strict=True)]
    return KerasOperation("keras.src.ops.numpy", "GetItem", {}, (*call.values((call.first,)), index))


def getitem(call: TensorFlowCall) -> KerasOperation:
    """x[…] in Python."""
    spec = plain(call.taken("slice_spec"))  # a SavedModel writes tuples as objects
    index = [_index(call, each) for each in (spec if isinstance(spec, list) else [spec])]
    return KerasOperation("keras.src.ops.numpy", "GetItem", {}, (*call.values((call.first,)), index))


def _index(call: TensorFlowCall, value: Any) -> Any:
    whole = (int, type(None))
    if isinstance(value, whole) and not isinstance(value, bool):
        return value
    if isinstance(value, dict) and value.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    known = isinstance(value, dict) and set(value) <= set(BOUNDS) and "start" in value
    bounds = [value.get(key) for key in BOUNDS] if known else [""]
    if not all(isinstance(bound, whole) for bound in bounds):
        raise call.error("places and slices of whole numbers", "others, such as a tensor")
    return _slice_object(*bounds)


def _slice_object(start: Any, stop: Any, step: Any) -> dict[str, Any]:
    return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}

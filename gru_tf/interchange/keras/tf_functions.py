"""TensorFlow functions that Keras 2's graphs call, by their public names, as operations of Keras 3."""

from collections.abc import Callable, Mapping
from typing import Any

from gru_tf.interchange.keras import tf_shaping
from gru_tf.interchange.keras.tf_call import KerasOperation, TensorFlowCall
from gru_tf.interchange.keras.tf_names import BINARY, REDUCING, UNARY

Translation = Callable[[TensorFlowCall], KerasOperation]


def _unary(place: str) -> Translation:
    return lambda call: call.operation(place)


def _binary(place: str) -> Translation:
    return lambda call: call.operation(place, call.first, call.taken("y"))


def _reducing(place: str) -> Translation:
    def translate(call: TensorFlowCall) -> KerasOperation:
        return call.operation(place, axis=call.constant("axis", None), keepdims=call.constant("keepdims", False))

    return translate


def _along(place: str, default: Any) -> Translation:
    """An operation along one axis."""
    return lambda call: call.operation(place, axis=call.constant("axis", default))


def _matmul(call: TensorFlowCall) -> KerasOperation:
    other = call.taken("b")
    first, second = (call.constant(f"transpose_{side}", False) for side in "ab")
    if not first and not second:
        return call.operation("numpy.Matmul", call.first, other)
    terms = f"...{'ji' if first else 'ij'},...{'kj' if second else 'jk'}->...ik"
    return call.operation("numpy.Einsum", call.first, other, subscripts=terms)


def _squeeze(call: TensorFlowCall) -> KerasOperation:
    axis = call.constant("axis", None)
    axis = call.constant("squeeze_dims", None) if axis is None else axis
    return call.operation("numpy.Squeeze", axis=axis or None if isinstance(axis, list) else axis)


def _clip(call: TensorFlowCall) -> KerasOperation:
    low, high = call.constant("clip_value_min"), call.constant("clip_value_max")
    return call.operation("numpy.Clip", x_min=low, x_max=high)


def _norm(call: TensorFlowCall) -> KerasOperation:
    order, axis = call.constant("ord", "euclidean"), call.constant("axis", None)
    if order not in ("euclidean", 1, 2) or not isinstance(axis, int):
        raise call.error("ord 1, 2 or 'euclidean', along one axis", f"ord={order}, axis={axis}")
    order = 2 if order == "euclidean" else order
    return call.operation("linalg.Norm", ord=order, axis=axis, keepdims=call.constant("keepdims", False))


def _l2_normalize(call: TensorFlowCall) -> KerasOperation:
    least = call.constant("epsilon", 1e-12) ** 0.5  # of the sum of squares in TensorFlow, of the norm in Keras
    return call.operation("nn.Normalize", axis=call.constant("axis", None), order=2, epsilon=least)


def _one_hot(call: TensorFlowCall) -> KerasOperation:
    dtype, axis = call.constant("dtype", "float32"), call.constant("axis", -1)
    return call.operation("nn.OneHot", num_classes=call.constant("depth"), axis=axis, dtype=dtype)


def _pad(call: TensorFlowCall) -> KerasOperation:
    if (mode := call.constant("mode", "CONSTANT")) != "CONSTANT":
        raise call.error("mode CONSTANT", str(mode))
    width, value = call.constant("paddings"), call.constant("constant_values", 0)
    padded = call.operation("numpy.Pad", pad_width=width, mode="constant")
    return KerasOperation(
        padded.module, padded.name, padded.options, padded.args, {"constant_values": value} if value else {}
    )


def _argument(place: str) -> Translation:
    """Where the largest or smallest number is; TensorFlow's int64, and along the first axis unless it says otherwise."""

    def translate(call: TensorFlowCall) -> KerasOperation:
        call.constant("output_type", "int64")  # Keras 3 has int32
        return call.operation(place, axis=call.constant("axis", 0))

    return translate


def _sum_of_all(call: TensorFlowCall) -> KerasOperation:
    return KerasOperation("keras.layers", "Add", {}, call.values((call.first,)))


def _same(call: TensorFlowCall) -> KerasOperation:
    return KerasOperation("keras.layers", "Identity", {}, call.values((call.first,)))


def _repeat(call: TensorFlowCall) -> KerasOperation:
    return call.operation("numpy.Repeat", repeats=call.constant("repeats"), axis=call.constant("axis", None))


def _einsum(call: TensorFlowCall) -> KerasOperation:
    raise call.error("its operands", "none: Keras 2 leaves them out when it saves, and cannot load the file either")


def _take(call: TensorFlowCall) -> KerasOperation:
    axis = call.constant("axis", 0)
    return call.operation("numpy.Take", call.first, call.taken("indices"), axis=axis)


def _where(call: TensorFlowCall) -> KerasOperation:
    return call.operation("numpy.Where", call.first, call.taken("x"), call.taken("y"))


TRANSLATIONS: Mapping[str, Translation] = {
    **{name: _unary(place) for name, place in UNARY.items()},
    **{name: _binary(place) for name, place in BINARY.items()},
    **{name: _reducing(place) for name, place in REDUCING.items()},
    **{f"math.{name.lower()}": _argument(f"numpy.{name}") for name in ("Argmax", "Argmin")},
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), _squeeze),
    **dict.fromkeys(("gather", "compat.v1.gather"), _take),
    **dict.fromkeys(("norm", "compat.v1.norm"), _norm),
    **dict.fromkeys(("where", "compat.v1.where"), _where),
    **dict.fromkeys(("pad", "compat.v1.pad"), _pad),
    **dict.fromkeys(("math.l2_normalize", "nn.l2_normalize", "linalg.l2_normalize"), _l2_normalize),
    **dict.fromkeys(
        ("transpose", "compat.v1.transpose"),
        lambda call: call.operation("numpy.Transpose", axes=call.constant("perm", None)),
    ),
    "__operators__.getitem": tf_shaping.getitem,
    "cast": lambda call: call.operation("core.Cast", dtype=call.constant("dtype")),
    "clip_by_value": _clip,
    "concat": _along("numpy.Concatenate", 0),
    "einsum": _einsum,
    "expand_dims": _along("numpy.ExpandDims", -1),
    "identity": _same,
    "linalg.matmul": _matmul,
    "math.add_n": _sum_of_all,
    "math.cumsum": _along("numpy.Cumsum", 0),
    "nn.bias_add": lambda call: call.operation("numpy.Add", call.first, call.taken("bias")),
    "nn.gelu": lambda call: call.operation("nn.Gelu", approximate=call.constant("approximate", False)),
    "nn.leaky_relu": lambda call: call.operation("nn.LeakyRelu", negative_slope=call.constant("alpha", 0.2)),
    "nn.log_softmax": _along("nn.LogSoftmax", -1),
    "nn.softmax": _along("nn.Softmax", -1),
    "one_hot": _one_hot,
    "repeat": _repeat,
    "reshape": tf_shaping.reshape,
    "reverse": _along("numpy.Flip", None),
    "slice": tf_shaping.slice,
    "split": tf_shaping.split,
    "stack": _along("numpy.Stack", 0),
    "tile": lambda call: call.operation("numpy.Tile", repeats=call.constant("multiples")),
    "unstack": lambda call: call.operation("core.Unstack", num=call.constant("num", None), axis=call.constant("axis", 0)),
}

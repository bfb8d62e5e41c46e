"""Operations of `keras.ops` as TensorFlow's functions, which share no code with Keras 3's."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from gru_tf.interchange.keras.counterpart import shaping
from gru_tf.interchange.keras.counterpart.activations import hard_sigmoid
from gru_tf.interchange.source import NotComputable

Computed = Callable[..., Any]  # of the operation's options as keywords, after its arguments


def _elementwise(function: Computed) -> Computed:
    """Of an operation whose only option is the dtype of its result."""

    def compute(*args: Any, dtype: Any = None) -> Any:
        floating = next((arg.dtype for arg in args if hasattr(arg, "dtype") and arg.dtype.is_floating), None)
        numbers = [tf.constant(arg, floating) if floating and isinstance(arg, int | float) else arg for arg in args]
        result = function(*numbers)
        return result if dtype is None else tf.cast(result, dtype)

    return compute


def _reducing(function: Computed, floating: bool = False) -> Computed:
    def compute(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return function(_float(x) if floating else x, axis=axis, keepdims=keepdims)

    return compute


def _float(x: Any) -> Any:
    return tf.cast(x, "float32") if hasattr(x, "dtype") and not x.dtype.is_floating else x


def _dot(x: Any, y: Any) -> Any:
    return tf.tensordot(x, y, [[-1], [max(len(y.shape) - 2, 0)]])


def _argument(function: Computed) -> Computed:
    def compute(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        place = tf.cast(function(tf.reshape(x, [-1]) if axis is None else x, axis=axis or 0), "int32")
        return tf.expand_dims(place, axis) if keepdims else place

    return compute


def _normalize(x: Any, *, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    if order != 2:
        raise NotComputable(f"Normalize of order {order} has no counterpart")
    least = 1e-7 if epsilon is None else epsilon
    return x / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(x), axis=axis, keepdims=True)), least)


def _norm(x: Any, *, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    if ord not in (None, 2) or not isinstance(axis, int):
        raise NotComputable(f"Norm of ord={ord}, axis={axis} has no counterpart")
    return tf.sqrt(tf.reduce_sum(tf.square(x), axis=axis, keepdims=keepdims))


def _one_hot(x: Any, *, num_classes: int, axis: int = -1, dtype: str = "float32", sparse: bool = False) -> Any:
    if sparse:
        raise NotComputable("a sparse OneHot has no counterpart")
    return tf.one_hot(tf.cast(x, "int32"), num_classes, axis=axis, dtype=dtype or "float32")


def _limited(function: Computed) -> Computed:
    """Of a largest or smallest number, which Keras can start from another."""

    def compute(x: Any, *, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        if initial is not None:
            raise NotComputable(f"a maximum that starts from {initial} has no counterpart")
        return function(x, axis=axis, keepdims=keepdims)

    return compute


def _round(x: Any, *, decimals: int = 0) -> Any:
    if decimals:
        raise NotComputable(f"Round to {decimals} decimals has no counterpart")
    return tf.round(x)


def _cumsum(x: Any, *, axis: int | None = None, dtype: Any = None) -> Any:
    if axis is None or dtype is not None:
        raise NotComputable(f"Cumsum of axis={axis}, dtype={dtype} has no counterpart")
    return tf.cumsum(x, axis=axis)


OPERATIONS: Mapping[str, Computed] = {
    **{name: _elementwise(getattr(tf.math, name.lower())) for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum")},
    **{name: _elementwise(getattr(tf.math, name.lower())) for name in ("Negative", "Abs", "Sign", "Square", "Sqrt", "Exp")},
    **{name: _elementwise(getattr(tf.math, name.lower())) for name in ("Expm1", "Log", "Log1p", "Reciprocal", "Sin", "Cos")},
    **{name: _elementwise(getattr(tf.math, name.lower())) for name in ("Tan", "Sinh", "Cosh", "Tanh", "Floor", "Ceil")},
    **{name: _elementwise(getattr(tf.math, name.lower())) for name in ("Greater", "Less", "Rsqrt", "Erf")},
    "Absolute": _elementwise(tf.abs),
    "Round": _round,
    "Arctan": _elementwise(tf.atan),
    "TrueDivide": lambda x, y: tf.math.divide(_float(x), _float(y)),
    "Divide": lambda x, y: tf.math.divide(_float(x), _float(y)),
    "FloorDivide": _elementwise(tf.math.floordiv),
    "Mod": _elementwise(tf.math.floormod),
    "Power": _elementwise(tf.pow),
    "GreaterEqual": _elementwise(tf.greater_equal),
    "LessEqual": _elementwise(tf.less_equal),
    "Equal": _elementwise(tf.equal),
    "NotEqual": _elementwise(tf.not_equal),
    "LogicalAnd": _elementwise(tf.logical_and),
    "LogicalOr": _elementwise(tf.logical_or),
    "LogicalNot": _elementwise(tf.logical_not),
    "OnesLike": _elementwise(tf.ones_like),
    "ZerosLike": _elementwise(tf.zeros_like),
    "Where": _elementwise(tf.where),
    "Clip": lambda x, *, x_min, x_max: tf.clip_by_value(x, x_min, x_max),
    "GetItem": shaping.index,
    "Reshape": lambda x, *, newshape: tf.reshape(x, newshape),
    "Transpose": lambda x, *, axes=None: tf.transpose(x, axes),
    "ExpandDims": lambda x, *, axis: tf.expand_dims(x, axis),
    "Squeeze": lambda x, *, axis=None: tf.squeeze(x, axis),
    "Concatenate": lambda x, *, axis=0: tf.concat(x, axis),
    "Stack": lambda x, *, axis=0: tf.stack(x, axis),
    "Split": shaping.split,
    "Tile": lambda x, *, repeats: tf.tile(x, repeats),
    "Repeat": lambda x, *, repeats, axis=None: tf.repeat(x, repeats, axis=axis),
    "Flip": shaping.flip,
    "Roll": lambda x, *, shift, axis: tf.roll(x, shift, axis),
    "Moveaxis": shaping.moved,
    "Swapaxes": shaping.swapped,
    "Pad": shaping.pad,
    "BroadcastTo": lambda x, *, shape: tf.broadcast_to(x, shape),
    "Take": lambda x, indices, *, axis: tf.gather(x, tf.cast(indices, "int32"), axis=axis),
    "Mean": _reducing(tf.reduce_mean, floating=True),
    "Sum": _reducing(tf.reduce_sum),
    "Max": _limited(tf.reduce_max),
    "Min": _limited(tf.reduce_min),
    "Std": _reducing(tf.math.reduce_std),
    "Var": _reducing(tf.math.reduce_variance),
    "Any": _reducing(tf.reduce_any),
    "All": _reducing(tf.reduce_all),
    "Logsumexp": _reducing(tf.reduce_logsumexp),
    "Argmax": _argument(tf.argmax),
    "Argmin": _argument(tf.argmin),
    "Cumsum": _cumsum,
    "Matmul": _elementwise(tf.matmul),
    "Dot": _dot,
    "Einsum": lambda *args, subscripts: tf.einsum(subscripts, *args),
    "Relu": _elementwise(tf.nn.relu),
    "Relu6": _elementwise(tf.nn.relu6),
    "LeakyRelu": lambda x, *, negative_slope=0.2: tf.nn.leaky_relu(x, negative_slope),
    "Elu": lambda x, *, alpha=1.0: tf.where(x > 0, x, alpha * tf.math.expm1(tf.minimum(x, 0))),
    "Selu": _elementwise(tf.nn.selu),
    "Gelu": lambda x, *, approximate=True: tf.nn.gelu(x, approximate),
    "Silu": _elementwise(tf.nn.silu),
    "Sigmoid": _elementwise(tf.sigmoid),
    "HardSigmoid": _elementwise(hard_sigmoid),
    "LogSigmoid": _elementwise(tf.math.log_sigmoid),
    "Softplus": _elementwise(tf.math.softplus),
    "Softsign": _elementwise(tf.nn.softsign),
    "Softmax": lambda x, *, axis=-1: tf.nn.softmax(x, axis),
    "LogSoftmax": lambda x, *, axis=-1: tf.nn.log_softmax(x, axis),
    "OneHot": _one_hot,
    "Normalize": _normalize,
    "Norm": _norm,
    "ConvertToTensor": lambda x, *, dtype=None, sparse=None, ragged=None: tf.cast(x, dtype) if dtype else tf.identity(x),
    "Cast": lambda x, *, dtype: tf.cast(x, dtype),
    "Unstack": lambda x, *, num=None, axis=0: tf.unstack(x, num, axis),
}

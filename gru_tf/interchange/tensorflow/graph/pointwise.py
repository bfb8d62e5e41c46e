"""Operations on each number by itself, or on two of the same place, and softmax: arithmetic and activations, in NumPy."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array


def _divided(one: Array, other: Array) -> Array:
    return one / other if one.dtype.kind == "f" else one // other


def _softmax(array: Array) -> Array:
    raised = np.exp(array - array.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _sigmoid(array: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * array)), array.dtype)


def _elu(array: Array) -> Array:
    return np.where(array > 0, array, np.expm1(np.minimum(array, 0))).astype(array.dtype)


def _selu(array: Array) -> Array:
    return np.asarray(1.0507009873554805 * np.where(array > 0, array, 1.6732632423543772 * np.expm1(np.minimum(array, 0))))


POINTWISE: Mapping[str, Callable[[Array], Array]] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Relu6": lambda x: np.clip(x, 0, 6),
    "Elu": _elu,
    "Selu": _selu,
    "Tanh": np.tanh,
    "Sigmoid": _sigmoid,
    "Softplus": lambda x: np.logaddexp(x, 0).astype(x.dtype),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Softmax": _softmax,
    "LogSoftmax": lambda x: np.log(_softmax(x)),
}
ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Div": _divided,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Pow": np.power,
    "FloorDiv": np.floor_divide,
    "FloorMod": np.mod,
    "SquaredDifference": lambda one, other: np.square(one - other),
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "Neg": np.negative,
    "Square": np.square,
    "Sqrt": np.sqrt,
    "Exp": np.exp,
    "Log": np.log,
    "Floor": np.floor,
    "Abs": np.abs,
    "Sign": np.sign,
    "LogicalNot": np.logical_not,
    "ZerosLike": np.zeros_like,
    "OnesLike": np.ones_like,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Reciprocal": lambda x: 1 / x,
}

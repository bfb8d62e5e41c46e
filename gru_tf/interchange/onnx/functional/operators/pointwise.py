"""Operators that compute each entry by itself, or two arrays entry by entry."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.file import TYPES
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import lengths
from gru_tf.interchange.onnx.functional.steps import Building, BuildStep
from gru_tf.interchange.onnx.functional.steps import cast as cast_to
from gru_tf.interchange.onnx.functional.values import Expanded, Lengths, RepeatedLength, SequenceLengths, Value
from gru_tf.interchange.onnx.values import Constant, UnreadableError
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid

ops = keras.ops
SIMPLE: dict[str, Callable[..., Any]] = {
    "Relu": ops.relu, "Sigmoid": ops.sigmoid, "Tanh": ops.tanh, "Softplus": ops.softplus, "Softsign": ops.softsign,
    "Exp": ops.exp, "Log": ops.log, "Sqrt": ops.sqrt, "Reciprocal": ops.reciprocal, "Neg": ops.negative, "Abs": ops.absolute,
    "Erf": ops.erf, "Floor": ops.floor, "Ceil": ops.ceil, "Round": ops.round, "Sign": ops.sign, "Sin": ops.sin,
    "Cos": ops.cos, "Not": ops.logical_not,
}  # fmt: skip
SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875  # the standard's


def _hard_sigmoid(x: Any, alpha: float, beta: float) -> Any:
    if math.isclose(alpha, 0.2, rel_tol=1e-6) and beta == 0.5:
        return keras2_hard_sigmoid(x)
    return ops.clip(x * alpha + beta, 0.0, 1.0)


def _elu(x: Any, alpha: float) -> Any:
    return ops.elu(x, alpha)


def _selu(x: Any, alpha: float, gamma: float) -> Any:
    return ops.multiply(ops.elu(x, alpha), gamma)


def _celu(x: Any, alpha: float) -> Any:
    return ops.celu(x, alpha)


def _thresholded(x: Any, alpha: float) -> Any:
    return ops.where(ops.greater(x, alpha), x, 0.0)


def _hard_swish(x: Any) -> Any:
    return ops.multiply(x, ops.clip(x / 6.0 + 0.5, 0.0, 1.0))


def _mish(x: Any) -> Any:
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


PARAMETERS: dict[str, tuple[Callable[..., Any], dict[str, float]]] = {  # the standard's own numbers
    "HardSigmoid": (_hard_sigmoid, {"alpha": 0.2, "beta": 0.5}),
    "Elu": (_elu, {"alpha": 1.0}),
    "Celu": (_celu, {"alpha": 1.0}),
    "Selu": (_selu, {"alpha": SELU_ALPHA, "gamma": SELU_GAMMA}),
    "ThresholdedRelu": (_thresholded, {"alpha": 1.0}),
    "HardSwish": (_hard_swish, {}),
    "Mish": (_mish, {}),
}


def simple(node: OperatorNode) -> Value:
    """Relu, Tanh, Sqrt and other functions of one number."""
    return computed(node, SIMPLE[node.op], "bool" if node.op == "Not" else None)


def with_parameters(node: OperatorNode) -> Value:
    """HardSigmoid, Elu and other functions with numbers in attributes."""
    function, defaults = PARAMETERS[node.op]
    numbers = {name: float(node.attributes.get(name, default)) for name, default in defaults.items()}
    return computed(node, lambda x: function(x, *numbers.values()))


def leaky_relu(node: OperatorNode) -> Value:
    """LeakyRelu."""
    slope = float(node.attributes.get("alpha", 0.01))
    return computed(node, lambda x: ops.leaky_relu(x, negative_slope=slope))


def gelu(node: OperatorNode) -> Value:
    """Gelu, exact or by tanh."""
    approximate = node.attributes.get("approximate", "none")
    if approximate not in ("none", "tanh"):
        raise UnreadableError(f"expected approximate none or tanh. Received: {approximate}")
    return computed(node, lambda x: ops.gelu(x, approximate=approximate == "tanh"))


def swish(node: OperatorNode) -> Value:
    """Swish: x · sigmoid(α x)."""
    alpha = float(node.attributes.get("alpha", 1.0))
    return computed(node, lambda x: ops.multiply(x, ops.sigmoid(ops.multiply(x, alpha))))


def clip(node: OperatorNode) -> Value:
    """Clip: bounds in attributes, or from opset 11 on as inputs."""
    low, high = (
        node.attributes.get(name, None if (array := node.constant(n, name)) is None else array.reshape(()).item())
        for n, name in ((1, "min"), (2, "max"))
    )
    if (low, high) == (0.0, None):
        return computed(node, ops.relu)
    if low is None and high is None:
        return node.value(0)
    if low is None:
        return computed(node, lambda x: ops.minimum(x, high))
    if high is None:
        return computed(node, lambda x: ops.maximum(x, low))
    if low > high:  # the standard's answer is the upper bound, that of ops.clip the lower one
        return computed(node, lambda x: ops.minimum(ops.maximum(x, low), high))
    return computed(node, lambda x: ops.clip(x, low, high))


def computed(node: OperatorNode, function: Callable[..., Any], kind: str | None = None) -> Value:
    """A function of the first input, entry by entry."""
    value = node.value(0)
    if isinstance(value, Constant):
        node.graph.count_bytes(value.array.nbytes)
        return Constant(np.asarray(function(value.array)))
    if isinstance(value, Expanded):
        return Expanded(np.asarray(function(value.array)), value.sizes)
    if isinstance(value, Lengths):
        return Constant(np.asarray(function(_known(node, value))))
    tensor = node.as_tensor(value)
    if tensor.kind != "float" and node.op not in ("Not", "Neg", "Abs", "Sign", "Clip"):
        raise UnreadableError(f"expected floating-point numbers. Received: {tensor.kind}")
    return tensor.with_step(node.applied(function, tensor.step), kind)


def _known(node: OperatorNode, value: Lengths) -> Any:
    array = node.as_constant(value)
    if array is None:
        node.known.fix_declared(value.values)
        raise UnreadableError("expected numbers. Received: the length of an axis, computed when the model runs")
    return array


def cast(node: OperatorNode) -> Value:
    """Cast: to floating-point numbers, whole numbers (cutting off fractions) or truth values."""
    value, kind = node.value(0), TYPES.get(node.attributes.get("to", 0))
    if kind is None:
        raise UnreadableError(f"expected a cast to one of {', '.join(TYPES.values())}")
    if isinstance(value, (SequenceLengths, RepeatedLength)) and kind in ("int32", "int64"):
        return value
    if isinstance(value, Constant):
        node.graph.count_bytes(value.array.size * np.dtype(kind).itemsize)
        return Constant(value.array.astype(kind))
    if isinstance(value, Expanded):
        return Expanded(value.array.astype(kind), value.sizes)
    if isinstance(value, Lengths):
        numbers = node.as_constant(value)
        if "int" in kind or numbers is not None:
            return value if numbers is None or "int" in kind else Constant(numbers.astype(kind))
        return lengths.measured(node, value, kind)
    tensor = node.as_tensor(value)
    new = "float" if kind.startswith("float") else "bool" if kind == "bool" else "int"
    if kind in ("uint8", "int8") and tensor.kind != "bool":
        raise UnreadableError(f"expected 32 or 64 bits. Received: a cast to {kind}")
    if kind == "float16" and not node.graph.half:
        expected = "expected no rounding to float16 in a file of float32, which the model would not repeat"
        raise UnreadableError(f"{expected}. Received: a cast to float16; export the model without it")
    target = "int32" if kind in ("uint8", "int8") else kind

    def call(building: Building, x: Any) -> Any:
        return cast_to(x, building.type_of(target))

    return tensor.with_step(BuildStep(call, (tensor.step,), node.title), new)

"""Two arrays entry by entry: Add, Mul, comparisons, Where, PRelu, and ai.onnx.ml's Scaler."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import lengths
from gru_tf.interchange.onnx.functional.steps import BuildStep, cast
from gru_tf.interchange.onnx.functional.sums import add
from gru_tf.interchange.onnx.functional.values import Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.values import Constant, UnreadableError

ops = keras.ops
BINARY: dict[str, Callable[..., Any] | None] = {  # None: of lengths alone
    "Add": add, "Sub": ops.subtract, "Mul": ops.multiply, "Div": ops.divide, "Pow": ops.power,
    "Mod": None,
    "Max": ops.maximum, "Min": ops.minimum, "And": ops.logical_and, "Or": ops.logical_or, "Xor": ops.logical_xor,
}  # fmt: skip
COMPARED: dict[str, Callable[..., Any]] = {
    "Equal": ops.equal, "Greater": ops.greater, "GreaterOrEqual": ops.greater_equal, "Less": ops.less,
    "LessOrEqual": ops.less_equal,
}  # fmt: skip
NO_FLOATS = ("And", "Or", "Xor", "Not")


def arithmetic(node: OperatorNode) -> Value:
    """Add, Sub, Mul, Div and others of two values; Max, Min and Sum of any number of them."""
    values = [value for value in node.inputs if value is not None]
    if not values:
        raise UnreadableError("expected inputs")
    result = values[0]
    for value in values[1:]:
        result = _two(node, result, value)
    return result


def _two(node: OperatorNode, one: Value, two: Value) -> Value:
    if not isinstance(one, TensorView) and not isinstance(two, TensorView):
        return lengths.two(node, one, two)
    biased = _biased(node, one, two)
    if biased is not None:
        return biased
    kinds = [value.kind for value in (one, two) if isinstance(value, TensorView)]
    if node.op in ("Div", "Pow") and "float" not in kinds:
        raise UnreadableError("expected floating-point numbers. Received: a quotient or power of whole numbers")
    function = BINARY[{"Sum": "Add"}.get(node.op, node.op)]
    if function is None or node.attributes.get("fmod", 0):
        raise UnreadableError(f"expected {node.op} of lengths alone. Received: of a value computed at run time")
    return node.combined(function, [one, two], "bool" if node.op in NO_FLOATS else None)


def _biased(node: OperatorNode, one: Value, two: Value) -> TensorView | None:
    """The tensor of a linear layer with its bias, where that is what is added."""
    tensor, other = (one, two) if isinstance(one, TensorView) else (two, one)
    if node.op != "Add" or not isinstance(tensor, TensorView) or not isinstance(other, Constant):
        return None
    return tensor.add_bias(node, other.array) if tensor.add_bias is not None else None


def compare(node: OperatorNode) -> Value:
    """Equal, Less, Greater and so on."""
    one, two = node.value(0), node.value(1)
    if not isinstance(one, TensorView) and not isinstance(two, TensorView):
        return lengths.compare(node, one, two)
    return node.combined(COMPARED[node.op], [one, two], "bool")


def where(node: OperatorNode) -> Value:
    """Where: entries of two values by a condition."""
    values = [node.value(n) for n in range(3)]
    if not any(isinstance(value, TensorView) for value in values):
        return lengths.where(node, *values)
    kinds = [value.kind for value in values[1:] if isinstance(value, TensorView)] or ["float"]
    return node.combined(ops.where, values, kinds[0])


def prelu(node: OperatorNode) -> Value:
    """PRelu: another slope below 0, broadcast from the last axes."""
    return node.combined(_prelu, [node.tensor(0), node.value(1)])


def _prelu(x: Any, slope: Any) -> Any:
    return add(ops.relu(x), ops.multiply(slope, ops.minimum(x, 0.0)))


def scaler(node: OperatorNode) -> Value:
    """Scaler of ai.onnx.ml: (x − offset) · scale for each feature, as scikit-learn's StandardScaler is exported."""
    tensor = node.tensor(0)
    offset, scale = (
        np.asarray(node.attributes.get(name, [default]), "float32") for name, default in (("offset", 0), ("scale", 1))
    )
    if tensor.kind != "float":
        raise UnreadableError(f"expected floating-point numbers. Received: {tensor.kind}")
    less = node.combined(ops.subtract, [tensor, Constant(offset)]) if np.any(offset) else tensor
    scaled = node.combined(ops.multiply, [less, Constant(scale)])
    return scaled.with_step(BuildStep(lambda building, x: cast(x, building.dtype), (scaled.step,), node.title))

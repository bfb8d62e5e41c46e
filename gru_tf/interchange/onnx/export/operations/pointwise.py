"""Arithmetic, comparisons, logic and functions, number by number."""

from collections.abc import Callable
from typing import Any

from keras.src.ops import math, nn
from keras.src.ops import numpy as arrays
from keras.src.ops.core import Cast, ConvertToTensor

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError, kind_of
from gru_tf.interchange.onnx.export.int32_range import in_range
from gru_tf.interchange.onnx.export.layers import activation_functions as functions
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.model_graph import ModelGraph, numpy
from gru_tf.interchange.onnx.export.operations.whole_numbers import converted, power
from gru_tf.interchange.onnx.export.recording import LayerCall

Writer = Callable[[ModelGraph, LayerCall], str]


def kind_of_output(call: LayerCall) -> str:
    """The kind of a call's only output."""
    return kind_of(call.outputs[0].dtype)


def kind_of_numbers(call: LayerCall) -> str:
    """The kind of a call's only output; raises NotExportedError for truth values."""
    kind = kind_of_output(call)
    if kind == "bool":
        raise NotExportedError("truth values, not numbers")
    return kind


def _binary(op: str) -> Writer:
    """On both operands in the type of the result."""

    def write(graph: ModelGraph, call: LayerCall) -> str:
        kind = kind_of_numbers(call)
        return in_range(graph, graph.op(op, *(graph.tensor(call.arguments[name], kind) for name in ("x1", "x2"))), call)

    return write


def _power(graph: ModelGraph, call: LayerCall) -> str:
    if kind_of_output(call) == "int":
        return power(graph, call.arguments["x1"], call.arguments["x2"], call)
    return _binary("Pow")(graph, call)


def _compared(op: str, negated: bool = False) -> Writer:
    def write(graph: ModelGraph, call: LayerCall) -> str:
        operands = [call.arguments[name] for name in ("x1", "x2")]
        kinds = {_kind(each) for each in operands}
        kind = "float" if "float" in kinds else "int"
        y = graph.op(op, *(graph.tensor(each, kind) for each in operands))
        return graph.op("Not", y) if negated else y

    return write


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, ExportedTensor) else kind_of(numpy(value).dtype)


def _logical(op: str) -> Writer:
    return lambda graph, call: graph.op(op, *(graph.tensor(call.arguments[name], "bool") for name in ("x1", "x2")))


def _not(graph: ModelGraph, call: LayerCall) -> str:
    return graph.op("Not", graph.tensor(first(call), "bool"))


def _where(graph: ModelGraph, call: LayerCall) -> str:
    a, b = (call.arguments[name] for name in ("x1", "x2"))
    if a is None or b is None:
        raise NotExportedError("places of true values")
    kind = kind_of_numbers(call)
    return graph.op("Where", graph.tensor(call.arguments["condition"], "bool"), graph.tensor(a, kind), graph.tensor(b, kind))


def _clip(graph: ModelGraph, call: LayerCall) -> str:
    kind, one = kind_of_output(call), call.operation
    low, high = (
        graph.op("Squeeze", graph.tensor(n, kind)) if _is_tensor(n) else graph.constant(n, kind)
        for n in (one.x_min, one.x_max)
    )
    return graph.op("Min", graph.op("Max", graph.tensor(first(call), kind), low), high)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, ExportedTensor)


def _function(function: functions.Function) -> Writer:
    return lambda graph, call: function(graph, graph.as_float(first(call)))


def _signed(op: str) -> Writer:
    return lambda graph, call: in_range(graph, graph.op(op, graph.tensor(first(call), kind_of_numbers(call))), call)


def _relu(graph: ModelGraph, call: LayerCall) -> str:
    if kind_of_output(call) == "int":
        return graph.op("Max", graph.tensor(first(call), "int"), graph.constant(0, "int"))
    return functions.relu(graph, graph.as_float(first(call)))


def _with(function: Callable[..., str], *names: str) -> Writer:
    """A function with settings of the operation."""
    return lambda graph, call: function(
        graph, graph.as_float(first(call)), *(getattr(call.operation, name) for name in names)
    )


def _softmax(function: Callable[..., str]) -> Writer:
    def write(graph: ModelGraph, call: LayerCall) -> str:
        axis = call.operation.axis
        if not isinstance(axis, int):
            raise NotExportedError(f"axis={axis!r} is not one axis")
        return function(graph, graph.as_float(first(call)), axis)

    return write


def _square(graph: ModelGraph, call: LayerCall) -> str:
    x = graph.tensor(first(call), kind_of_numbers(call))
    return in_range(graph, graph.op("Mul", x, x), call)


def _rsqrt(graph: ModelGraph, x: str) -> str:
    return graph.op("Reciprocal", graph.op("Sqrt", x))


def _log1p(graph: ModelGraph, x: str) -> str:
    return graph.op("Log", graph.op("Add", x, graph.constant(1.0)))


NODES = {
    arrays.Exp: "Exp", arrays.Log: "Log", arrays.Sqrt: "Sqrt", arrays.Sin: "Sin", arrays.Cos: "Cos",
    arrays.Floor: "Floor", arrays.Ceil: "Ceil", arrays.Reciprocal: "Reciprocal", math.Erf: "Erf",
}  # fmt: skip
NAMED = {
    arrays.Tanh: "tanh", nn.Sigmoid: "sigmoid", nn.Relu6: "relu6", nn.Softplus: "softplus",
    nn.Softsign: "softsign", nn.Silu: "silu", nn.LogSigmoid: "log_sigmoid", nn.HardSigmoid: "hard_sigmoid",
    nn.HardSilu: "hard_silu", nn.Selu: "selu", nn.HardTanh: "hard_tanh", nn.TanhShrink: "tanh_shrink",
}  # fmt: skip
WRITERS: dict[type, Writer] = {
    **{kind: _function(functions.node(op)) for kind, op in NODES.items()},
    **{kind: _function(functions.NAMED[name]) for kind, name in NAMED.items()},
    arrays.Add: _binary("Add"),
    arrays.Subtract: _binary("Sub"),
    arrays.Multiply: _binary("Mul"),
    arrays.Divide: _binary("Div"),
    arrays.TrueDivide: _binary("Div"),
    arrays.Power: _power,
    arrays.Maximum: _binary("Max"),
    arrays.Minimum: _binary("Min"),
    arrays.Equal: _compared("Equal"),
    arrays.NotEqual: _compared("Equal", negated=True),
    arrays.Greater: _compared("Greater"),
    arrays.GreaterEqual: _compared("GreaterOrEqual"),
    arrays.Less: _compared("Less"),
    arrays.LessEqual: _compared("LessOrEqual"),
    arrays.LogicalAnd: _logical("And"),
    arrays.LogicalOr: _logical("Or"),
    arrays.LogicalXor: _logical("Xor"),
    arrays.LogicalNot: _not,
    arrays.Where: _where,
    arrays.Clip: _clip,
    arrays.Negative: _signed("Neg"),
    arrays.Absolute: _signed("Abs"),
    arrays.Abs: _signed("Abs"),
    arrays.Sign: _signed("Sign"),
    arrays.Square: _square,
    arrays.Log1p: _function(_log1p),
    math.Rsqrt: _function(_rsqrt),
    Cast: converted,
    ConvertToTensor: converted,
    nn.Relu: _relu,
    nn.LeakyRelu: _with(functions.relu, "negative_slope"),
    nn.Elu: _with(functions.elu, "alpha"),
    nn.Celu: _with(functions.celu, "alpha"),
    nn.Gelu: _with(functions.gelu, "approximate"),
    nn.Glu: _with(functions.glu, "axis"),
    nn.Squareplus: _with(functions.squareplus, "b"),
    nn.Softmax: _softmax(functions.softmax),
    nn.LogSoftmax: _softmax(functions.log_softmax),
}

"""Pointwise functions of Keras, and softmax, as nodes: those of ONNX where it has them, else composed as Keras does."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid

Function = Callable[[ModelGraph, str], str]  # name of the input → name of the output
SELU = 1.6732632423543772, 1.0507009873554805


def apply(graph: ModelGraph, activation: Any, x: str, call: LayerCall) -> str:
    """An activation of a layer on a value of the graph.

    Args:
        graph: to write into.
        activation: Keras' function, a layer, or None.
        x: the value.
        call: of the layer, whose first output has the shape of the result.

    Raises:
        NotExportedError: for a function that is not Keras' own.
    """
    if activation is None:
        return x
    if isinstance(activation, keras.layers.Layer):
        spec = call.outputs[0]
        return graph.apply(graph, activation, {"inputs": ExportedTensor(x, tuple(spec.shape))}, [spec])[0].name
    function = FUNCTIONS.get(activation) if callable(activation) else None
    if function is None:
        name = getattr(activation, "__name__", repr(activation))
        raise NotExportedError(f"the activation {name}, which ONNX export does not know")
    return function(graph, x)


def relu(graph: ModelGraph, x: str, slope: float = 0.0, most: float | None = None, threshold: float = 0.0) -> str:
    """Keras' `relu`: 0 up to the threshold, x above, at most `most`, with a slope below the threshold."""
    if not threshold and most is None:
        return graph.op("LeakyRelu", x, alpha=float(slope)) if slope else graph.op("Relu", x)
    if threshold:
        above = graph.op("Cast", graph.op("Greater", x, graph.constant(threshold)), to=1)
        y = graph.op("Mul", x, above)
    else:
        y = graph.op("Relu", x)
    if most is not None:
        y = graph.op("Clip", y, graph.constant(0.0), graph.constant(most))
    if not slope:
        return y
    below = graph.op("Relu", graph.op("Sub", graph.constant(threshold), x))
    return graph.op("Sub", y, graph.op("Mul", graph.constant(slope), below))


def elu(graph: ModelGraph, x: str, alpha: float = 1.0) -> str:
    """α (exp(x) − 1) below 0, x above."""
    return graph.op("Elu", x, alpha=float(alpha))


def celu(graph: ModelGraph, x: str, alpha: float = 1.0) -> str:
    """α (exp(x/α) − 1) below 0, x above."""
    return graph.op("Celu", x, alpha=float(alpha))


def gelu(graph: ModelGraph, x: str, approximate: bool = False) -> str:
    """The product x Φ(x), with the error function or by Keras' approximation."""
    if approximate:
        cube = graph.op("Mul", graph.op("Mul", x, x), x)
        inner = graph.op("Add", x, graph.op("Mul", cube, graph.constant(0.044715)))
        inner = graph.op("Tanh", graph.op("Mul", inner, graph.constant(math.sqrt(2 / math.pi))))
    else:
        inner = graph.op("Erf", graph.op("Mul", x, graph.constant(math.sqrt(0.5))))
    return graph.op("Mul", graph.op("Mul", x, graph.constant(0.5)), graph.op("Add", inner, graph.constant(1.0)))


def softmax(graph: ModelGraph, x: str, axis: int = -1) -> str:
    """Shares along an axis."""
    return graph.op("Softmax", x, axis=axis)


def log_softmax(graph: ModelGraph, x: str, axis: int = -1) -> str:
    """Logarithms of the shares along an axis."""
    return graph.op("LogSoftmax", x, axis=axis)


def glu(graph: ModelGraph, x: str, axis: int = -1) -> str:
    """Of the halves a and b, a σ(b)."""
    a, b = graph.ops("Split", 2, x, axis=axis)
    return graph.op("Mul", a, graph.op("Sigmoid", b))


def silu(graph: ModelGraph, x: str) -> str:
    """The product x σ(x)."""
    return graph.op("Mul", x, graph.op("Sigmoid", x))


def log_sigmoid(graph: ModelGraph, x: str) -> str:
    """−softplus(−x), which is log σ(x)."""
    return graph.op("Neg", graph.op("Softplus", graph.op("Neg", x)))


def clipped(graph: ModelGraph, x: str, low: float, high: float) -> str:
    """The value itself, kept between two numbers."""
    return graph.op("Clip", x, graph.constant(low), graph.constant(high))


def hard_sigmoid(graph: ModelGraph, x: str, slope: float = 1 / 6) -> str:
    """Slope · x + 0.5 between 0 and 1."""
    return graph.op("HardSigmoid", x, alpha=slope, beta=0.5)


def mish(graph: ModelGraph, x: str) -> str:
    """The product x tanh(softplus(x))."""
    return graph.op("Mul", x, graph.op("Tanh", graph.op("Softplus", x)))


def squareplus(graph: ModelGraph, x: str, b: float = 4.0) -> str:
    """(x + √(x² + b)) / 2."""
    root = graph.op("Sqrt", graph.op("Add", graph.op("Mul", x, x), graph.constant(b)))
    return graph.op("Mul", graph.op("Add", x, root), graph.constant(0.5))


def _hard_silu(graph: ModelGraph, x: str) -> str:
    return graph.op("Mul", x, hard_sigmoid(graph, x))


def _tanh_shrink(graph: ModelGraph, x: str) -> str:
    return graph.op("Sub", x, graph.op("Tanh", x))


def node(op: str, **attributes: Any) -> Function:
    """The function that is a node of ONNX."""
    return lambda graph, x: graph.op(op, x, **attributes)


NAMED: dict[str, Function] = {
    "linear": lambda _, x: x,
    "tanh": node("Tanh"),
    "sigmoid": node("Sigmoid"),
    "relu": relu,
    "relu6": partial(clipped, low=0.0, high=6.0),
    "leaky_relu": partial(relu, slope=0.2),
    "elu": elu,
    "celu": celu,
    "selu": node("Selu", alpha=SELU[0], gamma=SELU[1]),
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "softplus": node("Softplus"),
    "softsign": node("Softsign"),
    "squareplus": squareplus,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "log_sigmoid": log_sigmoid,
    "exponential": node("Exp"),
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_tanh": partial(clipped, low=-1.0, high=1.0),
    "tanh_shrink": _tanh_shrink,
}
# by the functions themselves, as another one may have the same name; keras.ops.gelu is the approximation
FUNCTIONS: dict[Any, Function] = {
    **{getattr(keras.ops, name): function for name, function in NAMED.items() if hasattr(keras.ops, name)},
    **{getattr(keras.activations, name): function for name, function in NAMED.items()},
    keras.ops.gelu: partial(gelu, approximate=True),
    keras.ops.exp: node("Exp"),
    keras2_hard_sigmoid: partial(hard_sigmoid, slope=0.2),
}

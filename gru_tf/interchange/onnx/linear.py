"""Operators on numbers: linear layers, their biases, embeddings, a scale on the input, and arithmetic on lengths."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import counted
from gru_tf.interchange.network import Linear
from gru_tf.interchange.onnx.graph import Node, is_scalar
from gru_tf.interchange.onnx.parts import complete
from gru_tf.interchange.onnx.values import Axis, Const, Flow, Sizes, UnreadableError, Value, constant, numbers, sizes


def arithmetic(node: Node) -> Value:
    """Lengths times lengths; a bias added to a product; a scale on the input."""
    one, two = node.inputs[0], node.inputs[1]
    if isinstance(one, Flow) or isinstance(two, Flow):
        flow, other = (one, two) if isinstance(one, Flow) else (two, one)
        if not isinstance(flow, Flow) or not isinstance(other, Const):
            raise UnreadableError("expected one sequence and numbers of the file. Received: two of the one kind")
        if node.op in ("Sub", "Div") and flow is not one:
            raise UnreadableError("expected the sequence first")
        return _biased(flow, other.array, node) if node.op in ("Add", "Sub") else _scaled(flow, other, node)
    if isinstance(one, Const) and isinstance(two, Const) and one.array.dtype.kind == "f":
        node.graph.within(one.array.nbytes * max(1, two.array.size))
        return Const(
            {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[node.op](one.array, two.array)
        )
    by: dict[str, Callable[[int, int], int]] = {
        "Add": int.__add__,
        "Sub": int.__sub__,
        "Mul": int.__mul__,
        "Div": lambda a, b: int(a / b),
    }
    pairs = list(zip(sizes(one), sizes(two), strict=True))
    if node.op == "Mul" and any(1 in pair for pair in pairs) and len(pairs) == 1:
        return Sizes((next((size for size in pairs[0] if size != 1), 1),), is_scalar(one) and is_scalar(two))
    made = tuple(by[node.op](*numbers(Sizes(pair))) for pair in pairs)
    return Sizes(made, is_scalar(one) and is_scalar(two))


def product(node: Node) -> Value:
    """MatMul and Gemm with weights: a linear layer."""
    flow, kernel, bias = node.input(0), node.input(1), node.input(2)
    if not isinstance(flow, Flow) or not isinstance(kernel, Const) or kernel.array.ndim != 2:
        raise UnreadableError("expected a sequence times a matrix of the file")
    node.graph.within(2 * kernel.array.nbytes)
    matrix = kernel.array.T if node.attributes.get("transB") else kernel.array
    if node.attributes.get("transA") or (node.op == "Gemm" and len(flow.axes) != 2):
        raise UnreadableError("expected (batch, features) times a matrix of the file")
    _ready(flow, matrix.shape[0])
    found = flow.on(
        Linear(np.ascontiguousarray(matrix * _factor(node, "alpha", matrix)), None, node.outputs[0]), matrix.shape[1]
    )
    if bias is None:
        return found
    if not isinstance(bias, Const):
        raise UnreadableError("expected a bias of the file's own")
    return _biased(found, bias.array * _factor(node, "beta", bias.array), node)


def _factor(node: Node, name: str, like: Array) -> Any:
    return np.asarray(node.attributes.get(name, 1.0), like.dtype)


def _ready(flow: Flow, features: int) -> None:
    complete(flow)
    both = any(axis.name == "direction" and axis.size != 1 for axis in flow.axes)
    if flow.layer is None or flow.axes[-1].name != "features" or both:
        raise UnreadableError("expected a linear layer behind the recurrent ones, on their features")
    if flow.axes[-1].size != features:
        raise UnreadableError(f"expected a matrix for {counted(flow.axes[-1].size, 'feature')}. Received: for {features}")


def _biased(flow: Flow, bias: Array, node: Node) -> Flow:
    last = flow.parts[-1] if flow.parts else None
    if not isinstance(last, Linear) or last.bias is not None or flow.axes[-1].name != "features":
        raise UnreadableError(f"expected {node.op} behind a product, as its bias")
    outputs = last.kernel.shape[1]
    vector = bias.reshape(-1)
    if vector.size not in (1, outputs) or bias.ndim > len(flow.axes) or (bias.ndim and bias.shape[-1] != vector.size):
        raise UnreadableError(f"expected a bias ({outputs},). Received: shape {bias.shape}")
    full = np.broadcast_to(-vector if node.op == "Sub" else vector, (outputs,)).copy()
    return replace(flow, parts=(*flow.parts[:-1], replace(last, bias=full)))


def _scaled(flow: Flow, by: Const, node: Node) -> Flow:
    number = constant(by)
    if flow.parts or number is None or not number:
        raise UnreadableError(f"expected {node.op} by one number, before the first layer")
    return replace(flow, parts=(1 / number if node.op == "Div" else number,))


def embedded(table: Array, tokens: Flow, axis: int) -> Flow:
    """Token numbers behind an embedding (tokens, width)."""
    if axis or table.ndim != 2 or tokens.parts or tokens.cut or table.dtype.kind != "f":
        raise UnreadableError("expected rows of a matrix, chosen by the token numbers of an input")
    return replace(tokens, parts=(table,), axes=(*tokens.axes, Axis("features", table.shape[1])))

"""Operators on numbers: MatMul, Gemm, Add, Sub, Mul and Div, as linear layers, biases, an input scale, or of lengths."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import counted
from gru_tf.interchange.network import Linear
from gru_tf.interchange.onnx.graph import Node, is_scalar
from gru_tf.interchange.onnx.values import (
    Axis,
    AxisLengths,
    Constant,
    TracedTensor,
    UnreadableError,
    Value,
    axis_lengths,
    fill_value,
    whole_numbers,
)


def arithmetic(node: Node) -> Value:
    """Add, Sub, Mul, Div: of lengths or constants; a bias added to a product; a scale on the input."""
    one, two = node.inputs[0], node.inputs[1]
    if isinstance(one, TracedTensor) or isinstance(two, TracedTensor):
        tensor, other = (one, two) if isinstance(one, TracedTensor) else (two, one)
        if not isinstance(tensor, TracedTensor) or not isinstance(other, Constant):
            raise UnreadableError(
                "expected a sequence and a constant. Received: two sequences, or a value computed at run time"
            )
        if node.op in ("Sub", "Div") and tensor is not one:
            raise UnreadableError("expected the sequence as first input")
        return _add_bias(tensor, other.array, node) if node.op in ("Add", "Sub") else _scale(tensor, other, node)
    if isinstance(one, Constant) and isinstance(two, Constant) and one.array.dtype.kind == "f":
        node.graph.count_bytes(one.array.nbytes * max(1, two.array.size))
        return Constant(
            {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}[node.op](one.array, two.array)
        )
    by: dict[str, Callable[[int, int], int]] = {
        "Add": int.__add__,
        "Sub": int.__sub__,
        "Mul": int.__mul__,
        "Div": lambda a, b: int(a / b),
    }
    pairs = list(zip(axis_lengths(one), axis_lengths(two), strict=True))
    if node.op == "Mul" and any(1 in pair for pair in pairs) and len(pairs) == 1:
        return AxisLengths((next((size for size in pairs[0] if size != 1), 1),), is_scalar(one) and is_scalar(two))
    lengths = tuple(by[node.op](*whole_numbers(AxisLengths(pair))) for pair in pairs)
    return AxisLengths(lengths, is_scalar(one) and is_scalar(two))


def product(node: Node) -> Value:
    """MatMul and Gemm with weights: a linear layer."""
    tensor, kernel, bias = node.input(0), node.input(1), node.input(2)
    if not isinstance(tensor, TracedTensor) or not isinstance(kernel, Constant) or kernel.array.ndim != 2:
        raise UnreadableError("expected the product of a sequence and a constant matrix")
    node.graph.count_bytes(2 * kernel.array.nbytes)
    matrix = kernel.array.T if node.attributes.get("transB") else kernel.array
    if node.attributes.get("transA") or (node.op == "Gemm" and len(tensor.axes) != 2):
        raise UnreadableError("expected the product of (batch, features) and a constant matrix")
    _check_features(tensor, matrix.shape[0])
    linear = Linear(np.ascontiguousarray(matrix * _factor(node, "alpha", matrix)), None, node.outputs[0])
    output = tensor.followed_by(linear, matrix.shape[1])
    if bias is None:
        return output
    if not isinstance(bias, Constant):
        raise UnreadableError("expected a constant bias")
    return _add_bias(output, bias.array * _factor(node, "beta", bias.array), node)


def _factor(node: Node, name: str, like: Array) -> Any:
    return np.asarray(node.attributes.get(name, 1.0), like.dtype)


def _check_features(tensor: TracedTensor, features: int) -> None:
    tensor.check_states()
    both = any(axis.name == "direction" and axis.size != 1 for axis in tensor.axes)
    if tensor.layer is None or tensor.axes[-1].name != "features" or both:
        raise UnreadableError("expected a linear layer after the recurrent ones, on their features")
    if tensor.axes[-1].size != features:
        raise UnreadableError(
            f"expected a matrix for {counted(tensor.axes[-1].size, 'feature')}. Received: one for {features}"
        )


def _add_bias(tensor: TracedTensor, bias: Array, node: Node) -> TracedTensor:
    last = tensor.parts[-1] if tensor.parts else None
    if not isinstance(last, Linear) or last.bias is not None or tensor.axes[-1].name != "features":
        raise UnreadableError(f"expected {node.op} after a product, as its bias")
    outputs = last.kernel.shape[1]
    vector = bias.reshape(-1)
    if vector.size not in (1, outputs) or bias.ndim > len(tensor.axes) or (bias.ndim and bias.shape[-1] != vector.size):
        raise UnreadableError(f"expected a bias ({outputs},). Received: shape {bias.shape}")
    bias = np.broadcast_to(-vector if node.op == "Sub" else vector, (outputs,)).copy()
    return replace(tensor, parts=(*tensor.parts[:-1], replace(last, bias=bias)))


def _scale(tensor: TracedTensor, by: Constant, node: Node) -> TracedTensor:
    number = fill_value(by)
    if tensor.parts or number is None or not number:
        raise UnreadableError(f"expected {node.op} by one number, before the first layer")
    return replace(tensor, parts=(1 / number if node.op == "Div" else number,))


def embedding(table: Array, tokens: TracedTensor, axis: int) -> TracedTensor:
    """Token numbers after an embedding (tokens, width)."""
    if axis or table.ndim != 2 or tokens.parts or tokens.partial or table.dtype.kind != "f":
        raise UnreadableError("expected rows of a constant matrix, chosen by the token numbers of an input")
    return replace(tokens, parts=(table,), axes=(*tokens.axes, Axis("features", table.shape[1])))

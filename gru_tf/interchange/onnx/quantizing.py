"""Weights of an ONNX file as eight-bit integers, each with a DequantizeLinear node in front of what reads it.

With s a scale for each row of a recurrent weight, column of a dense kernel, row of an embedding, filter of a convolution:

    s = max |W| / 127,   Q = round(W / s),   W ≈ s Q                                   (ONNX, DequantizeLinear, opset 13)

Inputs and states stay float32: ONNX has no GRU, LSTM or RNN node that takes integers, so that the file shrinks to about a
quarter, and the arithmetic stays as it is. (A runtime may fuse a node with the product behind it: onnxruntime 1.32 then
rounds what a dense layer reads, too.) Arrays that are small, or that other nodes read, stay float32.
"""

from collections import defaultdict
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx import file

LEAST = 256  # numbers in an array, below which a node more weighs as much as is saved
ROWS = -1  # in the place of an axis: (directions, rows, columns) have a scale for each row of each direction
# operator → input that is a weight → axis with a scale for each index
AXES = {
    "MatMul": {1: 1},
    "Gather": {0: 0},
    "Conv": {1: 0},
    **{name: {1: ROWS, 2: ROWS} for name in ("GRU", "LSTM", "RNN")},
}


def quantized(model: Any) -> Any:
    """A copy of the ModelProto with its large weights as integers."""
    onnx = file.library()
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph, axes = copy.graph, _axes(copy.graph)
    arrays, nodes = [], []
    for initializer in graph.initializer:
        axis = axes.get(initializer.name)
        array = onnx.numpy_helper.to_array(initializer)
        if axis is None or array.dtype != np.float32 or array.size < LEAST:
            arrays.append(initializer)
            continue
        own_arrays, own_nodes = _dequantized(initializer.name, array, axis)
        arrays += own_arrays
        nodes += own_nodes
    nodes += list(graph.node)
    for field, values in ((graph.initializer, arrays), (graph.node, nodes)):
        kept = list(values)
        del field[:]
        field.extend(kept)
    return copy


def _axes(graph: Any) -> dict[str, int]:
    """Of each array that only operators of `AXES` read, and all alike: the axis of its scales."""
    read: dict[str, set[int | None]] = defaultdict(set)
    for node in graph.node:
        for place, name in enumerate(node.input):
            read[name].add(AXES.get(node.op_type, {}).get(place))
        for attribute in node.attribute:  # a branch or a loop may read anything
            for inner in getattr(attribute.g, "node", ()):
                for name in inner.input:
                    read[name].add(None)
    for output in graph.output:
        read[output.name].add(None)
    return {name: axis for name, axes in read.items() if len(axes) == 1 and (axis := next(iter(axes))) is not None}


def _dequantized(name: str, array: Array, axis: int) -> tuple[list[Any], list[Any]]:
    """The integers and scales of an array, and the nodes that give it back under its name."""
    onnx = file.library()
    joined = array.reshape(-1, array.shape[-1]) if axis == ROWS else array  # the node's scales are of one axis alone
    axis = max(axis, 0)
    integers, scales = integers_of(joined, axis)
    arrays = [onnx.numpy_helper.from_array(integers, f"{name}_int8"), onnx.numpy_helper.from_array(scales, f"{name}_scale")]
    whole = joined is array
    output = name if whole else f"{name}_rows"
    make = onnx.helper.make_node
    inputs = [f"{name}_int8", f"{name}_scale"]
    nodes = [make("DequantizeLinear", inputs, [output], name=f"dequantize_{name}", axis=axis)]
    if not whole:
        arrays.append(onnx.numpy_helper.from_array(np.array(array.shape, "int64"), f"{name}_shape"))
        nodes.append(make("Reshape", [output, f"{name}_shape"], [name], name=f"shape_{name}"))
    return arrays, nodes


def integers_of(array: Array, axis: int) -> tuple[Array, Array]:
    """Q (int8) and the scales s of one axis, (its size,)."""
    others = tuple(n for n in range(array.ndim) if n != axis)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scales = np.where(largest > 0, largest / np.float32(127), np.float32(1)).astype("float32")
    return np.clip(np.rint(array / scales), -127, 127).astype("int8"), scales.reshape(-1)

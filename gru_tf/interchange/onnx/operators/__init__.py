"""Operators that exporters put around recurrent nodes: on shapes, on constants, and linear layers.

One function per operator: `Node` → its output. Whatever a `Network` does not do raises UnreadableError.
"""

from collections.abc import Callable

from gru_tf.interchange.onnx.graph import Node
from gru_tf.interchange.onnx.operators import constants, linear, shapes, slices
from gru_tf.interchange.onnx.values import Value

OPERATORS: dict[str, Callable[[Node], Value]] = {
    "Identity": shapes.identity,
    "Dropout": shapes.identity,
    "Cast": shapes.cast,
    "Transpose": shapes.transpose,
    "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze,
    "Reshape": shapes.reshape,
    "Shape": shapes.shape,
    "Slice": slices.slice_axes,
    "Gather": slices.gather,
    "Concat": slices.concat,
    "Constant": constants.constant,
    "ConstantOfShape": constants.filled_array,
    "Expand": constants.filled_array,
    "Tile": constants.filled_array,
    "Add": linear.arithmetic,
    "Sub": linear.arithmetic,
    "Mul": linear.arithmetic,
    "Div": linear.arithmetic,
    "MatMul": linear.product,
    "Gemm": linear.product,
}

"""Operators that make arrays: Constant, ConstantOfShape, Expand and Tile."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.interchange.onnx.file import TYPES
from gru_tf.interchange.onnx.graph import Node, OnnxGraph, first_input, shape_of
from gru_tf.interchange.onnx.values import (
    AxisLengths,
    Constant,
    FilledArray,
    UnreadableError,
    Value,
    axis_lengths,
    fill_value,
)

UNKNOWN = "?"  # a length that nothing here depends on


def constant(node: Node) -> Value:
    """Constant: the number, numbers or array in the node."""
    return stored_constant(node.attributes, node.graph)


def stored_constant(attributes: Mapping[str, Any], graph: OnnxGraph) -> Constant:
    """The number, numbers or array in the attributes of a Constant."""
    name, value = next(iter(attributes.items()), ("", None))
    if name == "value" and value is not None:
        graph.count_bytes(math.prod(value.dims) * np.dtype(TYPES.get(value.data_type, "int8")).itemsize)
        return Constant(graph.read_array(value))
    if name in ("value_int", "value_ints", "value_float", "value_floats"):
        return Constant(np.asarray(value, "int64" if "int" in name else "float32"))
    raise UnreadableError(f"expected a constant of numbers. Received: {name or 'none'}")


def filled_array(node: Node) -> Value:
    """ConstantOfShape, and Expand or Tile of one number, without taking memory for the array."""
    if node.op == "ConstantOfShape":
        value = node.attributes.get("value")
        fill = 0.0 if value is None else float(node.graph.read_array(value).flat[0])
        return FilledArray(fill, axis_lengths(node.input(0)))
    source = first_input(node)
    number = source.values[0] if isinstance(source, AxisLengths) and len(source.values) == 1 else fill_value(source)
    if number is None:
        raise UnreadableError("expected one number to be repeated")
    if node.op == "Tile":
        return FilledArray(number, tuple(UNKNOWN for _ in axis_lengths(node.input(1))))
    old, new = shape_of(source), axis_lengths(node.input(1))
    old = (1,) * (len(new) - len(old)) + old
    return FilledArray(number, tuple(b if a == 1 else a for a, b in zip(old, new, strict=True)))

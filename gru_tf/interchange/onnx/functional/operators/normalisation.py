"""Normalisation with stored numbers, over features or over time: BatchNormalization and others."""

from typing import Any

import keras

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.sums import add
from gru_tf.interchange.onnx.functional.values import Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import UnreadableError

EPSILON = 1e-5  # the standard's


def batch_normalization(node: OperatorNode) -> Value:
    """BatchNormalization outside training: a layer with stored mean and variance of each channel, the second axis."""
    x = node.tensor(0)
    names = ("scale", "B", "mean", "var")
    arrays = [node.constant(n, name) for n, name in enumerate(names, 1)]
    if node.attributes.get("training_mode", 0) or not node.attributes.get("spatial", 1) or x.rank < 2:
        raise UnreadableError("expected a model for inference, with numbers for each channel")
    if any(array is None or array.ndim != 1 or array.shape != arrays[0].shape for array in arrays):  # type: ignore[union-attr]
        raise UnreadableError(f"expected {', '.join(names)} of one length")
    x.known.equate(x.size(x.axes[1]), SymbolicSize(len(arrays[0])))  # type: ignore[arg-type]
    x.check_apart([1])
    target = x.canonical(last=[1])
    layer = node.layer(
        keras.layers.BatchNormalization,
        x.arranged(target, node.title),
        weights=tuple(arrays),  # type: ignore[arg-type]
        axis=-1,
        epsilon=float(node.attributes.get("epsilon", EPSILON)),
        momentum=float(node.attributes.get("momentum", 0.9)),
    )
    return TensorView(layer, target, x.axes, "float", node.known, node.title)


def layer_normalization(node: OperatorNode) -> Value:
    """LayerNormalization: over the last axes, with a scale and an offset for each entry."""
    x, scale, offset = node.tensor(0), node.constant(1, "Scale"), node.constant(2, "B")
    first = normalize_axes([node.attributes.get("axis", -1)], x.rank)[0]
    own = list(range(first, x.rank))
    if any(name in node.used for name in node.outputs[1:] if name):
        raise UnreadableError("expected only its first output to be used")
    shape = [x.number(axis) for axis in own]
    if scale is None or list(scale.shape) != shape or (offset is not None and list(offset.shape) != shape):
        raise UnreadableError(f"expected Scale and B of shape {shape}")
    x.check_apart(own)
    target = x.canonical(last=own)
    weights = (scale, *(() if offset is None else (offset,)))
    options: dict[str, Any] = {"axis": [n - len(own) for n in range(len(own))] if len(own) > 1 else -1}
    options |= {"epsilon": float(node.attributes.get("epsilon", EPSILON)), "center": offset is not None}
    layer = node.layer(keras.layers.LayerNormalization, x.arranged(target, node.title), weights=weights, **options)
    return TensorView(layer, target, x.axes, "float", node.known, node.title)


def instance_normalization(node: OperatorNode) -> Value:
    """InstanceNormalization: each channel of each sequence over its steps."""
    x, scale, offset = node.tensor(0), node.constant(1, "scale"), node.constant(2, "B")
    if scale is None or offset is None or scale.ndim != 1 or scale.shape != offset.shape or x.rank < 3:
        raise UnreadableError("expected (batch, channels, time), and scale and B for each channel")
    x.known.equate(x.size(x.axes[1]), SymbolicSize(len(scale)))
    x.check_apart(range(1, x.rank))
    target = (x.axes[0], *x.axes[2:], x.axes[1])
    over, epsilon = tuple(range(1, len(target) - 1)), float(node.attributes.get("epsilon", EPSILON))

    def call(building: Any, tensor: Any) -> Any:
        less = keras.ops.subtract(tensor, keras.ops.mean(tensor, axis=over, keepdims=True))
        variance = keras.ops.mean(keras.ops.square(less), axis=over, keepdims=True)
        scaled = keras.ops.multiply(keras.ops.multiply(less, keras.ops.rsqrt(variance + epsilon)), building.array(scale))
        return add(scaled, building.array(offset))

    step = BuildStep(call, (x.arranged(target, node.title),), node.title)
    return TensorView(step, target, x.axes, "float", node.known, node.title)

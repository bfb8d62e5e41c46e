"""Layers that compute each step by itself, in NumPy: what stands around the cells when a model is streamed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from scipy.special import expit as sigmoid

from gru_tf.foundation.array import Array

Function = Callable[[Array], Array]


def why_not(layer: Any) -> str:
    """Why a layer is not computed in NumPy, in words; "" where it is. A subclass may compute something else.

    Args:
        layer: a built Keras layer.
    """
    if type(layer) not in FUNCTIONS:
        return "is not computed in NumPy"
    if getattr(layer, "quantization_mode", None):
        return "is quantized"
    activation = getattr(layer, "activation", None)
    if activation is not None and name_of(activation) not in ACTIVATIONS:
        return f"activation is none of {', '.join(ACTIVATIONS)}"
    if getattr(layer, "rms_scaling", False):
        return "rms_scaling=True"
    dimensions = max(np.ndim(getattr(layer, number, 0)) for number in ("scale", "offset"))
    last = keras.config.image_data_format() == "channels_last"
    if type(layer) is keras.layers.Rescaling and dimensions > (1 if last else 0):
        return "scale and offset are neither one number nor one for each feature"
    return ""


def function_of(layer: Any) -> Function | None:
    """The computation of a layer that `why_not` has no reason against, with the weights that it has now.

    Args:
        layer: a built Keras layer.

    Returns:
        (rows, I) → (rows, O), of an embedding (rows,) → (rows, O); None where the layer hands on what it gets.
    """
    return FUNCTIONS[type(layer)](layer)


def name_of(activation: Any) -> str:
    """The name of one of Keras' own functions; "" for any other, whatever its name."""
    name = str(getattr(activation, "__name__", ""))
    own = (getattr(keras.activations, name, None), getattr(keras.ops, name, None))
    return name if any(activation is function for function in own) else ""


def array(layer: Any, weight: Any) -> Any:
    """A weight's numbers at this moment, in an array of its own; None for none."""
    return None if weight is None else np.array(keras.ops.convert_to_numpy(weight), layer.compute_dtype, order="C")


def _embedding(layer: Any) -> Function:
    table = array(layer, layer.embeddings)
    return lambda tokens: table[tokens]


def _rescaling(layer: Any) -> Function:
    # cast by Keras, which under TensorFlow rounds 0.1 to float32 first
    scale, offset = (array(layer, keras.ops.cast(number, layer.compute_dtype)) for number in (layer.scale, layer.offset))
    return lambda x: x * scale + offset


def _dense(layer: Any) -> Function:
    kernel, bias, activation = array(layer, layer.kernel), array(layer, layer.bias), _activation(layer)

    def dense(x: Array) -> Array:
        y = x.dot(kernel)
        if bias is not None:
            y += bias
        return y if activation is None else activation(y)

    return dense


def _activation(layer: Any) -> Function | None:
    return None if layer.activation is None else ACTIVATIONS[name_of(layer.activation)]


def _normalization(layer: Any) -> Function:
    gamma, beta, epsilon = array(layer, layer.gamma), array(layer, layer.beta), np.array(layer.epsilon, layer.compute_dtype)

    def normalize(x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        y: Array = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + epsilon)
        if gamma is not None:
            y *= gamma
        if beta is not None:
            y += beta
        return y

    return normalize


def _softmax(x: Array) -> Array:
    y: Array = np.exp(x - x.max(axis=-1, keepdims=True))
    y /= y.sum(axis=-1, keepdims=True)
    return y


ACTIVATIONS: dict[str, Function | None] = {
    "linear": None,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": partial(np.maximum, 0),
    "softmax": _softmax,
}
FUNCTIONS: dict[type, Callable[[Any], Function | None]] = {
    keras.layers.Embedding: _embedding,
    keras.layers.Rescaling: _rescaling,
    keras.layers.Dense: _dense,
    keras.layers.Activation: _activation,
    keras.layers.LayerNormalization: _normalization,
}

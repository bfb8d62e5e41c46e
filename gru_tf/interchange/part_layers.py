"""Keras layers of what stands before, between and behind recurrent layers, and of the states that these begin with."""

from collections.abc import Sequence
from typing import Any

import keras

from gru_tf.foundation.array import Array
from gru_tf.interchange.parts import Activation, BatchNorm, LayerNorm, Linear, Part


def build(parts: Sequence[Part], x: Any, place: str, dtype: str) -> Any:
    """The output of these parts, one after the other, for a Keras tensor.

    Args:
        parts: from the first to the last.
        x: (batch, T, F) or (batch, F).
        place: where they stand; part of the layers' names.
        dtype: of weights and computation.
    """
    for n, part in enumerate(parts):
        layer = _layer(part, layer_name(parts, n, place), dtype)
        x = layer(x)
        if arrays := _weights(part):
            layer.set_weights(arrays)
    return x


def layer_name(parts: Sequence[Part], n: int, place: str) -> str:
    """Name of the layer of the n-th part: the place alone for the last linear layer there, else with a number."""
    linear = [i for i, part in enumerate(parts) if isinstance(part, Linear)]
    return place if n == max(linear, default=-1) else f"{place}_{n}"


def _layer(part: Part, name: str, dtype: str) -> Any:
    layers = keras.layers
    if isinstance(part, Linear):
        return layers.Dense(part.gives, use_bias=part.bias is not None, name=name, dtype=dtype)
    if isinstance(part, LayerNorm):
        return layers.LayerNormalization(epsilon=part.epsilon, center=part.beta is not None, name=name, dtype=dtype)
    if isinstance(part, BatchNorm):
        options = {"center": part.beta is not None, "scale": part.gamma is not None}
        return layers.BatchNormalization(epsilon=part.epsilon, name=name, dtype=dtype, **options)
    if part.function == "leaky_relu":
        return layers.LeakyReLU(negative_slope=part.slope, name=name, dtype=dtype)
    return layers.Activation(part.function, name=name, dtype=dtype)


def _weights(part: Part) -> list[Array]:
    """In Keras' order."""
    if isinstance(part, BatchNorm):
        return [array for array in (part.gamma, part.beta, part.mean, part.variance) if array is not None]
    return [] if isinstance(part, Activation) else [array for _, array in part.arrays()]


def learned_states(states: Sequence[Array], x: Any, name: str, dtype: str) -> list[Any]:
    """The states that a recurrent layer begins with, the same for each sequence, as Keras tensors (batch, H).

    Each is the bias of a dense layer that reads a zero: so they are weights of stock layers, saved and trained as such.
    """
    zero = keras.ops.zeros_like(x[:, 0, :1])
    tensors = []
    for n, state in enumerate(states):
        layer = keras.layers.Dense(len(state), name=f"{name}_initial_{n}", kernel_initializer="zeros", dtype=dtype)
        tensors.append(layer(zero))
        layer.set_weights([layer.get_weights()[0], state])
    return tensors

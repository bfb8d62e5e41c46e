"""Keras 3's activation functions by its names, as TensorFlow computes them."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import tensorflow as tf

from gru_tf.foundation.errors import shown
from gru_tf.interchange.keras.objects import class_name
from gru_tf.interchange.source import NotComputable


def hard_sigmoid(x: Any) -> Any:
    """clip(x / 6 + ½, 0, 1); Keras 2's function of this name is another."""
    return tf.clip_by_value(x / 6 + 0.5, 0, 1)


def _hard_silu(x: Any) -> Any:
    return x * hard_sigmoid(x)


def _leaky_relu(x: Any) -> Any:
    return tf.nn.leaky_relu(x, 0.2)


SAME = ("linear", "relu", "elu", "selu", "gelu", "softplus", "softsign", "tanh", "sigmoid", "exponential", "softmax", "mish")
OTHER: Mapping[str, Callable[[Any], Any]] = {
    "relu6": tf.nn.relu6,
    "leaky_relu": _leaky_relu,
    "silu": tf.nn.silu,
    "swish": tf.nn.silu,
    "log_softmax": tf.nn.log_softmax,
    "log_sigmoid": tf.math.log_sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
}


@cache
def activations() -> Mapping[str, Callable[[Any], Any]]:
    """Name → function; TF-Keras' own where it has the same, because its layers are copied by the names of these."""
    import tf_keras

    own = {name: getattr(tf_keras.activations, name) for name in SAME}
    return {**own, **OTHER, "gru_tf>keras2_hard_sigmoid": tf_keras.activations.hard_sigmoid}


def activation(value: Any) -> Callable[[Any], Any] | None:
    """The function that a config names; raises NotComputable where it is not one of these."""
    name = value.get("config") if isinstance(value, dict) and class_name(value) == "function" else value
    if name is None:
        return None
    if not isinstance(name, str) or name not in activations():
        raise NotComputable(f"TF-Keras has no activation {shown(name)}")
    return activations()[name]

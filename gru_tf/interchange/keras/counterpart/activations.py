"""Keras 3's activation functions by its names, as TensorFlow computes them."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from gru_tf.foundation.errors import shown
from gru_tf.interchange.keras.objects import class_name
from gru_tf.interchange.source import NotComputable


def _hard_sigmoid(x: Any) -> Any:
    """clip(x / 6 + ½, 0, 1); Keras 2's function of this name is another."""
    return tf.clip_by_value(x / 6 + 0.5, 0, 1)


def _hard_silu(x: Any) -> Any:
    return x * _hard_sigmoid(x)


def _leaky_relu(x: Any) -> Any:
    return tf.nn.leaky_relu(x, 0.2)


ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    **{
        name: getattr(tf_keras.activations, name)
        for name in ("linear", "relu", "elu", "selu", "gelu", "softplus", "softsign")
    },
    **{name: getattr(tf_keras.activations, name) for name in ("tanh", "sigmoid", "exponential", "softmax", "mish")},
    "relu6": tf.nn.relu6,
    "leaky_relu": _leaky_relu,
    "silu": tf.nn.silu,
    "swish": tf.nn.silu,
    "log_softmax": tf.nn.log_softmax,
    "log_sigmoid": tf.math.log_sigmoid,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
    "gru_tf>keras2_hard_sigmoid": tf_keras.activations.hard_sigmoid,
}


def activation(value: Any) -> Callable[[Any], Any] | None:
    """The function that a config names; raises NotComputable where it is not one of these."""
    name = value.get("config") if isinstance(value, dict) and class_name(value) == "function" else value
    if name is None:
        return None
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise NotComputable(f"TF-Keras has no activation {shown(name)}")
    return ACTIVATIONS[name]

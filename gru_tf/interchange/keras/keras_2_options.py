"""Options of Keras 2's layers, as Keras 3's layers of the same names take them.

Those that Keras 3's layer does not take are dropped where they say nothing about numbers (`FREE`) or say what Keras 3 does
anyhow (`NEUTRAL`), and are refused otherwise.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.interchange.keras import stock
from gru_tf.interchange.keras.layer_rewriter import LayerRewriter
from gru_tf.interchange.keras.objects import activation, class_name, is_plain, options_of, plain, written
from gru_tf.interchange.keras.stock import CELLS, KINDS, refused

ACTIVATIONS = {
    **{name: name for name in ("linear", "relu", "relu6", "elu", "selu", "silu", "gelu", "mish", "softplus", "softsign")},
    **{name: name for name in ("tanh", "sigmoid", "exponential", "softmax", "log_softmax")},
    "swish": "silu",
    "hard_sigmoid": "gru_tf>keras2_hard_sigmoid",
}
RENAMED = {("LeakyReLU", "alpha"): "negative_slope", ("InputLayer", "batch_input_shape"): "batch_shape"}
FREE = {  # say nothing about numbers, or nothing beyond what is read elsewhere
    *("implementation", "input_length", "batch_input_shape", "input_dtype", "fused", "experimental_autocast", "autocast"),
    *("kernel_quantizer", "kernel_initializer", "trainable"),  # where the layer has neither
}
NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "time_major": (False, None),
    "ragged": (False, None),
    "sparse": (False, None),
    "renorm": (False, None),
    "virtual_batch_size": (None,),
    "num_constants": (None, 0),
    "groups": (1, None),
    "optional": (False,),
    "synchronized": (False,),
    **dict.fromkeys(("noise_shape", "kernel_regularizer", "kernel_constraint", "activity_regularizer"), (None,)),
}
WITHOUT = {  # what a layer without these in its config, of times when there was no such option, did
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
}
ALWAYS = {  # of layers that were programmed for cuDNN alone
    "CuDNNGRU": {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "reset_after": True},
    "CuDNNLSTM": {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True},
}
GATED = {"GRU", "LSTM", "GRUCell", "LSTMCell"}


class Keras2Options:
    """Translates the options of a file's layers.

    Args:
        config: rewrites the layers and cells among them.
    """

    def __init__(self, config: LayerRewriter):
        self.config, self.where = config, config.where

    def translated(self, kind: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """A layer's options.

        Args:
            kind: what Keras 2 calls the layer.
            name: what Keras 3 calls it.
            options: as the file has them.

        Raises:
            UserError: for an option, or a value of one, that Keras 3's layer has no counterpart of.
        """
        taken = _parameters("layers", name)
        called = f"layer {shown(options.get('name'))} ({kind})"
        given = {**WITHOUT.get(kind, {}), **options, **ALWAYS.get(kind, {})}
        if kind in GATED and "recurrent_activation" not in given:
            raise UserError(f"{self.where}: {called}: expected recurrent_activation in its config. Received: none")
        if name == "Bidirectional":
            given = {"backward_layer": _other_way(given.get("layer")), **given}
        found: dict[str, Any] = {}
        for key, value in given.items():
            new = RENAMED.get((name, key), key)
            if new in taken:
                found[new] = self._value(name, new, value, called)
            elif key not in FREE and plain(value) not in NEUTRAL.get(key, ()):
                hint = " Transpose what goes in and comes out instead." if key == "time_major" else did_you_mean(key, taken)
                raise UserError(
                    f"{self.where}: {called}: expected an option of Keras 3's {name}.{hint} Received: {key}={shown(value)}"
                )
        return found

    def _value(self, name: str, key: str, value: Any, called: str) -> Any:
        if key.endswith("activation"):
            return self._activation(value, called)
        for kind in KINDS:
            if key.endswith(f"_{kind[:-1]}"):
                return self._numeric(kind, value, called)
        if key == "dtype":
            return stock.dtype(self.where, value, called)
        if key in ("layer", "backward_layer", "cell"):
            return None if value is None else self.config.layer(value)
        if key == "cells":
            return [self.config.layer(cell) for cell in value]
        value = plain(value)
        if name == "BatchNormalization" and key == "axis" and isinstance(value, list) and len(value) == 1:
            return value[0]
        if not is_plain(value):
            raise UserError(
                f"{self.where}: {called}: expected a number, text or a list of them as {key}. Received: {shown(value)}"
            )
        return value

    def _activation(self, value: Any, called: str) -> Any:
        if value is None:
            return None
        if isinstance(value, dict) and class_name(value) in ("LeakyReLU", "ELU", "ReLU", "Softmax"):
            return self.config.layer(value)
        name = _function(value)
        if name not in ACTIVATIONS:
            raise refused(self.where, "activation", str(name), ACTIVATIONS, called)
        return activation(ACTIVATIONS[name])

    def _numeric(self, kind: str, value: Any, called: str) -> Any:
        """An initializer, regularizer or constraint: none of them matters for what the model computes."""
        if value is None:
            return None
        name, options = (value, {}) if isinstance(value, str) else (class_name(value), options_of(value))
        known = {_flat(each): each for each in KINDS[kind]}
        if name is None or options is None or _flat(name) not in known:
            raise refused(self.where, kind[:-1], str(name), KINDS[kind], called)
        name = known[_flat(name)]
        given = {key: plain(each) for key, each in options.items() if key in _parameters(kind, name)}
        if given.get("distribution") == "normal":
            given["distribution"] = "truncated_normal"
        if not is_plain(list(given.values())):
            raise UserError(f"{self.where}: {called}: expected numbers for {name}. Received: {shown(options)}")
        return written(kind, name, given)


def _other_way(layer: Any) -> Any:
    """The backward layer of one that itself reads backwards: Keras 2 turns it round again, Keras 3 does not."""
    options = options_of(layer)
    if not isinstance(options, dict) or options.get("go_backwards") is not True:
        return None
    return {**layer, "config": {**options, "go_backwards": False, "name": f"backward_{options.get('name')}"}}


def _function(value: Any) -> str:
    """The name of a function, given as text or as an object."""
    name = value.get("config") if isinstance(value, dict) and class_name(value) == "function" else value
    return name if isinstance(name, str) else shown(name)


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def _parameters(package: str, name: str) -> frozenset[str]:
    """What the constructor takes, with what every layer takes that hands on the rest."""
    found = inspect.signature(getattr(getattr(keras, package), name).__init__).parameters
    further = {"name", "trainable", "dtype"} | (set() if name in CELLS else {"activity_regularizer"})
    hands_on = package == "layers" and name != "InputLayer" and "kwargs" in found
    return frozenset((set(found) | (further if hands_on else set())) - {"self", "args", "kwargs"})

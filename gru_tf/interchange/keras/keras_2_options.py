"""Options of Keras 2's layers, translated for Keras 3's layers of the same names.

Options that Keras 3's layer does not take are dropped where they do not affect the numbers (`FREE`) or have the value that
Keras 3 uses anyway (`NEUTRAL`), and are refused otherwise.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.interchange.keras import stock
from gru_tf.interchange.keras.layer_rewriter import LayerRewriter
from gru_tf.interchange.keras.objects import activation, class_name, is_plain, keras_3_object, options_of, plain
from gru_tf.interchange.keras.stock import CELLS, KINDS, not_stock

ACTIVATIONS = {
    **{name: name for name in ("linear", "relu", "relu6", "elu", "selu", "silu", "gelu", "mish", "softplus", "softsign")},
    **{name: name for name in ("tanh", "sigmoid", "exponential", "softmax", "log_softmax")},
    "swish": "silu",
    "hard_sigmoid": "gru_tf>keras2_hard_sigmoid",
}
RENAMED = {
    ("LeakyReLU", "alpha"): "negative_slope",
    ("InputLayer", "batch_input_shape"): "batch_shape",
    ("ReLU", "theta"): "threshold",
}
FREE = {  # do not affect the numbers, or are read elsewhere
    *("implementation", "input_length", "batch_input_shape", "input_dtype", "fused", "experimental_autocast", "autocast"),
    *("kernel_quantizer", "kernel_initializer", "trainable"),  # where the layer has neither
    *("unroll", "query_shape", "key_shape", "value_shape"),
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
    "causal": (False,),  # of a call, in Keras 3
    "softmax_robust_masking": (False,),
    "synchronized": (False,),
    **dict.fromkeys(("noise_shape", "kernel_regularizer", "kernel_constraint", "activity_regularizer"), (None,)),
}
DEFAULTS_OF_OLD = {  # what layers did before the option existed; their configs lack it
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
}
ALWAYS = {  # of layers that were written for cuDNN only
    "CuDNNGRU": {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "reset_after": True},
    "CuDNNLSTM": {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True},
}
WHOLE = {"int8", "int32", "int64"}
GATED = {"GRU", "LSTM", "GRUCell", "LSTMCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}


class Keras2Options:
    """Translates the options of a file's layers.

    Args:
        config: rewrites layers and cells that are options.
    """

    def __init__(self, config: LayerRewriter):
        self.config, self.where = config, config.where

    def translate(self, kind: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """A layer's options for Keras 3.

        Args:
            kind: what Keras 2 calls the layer.
            name: what Keras 3 calls it.
            options: from the file.

        Raises:
            UserError: for an option, or a value of one, that has no counterpart in Keras 3's layer.
        """
        taken = _parameters("layers", name)
        layer = f"layer {shown(options.get('name'))} ({kind})"
        options = {**DEFAULTS_OF_OLD.get(kind, {}), **options, **ALWAYS.get(kind, {})}
        if kind in GATED and "recurrent_activation" not in options:
            raise UserError(f"{self.where}: {layer}: expected recurrent_activation in its config. Received: none")
        if name == "Bidirectional":
            options = {"backward_layer": _backward_layer(options.get("layer")), **options}
        translated: dict[str, Any] = {}
        for key, value in options.items():
            new = RENAMED.get((name, key), key)
            if new in taken:
                translated[new] = self._value(name, new, value, layer)
            elif key not in FREE and plain(value) not in NEUTRAL.get(key, ()):
                hint = " Transpose inputs and outputs instead." if key == "time_major" else did_you_mean(key, taken)
                raise UserError(
                    f"{self.where}: {layer}: expected an option of Keras 3's {name}.{hint} Received: {key}={shown(value)}"
                )
        return translated

    def _value(self, name: str, key: str, value: Any, layer: str) -> Any:
        if key.endswith("activation"):
            return self._activation(value, layer)
        for kind in KINDS:
            if key.endswith(f"_{kind[:-1]}"):
                return self._numeric(kind, value, layer)
        if key == "dtype":
            dtype = stock.dtype(self.where, value, layer)
            return None if name == "Embedding" and dtype in WHOLE else dtype  # that of its input, in old files
        if key in ("layer", "backward_layer", "cell"):
            return None if value is None else self.config.layer(value)
        if key == "cells":
            return [self.config.layer(cell) for cell in value]
        value = plain(value)
        if name == "BatchNormalization" and key == "axis" and isinstance(value, list) and len(value) == 1:
            return value[0]
        if not is_plain(value):
            raise UserError(
                f"{self.where}: {layer}: expected a number, text or a list of them as {key}. Received: {shown(value)}"
            )
        return value

    def _activation(self, value: Any, layer: str) -> Any:
        if value is None:
            return None
        if isinstance(value, dict) and class_name(value) in ("LeakyReLU", "ELU", "ReLU", "Softmax"):
            return self.config.layer(value)
        name = _function(value)
        if name not in ACTIVATIONS:
            raise not_stock(self.where, "activation", str(name), ACTIVATIONS, layer)
        return activation(ACTIVATIONS[name])

    def _numeric(self, kind: str, value: Any, layer: str) -> Any:
        """An initializer, regularizer or constraint; none of them affects what the trained model computes."""
        if value is None:
            return None
        name, options = (value, {}) if isinstance(value, str) else (class_name(value), options_of(value))
        known = {_flat(each): each for each in KINDS[kind]}
        if name is None or options is None or _flat(name) not in known:
            raise not_stock(self.where, kind[:-1], str(name), KINDS[kind], layer)
        name = known[_flat(name)]
        accepted = {key: plain(each) for key, each in options.items() if key in _parameters(kind, name)}
        if accepted.get("distribution") == "normal":
            accepted["distribution"] = "truncated_normal"
        if not is_plain(list(accepted.values())):
            raise UserError(f"{self.where}: {layer}: expected numbers for {name}. Received: {shown(options)}")
        return keras_3_object(kind, name, accepted)


def _backward_layer(layer: Any) -> Any:
    """The backward layer for a layer that itself reads backwards: Keras 2 reverses it again, Keras 3 does not."""
    options = options_of(layer)
    if not isinstance(options, dict) or options.get("go_backwards") is not True:
        return None
    return {**layer, "config": {**options, "go_backwards": False, "name": f"backward_{options.get('name')}"}}


def _function(value: Any) -> str:
    """The name of a function, which is text or an object."""
    name = value.get("config") if isinstance(value, dict) and class_name(value) == "function" else value
    return name if isinstance(name, str) else shown(name)


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def _parameters(package: str, name: str) -> frozenset[str]:
    """The constructor's parameters, with those of every layer where the constructor passes on the rest."""
    own = inspect.signature(getattr(getattr(keras, package), name).__init__).parameters
    further = {"name", "trainable", "dtype"} | (set() if name in CELLS else {"activity_regularizer"})
    passed_on = package == "layers" and name != "InputLayer" and "kwargs" in own
    return frozenset((set(own) | (further if passed_on else set())) - {"self", "args", "kwargs"})


@cache
def flags(name: str) -> frozenset[str]:
    """The options of a layer of Keras 3 that are true or false."""
    parameters = inspect.signature(getattr(keras.layers, name).__init__).parameters
    return frozenset(key for key, parameter in parameters.items() if isinstance(parameter.default, bool))

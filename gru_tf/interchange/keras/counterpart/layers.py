"""Layers of TF-Keras with the options of a Keras 3 file's layers."""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from gru_tf.foundation.errors import shown
from gru_tf.interchange.keras.counterpart.activations import activation
from gru_tf.interchange.keras.counterpart.equations import reverse_time, rms_normalization
from gru_tf.interchange.keras.objects import class_name, options_of, plain
from gru_tf.interchange.keras.stock import LAYERS, POLICIES
from gru_tf.interchange.source import NotComputable

SAME = LAYERS - {"InputLayer"}  # what TF-Keras has by the same names
EXACT = ("float32", "float64")
RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
UNUSED = ("_initializer", "_regularizer", "_constraint")  # ends of options that matter in training only
LEFT_OUT = {"seed", "trainable", "activity_regularizer", "use_cudnn", "autocast"}
NEUTRAL: Mapping[str, tuple[Any, ...]] = {  # values with which a layer computes what one without the option does
    "unroll": (False, True),
    "rms_scaling": (False,),
    "data_format": (None, "channels_last"),
}
WRAPPED = ("layer", "backward_layer", "cell")


def layer(config: Any) -> Any:
    """The layer of TF-Keras for one of Keras 3.

    Raises:
        NotComputable: for a layer, or an option's value, that TF-Keras does not have.
    """
    import tf_keras

    kind, options = class_name(config), options_of(config)
    own = str(config.get("registered_name")) if str(config.get("registered_name")).startswith("gru_tf>") else kind
    if own == "gru_tf>ReverseTime":
        return reverse_time()(name=options.get("name"), dtype=_dtype(own, options.get("dtype")))
    if own == "RMSNormalization":
        return rms_normalization()(**_options(own, options, rms_normalization()))
    if own not in SAME:
        raise NotComputable(f"TF-Keras has no layer {own}")
    return getattr(tf_keras.layers, own)(**_options(own, options, getattr(tf_keras.layers, own)))


def _options(kind: str, options: Mapping[str, Any], counterpart: type) -> dict[str, Any]:
    """The constructor's arguments; options that the file leaves out are Keras 3's, whose defaults may be others."""
    defaults, taken = _defaults(kind), _parameters(counterpart)
    result: dict[str, Any] = {"name": options.get("name"), "trainable": options.get("trainable", True)}
    result |= {key: "zeros" for key in taken if key.endswith("_initializer")}  # quick; the weights are overwritten
    for key, value in {**defaults, **options}.items():
        new = RENAMED.get((kind, key), key)
        if key in LEFT_OUT or key.endswith(UNUSED) or key == "name":
            continue
        if key == "dtype":
            result[key] = _dtype(kind, value)
        elif new in taken:
            result[new] = _value(key, value)
        elif plain(value) not in NEUTRAL.get(key, (_listed(defaults[key]),) if key in defaults else ()):
            raise NotComputable(f"TF-Keras' {kind} has no option {key}={shown(value)}")
    return result


def _value(key: str, value: Any) -> Any:
    if key.endswith("activation"):
        is_layer = isinstance(value, dict) and class_name(value) in SAME
        return layer(value) if is_layer else activation(value)
    if key in WRAPPED:
        return None if value is None else layer(value)
    if key == "cells":
        return [layer(cell) for cell in value]
    return plain(value)


def _dtype(kind: str, value: Any) -> str:
    """The name of a dtype; raises NotComputable for one in which numbers are too coarse to compare."""
    name = options_of(value).get("name") if class_name(value) in POLICIES else value
    if name not in (*EXACT, None):
        raise NotComputable(f"{kind} computes in {shown(name)}, too coarsely to compare")
    return str(name or "float32")


def _listed(value: Any) -> Any:
    """A default as JSON has it."""
    return [_listed(each) for each in value] if isinstance(value, tuple | list) else value


@cache
def _defaults(kind: str) -> Mapping[str, Any]:
    parameters = inspect.signature(getattr(keras.layers, kind).__init__).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


@cache
def _parameters(counterpart: Any) -> frozenset[str]:
    """Those of the constructor of TF-Keras, with what every recurrent layer takes."""
    import tf_keras

    named = inspect.signature(counterpart.__init__).parameters
    recurrent = issubclass(counterpart, tf_keras.layers.RNN)
    return frozenset(named) | (frozenset({"zero_output_for_mask"}) if recurrent else frozenset())

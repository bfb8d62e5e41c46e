"""Configs of Keras models, of Keras 2 (TensorFlow 1 included) and 3, rewritten for Keras 3 from known parts alone.

Keras builds whatever a config names: a Lambda's code, a class of any module. So nothing of a file's config reaches Keras as
it is. It is taken apart here and put together again out of `LAYERS` and the like below, with the module that each of
them really has; what is not among them is refused by its name.

Of Keras 2, each layer's options are those that Keras 3's layer of the same name takes. Others are dropped where they say
nothing about numbers (`FREE`) or say what Keras 3 does anyhow (`NEUTRAL`), and are refused otherwise.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from gru_tf import registered
from gru_tf.errors import UserError, did_you_mean, shown
from gru_tf.interchange.keras_graph import Graph

CUDNN = {"CuDNNGRU": "GRU", "CuDNNLSTM": "LSTM"}
CALLED = {**CUDNN, "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
MODELS = {"Sequential": "Sequential", "Functional": "Functional", "Model": "Functional"}
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"}
RECURRENT = {"GRU", "LSTM", "SimpleRNN", "RNN"}
LAYERS = {
    *("InputLayer", "Dense", "Activation", "Embedding", "Masking", "Flatten", "Reshape", "Permute", "RepeatVector"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"),
    *("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose", "Conv2DTranspose"),
    *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "UpSampling1D"),
    *("BatchNormalization", "LayerNormalization", "Rescaling", "LeakyReLU", "ELU", "PReLU", "ReLU", "Softmax"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"),
    *("Bidirectional", "TimeDistributed"),
    *RECURRENT,
    *CELLS,
}
LAYERS_OF_KERAS_3 = LAYERS | {
    *("Identity", "Attention", "AdditiveAttention", "MultiHeadAttention", "UnitNormalization", "GroupNormalization"),
    "RMSNormalization",
}
INITIALIZERS = {
    *("Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Identity"),
    *("Orthogonal", "OrthogonalInitializer", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform"),
    *("LecunNormal", "LecunUniform"),
}
REGULARIZERS = {"L1", "L2", "L1L2", "OrthogonalRegularizer"}
CONSTRAINTS = {"MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"}
KINDS = {"initializers": INITIALIZERS, "regularizers": REGULARIZERS, "constraints": CONSTRAINTS}
POLICIES = {"DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1"}
DTYPES = {
    *("float16", "float32", "float64", "bfloat16", "mixed_float16", "mixed_bfloat16"),
    *("int8", "int32", "int64", "bool"),
}

ACTIVATIONS_OF_KERAS_2 = {
    name: name
    for name in (
        *(
            "linear",
            "relu",
            "elu",
            "selu",
            "softplus",
            "softsign",
            "tanh",
            "sigmoid",
            "exponential",
            "softmax",
            "gelu",
            "mish",
        ),
        *("log_softmax", "relu6", "silu"),
    )
} | {"swish": "silu", "hard_sigmoid": "gru_tf>keras2_hard_sigmoid"}
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


class Config:
    """Rewrites the config of one file.

    Args:
        where: the file, for messages.
        keras_2: whether it is of Keras 2.
    """

    def __init__(self, where: str, keras_2: bool):
        self.where, self.keras_2 = where, keras_2

    def model(self, config: Any) -> dict[str, Any]:
        """The whole model's, for `keras.saving.deserialize_keras_object`.

        Raises:
            UserError: naming the class, function or option that is not known.
        """
        kind = class_name(config)
        if kind not in MODELS:
            raise UserError(f"{self.where}: expected a Sequential or Functional model. Received: {shown(kind)}")
        return self.layer(config)

    def layer(self, config: Any) -> dict[str, Any]:
        """A layer's, or a model's in a model, without its place in a graph."""
        kind, options = class_name(config), options_of(config)
        if kind is None or options is None:
            raise UserError(f"{self.where}: expected a layer with class_name and config. Received: {shown(config)}")
        if kind in MODELS:
            return self._model(MODELS[kind], options)
        own = registered_name(config)
        if not self.keras_2 and own in registered.stand_ins():
            home = registered.stand_ins()[own]
            found = {"module": home.module, "class_name": home.name, "registered_name": own}
            return found | {"config": self._known(options), **self._built(config)}
        known = LAYERS | CUDNN.keys() | CALLED.keys() if self.keras_2 else LAYERS_OF_KERAS_3
        strange = own not in (None, kind)
        if kind not in known or strange or not isinstance(options, dict):
            raise self._refused("layer", str(own) if strange else kind, known, None)
        name = CALLED.get(kind, kind)
        if self.keras_2:
            return _object("layers", name, self._translated(kind, name, options))
        return _object("layers", name, self._known(options)) | self._built(config)

    # --- Keras 2 ---

    def _translated(self, kind: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options that Keras 3's layer takes; `kind` is what Keras 2 calls it."""
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
        for ending, kind in (
            ("_initializer", "initializers"),
            ("_regularizer", "regularizers"),
            ("_constraint", "constraints"),
        ):
            if key.endswith(ending):
                return self._numeric(kind, value, called)
        if key == "dtype":
            return self._dtype(value, called)
        if key in ("layer", "backward_layer", "cell"):
            return None if value is None else self.layer(value)
        if key == "cells":
            return [self.layer(cell) for cell in value]
        value = plain(value)
        if name == "BatchNormalization" and key == "axis" and isinstance(value, list) and len(value) == 1:
            return value[0]
        if not _is_plain(value):
            raise UserError(
                f"{self.where}: {called}: expected a number, text or a list of them as {key}. Received: {shown(value)}"
            )
        return value

    def _activation(self, value: Any, called: str) -> Any:
        if value is None:
            return None
        if isinstance(value, dict) and class_name(value) in ("LeakyReLU", "ELU", "ReLU", "Softmax"):
            return self.layer(value)
        name = _function(value)
        if name not in ACTIVATIONS_OF_KERAS_2:
            raise self._refused("activation", str(name), ACTIVATIONS_OF_KERAS_2, called)
        return _activation(ACTIVATIONS_OF_KERAS_2[name])

    def _numeric(self, kind: str, value: Any, called: str) -> Any:
        """An initializer, regularizer or constraint: none of them matters for what the model computes."""
        if value is None:
            return None
        name, options = (value, {}) if isinstance(value, str) else (class_name(value), options_of(value))
        known = {_flat(each): each for each in KINDS[kind]}
        if name is None or options is None or _flat(name) not in known:
            raise self._refused(kind[:-1], str(name), KINDS[kind], called)
        name = known[_flat(name)]
        given = {key: plain(each) for key, each in options.items() if key in _parameters(kind, name)}
        if given.get("distribution") == "normal":
            given["distribution"] = "truncated_normal"
        if not _is_plain(list(given.values())):
            raise UserError(f"{self.where}: {called}: expected numbers for {name}. Received: {shown(options)}")
        return _object(kind, name, given)

    def _dtype(self, value: Any, called: str) -> Any:
        policy = class_name(value) in POLICIES and isinstance(options_of(value), dict)
        name = value["config"].get("name") if policy else value
        if name is not None and not (isinstance(name, str) and name in DTYPES):
            raise UserError(
                f"{self.where}: {called}: expected dtype to be one of {', '.join(sorted(DTYPES))}. Received: {shown(name)}"
            )
        return name

    # --- Keras 3: its own options as they are, but made of known parts ---

    def _known(self, value: Any) -> Any:
        """A value of Keras 3's, every object in it a known one."""
        if isinstance(value, list):
            return [self._known(each) for each in value]
        if not isinstance(value, dict):
            return value
        kind = class_name(value)
        if kind is None and "class_name" in value:
            raise self._refused("class", shown(value["class_name"]), (), None)
        if kind is None:
            return {str(key): self._known(each) for key, each in value.items()}
        options = options_of(value)
        if kind == "function":
            return self._function(value)
        if kind == "__keras_tensor__":
            return {"class_name": kind, "config": self._tensor(options)}
        for package, names in KINDS.items():
            if kind in names and not (registered_name(value) or "").startswith("gru_tf>"):
                return _object(package, kind, self._known(options or {}))
        if kind in POLICIES:
            return self._dtype(value, kind)
        return self.layer(value)

    def _function(self, value: Mapping[str, Any]) -> Any:
        name = value.get("config")
        if name not in registered.functions() and getattr(keras.activations, str(name), None) is None:
            raise self._refused("function", str(name), registered.functions(), None)
        return _activation(str(name))

    def _tensor(self, options: Any) -> dict[str, Any]:
        options = options if isinstance(options, dict) else {}
        found = {key: plain(options.get(key)) for key in ("shape", "dtype", "keras_history")}
        if not _is_plain(list(found.values())):
            raise UserError(f"{self.where}: expected a tensor's shape, dtype and origin. Received: {shown(options)}")
        return found

    def _built(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The shapes that a layer was built with, which some layers of Keras 3 need."""
        found = config.get("build_config")
        return {"build_config": found} if isinstance(found, dict) and _is_plain(list(found.values()), dicts=True) else {}

    # --- models ---

    def _model(self, kind: str, options: Any) -> dict[str, Any]:
        options = {"name": "imported", "layers": options} if isinstance(options, list) else options  # up to Keras 2.2.2
        layers = options.get("layers")
        if not isinstance(layers, list) or not layers:
            raise UserError(
                f"{self.where}: expected a list of layers in {kind} {shown(options.get('name'))}. Received: {shown(layers)}"
            )
        found = {key: plain(options[key]) for key in ("name", "trainable") if options.get(key) is not None}
        found.setdefault("name", "imported")
        if not isinstance(found["name"], str) or not isinstance(found.get("trainable", True), bool):
            raise UserError(f"{self.where}: expected a model's name and trainable. Received: {shown(found)}")
        if kind == "Sequential":
            if not self.keras_2 and isinstance(shape := options.get("build_input_shape"), list) and _is_plain(shape):
                found["build_input_shape"] = shape
            found["layers"] = self._inputs_first(layers, options)
        else:
            found |= self._graph(layers, options)
        public = {"Functional": "Model"}.get(kind, kind)  # whose from_config takes graphs
        return {"module": "keras", "class_name": public, "config": found, "registered_name": None}

    def _inputs_first(self, layers: list[Any], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A Sequential's layers, with the input that Keras 2 keeps in the first layer's options as a layer of its own."""
        first, own = class_name(layers[0]), options_of(layers[0]) or {}
        found = [self.layer(layer) for layer in layers]
        if first == "InputLayer" or first in MODELS or not self.keras_2:
            return found
        shape = own.get("batch_input_shape") or options.get("build_input_shape") or _inner(own).get("batch_input_shape")
        if not isinstance(plain(shape), list):
            raise UserError(
                f"{self.where}: expected the first layer's batch_input_shape. Received: none; call the model on data, or"
                " give its first layer an input_shape, and save it again"
            )
        dtype = "int32" if first == "Embedding" else found[0]["config"].get("dtype")
        name = f"{own.get('name', 'sequence')}_input"
        floating = dtype if dtype in ("float16", "float64", "int32") else "float32"
        return [_object("layers", "InputLayer", {"batch_shape": plain(shape), "dtype": floating, "name": name}), *found]

    def _graph(self, layers: list[Any], options: Mapping[str, Any]) -> dict[str, Any]:
        return Graph(self, layers, options).rewritten()

    def _refused(self, what: str, name: str, known: Any, called: Any) -> UserError:
        near = did_you_mean(name, [str(each) for each in known])
        at = f" in {called}" if called else ""
        reason = "; a Lambda is a program, and no program of a file is run" if name in ("Lambda", "__lambda__") else ""
        return UserError(f"{self.where}: expected a {what} of stock Keras{at}.{near} Received: {shown(name)}{reason}")


def _other_way(layer: Any) -> Any:
    """The backward layer of one that itself reads backwards: Keras 2 turns it round again, Keras 3 does not."""
    options = options_of(layer)
    if not isinstance(options, dict) or options.get("go_backwards") is not True:
        return None
    return {**layer, "config": {**options, "go_backwards": False, "name": f"backward_{options.get('name')}"}}


def class_name(config: Any) -> str | None:
    """What an object is, or None where it says nothing or something else than text."""
    found = config.get("class_name") if isinstance(config, dict) else None
    return found.removeprefix("gru_tf>") if isinstance(found, str) else None


def registered_name(config: Mapping[str, Any]) -> str | None:
    """Under which name an object's class was registered, if it was."""
    given = config.get("registered_name"), config.get("class_name")
    return next((name for name in given if isinstance(name, str) and ">" in name), given[0] if given[0] else None)


def options_of(config: Any) -> Any:
    """An object's own config: a mapping; of the oldest Sequential models, a list."""
    found = config.get("config") if isinstance(config, dict) else None
    return found if isinstance(found, dict | list) else None


def plain(value: Any) -> Any:
    """A value as JSON has it, out of the wrappings that Keras 2 puts around tuples, lists and numbers of NumPy."""
    if isinstance(value, dict) and class_name(value) in ("__tuple__", "ListWrapper", "TensorShape") and "items" in value:
        value = value["items"]
    if isinstance(value, dict) and set(value) == {"type", "value"}:
        value = value["value"]
    return [plain(each) for each in value] if isinstance(value, list) else value


def _is_plain(value: Any, dicts: bool = False) -> bool:
    if isinstance(value, list):
        return all(_is_plain(each, dicts) for each in value)
    if dicts and isinstance(value, dict):
        return "class_name" not in value and _is_plain(list(value.values()), dicts)
    return value is None or isinstance(value, bool | int | float | str)


def _inner(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of the layer in a wrapper."""
    found = options_of(options.get("layer"))
    return found if isinstance(found, dict) else {}


def _function(value: Any) -> str:
    """The name of a function, given as text or as an object."""
    name = value.get("config") if isinstance(value, dict) and class_name(value) == "function" else value
    return name if isinstance(name, str) else shown(name)


def _activation(name: str) -> Any:
    """What Keras finds the function by."""
    if name not in registered.functions():
        return name
    home = registered.functions()[name]
    return {"module": home.module, "class_name": "function", "config": name, "registered_name": name}


def _object(package: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"module": f"keras.{package}", "class_name": name, "config": dict(options), "registered_name": None}


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def _parameters(package: str, name: str) -> frozenset[str]:
    """What the constructor takes, with what every layer takes that hands on the rest."""
    found = inspect.signature(getattr(getattr(keras, package), name).__init__).parameters
    further = {"name", "trainable", "dtype"} | (set() if name in CELLS else {"activity_regularizer"})
    hands_on = package == "layers" and name != "InputLayer" and "kwargs" in found
    return frozenset((set(found) | (further if hands_on else set())) - {"self", "args", "kwargs"})

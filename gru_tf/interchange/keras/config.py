"""Configs of Keras models, of Keras 2 (TensorFlow 1 included) and 3, rewritten for Keras 3 from known parts only.

Keras builds whatever a config names: a Lambda's code, a class of any module. So no part of a file's config reaches Keras
unchanged. It is taken apart here and put together again from what `gru_tf.interchange.keras.stock` lists, with the module
that each part really has; anything else is refused, and the message names it. Options of Keras 2's layers are translated
(`keras_2_options`), and so are the graphs that connect them (`graph`).
"""

from collections.abc import Mapping
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.keras import operations, stock
from gru_tf.interchange.keras.graph import KerasGraph
from gru_tf.interchange.keras.keras_2_options import Keras2Options, flags
from gru_tf.interchange.keras.objects import (
    activation,
    class_name,
    is_plain,
    keras_3_object,
    options_of,
    plain,
    registered_name,
)
from gru_tf.interchange.keras.stock import (
    CALLED,
    CUDNN,
    KINDS,
    LAYERS,
    LAYERS_OF_KERAS_3,
    MODELS,
    POLICIES,
    not_stock,
)
from gru_tf.recurrent import saved_models


class ConfigRewriter:
    """Rewrites the config of one file.

    Args:
        where: the file, for messages.
        keras_2: whether the file is of Keras 2.
    """

    def __init__(self, where: str, keras_2: bool):
        self.where, self.keras_2 = where, keras_2

    def model(self, config: Any) -> dict[str, Any]:
        """The config of the whole model, for `keras.saving.deserialize_keras_object`.

        Raises:
            UserError: naming the class, function or option that is not known.
        """
        kind = class_name(config)
        if kind not in MODELS:
            raise UserError(f"{self.where}: expected a Sequential or Functional model. Received: {shown(kind)}")
        return self.layer(config)

    def layer(self, config: Any) -> dict[str, Any]:
        """The config of a layer, or of a nested model, without its place in a graph."""
        kind, options = class_name(config), options_of(config)
        if kind is None or options is None:
            raise UserError(f"{self.where}: expected a layer with class_name and config. Received: {shown(config)}")
        if kind in MODELS:
            return self._model(MODELS[kind], options)
        own = registered_name(config)
        if not self.keras_2 and own in saved_models.stand_ins():
            home = saved_models.stand_ins()[own]
            place = {"module": home.module, "class_name": home.name, "registered_name": own}
            return place | {"config": self.known(options), **self._build_config(config)}
        if not self.keras_2 and operations.is_operation(config):
            if not operations.known(config):
                raise not_stock(self.where, "operation", kind, operations.OPERATIONS.get(config["module"], ()))
            options = operations.check(self.where, config)
            return {"module": config["module"], "class_name": kind, "config": options, "registered_name": kind}
        known = LAYERS | CUDNN.keys() | CALLED.keys() if self.keras_2 else LAYERS_OF_KERAS_3
        strange = own not in (None, kind)
        if kind not in known or strange or not isinstance(options, dict):
            raise not_stock(self.where, "layer", str(own) if strange else kind, known)
        name = CALLED.get(kind, kind)
        rewritten = Keras2Options(self).translate(kind, name, options) if self.keras_2 else self.known(options)
        self._check_flags(name, rewritten)
        return keras_3_object("layers", name, rewritten) | ({} if self.keras_2 else self._build_config(config))

    def _check_flags(self, name: str, options: Mapping[str, Any]) -> None:
        """Refuse an option that should be true or false and is neither: Keras takes anything, and fails when it computes."""
        for key in flags(name) & options.keys():
            if not isinstance(options[key], bool | None):
                expected = f"{key} of layer {shown(options.get('name'))} ({name}) to be true or false"
                raise UserError(f"{self.where}: expected {expected}. Received: {shown(options[key])}")

    # --- Keras 3: options are kept, but must be made of known parts ---

    def known(self, value: Any) -> Any:
        """A value of a Keras 3 config, in which every object is a known one."""
        if isinstance(value, list):
            return [self.known(each) for each in value]
        if not isinstance(value, dict):
            return value
        kind = class_name(value)
        if kind is None and "class_name" in value:
            raise not_stock(self.where, "class", shown(value["class_name"]), ())
        if kind is None:
            return {str(key): self.known(each) for key, each in value.items()}
        options = options_of(value)
        if kind == "function":
            return self._function(value)
        if kind == "__keras_tensor__":
            return {"class_name": kind, "config": self._tensor(options)}
        if kind == "__slice__" and isinstance(options, dict) and is_plain(list(options.values())):
            return {"class_name": kind, "config": {key: options.get(key) for key in ("start", "stop", "step")}}
        if kind == "__ellipsis__":
            return {"class_name": kind, "config": {}}
        if kind in operations.ARRAYS:
            return operations.constant(self.where, kind, options)
        for package, names in KINDS.items():
            if kind in names and not (registered_name(value) or "").startswith("gru_tf>"):
                return keras_3_object(package, kind, self.known(options or {}))
        if kind in POLICIES:
            return stock.dtype(self.where, value, kind)
        return self.layer(value)

    def _function(self, value: Mapping[str, Any]) -> Any:
        name = value.get("config")
        if name not in saved_models.functions() and getattr(keras.activations, str(name), None) is None:
            raise not_stock(self.where, "function", str(name), saved_models.functions())
        return activation(str(name))

    def _tensor(self, options: Any) -> dict[str, Any]:
        options = options if isinstance(options, dict) else {}
        tensor = {key: plain(options.get(key)) for key in ("shape", "dtype", "keras_history")}
        if not is_plain(list(tensor.values())):
            raise UserError(f"{self.where}: expected a tensor's shape, dtype and origin. Received: {shown(options)}")
        return tensor

    def _build_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The shapes that a layer was built with, which some layers of Keras 3 need."""
        shapes = config.get("build_config")
        return {"build_config": shapes} if isinstance(shapes, dict) and is_plain(list(shapes.values()), dicts=True) else {}

    # --- models ---

    def _model(self, kind: str, options: Any) -> dict[str, Any]:
        options = {"name": "imported", "layers": options} if isinstance(options, list) else options  # up to Keras 2.2.2
        layers = options.get("layers")
        if not isinstance(layers, list) or not layers:
            raise UserError(
                f"{self.where}: expected a list of layers in {kind} {shown(options.get('name'))}. Received: {shown(layers)}"
            )
        model = {key: plain(options[key]) for key in ("name", "trainable") if options.get(key) is not None}
        model.setdefault("name", "imported")
        if not isinstance(model["name"], str) or not isinstance(model.get("trainable", True), bool):
            raise UserError(f"{self.where}: expected a model's name and trainable. Received: {shown(model)}")
        if kind == "Sequential":
            if not self.keras_2 and isinstance(shape := options.get("build_input_shape"), list) and is_plain(shape):
                model["build_input_shape"] = shape
            model["layers"] = self._inputs_first(layers, options)
        else:
            model |= KerasGraph(self, layers, options).rewrite()
        public = {"Functional": "Model"}.get(kind, kind)  # whose from_config takes graphs
        return {"module": "keras", "class_name": public, "config": model, "registered_name": None}

    def _inputs_first(self, layers: list[Any], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A Sequential's layers; the input, which Keras 2 keeps in the first layer's options, becomes a layer of its own."""
        first, own = class_name(layers[0]), options_of(layers[0]) or {}
        rewritten = [self.layer(layer) for layer in layers]
        if first == "InputLayer" or first in MODELS or not self.keras_2:
            return rewritten
        shape = own.get("batch_input_shape") or options.get("build_input_shape") or _inner(own).get("batch_input_shape")
        if not isinstance(plain(shape), list):
            raise UserError(
                f"{self.where}: expected the first layer's batch_input_shape. Received: none; call the model on data, or"
                " give its first layer an input_shape, and save it again"
            )
        dtype = "int32" if first == "Embedding" else rewritten[0]["config"].get("dtype")
        name = f"{own.get('name', 'sequence')}_input"
        floating = dtype if dtype in ("float16", "float64", "int32") else "float32"
        input_options = {"batch_shape": plain(shape), "dtype": floating, "name": name}
        return [keras_3_object("layers", "InputLayer", input_options), *rewritten]


def _inner(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of the layer in a wrapper."""
    inner = options_of(options.get("layer"))
    return inner if isinstance(inner, dict) else {}

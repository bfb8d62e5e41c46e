"""A Keras 3 file's layers and calls as a model of TF-Keras."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from gru_tf.foundation.errors import one_line, shown
from gru_tf.interchange.keras.counterpart.layers import layer
from gru_tf.interchange.keras.counterpart.operations import OPERATIONS
from gru_tf.interchange.keras.masks import COMBINING, COMPUTING, PASSING
from gru_tf.interchange.keras.objects import class_name, options_of
from gru_tf.interchange.keras.operations import is_operation
from gru_tf.interchange.keras.sizes import ATTENTION
from gru_tf.interchange.keras.stock import MODELS
from gru_tf.interchange.source import NotComputable

Key = tuple[str, int]  # a layer's name and the number of the call


def model(config: Any) -> Any:
    """The model of TF-Keras with new weights.

    Args:
        config: of the file, checked; it is not changed.

    Raises:
        NotComputable: for a layer, an option or an operation that has no counterpart there.
    """
    try:
        return _model(config)
    except NotComputable:
        raise
    except Exception as error:  # TF-Keras lets any exception through
        raise NotComputable(f"TF-Keras does not take its layers: {one_line(error)}") from None


def _model(config: Any) -> Any:
    options = options_of(config)
    return _sequential(options) if MODELS[class_name(config) or ""] == "Sequential" else _Graph(options).model()


def _sequential(options: Mapping[str, Any]) -> Any:
    import tf_keras

    kinds = {class_name(each) or "" for each in options["layers"]}
    if kinds & PASSING and ("Masking" in kinds or any(options_of(each).get("mask_zero") for each in options["layers"])):
        raise NotComputable(f"Keras 3 treats masks otherwise in {', '.join(sorted(kinds & PASSING))}")
    first, *rest = options["layers"]
    layers = [_input(first) if class_name(first) == "InputLayer" else _layer_or_model(first)]
    return tf_keras.Sequential(layers + [_layer_or_model(each) for each in rest], name=options.get("name"))


def _layer_or_model(config: Any) -> Any:
    return _model(config) if class_name(config) in MODELS else layer(config)


def _input(config: Any) -> Any:
    import tf_keras

    options = options_of(config)
    odd = [key for key in ("sparse", "ragged", "optional") if options.get(key)]
    if odd:
        raise NotComputable(f"an input that is {odd[0]} has no counterpart in TF-Keras")
    shape = options.get("batch_shape", options.get("batch_input_shape"))
    return tf_keras.Input(batch_shape=shape, dtype=options.get("dtype"), name=options.get("name"))


class _Graph:
    """Makes the calls of a functional model, each when the tensors that it takes are there."""

    def __init__(self, options: Mapping[str, Any]):
        self.options = options
        self.tensors: dict[Key, list[Any]] = {}
        self.doubtful: set[Key] = set()  # calls whose outputs may have other masks than in Keras 3

    def model(self) -> Any:
        """The functional model; raises NotComputable as `model`."""
        import tf_keras

        calls = list(self._calls())
        while calls:
            left = [call for call in calls if not self._made(*call)]
            if len(left) == len(calls):
                raise NotComputable(f"layer {shown(left[0][0][0])} takes a tensor that nothing gives")
            calls = left
        inputs, outputs = (self._ends(key) for key in ("input_layers", "output_layers"))
        return tf_keras.Model(inputs, outputs, name=self.options.get("name"))

    def _calls(self) -> Iterator[tuple[Key, Any, Any]]:
        """Each call with what is called: a layer, or an operation's config; inputs are there at once."""
        for config in self.options["layers"]:
            name = config["name"]
            if class_name(config) == "InputLayer":
                self.tensors[name, 0] = [_input(config)]
                continue
            called = config if is_operation(config) else _layer_or_model(config)
            for number, node in enumerate(config["inbound_nodes"]):
                if not isinstance(node, dict):
                    raise NotComputable("its graph is in Keras 2's form")
                yield (name, number), called, node

    def _made(self, key: Key, called: Any, node: Mapping[str, Any]) -> bool:
        if any(origin not in self.tensors for origin in _origins(node)):
            return False
        args = [self._value(each) for each in node["args"]]
        further = {name: self._value(each) for name, each in node["kwargs"].items() if each is not None}
        if isinstance(called, dict):
            outputs = _operate(called, args, further)
        else:
            args = self._with_masks(key, called, args, further, node)
            outputs = called(*args, **further)
        self.tensors[key] = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        return True

    def _with_masks(self, key: Key, called: Any, args: list[Any], further: Any, node: Any) -> list[Any]:
        """The arguments with the masks that Keras 3 gives the layer: the file states them where a layer takes one mask.

        Raises:
            NotComputable: where Keras 3 treats masks otherwise, and that could matter.
        """
        kind, tensors = type(called).__name__, tf.nest.flatten(args)
        masked = any(getattr(tensor, "_keras_mask", None) is not None for tensor in tensors)
        stated = "mask" in further
        doubtful = any(origin in self.doubtful for origin in _origins(node)) and not stated
        if (masked and kind in COMPUTING) or (doubtful and kind in ATTENTION):
            raise NotComputable(f"Keras 3 treats masks otherwise in {kind} {shown(called.name)}, or in layers before it")
        if masked and not stated and len(tensors) == 1 and _takes_mask(called):
            return [tf.identity(args[0]), *args[1:]]  # without its mask
        if doubtful or (masked and kind in COMBINING | PASSING):
            self.doubtful.add(key)
        return args

    def _value(self, value: Any) -> Any:
        """An argument of a call: tensors, constants, slices and lists of them."""
        if isinstance(value, list):
            return [self._value(each) for each in value]
        kind = class_name(value)
        if kind is None:
            return value
        options = options_of(value)
        if kind == "__keras_tensor__":
            name, number, output = options["keras_history"]
            return self.tensors[name, number][output]
        if kind in ("__numpy__", "__tensor__"):
            return tf.constant(options["value"], options["dtype"])
        if kind == "__slice__":
            return slice(options.get("start"), options.get("stop"), options.get("step"))
        if kind == "__ellipsis__":
            return ...
        raise NotComputable(f"an argument {shown(kind)} has no counterpart in TF-Keras")

    def _ends(self, key: str) -> Any:
        ends = self.options[key]
        if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):  # layer, node, output
            return self.tensors[ends[0], ends[1]][ends[2]]
        if not isinstance(ends, list):
            raise NotComputable("a model with inputs or outputs by name is not compared")
        return [self.tensors[name, number][output] for name, number, output in ends]


def _takes_mask(called: Any) -> bool:
    """Whether Keras 3's layer takes a mask, which a file then states."""
    import tf_keras

    kind = getattr(keras.layers, type(called).__name__, None)
    return isinstance(called, tf_keras.Model) or (kind is not None and "mask" in inspect.signature(kind.call).parameters)


def _operate(config: Mapping[str, Any], args: list[Any], further: Mapping[str, Any]) -> Any:
    kind, options = class_name(config) or "", options_of(config)
    if kind not in OPERATIONS:
        raise NotComputable(f"the operation {kind} has no counterpart here")
    return OPERATIONS[kind](*args, **{key: value for key, value in options.items() if key != "name"}, **further)


def _origins(value: Any) -> Iterator[Key]:
    """The calls whose tensors a call takes."""
    if class_name(value) == "__keras_tensor__":
        yield tuple(options_of(value)["keras_history"][:2])
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _origins(each)

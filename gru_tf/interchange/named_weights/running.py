"""Layers of TF-Keras with the arrays of a file of weights, as the file has them, run to verify an import."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation import extras
from gru_tf.foundation.array import Array
from gru_tf.interchange.named_weights.contents import Entry
from gru_tf.interchange.named_weights.modules import Module
from gru_tf.interchange.named_weights.options import KERAS_2_HARD_SIGMOID
from gru_tf.interchange.named_weights.reading import NamedNetwork
from gru_tf.interchange.named_weights.stated import PlacedItem, modules_of
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.source import Computation

SAME = ("linear", "tanh", "sigmoid", "relu", "elu", "selu", "softplus", "softsign", "exponential")  # of both Keras
KINDS = {"gru": "GRU", "lstm": "LSTM", "rnn": "SimpleRNN"}
Call = Callable[[Any, Any], tuple[Any, list[Any]]]  # of a tensor and a mask: output, final states


def framework(named: NamedNetwork) -> tuple[str, Computation] | None:
    """TF-Keras' name, and its computation with layers that hold the file's arrays; None if it is not installed."""
    if not extras.installed("tf_keras"):
        return None
    import tf_keras

    return f"TF-Keras {tf_keras.__version__}", _TFKerasRun(tf_keras, named)


class _TFKerasRun:
    """The computation of a file of weights by TF-Keras, see `gru_tf.interchange.source.ExactComputation`."""

    def __init__(self, tf_keras: Any, named: NamedNetwork):
        self.tf_keras, self.named = tf_keras, named
        self.built: dict[str, list[Call]] = {}
        double = any(array.dtype == np.float64 for _, array in named.network.arrays())
        self.stored = "float64" if double else "float32"

    def __call__(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """In the dtype of the inputs, or of the file for token numbers."""
        return self._run(inputs, lengths, "float64" if inputs.dtype == np.float64 else self.stored)

    def in_float64(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """In float64."""
        return self._run(inputs, lengths, "float64")

    def _run(self, inputs: Array, lengths: Array | None, dtype: str) -> tuple[Array, list[Array]]:
        if dtype not in self.built:
            self.built[dtype] = _calls(self.tf_keras, self.named, dtype)
        x = self.tf_keras.backend.constant(inputs, dtype="int32" if self.named.network.tokens is not None else dtype)
        mask = None if lengths is None else np.arange(inputs.shape[1]) < np.asarray(lengths)[:, None]
        states: list[Any] = []
        for call in self.built[dtype]:
            x, final = call(x, mask)
            states += final
        return np.asarray(x), [np.asarray(state) for state in states]


def _calls(tf_keras: Any, named: NamedNetwork, dtype: str) -> list[Call]:
    last = [module for module in modules_of(named.placed) if module.kind == "recurrent"][-1]
    calls: list[Call] = []
    for placed in named.placed:
        calls += _of(tf_keras, placed, dtype, named.network.every_step or placed.module is not last)
    return calls


def _of(tf_keras: Any, placed: PlacedItem, dtype: str, every: bool) -> list[Call]:
    module = placed.module
    if module is None:
        return [_function(placed.activation)] if placed.activation else []
    if module.kind == "recurrent":
        return _recurrent(tf_keras, module, dtype, every)
    layer = _layer(tf_keras, module, dtype)
    width = module.takes
    layer.build((None, None) if width is None else (None, None, width))
    layer.set_weights([entry.array for entry in module.layer.entries])
    return [lambda x, _: (layer(x, training=False) if module.kind == "batch_norm" else layer(x), [])]


def _layer(tf_keras: Any, module: Module, dtype: str) -> Any:
    roles = {entry.role for entry in module.layer.entries}
    layers = tf_keras.layers
    if module.table is not None:
        return layers.Embedding(*module.table.shape, dtype=dtype)
    if module.kind == "linear":
        return layers.Dense(module.gives, use_bias="bias" in roles, dtype=dtype)
    kind = layers.LayerNormalization if module.kind == "layer_norm" else layers.BatchNormalization
    return kind(epsilon=module.norm.epsilon, scale="gamma" in roles, center="beta" in roles, dtype=dtype)


def _recurrent(tf_keras: Any, module: Module, dtype: str, every: bool) -> list[Call]:
    """A layer, or one for each of stacked cells."""
    entries: dict[str, list[Entry]] = {}
    for entry in module.layer.entries:
        entries.setdefault(entry.within, []).append(entry)
    elements = [element for element in module.elements if isinstance(element, Recurrent)]
    if len(elements) == 1:
        return [_one(tf_keras, elements[0], module.layer.entries, dtype, every, module.layer.original)]
    groups = zip(elements, entries.values(), strict=True)
    return [_one(tf_keras, each, own, dtype, every or each is not elements[-1]) for each, own in groups]


def _one(
    tf_keras: Any, element: Recurrent, entries: Sequence[Entry], dtype: str, every: bool, original: Sequence[Array] = ()
) -> Call:
    cell = element.forward.cell
    bias = any(entry.role == "bias" for entry in entries)
    options: dict[str, Any] = {"return_sequences": every, "return_state": True, "use_bias": bias, "dtype": dtype}
    options["activation"] = _tf_keras_function(element.activation)
    if cell != "rnn":
        options["recurrent_activation"] = _tf_keras_function(element.recurrent_activation)
    if cell == "gru":
        options["reset_after"] = element.forward.reset_after
    layer = getattr(tf_keras.layers, KINDS[cell])(element.forward.units, **options)
    if element.backward is not None:
        functions = [each for each in options.values() if callable(each)]  # which it copies by name
        with tf_keras.utils.custom_object_scope({each.__name__: each for each in functions}):
            layer = tf_keras.layers.Bidirectional(layer, dtype=dtype)
    layer.build((None, None, element.forward.features))
    convert = tf_keras.src.saving.legacy.hdf5_format.preprocess_weights_for_loading  # of layers for cuDNN; others unchanged
    arrays = list(original) or [entry.array for entry in entries]
    layer.set_weights(convert(layer, arrays, original_keras_version="1" if original else "2"))

    def call(x: Any, mask: Any) -> tuple[Any, list[Any]]:
        output, *states = layer(x, mask=None if mask is None else tf_keras.backend.constant(mask, dtype="bool"))
        return output, states

    return call


def _function(activation: Activation) -> Call:
    function = keras.activations.get(activation.function)
    options = {} if activation.slope is None else {"negative_slope": activation.slope}
    return lambda x, _: (function(x, **options), [])


def _tf_keras_function(name: str) -> Any:
    """An activation for TF-Keras' layers; of those that it lacks, or has under this name for another function, Keras 3's."""
    if name == KERAS_2_HARD_SIGMOID:
        return "hard_sigmoid"
    return name if name in SAME else keras.activations.get(name)

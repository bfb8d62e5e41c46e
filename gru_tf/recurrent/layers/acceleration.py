"""The fused CPU kernels for Keras' own layers of a model, in this process alone."""

from types import MethodType
from typing import Any

import keras
from keras.layers import GRU, LSTM, SimpleRNN  # at once: a program may put other classes in their place

from gru_tf.recurrent.layers import fused_sequence


def accelerate(model: Any) -> Any:
    """Let Keras' own GRU, LSTM and SimpleRNN layers of a model compute by the fused kernels, where a call allows it.

    Each layer stays an instance of Keras' class with its weights and configuration, so that the model is saved as one of
    ordinary layers, which loads without this project; one that is loaded or cloned from it computes as Keras does.
    Subclasses are left alone: they may compute something else.

    Args:
        model: a Keras model or layer.

    Returns:
        The model itself.
    """
    for layer in model._flatten_layers():
        if type(layer) in (GRU, LSTM, SimpleRNN):
            # not by setattr, with which Keras would track it; a method's copy belongs to the layer's copy
            vars(layer)["inner_loop"] = MethodType(_inner_loop, layer)
            vars(layer)["takes_kernel"] = True  # read by `gru_tf.recurrent.kernel_path`
    return model


def _inner_loop(layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
    """`inner_loop` of the layer: by a fused kernel, or else as its class does."""
    if not fused_sequence.serves(layer, sequences, bool(training)):
        return type(layer).inner_loop(layer, sequences, initial_state, mask, training)
    one = None if mask is None else keras.ops.cast(keras.tree.flatten(mask)[0], "bool")
    one = keras.ops.squeeze(one, -1) if one is not None and len(one.shape) == 3 else one
    last, outputs, states = fused_sequence.compute(layer, sequences, keras.tree.flatten(initial_state), one, bool(training))
    if one is None:
        return last, outputs, states
    begun = _begun(keras.ops.flip(one, axis=1) if layer.go_backwards else one)
    begun = begun if layer.return_sequences else begun[:, -1:]
    return _after(begun[:, -1], last), _after(begun, outputs), states


def _after(begun: Any, outputs: Any) -> Any:
    return keras.ops.where(begun, outputs, keras.ops.zeros_like(outputs))


def _begun(mask: Any) -> Any:
    """(batch, T, 1), whether there was a real step: before it Keras' layers give zeros on TensorFlow, whatever the state."""
    return keras.ops.expand_dims(keras.ops.cumsum(keras.ops.cast(mask, "int32"), axis=1) > 0, -1)

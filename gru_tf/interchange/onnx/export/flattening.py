"""A Keras model as one list of calls: nested models and stacks are taken apart, and masks go where Keras sends them.

The model is called once more with symbolic inputs, so that Keras itself decides what each layer gets. What it records of
that call is removed again.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.ops.core import Cast, ConvertToTensor

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import random_inputs
from gru_tf.interchange.onnx.export.recording import MODELS, LayerCall, Recorder

CONVERSIONS = (Cast, ConvertToTensor, keras.layers.Identity)


@dataclass
class FlatModel:
    """Calls in an order in which each can be computed.

    Args:
        inputs: symbolic, in the model's order.
        outputs: symbolic, in the model's order.
        calls: all that the outputs need.
        recorder: knows which tensor stands for which.
    """

    inputs: list[Any]
    outputs: list[Any]
    calls: list[LayerCall]
    recorder: Recorder

    def tokens(self) -> set[str]:
        """Names of the inputs that embeddings read, converted or not."""
        sources = {id(spec): spec.name for spec in self.inputs}
        read = set()
        for call in self.calls:
            origins = {sources.get(id(self.recorder.inner(tensor)), "") for tensor in call.tensors()} - {""}
            if type(call.operation) in CONVERSIONS:
                sources |= {id(output): name for output in call.outputs for name in origins}
            elif type(call.operation) is keras.layers.Embedding:
                read |= origins
        return read


def flatten(model: Any, specs: Sequence[Any]) -> FlatModel:
    """All calls of a functional or sequential model.

    Args:
        model: the model.
        specs: symbolic tensors of the shapes and types of its inputs.

    Raises:
        UserError: for a model of another class, or one whose inputs are not known.
    """
    check_class(model)
    recorder = Recorder()
    inputs = [keras.Input(batch_shape=spec.shape, dtype=spec.dtype, name=spec.name) for spec in specs]
    with recorder.recording(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the model was made
        outputs = keras.tree.flatten(model.call(random_inputs.called_with(model, inputs), training=False))
        return FlatModel(inputs, outputs, _in_order(inputs, outputs, recorder), recorder)


def check_class(model: Any) -> None:
    """Refuse models whose calls cannot be listed; raises UserError."""
    if type(model) not in MODELS:
        raise UserError(
            f"model '{getattr(model, 'name', model)}': expected a functional or sequential Keras model."
            f" Received: {type(model).__name__}, whose layers are called by code of its own"
        )
    if type(model) is keras.Sequential and getattr(model, "_functional", None) is None:
        raise UserError(
            f"model '{model.name}': expected a model whose inputs are known: begin with `keras.Input`."
            " Received: a Sequential without"
        )


def _in_order(inputs: Sequence[Any], outputs: Sequence[Any], recorder: Recorder) -> list[LayerCall]:
    """What the outputs need, each call after those that it needs; without recursion, as models may be deep."""
    done = {id(tensor) for tensor in inputs}
    calls, waiting = [], list(reversed(outputs))
    while waiting:
        tensor = recorder.inner(waiting[-1])
        if id(tensor) in done:
            waiting.pop()
            continue
        call = recorder.call_of(tensor)
        missing = [need for need in call.tensors() if id(recorder.inner(need)) not in done]
        if missing:
            waiting += missing
            continue
        calls.append(call)
        done |= {id(output) for output in call.outputs}
    return calls

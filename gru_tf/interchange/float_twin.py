"""A model with quantised layers as one of floats, for formats without such layers: its integers divided by their scales.

The twin does not round what its layers read, as the model does at each product, so that the two differ by that rounding;
`compared` says by how much. LoRA's matrices are inside the twin's kernels.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import agreement, int8_export, model_states, random_inputs
from gru_tf.recurrent.cells._cell import RecurrentCell

OF_ADAPTED = ("quantization_config", "lora_rank", "lora_alpha", "adapted")  # in a configuration, what floats have not
STEPS, BATCH, CASES = 7, 3, 3


def is_quantised(model: Any) -> bool:
    """Whether a layer of the model has integers as weights."""
    return any(layer.quantization_mode is not None for layer in model._flatten_layers())


def twin_of(model: Any) -> Any:
    """The twin of a model.

    Raises:
        UserError: for quantised layers other than this project's cells, Dense and Embedding, and modes other than int8.
    """
    twin = keras.saving.deserialize_keras_object(_as_floats(keras.saving.serialize_keras_object(model)))
    pairs = list(zip(_weighted(model), _weighted(twin), strict=True))
    for own, other in pairs:
        for weight, value in _values(own, other):
            weight.assign(value)
    return twin


def compared(model: Any, twin: Any, path: Path) -> str:
    """How far the model's outputs differ from its twin's, in a phrase."""
    comparison, rng = agreement.Agreement(path, "Keras", int8_export.TOLERANCE), np.random.default_rng(0)
    batch = next((tensor.shape[0] for tensor in model.inputs if tensor.shape[0]), BATCH)
    for n in range(CASES):
        inputs = random_inputs.of_model(model, batch, STEPS, rng)
        by_twin, by_model = (
            {f"output {n}": ops.convert_to_numpy(y) for n, y in enumerate(keras.tree.flatten(_answer(each, inputs)))}
            for each in (twin, model)
        )
        comparison.compare(f"case {n + 1}", by_twin, by_model)
    largest = comparison.judged().largest
    return f"the model itself rounds what its layers read, too, and differs from these weights by at most {largest:.1e}"


def _answer(model: Any, inputs: Any) -> Any:
    with model_states.from_zeros(model):
        return agreement.answer(model, inputs)


def _as_floats(config: Any) -> Any:
    """A configuration without quantisation and LoRA."""
    if isinstance(config, (list, tuple)):
        return type(config)(map(_as_floats, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "QuantizedDTypePolicy":
        plain = {"name": config["config"]["source_name"]}
        return {"module": "keras", "class_name": "DTypePolicy", "config": plain, "registered_name": None}
    return {key: _as_floats(value) for key, value in config.items() if key not in OF_ADAPTED}


def _weighted(model: Any) -> list[Any]:
    """The layers that hold weights themselves, in order."""
    return [layer for layer in model._flatten_layers() if layer._trainable_variables or layer._non_trainable_variables]


def _values(own: Any, other: Any) -> list[tuple[Any, Any]]:
    """The twin's weights of a layer, each with its value."""
    if isinstance(own, RecurrentCell):
        kernels = {f"_{name}": own.effective(name, own.variable_dtype) for name in own.own_kernels()}
    elif own.quantization_mode is None and not getattr(own, "lora_enabled", False):
        kernels = {}
    elif type(own) is keras.layers.Dense:
        kernels = {"_kernel": _floats(own, own._kernel, "kernel", own.quantization_mode and own.kernel_scale)}
    elif type(own) is keras.layers.Embedding:
        scale = own.quantization_mode and ops.expand_dims(own.embeddings_scale, -1)
        kernels = {"_embeddings": _floats(own, own._embeddings, "embeddings", scale)}
    else:
        raise _refused(own)
    if own.quantization_mode not in (None, "int8") or other.quantization_mode is not None:
        raise _refused(own)
    replaced = [id(getattr(other, name)) for name in kernels]
    names = {weight.name: weight for weight in own.weights}
    rest = [(weight, names[weight.name]) for weight in _own(other) if id(weight) not in replaced]
    return [*((getattr(other, name), value) for name, value in kernels.items()), *rest]


def _own(layer: Any) -> list[Any]:
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _floats(layer: Any, weight: Any, name: str, scale: Any) -> Any:
    """A weight of a Keras layer, divided by its scale where it has one, with what LoRA adds."""
    value = weight if scale is None else ops.cast(weight, "float32") / ops.cast(scale, "float32")
    if not layer.lora_enabled:
        return value
    a, b = (getattr(layer, f"lora_{name}_{letter}") for letter in "ab")
    return value + layer.lora_alpha / layer.lora_rank * ops.matmul(a, b)


def _refused(layer: Any) -> UserError:
    expected = "expected int8 and LoRA in recurrent cells of gru_tf, Dense and Embedding layers alone"
    return UserError(f"{layer.name}: {expected}. Received: {layer.quantization_mode or 'LoRA'} in {type(layer).__name__}")

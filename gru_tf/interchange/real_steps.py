"""Inputs and outputs of masked models: which steps are real."""

from typing import Any

import numpy as np
from keras import ops

from gru_tf.foundation.array import Array


def model_inputs(inputs: Array, real: Array | None) -> Any:
    """Inputs of a built model as tensors, because `predict` would make them float32; with the mask where there is one."""
    x = ops.convert_to_tensor(inputs)
    return x if real is None else [x, ops.convert_to_tensor(np.arange(inputs.shape[1]) < np.asarray(real)[:, None])]


def real_steps(own: Any, other: Array, real: Array | None, every_step: bool) -> tuple[Array, Array]:
    """Both outputs without the steps after each sequence's end, which every framework fills in its own way."""
    own = np.asarray(own)
    if real is None or not every_step or own.shape != other.shape:
        return own, other
    steps = np.arange(own.shape[1]) < np.asarray(real)[:, None]
    return own[steps], other[steps]

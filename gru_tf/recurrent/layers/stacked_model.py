"""A stack of recurrent layers in one call: the layer, or a whole model around it."""

from collections.abc import Sequence
from typing import Any

import keras

from gru_tf.recurrent.cells._arguments import expect
from gru_tf.recurrent.layers.stack import RecurrentStack


def stacked(
    cell: Any,
    units: int | Sequence[int],
    *,
    features: int | None = None,
    outputs: int | None = None,
    timesteps: int | None = None,
    **options: Any,
) -> Any:
    """A stack of recurrent layers: a layer, or a whole model where the widths of its input and output are given.

    Args:
        cell: as in `RecurrentStack`.
        units: H of each layer.
        features: I, of the model's input.
        outputs: width of the model's dense, linear head.
        timesteps: T, where the model is to take sequences of one length alone.
        **options: those of `RecurrentStack`.

    Returns:
        A `RecurrentStack`; with `features` and `outputs` a `keras.Model`, (batch, T, I) → (batch, outputs), or
        (batch, T, outputs) with `return_sequences`, ready for `compile` and `fit`.

    Raises:
        ValueError: where only one of `features` and `outputs` is given, and as `RecurrentStack`.

    Example:
        >>> model = gru_tf.stacked("lstm", [64, 64], dropout=0.2, features=4, outputs=1)
        >>> model.compile("adam", "mse")
    """
    stack = RecurrentStack(cell, units, **options)
    if features is None and outputs is None:
        return stack
    if features is None or outputs is None:
        raise ValueError(
            "stacked: expected both `features` and `outputs` for a model, or neither for a layer. "
            f"Received: features={features}, outputs={outputs}"
        )
    expect(not stack.return_state, "stacked", "return_state", "False for a model with a head", True)
    head = keras.layers.Dense(outputs, name="head", dtype=stack.dtype_policy)
    return keras.Sequential([keras.Input((timesteps, features), name="sequence"), stack, head])

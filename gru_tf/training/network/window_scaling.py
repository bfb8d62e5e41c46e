"""Each window of a forecast scaled by itself, inside the network, and the forecast brought back at its output.

    x̃ = (x − c) / s,   ŷ = c + s · network(x̃)

                  c of each column that is forecast     s
    difference    the last value                        1
    standard      the mean of the window                √(variance + ε)
    robust        its median                            √(r² + ε), r = (third − first quartile) / 1.349

A level or a spread that drifts from split to split is then none for the network (Kim and others, ICLR 2022, "Reversible
instance normalization", without its learned factors). Inputs, targets and predictions stay in the task's units, and so does
the loss. Other input columns, such as categories, are left as they are. ε is RevIN's 1e-5; of a normal distribution r is the
deviation. All of it is Keras' own operations, so that a saved network loads with Keras alone.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature

EPSILON = 1e-5
NORMAL = 1.3489795003921634  # interquartile range of a normal distribution over its deviation
QUARTILES = (0.25, 0.5, 0.75)


def check(model: ModelSpec, signature: Signature) -> None:
    """Raise UserError for scaling where outputs are no later steps of the inputs, which could not be brought back."""
    if model.scaling != "none" and not signature.continued:
        raise UserError(f"model.scaling: received '{model.scaling}', expected none: this task is no forecast of its inputs")


def scaled(sequence: Any, kind: str, signature: Signature) -> tuple[Any, Callable[[Any], Any]]:
    """The window as the network reads it, and what brings its outputs back.

    Args:
        sequence: (batch, T, columns).
        kind: "none", "difference", "standard" or "robust".
        signature: with the columns that are forecast.

    Returns:
        (batch, T, columns), and a function of (batch, horizon · targets).
    """
    if kind == "none":
        return sequence, lambda outputs: outputs
    centre, spread = _MEASURES[kind](sequence)
    return _apply(sequence, centre, spread, signature), lambda outputs: _back(outputs, centre, spread, signature)


def _difference(sequence: Any) -> tuple[Any, Any]:
    return sequence[:, -1:], None


def _standard(sequence: Any) -> tuple[Any, Any]:
    from keras import ops

    return ops.mean(sequence, axis=1, keepdims=True), ops.sqrt(ops.var(sequence, axis=1, keepdims=True) + EPSILON)


def _robust(sequence: Any) -> tuple[Any, Any]:
    from keras import ops

    first, middle, third = (ops.quantile(sequence, q, axis=1, keepdims=True) for q in QUARTILES)
    r = (third - first) / NORMAL
    return middle, ops.sqrt(r * r + EPSILON)


_MEASURES: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "difference": _difference,
    "standard": _standard,
    "robust": _robust,
}


def _apply(sequence: Any, centre: Any, spread: Any, signature: Signature) -> Any:
    import keras

    parts = []
    for ours, run in groupby(range(signature.features), lambda column: column in signature.continued):
        places = tuple(run)
        part = columns(sequence, places)
        if ours:
            part = part - columns(centre, places)
            part = part if spread is None else part / columns(spread, places)
        parts.append(part)
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="scaled")(parts)


def _back(outputs: Any, centre: Any, spread: Any, signature: Signature) -> Any:
    from keras import ops

    targets = len(signature.continued)
    by_step = ops.reshape(outputs, (-1, signature.outputs // targets, targets))
    by_step = by_step if spread is None else by_step * columns(spread, signature.continued)
    # not by +, which Keras 3.15 takes for a bias of the steps where there are as many of them as windows in the batch
    return ops.reshape(by_step - (0.0 - columns(centre, signature.continued)), (-1, signature.outputs))


def columns(sequence: Any, places: Sequence[int]) -> Any:
    """(batch, T, columns) → (batch, T, places), by slices, which every runtime has."""
    import keras

    if list(places) == list(range(sequence.shape[-1])):
        return sequence
    first = places[0]
    if list(places) == list(range(first, first + len(places))):
        return sequence[:, :, first : first + len(places)]
    return keras.layers.Concatenate()([sequence[:, :, place : place + 1] for place in places])

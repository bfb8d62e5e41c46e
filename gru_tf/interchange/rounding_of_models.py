"""Weights that multiply rounding errors in Keras models that are more than a network, judged as in `rounding`."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.differences import Differences, Verified
from gru_tf.interchange.model_states import ModelRun
from gru_tf.interchange.rounding import TIMES, Judge, Numbers, phrase_of, refusal


def verify_model(
    model: Any,
    run: Callable[[Any], Numbers],
    single: Differences,
    batches: Sequence[tuple[Any, str]],
    *,
    by: str,
    tolerance: float,
) -> Verified:
    """The result of a comparison where float32 had differences and the framework has no float64: by its outputs.

    Args:
        model: in float32.
        run: the source's own computation.
        single: the differences in float32.
        batches: inputs in float32, and the name, of each batch.
        by: what computed the source's side.
        tolerance: the largest difference that passes.

    Raises:
        UserError: where they differ by more than rounding makes, or the model cannot be built in float64.
    """
    exact, judge = _in_float64(model), Judge(tolerance)
    if exact is None:
        return single.judged(by, tolerance, len(batches))  # which raises
    for inputs, where in batches:
        reference = ModelRun(exact)(keras.tree.map_structure(_wide, inputs))
        source, own = (_gap_of_outputs(computed, reference) for computed in (run(inputs), ModelRun(model)(inputs)))
        steps = max(array.shape[1] if array.ndim > 1 else 1 for array in keras.tree.flatten(inputs))
        judge.add(own, source, where, steps)
    if not judge.passes:
        raise refusal(Judge(tolerance), judge, single, by, tolerance, len(batches))
    own, source, where = judge.largest()
    states, place = single.worst(lambda name: not name.startswith("output"))
    if not states <= max(tolerance, TIMES * max(source, own)):
        raise single.different(states, place, by, tolerance)
    phrase = phrase_of(by, source, own, "the model in float64")
    return Verified(source, where, len(batches), by, states=False, rounding=phrase)


def _gap_of_outputs(own: Numbers, reference: Numbers) -> float:
    differences = Differences()
    for n, (one, other) in enumerate(zip([own[0], *own[1]], [reference[0], *reference[1]], strict=True)):
        differences.add(str(n), one, other, "")
    return differences.worst()[0]


def _wide(array: Array) -> Array:
    return array.astype("float64") if array.dtype == np.float32 else array


def _in_float64(model: Any) -> Any | None:
    """The model with the same weights in float64; None where a layer of it has no other dtype."""
    config = _with_float64(keras.saving.serialize_keras_object(model))
    try:
        double = keras.saving.deserialize_keras_object(config)
        double.set_weights(model.get_weights())
    except (TypeError, ValueError):
        return None
    return double if {str(output.dtype) for output in double.outputs} == {"float64"} else None


def _with_float64(config: Any) -> Any:
    if isinstance(config, list):
        return [_with_float64(each) for each in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": "float64"}}
    return {
        key: "float64" if key == "dtype" and value == "float32" else _with_float64(value) for key, value in config.items()
    }

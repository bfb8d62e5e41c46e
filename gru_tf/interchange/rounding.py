"""Weights that multiply rounding errors: a model is judged in float64, and in float32 by what float32 does to its source.

A recurrent network may be chaotic: two computations of it in float32, which differ only in the order of sums, are then far
apart after some steps, and both are as right as float32 can be. In float64 they agree, or one of them is another function.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange import building
from gru_tf.interchange.differences import Differences, Verified
from gru_tf.interchange.model_states import ModelRun
from gru_tf.interchange.network import Network
from gru_tf.interchange.real_steps import model_inputs, real_steps
from gru_tf.interchange.source import Computation

TIMES = 10  # so many times the source's own rounding may be the model's: each is one draw of it
MOST = 0.1  # of float32's relative error, beyond which float32 distinguishes nothing
Batches = Callable[[str], Iterable[tuple[Array, Array | None, str]]]


def verify(
    model: Any,
    network: Network,
    wide: Network,
    run: Computation,
    single: Differences,
    batches: Batches,
    *,
    by: str,
    tolerance: float,
    cases: int,
) -> Verified:
    """The result of a comparison in float64, where that in float32 found differences.

    Where the framework has no float64, the model's own replaces it: then the framework's float32 must be as near to it as
    the model's float32 is.

    Args:
        model: in float32, from `building.build(network)`.
        network: the imported one.
        wide: the same as read in float64.
        run: the source's own computation; `ExactComputation` where it can do float64.
        single: the differences in float32.
        batches: dtype of numbers → inputs, real steps and name of each batch, the same ones in every dtype.
        by: what computed the source's side.
        tolerance: the largest difference that passes in float64.
        cases: how many batches were compared.

    Raises:
        UserError: where they differ in float64, or in float32 by more than rounding makes.
    """
    exact = getattr(run, "in_float64", None)
    own_64, own_32 = _computation(wide, "float64"), _computation(network, "float32")
    double, theirs, ours, models = (Differences() for _ in range(4))
    for inputs, real, where in batches("float32"):  # the same numbers for all
        double_inputs = inputs.astype("float64") if network.tokens is None else inputs
        reference = own_64(double_inputs, real) if exact is None else exact(double_inputs, real)
        if exact is not None:
            _add(double, own_64(double_inputs, real), reference, network, real, where)
        _add(theirs, run(inputs, real), reference, network, real, where)
        _add(ours, own_32(inputs, real), reference, network, real, where)
        output = model(model_inputs(inputs, real))
        models.add("output", *real_steps(output, reference[0], real, network.every_step), where)
    if exact is not None:
        double.judged(f"{by} in float64", tolerance, cases)
    source_gap, own_gap, model_gap = (differences.worst()[0] for differences in (theirs, ours, models))
    judged_by = source_gap if exact is not None else own_gap
    if not max(source_gap, own_gap, model_gap) <= max(tolerance, TIMES * judged_by) or (exact is None and own_gap > MOST):
        single.judged(by, tolerance, cases)  # which raises
    judge = "float64" if exact is not None else "the model in float64"
    phrase = f"rounding in float32, which these weights amplify: {by} {source_gap:.1e} from {judge}, the model {own_gap:.1e}"
    largest, where = double.worst() if exact is not None else (source_gap, theirs.worst()[1])
    return Verified(largest, where, cases, f"{by} in float64" if exact is not None else by, rounding=phrase)


def verify_model(
    model: Any,
    run: Callable[[Any], tuple[Array, list[Array]]],
    single: Differences,
    batches: Sequence[tuple[Any, str]],
    *,
    by: str,
    tolerance: float,
) -> Verified:
    """The same for a Keras model that is more than a network, whose framework has no float64: by its outputs.

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
    double, cases = _in_float64(model), len(batches)
    if double is None:
        return single.judged(by, tolerance, cases)  # which raises
    exact, own, theirs, ours = ModelRun(double), ModelRun(model), Differences(), Differences()
    for inputs, where in batches:
        reference = _flat(exact(keras.tree.map_structure(_wide, inputs)))
        for differences, computed in ((theirs, run(inputs)), (ours, own(inputs))):
            for n, (one, other) in enumerate(zip(_flat(computed), reference, strict=True)):
                differences.add(f"output {n}" if len(reference) > 1 else "output", one, other, where)
    (source_gap, where), own_gap = theirs.worst(), ours.worst()[0]
    if not source_gap <= max(tolerance, TIMES * own_gap) or own_gap > MOST:
        return single.judged(by, tolerance, cases)
    phrase = f"rounding in float32, which these weights amplify: {by} {source_gap:.1e} from the model in float64"
    return Verified(source_gap, where, cases, by, states=False, rounding=f"{phrase}, the model {own_gap:.1e}")


def _flat(outputs: tuple[Array, list[Array]]) -> list[Array]:
    return [outputs[0], *outputs[1]]


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
    if isinstance(config, dict):
        named = config.get("class_name") == "DTypePolicy"
        return {
            key: "float64" if value == "float32" and (key == "dtype" or (named and key == "name")) else _with_float64(value)
            for key, value in (config | ({"config": {"name": "float64"}} if named else {})).items()
        }
    return [_with_float64(each) for each in config] if isinstance(config, list) else config


def _computation(network: Network, dtype: str) -> Computation:
    """The imported network in Keras."""
    model = building.build(network, states=True, dtype=dtype)

    def run(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        output, *states = model(model_inputs(inputs, lengths))
        return np.asarray(output), [np.asarray(state) for state in states]

    return run


def _add(differences: Differences, own: Any, other: Any, network: Network, real: Array | None, where: str) -> None:
    (output, states), (reference, reference_states) = own, other
    differences.add("output", *real_steps(output, reference, real, network.every_step), where)
    for (name, _), state, expected in zip(network.states(), states, reference_states, strict=True):
        differences.add(name, state, expected, where)

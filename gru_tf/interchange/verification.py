"""Whether a Keras model computes the same as its source: outputs and states on random inputs, see `differences`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gru_tf.foundation import stage
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import counted
from gru_tf.interchange import building, model_states, random_inputs, rounding, rounding_of_models
from gru_tf.interchange.differences import TOLERANCE, Differences, Verified
from gru_tf.interchange.model_states import ModelRun, States
from gru_tf.interchange.network import Network
from gru_tf.interchange.real_steps import model_inputs, real_steps
from gru_tf.interchange.source import BATCHES, LENGTHS, Computation

HALF = 1e-2  # in 16 bits
MODERATE = "negative or large inputs, for which some numbers are nan or infinite"
LONG = 100  # steps from which a loop compiled once takes less time than as many operations one by one


def verify(
    model: Any,
    network: Network,
    run: Computation,
    *,
    by: str = "the source framework",
    tolerance: float = TOLERANCE,
    seed: int = 0,
    lengths: Sequence[int] = LENGTHS,
    batches: Sequence[int] = BATCHES,
    in_float64: Callable[[], Network] | None = None,
) -> Verified:
    """Compare the outputs of a model and the states of the same network with the source's on random inputs.

    For this a model that returns its states is built from the same arrays and compared in every batch; `model` itself,
    which has the same layers, in all but those of the longest sequences.

    Args:
        model: from `building.build(network)`.
        network: what the reader returned.
        run: the source's own computation.
        by: its name.
        tolerance: the largest difference that passes.
        seed: of the inputs.
        lengths: steps of a batch.
        batches: sequences of a batch.
        in_float64: returns the network as read in float64, see `ForeignModel`.

    Raises:
        UserError: where they differ by more, with the difference and its place.
    """
    dtype = str(model.outputs[0].dtype)
    compared = _compare(model, network, run, by, dtype, seed, lengths, batches)
    cases = len(batches) * len(lengths)
    if dtype == "float32" and not compared.overflow and not compared.worst()[0] <= tolerance:
        batch = partial(_batches, network, seed, lengths, batches)
        wide = network if in_float64 is None else in_float64()
        return rounding.verify(model, network, wide, run, compared, batch, by=by, tolerance=tolerance, cases=cases)
    return compared.judged(by, tolerance, cases)


def _batches(
    network: Network, seed: int, lengths: Sequence[int], batches: Sequence[int], dtype: str
) -> Iterator[tuple[Array, Array | None, str]]:
    """Inputs, the real steps of each sequence, and the batch in words."""
    rng = np.random.default_rng(seed)
    for batch in batches:
        for steps in lengths:
            yield *random_inputs.of_network(network, batch, steps, rng, dtype), batch_of(batch, steps)


def _compare(
    model: Any,
    network: Network,
    run: Computation,
    by: str,
    dtype: str,
    seed: int,
    lengths: Sequence[int],
    batches: Sequence[int],
) -> Differences:
    stateful = building.build(network, states=True, dtype=dtype)
    compute = _compiled(stateful) if min(lengths) > LONG else stateful
    names = [name for name, _ in network.states()]
    differences = Differences()
    for inputs, real, where in _batches(network, seed, lengths, batches, dtype):
        tensors = model_inputs(inputs, real)
        stage.say(f"comparing with {by}, {where}")
        source_output, source_states = run(inputs, real)
        output, *states = compute(tensors)
        for name, own, other in zip(names, states, source_states, strict=True):
            differences.add(name, own, other, where)
        short = inputs.shape[1] < max(lengths) or len(lengths) == 1
        for own in (output, model(tensors)) if short else (output,):
            differences.add("output", *real_steps(own, source_output, real, network.every_step), where)
    return differences


def _compiled(model: Any) -> Any:
    import tensorflow as tf

    return tf.function(model, autograph=False)


def batch_of(batch: int, steps: int) -> str:
    """A batch in messages: its sequences and steps."""
    return f"batch of {batch}, {counted(steps, 'step')}"


# --- models that are more than a network ---


def verify_model(
    model: Any,
    run: Callable[[Any], tuple[Array, list[Array]]],
    *,
    by: str = "the source framework",
    tolerance: float = TOLERANCE,
    seed: int = 0,
    lengths: Sequence[int] = LENGTHS,
    batches: Sequence[int] = BATCHES,
) -> Verified:
    """Compare all outputs of a Keras model with the source's; every input of the model is random.

    Where the source's side is a Keras model, too, the final states of all recurrent layers are compared in every batch,
    those of the same calls, whether the model returns them or not.

    Args:
        model: any; states that it keeps from call to call are zero again afterwards.
        run: the source's own computation, of an array, or of a list of arrays where the model has several inputs.
        by: its name.
        tolerance: the largest difference that passes.
        seed: of the inputs.
        lengths: steps of a batch, where the model leaves them free.
        batches: sequences of a batch, likewise.

    Raises:
        UserError: where they differ by more, naming by how much and where.
    """
    differences, rng = Differences(), np.random.default_rng(seed)
    compared: list[tuple[Any, str]] = []
    moderate = False
    free = any(None in tensor.shape[1:] for tensor in model.inputs)
    rows = [tensor.shape[0] for tensor in model.inputs if tensor.shape[0] is not None]
    batches, lengths = tuple(rows[:1]) or batches, lengths if free else lengths[:1]
    with States(model, run.model if isinstance(run, ModelRun) else None).recorded() as states:
        for batch in batches:
            for steps in lengths:
                inputs = random_inputs.argument(list(random_inputs.of_model(model, batch, steps, rng).values()))
                where = batch_of(batch, steps) if free else f"batch of {batch}"
                compared.append((inputs, where))
                stage.say(f"comparing with {by}, {where}")
                (first, rest), (own_first, own_rest) = run(inputs), ModelRun(model)(inputs)
                if not isinstance(run, ModelRun) and not _finite(first, *rest, own_first, *own_rest):
                    inputs, moderate = random_inputs.moderate(inputs), True
                    compared[-1] = (inputs, where)
                    (first, rest), (own_first, own_rest) = run(inputs), ModelRun(model)(inputs)
                for n, (own, other) in enumerate(zip([own_first, *own_rest], [first, *rest], strict=True)):
                    differences.add("output" if not rest else f"output {n}", own, other, where)
                for name, own, other in states.pairs():
                    differences.add(name, own, other, where)
    model_states.reset(model)
    single = str(model.outputs[0].dtype) == "float32" and not differences.overflow
    uncovered = (MODERATE,) if moderate else ()
    if single and not differences.worst()[0] <= tolerance:
        result = rounding_of_models.verify_model(model, run, differences, compared, by=by, tolerance=tolerance)
        return replace(result, uncovered=uncovered)
    result = differences.judged(by, tolerance, len(compared))
    return replace(result, states=bool(states.compared), left_out=tuple(sorted(states.left_out)), uncovered=uncovered)


def _finite(*arrays: Any) -> bool:
    return all(np.all(np.isfinite(each)) for each in arrays)


def check_network(model: Any, network: Network, *, seed: int = 0) -> None:
    """Compare a Keras model with the network read from it: a class may compute something else than its name says.

    Raises:
        UserError: where they differ by more than rounding, with the difference and its place.
    """
    dtype = str(model.outputs[0].dtype)
    rebuilt, differences, rng = building.build(network, dtype=dtype), Differences(), np.random.default_rng(seed)
    for batch, steps in ((1, 1), (3, 7)):
        arrays = list(random_inputs.of_model(model, model.inputs[0].shape[0] or batch, steps, rng).values())
        with model_states.from_zeros(model):
            own = model(random_inputs.argument(arrays), training=False)
        x = next(array for array in arrays if array.dtype != bool)
        mask = next((array for array in arrays if array.dtype == bool), x != 0) if network.masked else None
        x = x if network.tokens is None else x.astype("int32")
        other = np.asarray(rebuilt(x if mask is None else [x, mask], training=False))
        real = None if mask is None else mask.sum(axis=1)
        differences.add("output", *real_steps(own, other, real, network.every_step), batch_of(len(x), x.shape[1]))
    tolerance = TOLERANCE if dtype in ("float32", "float64") else HALF
    differences.judged("the network read from it", tolerance, 2)

"""Random inputs for the comparison of a whole model: of several sizes and lengths, and with masked steps anywhere."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange import random_inputs
from gru_tf.interchange.source import BATCHES
from gru_tf.interchange.verification import batch_of

GAPS = 11  # steps of the case with masked steps anywhere


def cases(model: Any, lengths: Sequence[int], tokens: Collection[str]) -> Iterator[tuple[int, str, dict[str, Array]]]:
    """Steps, what messages call them, and random inputs by name; none of other lengths where a model's are fixed.

    Args:
        model: the model.
        lengths: steps, where they are free.
        tokens: names of the inputs that are token numbers though their type is a float's.
    """

    def drawn(steps: int) -> dict[str, Array]:
        return _numbers(model, random_inputs.of_model(model, batch, steps, rng), tokens, rng)

    rng = np.random.default_rng(len(lengths))
    free = [tensor.name for tensor in model.inputs if None in tensor.shape[1:]]
    batches = tuple(tensor.shape[0] for tensor in model.inputs if tensor.shape[0] is not None)[:1] or BATCHES
    for batch in batches:
        for steps in lengths if free else lengths[:1]:
            case = batch_of(batch, steps) if free else f"batch of {batch}"
            yield steps, case, drawn(steps)
        if len(free) > 1:
            several = [drawn(4 + 3 * n) for n in range(len(model.inputs))]
            mixed = {name: several[n][name] for n, name in enumerate(several[0])}
            yield GAPS, f"batch of {batch}, inputs of unequal lengths", mixed
        yield GAPS, f"batch of {batch}, gaps", _with_gaps(model, drawn(GAPS), tokens, rng)


def _numbers(model: Any, inputs: dict[str, Array], tokens: Collection[str], rng: np.random.Generator) -> dict[str, Array]:
    """Inputs of numbers that no embedding reads are normal, whatever other inputs are."""
    plain = [spec.name for spec in model.inputs if "float" in spec.dtype and spec.name not in tokens]
    return inputs | {name: np.asarray(rng.normal(size=inputs[name].shape), inputs[name].dtype) for name in plain}


def _with_gaps(model: Any, inputs: dict[str, Array], tokens: Collection[str], rng: np.random.Generator) -> dict[str, Array]:
    """Inputs in which steps anywhere are what a mask leaves out, but not all steps of a sequence."""
    values = [float(layer.mask_value) for layer in model._flatten_layers() if type(layer) is keras.layers.Masking]
    for name, array in inputs.items():
        if array.dtype == bool or name in tokens:
            inputs[name] = np.where(_left_out(array.shape, rng), 0, array).astype(array.dtype)
        elif values and array.ndim == 3:
            inputs[name] = np.where(_left_out(array.shape[:2], rng)[..., None], values[0], array).astype(array.dtype)
    return inputs


def _left_out(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """True at steps, on the last axis, that a mask leaves out; False at one step at least."""
    if len(shape) < 2:
        return np.zeros(shape, bool)
    out = rng.random(shape) < 0.4
    np.put_along_axis(out, rng.integers(shape[-1], size=(*shape[:-1], 1)), False, axis=-1)
    return out

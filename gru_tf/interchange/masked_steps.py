"""Steps that a model masks by their numbers: put into random inputs, and whether a comparison had any.

A random number is never a `Masking`'s value, so that without such steps no comparison would notice another mask.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.nodes import every_node

COMPARING = {"Equal", "NotEqual"}  # operations of which graphs make masks themselves
OFTEN = 0.4  # masked steps in sequences with gaps


def put(model: Any, numbers: Array, rng: np.random.Generator) -> Array:
    """Numbers with masked steps: of three sequences one has gaps, one is padded on the right, and one has all steps.

    Each sequence keeps a real step. In an input (batch, T) the numbers are the steps.

    Args:
        model: that may mask steps of its inputs.
        numbers: of one input, (batch, …, T, features) or (batch, T).
        rng: the source of randomness.
    """
    values = list(_values(model))
    if not values or numbers.ndim < 2:
        return numbers
    cells = numbers.shape[:-1] if numbers.ndim > 2 else numbers.shape
    rows = np.stack([_masked(n, cells[-1], rng) for n in range(int(np.prod(cells[:-1])))]).reshape(cells)
    masks, chosen = rows, rng.choice(values, size=cells)
    if numbers.ndim > 2:
        masks, chosen = masks[..., None], chosen[..., None]
    return np.where(masks, chosen, numbers).astype(numbers.dtype)


def _masked(n: int, steps: int, rng: np.random.Generator) -> Array:
    """Which steps of the n-th sequence are masked."""
    if n % 3 == 1:
        return np.asarray(np.arange(steps) >= rng.integers(1, max(steps, 2)))
    masked = np.asarray(rng.random(steps) < (OFTEN if n % 3 == 0 else 0))
    if n % 3 == 0:
        one, other = rng.permutation(max(steps, 2))[:2]
        masked[one % steps], masked[other % steps] = True, False  # the last where there is but one step
    return masked


def _values(model: Any) -> Iterator[float]:
    """Numbers by which the model masks steps: those of its layers, and those that its graph compares with."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Masking):
            yield float(layer.mask_value)
    for node in every_node(model):
        if type(node.operation).__name__ in COMPARING:
            numbers = [each for each in keras.tree.flatten(node.arguments.args) if not keras.backend.is_keras_tensor(each)]
            yield from (float(each) for each in numbers if np.ndim(each) == 0)


@contextmanager
def never_masked(model: Any) -> Iterator[set[str]]:
    """Inside, the names of the model's `Masking` layers of which no call has masked a step so far."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Masking)]
    left = {layer.name for layer in layers}
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_noticed(layer, left))
        yield left


@contextmanager
def _noticed(layer: Any, left: set[str]) -> Iterator[None]:
    own = layer.call

    def call(inputs: Any) -> Any:
        if layer.name in left and np.any(np.all(np.equal(np.asarray(inputs), layer.mask_value), axis=-1)):
            left.discard(layer.name)
        return own(inputs)

    vars(layer)["call"] = call  # not by setattr, with which Keras would track it
    try:
        yield
    finally:
        del vars(layer)["call"]

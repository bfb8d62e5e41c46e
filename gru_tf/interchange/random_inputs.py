"""Random inputs for comparisons: normal numbers, token numbers, and sequences of various lengths.

Tokens are 0 only after a sequence's end, because an embedding may mask them.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted
from gru_tf.interchange import masked_steps, whole_numbers
from gru_tf.interchange.network import Network

MOST = 1 << 28  # numbers in a layer's output: a file of fixed lengths can declare more than it contains


def of_network(
    network: Network, batch: int, steps: int, rng: np.random.Generator, dtype: str = "float32"
) -> tuple[Array, Array | None]:
    """Inputs of a network: numbers that are normal after its scale, or valid token numbers (batch, T).

    Args:
        network: any.
        batch: sequences.
        steps: T.
        rng: the source of randomness.
        dtype: of numbers; tokens are int32.

    Returns:
        Inputs, (batch, T, I) or (batch, T); and for a masked network the real steps of each sequence, (batch,).

    Raises:
        UserError: for more numbers than can be compared.
    """
    widest = max(network.features, network.outputs, *(layer.width for layer in network.layers))
    if batch * steps * widest > MOST:
        received = f"a file that computes only {counted(steps, 'step')} of {counted(batch, 'sequence')}"
        raise UserError(f"expected at most {MOST:,} numbers to compare with. Received: {received}")
    if network.tokens is None:
        inputs = (rng.normal(size=(batch, steps, network.features)) / network.scale).astype(dtype)
    else:
        inputs = rng.integers(network.tokens, size=(batch, steps)).astype(np.int32)
    return inputs, rng.integers(1, steps + 1, size=batch) if network.masked else None


def of_model(model: Any, batch: int, steps: int, rng: np.random.Generator, *, padded: bool = True) -> dict[str, Array]:
    """Inputs of a Keras model by name: normal numbers, valid token numbers, masks that pad on the right.

    Whole numbers that nothing takes for indices are of both signs and any size.

    Args:
        model: any.
        batch: sequences; where there is a mask, the first of them has all steps.
        steps: of each input whose length is free.
        rng: the source of randomness.
        padded: whether sequences may be shorter.

    Raises:
        UserError: for an input of a type that is none of these.
    """
    return {tensor.name: _of_input(model, tensor, batch, steps, rng, padded) for tensor in model.inputs}


def moderate(inputs: Any) -> Any:
    """The same with positive numbers of moderate size, of which logarithms and exponentials are finite."""
    return keras.tree.map_structure(_moderate, inputs)


def _moderate(array: Array) -> Array:
    if array.dtype.kind == "f":
        return (np.abs(array) + 0.1).astype(array.dtype)
    return array if array.dtype.kind == "b" else np.minimum(np.abs(array), 9).astype(array.dtype)


def argument(arrays: Sequence[Any]) -> Any:
    """What a Keras model is called with: a single input by itself, several in a list."""
    return list(arrays) if len(arrays) > 1 else arrays[0]


def called_with(model: Any, arrays: Sequence[Any]) -> Any:
    """What a Keras model is called with, in the structure in which it was given its inputs, such as a dict."""
    structure = getattr(getattr(model, "_functional", None) or model, "_inputs_struct", None)
    return argument(arrays) if structure is None else keras.tree.pack_sequence_as(structure, list(arrays))


def _of_input(model: Any, tensor: Any, batch: int, steps: int, rng: np.random.Generator, padded: bool) -> Array:
    dtype, tokens = str(tensor.dtype), tokens_of(model)
    shape = (batch, *(steps if size is None else size for size in tensor.shape[1:]))
    if dtype == "bool":
        real = _real(shape, rng) if padded else np.ones(shape, bool)
        real[0] = True
        return real
    if "int" in dtype and whole_numbers.are_of_any_size(model, tensor.name):
        return whole_numbers.drawn(shape, dtype, rng)
    if "int" in dtype or ("float" in dtype and tokens and len(shape) == 2):
        most = min(tokens, default=2)
        numbers = rng.integers(min(1, most - 1), most, size=shape)
        return (numbers * _real(shape, rng) if padded and len(shape) == 2 else numbers).astype(dtype)
    if "float" in dtype:
        numbers = rng.normal(size=shape).astype(dtype)
        return masked_steps.put(model, numbers, rng) if padded else numbers
    raise UserError(f"input '{tensor.name}': expected numbers, token numbers or a mask. Received: {dtype}")


def _real(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """True at the real steps of sequences of random lengths."""
    return np.asarray(np.arange(shape[-1]) < rng.integers(1, shape[-1] + 1, size=(*shape[:-1], 1)))


def tokens_of(model: Any) -> list[int]:
    """How many tokens each embedding has."""
    return [int(layer.input_dim) for layer in model._flatten_layers() if hasattr(layer, "input_dim")]

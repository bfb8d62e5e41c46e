"""Which inputs of a Keras model are whole numbers of any size, and which are indices such as token numbers."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array

INDEXING = (
    "Embedding", "OneHot", "MultiHot", "Take", "TakeAlongAxis", "ScatterUpdate", "SliceUpdate", "Slice", "CategoryEncoding",
    "Hashing", "IntegerLookup", "StringLookup", "Lambda", "Bincount", "SegmentSum", "SegmentMax", "LeftShift", "RightShift",
)  # fmt: skip
LARGEST = (4, 1_000, 2**31 - 1, 2**45)  # of the numbers of a sequence: one of these


def are_of_any_size(model: Any, name: str) -> bool:
    """Whether nothing that an input of whole numbers reaches takes them for indices, as far as its layers are Keras' own."""
    functional = getattr(model, "_functional", None) or model
    operations = getattr(functional, "_operations", None)
    tensor = next((each for each in model.inputs if each.name == name), None)
    if not operations or tensor is None:
        return False
    waiting, seen = [tensor], set[int]()
    while waiting:
        tensor = waiting.pop()
        for operation, results in _consumers(operations, tensor):
            if not _plain(operation):
                return False
            if not isinstance(operation, keras.Layer) or not operation.weights:
                waiting += [each for each in results if id(each) not in seen]
                seen |= set(map(id, results))
    return True


def _consumers(operations: list[Any], tensor: Any) -> Iterator[tuple[Any, list[Any]]]:
    for operation in operations:
        for node in operation._inbound_nodes:
            if any(each is tensor for each in node.input_tensors):
                yield operation, list(node.outputs)


def _plain(operation: Any) -> bool:
    """Whether an operation is Keras' own, and takes numbers for what they are."""
    inner = getattr(operation, "layer", None)
    if inner is not None and not _plain(inner):
        return False
    own = type(operation).__module__.startswith(("keras.src.layers", "keras.src.ops")) or isinstance(
        operation, keras.layers.RNN
    )
    return own and type(operation).__name__ not in INDEXING


def drawn(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
    """Whole numbers of both signs, those of each sequence of another size.

    Args:
        shape: (sequences, …).
        dtype: such as "int64".
        rng: the source of randomness.
    """
    limits = np.roll(np.minimum(LARGEST, float(np.iinfo(dtype).max)), rng.integers(len(LARGEST)))
    most = np.resize(limits, shape[0]).reshape([-1, *[1] * (len(shape) - 1)])
    sizes = np.floor(np.exp(rng.random(shape) * np.log(most)))
    signs = rng.choice([-1, 1], size=shape) if np.iinfo(dtype).min else 1
    return np.asarray(sizes * signs).astype(dtype)

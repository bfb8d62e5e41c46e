"""Names of the operations that Keras 3 adds to a graph where a layer computes a mask: not those of the file's layers."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import keras


@contextmanager
def unlike(config: Any) -> Iterator[None]:
    """Inside, an operation without a name gets none that a layer of the config has, which Keras would refuse.

    Args:
        config: of a model, for Keras 3.
    """
    taken, original, numbers = set(_names(config)), keras.Operation.__init__, count(1)

    def initialize(operation: Any, name: str | None = None) -> None:
        original(operation, name=name)
        if name is None and not isinstance(operation, keras.layers.Layer) and operation.name in taken:
            operation.name = next(new for n in numbers if (new := f"{operation.name}_of_mask_{n}") not in taken)

    keras.Operation.__init__ = initialize
    try:
        yield
    finally:
        keras.Operation.__init__ = original


def _names(value: Any) -> Iterator[str]:
    """The names in a config."""
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        yield value["name"]
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(each)

"""Masks of recurrent layers that get initial states: Keras 2 gives such a layer the mask of its sequence, Keras 3 none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

STATEFUL = (keras.layers.RNN, keras.layers.Bidirectional)


@contextmanager
def stated() -> Iterator[None]:
    """Inside, calls of a graph that is built state the mask of the sequence, where it has one, as Keras 2 computes."""
    original = keras.layers.Layer.__call__

    def call(layer: Any, *args: Any, **options: Any) -> Any:
        states = options.get("initial_state", args[1] if len(args) > 1 else None)
        if isinstance(layer, STATEFUL) and states is not None and options.get("mask") is None:
            mask = getattr(args[0], "_keras_mask", None)
            options |= {} if mask is None else {"mask": mask}
        return original(layer, *args, **options)

    keras.layers.Layer.__call__ = call
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = original


def lost(node: Any) -> bool:
    """Whether a call has initial states and states no mask: one that its model gets only when it is called is lost."""
    args, kwargs = node.arguments.args, node.arguments.kwargs
    states = kwargs.get("initial_state", args[1] if len(args) > 1 else None)
    return isinstance(node.operation, STATEFUL) and states is not None and kwargs.get("mask") is None

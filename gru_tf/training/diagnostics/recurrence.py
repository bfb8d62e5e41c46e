"""Intercepts the recurrent layers of a model while it runs: each layer's loop over time is replaced by another.

Keras' recurrent layers, and those that derive from them, resolve initial states, masks and directions in `call` and
leave the steps to `inner_loop`, which this module replaces and restores afterwards.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np


@dataclass(frozen=True)
class Place:
    """Where in a network a recurrent layer stands.

    Args:
        name: of the layer, or of the `Bidirectional` that it is a part of.
        depth: 1 for the first recurrent layer that the model runs; the two directions of a layer share it.
        direction: "forward", or "backward" for a layer that reads the last step first.
    """

    name: str
    depth: int
    direction: Literal["forward", "backward"]


@dataclass(frozen=True)
class Call:
    """One run of one recurrent layer, its steps in the order in which it reads them.

    Args:
        layer: the Keras layer; place: where it stands.
        sequence: (batch, T, features), the first step that it reads first; states: those that it begins with, each (batch,
            units); both are the backend's tensors.
        mask: (batch, T), False for steps that leave the state as it is; None for none.
    """

    layer: Any
    place: Place
    sequence: Any
    states: list[Any]
    mask: Any

    def real(self, lengths: Any = None) -> Any:
        """(batch, T) array: which steps count, by the mask and by the sequences' lengths, in the order of reading."""
        steps = np.ones(tuple(self.sequence.shape[:2]), bool)
        if self.mask is not None:
            steps &= keras.ops.convert_to_numpy(self.mask).astype(bool)
        if lengths is not None:
            within = np.arange(steps.shape[1]) < np.asarray(lengths)[:, None]
            steps &= within[:, ::-1] if self.place.direction == "backward" else within
        return steps


Loop = Callable[[Call, Callable[[], Any]], Any]


def run(model: Any, inputs: Any, loop: Loop) -> Any:
    """Run `model` on `inputs` as at inference, each recurrent layer's steps taken by `loop`; returns its outputs.

    Args:
        model: a Keras model, or a layer that is or holds recurrent layers.
        inputs: what it takes.
        loop: given the call and the layer's own loop, returns what `keras.layers.RNN.inner_loop` does: the last output,
            the outputs of all steps in the order of reading, and the last states.

    Raises:
        ValueError: where there is no recurrent layer, or one whose state is not (batch, units), and where all take their
            steps within another layer's loop; a warning says which do beside others.
    """
    if not isinstance(model, keras.layers.Layer):
        raise ValueError(f"diagnostics: expected a Keras model or layer. Received: {model!r}")
    inside = model._flatten_layers()  # no public name gives the layers within layers
    layers = [layer for layer in inside if isinstance(layer, keras.layers.RNN)]
    if not layers:
        known = ", ".join(type(layer).__name__ for layer in inside)
        raise ValueError(f"diagnostics: expected a recurrent layer (a keras.layers.RNN) in {model.name}. Received: {known}")
    listener = _Listener(_pairs(inside), loop)
    with _replaced(layers, listener):
        outputs = model(inputs, training=False)
    left_out = [layer.name for layer in layers if id(layer) not in listener.called]
    if left_out:
        expected = "expected recurrent layers that the model runs over all steps at once, not within another layer's loop"
        words = f"{expected}, as an AttentionDecoder with input_feeding does. Received: {', '.join(left_out)}"
        if not listener.called:
            raise ValueError(f"diagnostics: {words}")
        warnings.warn(f"diagnostics: left out: {words}", stacklevel=3)
    return outputs


def _pairs(inside: list[Any]) -> dict[int, tuple[str, Literal["forward", "backward"]]]:
    """Identity of a layer → name and direction, for the two halves of each `Bidirectional`."""
    pairs: dict[int, tuple[str, Literal["forward", "backward"]]] = {}
    for layer in inside:
        if isinstance(layer, keras.layers.Bidirectional):
            pairs[id(layer.forward_layer)] = layer.name, "forward"
            pairs[id(layer.backward_layer)] = layer.name, "backward"
    return pairs


class _Listener:
    """Numbers the calls and hands each to the loop."""

    def __init__(self, pairs: dict[int, tuple[str, Literal["forward", "backward"]]], loop: Loop):
        self.pairs, self.loop, self.depth = pairs, loop, 0
        self.called: set[int] = set()

    def __call__(
        self, layer: Any, own: Callable[..., Any], sequences: Any, initial_state: Any, mask: Any, training: Any = False
    ) -> Any:
        self.called.add(id(layer))
        states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        if any(len(getattr(state, "shape", ())) != 2 for state in states):
            kind = type(layer.cell).__name__
            raise ValueError(f"{layer.name}: expected one cell, with states of (batch, units). Received: {kind}")
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        rows = mask if mask is None or len(mask.shape) == 2 else mask[..., 0]
        if layer.go_backwards:
            sequence, rows = keras.ops.flip(sequences, 1), None if rows is None else keras.ops.flip(rows, 1)
        else:
            sequence = sequences
        call = Call(layer, self._place(layer), sequence, states, rows)
        return self.loop(call, lambda: own(sequences=sequences, initial_state=initial_state, mask=mask, training=False))

    def _place(self, layer: Any) -> Place:
        direction: Literal["forward", "backward"] = "backward" if layer.go_backwards else "forward"
        name, half = self.pairs.get(id(layer), (layer.name, "forward"))
        self.depth += half == "forward"
        return Place(name, self.depth, direction)


@contextmanager
def _replaced(layers: list[Any], listener: _Listener) -> Iterator[None]:
    """The layers with `listener` in place of their loops; afterwards they are restored, states included."""
    # as given: the property of this project's layers may say False for another reason
    cudnn = [(layer, vars(layer).get("_use_cudnn", layer.use_cudnn)) for layer in layers if hasattr(layer, "use_cudnn")]
    loops = [(layer, vars(layer)["inner_loop"]) for layer in layers if "inner_loop" in vars(layer)]  # of accelerated ones
    saved = [
        (state, keras.ops.convert_to_numpy(state)) for layer in layers if layer.stateful for state in layer.states or []
    ]
    try:
        for layer, _ in cudnn:
            layer.use_cudnn = False  # a Bidirectional would give both halves to one kernel and call neither
        for layer in layers:
            own = layer.inner_loop
            loop = lambda layer=layer, own=own, **arguments: listener(layer, own, **arguments)  # noqa: E731, bound to this layer
            object.__setattr__(layer, "inner_loop", loop)  # Keras' own __setattr__ would track it
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("inner_loop", None)
        for layer, own in loops:
            vars(layer)["inner_loop"] = own
        for layer, before in cudnn:
            layer.use_cudnn = before
        for state, value in saved:
            state.assign(value)

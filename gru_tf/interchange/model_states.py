"""The final states of a Keras model's recurrent layers, recorded while the model computes; of Keras 3 and of TF-Keras.

Each layer has its real inputs: the sequence, its mask, its initial states or those that a stateful layer has kept. Recorded
are the states at the end of that call, after the last real step: layers of Keras 3 and of TF-Keras return them with their
output if `return_state` is set when the call returns.
"""

import inspect
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError

Call = list[Array]  # the states that one call of a layer ended with
DIRECTIONS = {"forward": "forward_layer", "backward": "backward_layer"}  # of a Bidirectional


class ModelRun:
    """A Keras model as `gru_tf.interchange.source.Computation`; the model is kept, so that its states can be recorded.

    Args:
        model: of TF-Keras or Keras 3.
    """

    def __init__(self, model: Any):
        self.model = model

    def __call__(self, inputs: Any, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """The first output, and the others.

        Raises:
            ValueError: for lengths.
        """
        if lengths is not None:
            raise ValueError("expected no lengths: a Keras model computes its mask itself. Received: lengths")
        with warnings.catch_warnings():  # attention over the one step of a short batch, which is meant
            warnings.filterwarnings("ignore", "You are using a softmax over axis", UserWarning)
            outputs = self.model(inputs, training=False)
        first, *rest = outputs if isinstance(outputs, list | tuple) else [outputs]
        return np.asarray(first), [np.asarray(each) for each in rest]


class States:
    """States of the recurrent layers of two models that should be the same, recorded while both compute.

    Args:
        own: one model.
        other: the other, whose layers have the same names; None where its layers are not accessible: nothing is recorded.

    Attributes:
        compared: names of the layers whose states were compared so far.
        left_out: names of those whose states could not be compared.
    """

    def __init__(self, own: Any, other: Any):
        self.own, self.other = ({}, {}) if other is None else (dict(recurrent(own)), dict(recurrent(other)))
        self.calls: dict[int, list[Call]] = {}  # by layer
        self.compared: set[str] = set()
        self.left_out: set[str] = set()

    @contextmanager
    def recorded(self) -> Iterator["States"]:
        """Inside, the states of each call of a layer are recorded; afterwards both models are as before."""
        layers = {id(layer): layer for layer in (*self.own.values(), *self.other.values()) if layer is not None}
        with ExitStack() as stack:
            for key, layer in layers.items():
                stack.enter_context(_recording(layer, self.calls.setdefault(key, [])))
            yield self

    def pairs(self) -> Iterator[tuple[str, Array, Array]]:
        """Name, own value and other value of each state recorded since the last call of this method.

        Raises:
            UserError: where a layer has another number of states than that of the other model.
        """
        for name in dict.fromkeys([*self.own, *self.other]):
            own, other = self._take(self.own.get(name)), self._take(self.other.get(name))
            if not own or len(own) != len(other):  # called in another way, as in a TimeDistributed
                self.left_out.add(name)
                continue
            self.compared.add(name)
            for n, (own_call, other_call) in enumerate(_pair_calls(own, other)):
                yield from _named(f"{name}, call {n + 1}" if len(other) > 1 else name, own_call, other_call)

    def _take(self, layer: Any) -> list[Call]:
        """The calls recorded since the last time."""
        calls = self.calls.get(id(layer), [])
        taken = calls.copy()
        calls.clear()
        return taken


def recurrent(model: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """Name and layer of all recurrent layers of a model; nested ones are named "outer/inner".

    The layer is None in a TimeDistributed: Keras 2 calls it once for all steps, Keras 3 once for each.
    """
    for layer in model.layers:
        yield from _in(layer, f"{within}{layer.name}")


def _in(layer: Any, name: str) -> Iterator[tuple[str, Any]]:
    if hasattr(layer, "forward_layer"):
        for direction, attribute in DIRECTIONS.items():
            yield from _in(getattr(layer, attribute), f"{name}/{direction}")
    elif hasattr(layer, "cell") and hasattr(layer, "return_state"):
        yield name, layer
    elif hasattr(layer, "layers"):
        yield from recurrent(layer, f"{name}/")
    elif hasattr(layer, "layer"):
        yield from ((inner, None) for inner, _ in _in(layer.layer, f"{name}/{layer.layer.name}"))


def reset(model: Any) -> None:
    """Set the states that a Keras 3 model's layers keep from call to call to zero, also those of stacked cells."""
    for state in kept(model):
        state.assign(keras.ops.zeros_like(state))


@contextmanager
def from_zeros(model: Any) -> Iterator[None]:
    """Inside, what a model's layers keep from call to call begins with zeros; afterwards it is what it was."""
    before = [(state, keras.ops.convert_to_numpy(state)) for state in kept(model)]
    reset(model)
    try:
        yield
    finally:
        for state, value in before:
            state.assign(value)


def kept(model: Any) -> list[Any]:
    """The states that a Keras 3 model's layers keep from call to call, also those of stacked cells."""
    layers = [layer for _, layer in recurrent(model) if getattr(layer, "stateful", False)]
    return [state for layer in layers for state in keras.tree.flatten(layer.states)]


@contextmanager
def _recording(layer: Any, calls: list[Call]) -> Iterator[None]:
    own = layer.call

    def call(*args: Any, **options: Any) -> Any:
        return_state = layer.return_state
        layer.return_state = True
        try:
            result = own(*args, **options)
        finally:
            layer.return_state = return_state
        output, *states = result
        calls.append([np.array(state) for state in keras.tree.flatten(states)])
        return result if return_state else output

    call.__signature__ = inspect.signature(own)  # type: ignore[attr-defined]  # wrappers look at its parameters
    vars(layer)["call"] = call  # not by setattr, with which Keras would track it
    try:
        yield
    finally:
        del vars(layer)["call"]


def _pair_calls(own: Sequence[Call], other: Sequence[Call]) -> Iterator[tuple[Call, Call]]:
    """Calls of one layer that belong together: the order in which layers of equal depth are called is not defined."""
    left = list(own)
    for call in other:
        nearest = min(range(len(left)), key=lambda n: _distance(left[n], call))
        yield left.pop(nearest), call


def _distance(own: Call, other: Call) -> float:
    if [state.shape for state in own] != [state.shape for state in other]:
        return float("inf")
    with np.errstate(invalid="ignore"):
        largest = max((float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(own, other, strict=True)), default=0.0)
    return largest if np.isfinite(largest) else float("inf")


def _named(name: str, own: Call, other: Call) -> Iterator[tuple[str, Array, Array]]:
    if len(own) != len(other):
        raise UserError(f"{name}: expected the source's {len(other)} states. Received: {len(own)}")
    for n, (own_state, other_state) in enumerate(zip(own, other, strict=True)):
        yield f"{name}: state {n + 1} of {len(own)}" if len(own) > 1 else f"{name}: state", own_state, other_state

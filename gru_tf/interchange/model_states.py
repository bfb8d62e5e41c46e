"""The states in which a Keras model's recurrent layers end, noted while the model computes; of Keras 3 and of TF-Keras.

Whatever a layer is given there, it has been given: the sequence, its mask, its first states, those that a stateful layer
kept. And what is noted are the states which that very call ended with, after the last real step: a layer of either Keras
gives them beside its output if its `return_state` is set when it returns.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError

Call = list[Array]  # the states that one call of a layer ended with
WAYS = {"forward": "forward_layer", "backward": "backward_layer"}  # of a Bidirectional


class ModelRun:
    """A Keras model as `gru_tf.interchange.source.Computation`; the model is kept, so that its states can be recorded.

    Args:
        model: of TF-Keras or Keras 3.
    """

    def __init__(self, model: Any):
        self.model = model

    def __call__(self, inputs: Any, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """Its first output, and its others.

        Raises:
            ValueError: for lengths.
        """
        if lengths is not None:
            raise ValueError("expected no lengths: a Keras model finds its mask itself. Received: lengths")
        found = self.model(inputs, training=False)
        first, *rest = found if isinstance(found, list | tuple) else [found]
        return np.asarray(first), [np.asarray(each) for each in rest]


class States:
    """Of the recurrent layers of two models that should be the same, noted while both compute.

    Args:
        own: one model.
        their: the other, whose layers have the same names; None where its layers cannot be seen: nothing is noted then.

    `compared` are the layers whose states were compared so far, `left_out` those whose states could not be.
    """

    def __init__(self, own: Any, their: Any):
        self.own, self.their = ({}, {}) if their is None else (dict(recurrent(own)), dict(recurrent(their)))
        self.calls: dict[int, list[Call]] = {}  # by layer
        self.compared: set[str] = set()
        self.left_out: set[str] = set()

    @contextmanager
    def noted(self) -> Iterator["States"]:
        """Inside, each call of a layer is noted; afterwards both models are as they were."""
        layers = {id(layer): layer for layer in (*self.own.values(), *self.their.values()) if layer is not None}
        with ExitStack() as stack:
            for key, layer in layers.items():
                stack.enter_context(_noting(layer, self.calls.setdefault(key, [])))
            yield self

    def pairs(self) -> Iterator[tuple[str, Array, Array]]:
        """Name, own and their value of each state of what was computed since this was last asked.

        Raises:
            UserError: where a layer has another number of states than the other's.
        """
        for name in dict.fromkeys([*self.own, *self.their]):
            own, their = self._taken(self.own.get(name)), self._taken(self.their.get(name))
            if not own or len(own) != len(their):  # called otherwise, as in a TimeDistributed
                self.left_out.add(name)
                continue
            self.compared.add(name)
            for n, (mine, theirs) in enumerate(_paired(own, their)):
                yield from _named(f"{name}, call {n + 1}" if len(their) > 1 else name, mine, theirs)

    def _taken(self, layer: Any) -> list[Call]:
        calls = self.calls.get(id(layer), [])
        found = calls.copy()
        calls.clear()
        return found


def recurrent(model: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """Name and layer of all recurrent layers of a model, those in models and wrappers by "outer/inner".

    None stands for a layer in a TimeDistributed: Keras 2 calls it once for all steps, Keras 3 once for each.
    """
    for layer in model.layers:
        yield from _in(layer, f"{within}{layer.name}")


def _in(layer: Any, name: str) -> Iterator[tuple[str, Any]]:
    if hasattr(layer, "forward_layer"):
        for way, attribute in WAYS.items():
            yield from _in(getattr(layer, attribute), f"{name}/{way}")
    elif hasattr(layer, "cell") and hasattr(layer, "return_state"):
        yield name, layer
    elif hasattr(layer, "layers"):
        yield from recurrent(layer, f"{name}/")
    elif hasattr(layer, "layer"):
        yield from ((inner, None) for inner, _ in _in(layer.layer, f"{name}/{layer.layer.name}"))


def reset(model: Any) -> None:
    """States that a Keras 3 model's layers carry from call to call are zero again, those of cells on one another, too."""
    for _, layer in recurrent(model):
        for state in keras.tree.flatten(layer.states) if getattr(layer, "stateful", False) else ():
            state.assign(keras.ops.zeros_like(state))


@contextmanager
def _noting(layer: Any, calls: list[Call]) -> Iterator[None]:
    own = layer.call

    def call(*given: Any, **options: Any) -> Any:
        asked = layer.return_state
        layer.return_state = True
        try:
            found = own(*given, **options)
        finally:
            layer.return_state = asked
        output, *states = found
        calls.append([np.array(state) for state in keras.tree.flatten(states)])
        return found if asked else output

    call.__signature__ = inspect.signature(own)  # type: ignore[attr-defined]  # wrappers ask which options it takes
    vars(layer)["call"] = call  # beside what Keras does where an attribute is set: it would track what it finds
    try:
        yield
    finally:
        del vars(layer)["call"]


def _paired(own: Sequence[Call], their: Sequence[Call]) -> Iterator[tuple[Call, Call]]:
    """Calls of one layer that belong together: layers of equal depth are called in an order that is no one's promise."""
    left = list(own)
    for theirs in their:
        nearest = min(range(len(left)), key=lambda n: _apart(left[n], theirs))
        yield left.pop(nearest), theirs


def _apart(mine: Call, theirs: Call) -> float:
    if [state.shape for state in mine] != [state.shape for state in theirs]:
        return float("inf")
    with np.errstate(invalid="ignore"):
        apart = max((float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(mine, theirs, strict=True)), default=0.0)
    return apart if np.isfinite(apart) else float("inf")


def _named(name: str, mine: Call, theirs: Call) -> Iterator[tuple[str, Array, Array]]:
    if len(mine) != len(theirs):
        raise UserError(f"{name}: expected the source's {len(theirs)} states. Received: {len(mine)}")
    for n, (own, their) in enumerate(zip(mine, theirs, strict=True)):
        yield f"{name}: state {n + 1} of {len(mine)}" if len(mine) > 1 else f"{name}: state", own, their

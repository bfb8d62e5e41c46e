"""Recurrent layers with what stands before, between and behind them, from any framework: only arrays and names.

Every reader returns a `Network`, every writer takes one; `building` and `keras_model` convert it to and from Keras models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import counted, several
from gru_tf.interchange.parts import Linear, Part
from gru_tf.recurrent.gates import GateWeights

__all__ = ["STATES", "Linear", "Network", "Part", "Recurrent"]

STATES = {"gru": ("h",), "rnn": ("h",), "lstm": ("h", "c")}


@dataclass(frozen=True, eq=False)
class Recurrent:
    """One recurrent layer.

    Args:
        forward: weights of the direction that reads from the first step on; the only weights of a layer with `reverse`.
        backward: weights of the other direction, whose outputs follow the forward ones in each step; None without one.
        reverse: whether its only direction reads from the last step on; outputs stay at their steps.
        activation: of the candidate, or of a plain RNN's state, by Keras' name.
        recurrent_activation: of the gates.
        name: in the source, for messages.
        initial: states that it begins with where none are given, learned with the weights: each (H,), forward before
            backward, h before c; none where it begins with zeros.
        after: between it and the next recurrent layer.
    """

    forward: GateWeights
    backward: GateWeights | None = None
    reverse: bool = False
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    name: str = ""
    initial: tuple[Array, ...] = ()
    after: tuple[Part, ...] = ()

    @property
    def directions(self) -> tuple[GateWeights, ...]:
        """One or two, forward first."""
        return (self.forward,) if self.backward is None else (self.forward, self.backward)

    @property
    def width(self) -> int:
        """Of a step's output: H, or 2H."""
        return sum(gates.units for gates in self.directions)


@dataclass(frozen=True, eq=False)
class Network:
    """An embedding, recurrent layers, a head, and what stands before and between them.

    Args:
        layers: from the first to the last, at least one.
        embedding: (tokens, width), of a network that reads token numbers; None where it reads arrays.
        head: behind the last recurrent layer, one after the other.
        every_step: whether there is an output for each step, or one from each direction's last step.
        masked: whether it takes a mask of the real steps, (batch, T), right-padded.
        scale: factor of its input.
        source: framework and format, for messages and the record, e.g. "PyTorch state_dict".
        before: between embedding or input and the first recurrent layer.
    """

    layers: tuple[Recurrent, ...]
    embedding: Array | None = None
    head: tuple[Part, ...] = ()
    every_step: bool = True
    masked: bool = False
    scale: float = 1.0
    source: str = ""
    before: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together; raises ValueError with the part, what was expected and received."""
        if not self.layers:
            raise ValueError("expected at least one recurrent layer. Received: none")
        if self.layers[-1].after:
            raise ValueError("expected what stands behind the last recurrent layer in the head. Received: in the layer")
        chain = _Chain(self.features, "the input")
        if self.embedding is not None:
            chain = _Chain(self.embedding.shape[1], "the embedding")
        for part in self.before:
            chain = chain.followed_by(part)
        for layer in self.layers:
            for gates in layer.directions:
                chain.check(layer.name, gates.features)
            _check_initial(layer)
            chain = _Chain(layer.width, layer.name)
            for part in layer.after:
                chain = chain.followed_by(part)
        for part in self.head:
            chain = chain.followed_by(part)

    @property
    def features(self) -> int:
        """Features of the input at each step, of the embedding's rows where there is one."""
        widths = (part.takes for part in self.before if part.takes is not None)
        return next(widths, self.layers[0].forward.features)

    @property
    def outputs(self) -> int:
        """Width of the output."""
        widths = (part.gives for part in reversed(self.head) if part.gives is not None)
        return next(widths, self.layers[-1].width)

    @property
    def tokens(self) -> int | None:
        """How many tokens the embedding has; None where the network reads arrays."""
        return None if self.embedding is None else int(self.embedding.shape[0])

    @property
    def linear_head(self) -> tuple[Linear, ...]:
        """The head as linear layers alone.

        Raises:
            ValueError: where there is more: parts before or between the layers, in the head, or learned initial states.
        """
        others = [*self.before, *(part for layer in self.layers for part in layer.after), *self.head]
        names = [
            part.name or type(part).__name__ for part in others if part not in self.head or not isinstance(part, Linear)
        ]
        names += [f"initial states of {layer.name or 'a layer'}" for layer in self.layers if layer.initial]
        if names:
            expected = "an embedding, recurrent layers and linear layers behind them"
            raise ValueError(f"expected {expected}. Received also: {several(names)}")
        return tuple(part for part in self.head if isinstance(part, Linear))

    def chain(self) -> Iterator[str]:
        """What it computes with, in order, by the source's names: "embedding", "rnn.l0", "relu", "fc"."""
        if self.embedding is not None:
            yield "embedding"
        yield from (_title(part, "linear") for part in self.before)
        for layer in self.layers:
            yield f"{layer.name or layer.forward.cell}{' with learned initial states' if layer.initial else ''}"
            yield from (_title(part, "linear") for part in layer.after)
        if not self.every_step:
            yield "last step" if len(self.layers[-1].directions) == 1 else "last step of each direction"
        yield from (_title(part, "head") for part in self.head)

    def states(self) -> Iterator[tuple[str, int]]:
        """Name and units of each state, layer by layer, forward before backward, h before c: "layer0_forward_h"."""
        for n, layer in enumerate(self.layers):
            for gates, direction in zip(layer.directions, ("forward", "backward"), strict=False):
                for state in STATES[gates.cell]:
                    yield f"layer{n}_{'backward' if layer.reverse else direction}_{state}", gates.units

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """All arrays, each with the source's name of its part: "rnn.l0: W_z", "head: kernel"."""
        if self.embedding is not None:
            yield "the embedding", self.embedding
        yield from _arrays(self.before)
        for n, layer in enumerate(self.layers):
            for gates, direction in zip(layer.directions, ("", ", backward"), strict=False):
                for name, block in gates.blocks.items():
                    yield f"{layer.name or f'layer {n}'}{direction}: {name}", block
            for state in layer.initial:
                yield f"{layer.name or f'layer {n}'}: initial state", state
            yield from _arrays(layer.after)
        yield from _arrays(self.head, "the head")


@dataclass(frozen=True)
class _Chain:
    """How far parts were put together: what comes next must take these features."""

    width: int
    name: str

    def check(self, name: str, takes: int | None) -> None:
        if takes not in (None, self.width):
            width = counted(self.width, "feature")
            expected = f"{name or 'each layer'} to take the {width} that {self.name or 'the layer before'} gives"
            raise ValueError(f"expected {expected}. Received: {takes}")

    def followed_by(self, part: Part) -> "_Chain":
        self.check(part.name, part.takes)
        return self if part.gives is None else _Chain(part.gives, part.name)


def _check_initial(layer: Recurrent) -> None:
    units = [gates.units for gates in layer.directions for _ in STATES[gates.cell]]
    shapes = [state.shape for state in layer.initial]
    if layer.initial and shapes != [(n,) for n in units]:
        expected = f"initial states of {layer.name or 'a layer'} of shapes {', '.join(f'({n},)' for n in units)}"
        raise ValueError(f"expected {expected}. Received: {', '.join(map(str, shapes))}")


def _title(part: Part, unnamed: str) -> str:
    return part.name or unnamed


def _arrays(parts: Sequence[Part], unnamed: str = "a linear layer") -> Iterator[tuple[str, Array]]:
    for part in parts:
        for name, array in part.arrays():
            yield f"{_title(part, unnamed)}: {name}", array

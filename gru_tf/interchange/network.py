"""A stack of recurrent layers with its embedding and head, from any framework: only arrays and names.

Every reader returns a `Network`, every writer takes one; `building` and `keras_model` convert it to and from Keras models.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import counted
from gru_tf.recurrent.gates import GateWeights

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
    """

    forward: GateWeights
    backward: GateWeights | None = None
    reverse: bool = False
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    name: str = ""

    @property
    def directions(self) -> tuple[GateWeights, ...]:
        """One or two, forward first."""
        return (self.forward,) if self.backward is None else (self.forward, self.backward)

    @property
    def width(self) -> int:
        """Of a step's output: H, or 2H."""
        return sum(gates.units for gates in self.directions)


@dataclass(frozen=True, eq=False)
class Linear:
    """A dense layer without activation: x kernel + bias.

    Args:
        kernel: (I, O).
        bias: (O,), or None.
        name: in the source.
    """

    kernel: Array
    bias: Array | None = None
    name: str = ""


@dataclass(frozen=True, eq=False)
class Network:
    """An embedding, recurrent layers, a linear head.

    Args:
        layers: from the first to the last, at least one.
        embedding: (tokens, width), of a network that reads token numbers; None where it reads arrays.
        head: linear layers on top, one after the other.
        every_step: whether there is an output for each step, or one from each direction's last step.
        masked: whether it takes a mask of the real steps, (batch, T), right-padded.
        scale: factor of its input.
        source: framework and format, for messages and the record, e.g. "PyTorch state_dict".
    """

    layers: tuple[Recurrent, ...]
    embedding: Array | None = None
    head: tuple[Linear, ...] = ()
    every_step: bool = True
    masked: bool = False
    scale: float = 1.0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together; raises ValueError with the part, what was expected and received."""
        if not self.layers:
            raise ValueError("expected at least one recurrent layer. Received: none")
        width, before = self.features, "the input"
        if self.embedding is not None and self.embedding.shape[1] != width:
            raise ValueError(_misfit("the embedding", self.layers[0].name, self.embedding.shape[1], width))
        for layer in self.layers:
            for gates in layer.directions:
                if gates.features != width:
                    raise ValueError(_misfit(before, layer.name, width, gates.features))
            width, before = layer.width, layer.name
        for linear in self.head:
            if linear.kernel.shape[0] != width:
                raise ValueError(_misfit(before, linear.name, width, linear.kernel.shape[0]))
            width, before = linear.kernel.shape[1], linear.name

    @property
    def features(self) -> int:
        """Features that the first recurrent layer reads at each step."""
        return self.layers[0].forward.features

    @property
    def outputs(self) -> int:
        """Width of the output."""
        return int(self.head[-1].kernel.shape[1]) if self.head else self.layers[-1].width

    @property
    def tokens(self) -> int | None:
        """How many tokens the embedding has; None where the network reads arrays."""
        return None if self.embedding is None else int(self.embedding.shape[0])

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
        for n, layer in enumerate(self.layers):
            for gates, direction in zip(layer.directions, ("", ", backward"), strict=False):
                for name, block in gates.blocks.items():
                    yield f"{layer.name or f'layer {n}'}{direction}: {name}", block
        for linear in self.head:
            yield f"{linear.name or 'the head'}: kernel", linear.kernel
            if linear.bias is not None:
                yield f"{linear.name or 'the head'}: bias", linear.bias


def _misfit(before: str, name: str, gives: int, takes: int) -> str:
    expected = f"{name or 'each layer'} to take the {counted(gives, 'feature')} that {before or 'the layer before'} gives"
    return f"expected {expected}. Received: {takes}"

"""The layers around a checkpoint's cells by the names of their variables, and the nodes of its graph that compute them."""

from dataclasses import dataclass

from gru_tf.interchange.parts import Activation


@dataclass(frozen=True)
class NamedLinear:
    """A linear layer, and what follows it: names of its kernel and bias, the node that gives its result."""

    kernel: str
    bias: str | None
    node: str
    after: tuple[Activation, ...] = ()


@dataclass(frozen=True)
class PlacedLayers:
    """What a graph computes with the variables.

    Args:
        table: of the embedding, "" for none.
        lookup: the node that reads the table, "" for none.
        first: activations right behind the input or the embedding.
        before: linear layers before the cells.
        behind: activations right behind the cells.
        head: linear layers behind the cells.
        ends: nodes that give the output, the last one first; none without linear layers behind the cells.
        entry: the node of the first layer.
        cells: nodes that use the last layer's kernel.
    """

    table: str
    lookup: str
    first: tuple[Activation, ...]
    before: tuple[NamedLinear, ...]
    behind: tuple[Activation, ...]
    head: tuple[NamedLinear, ...]
    ends: tuple[str, ...]
    entry: str
    cells: tuple[str, ...]

"""A PyTorch state_dict as a network: names and arrays, without PyTorch.

A state_dict does not record a plain RNN's nonlinearity, whether every step is read or the last, or what the program does
between embedding, stack and heads. These are options, or assumptions that are listed in the notes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Network
from gru_tf.interchange.pytorch import around_stack, matrices, stacks
from gru_tf.interchange.pytorch.around_stack import AroundStack
from gru_tf.interchange.pytorch.stacks import ACTIVATIONS, TITLES, LoadedStack
from gru_tf.interchange.tensor import Tensor

SOURCE = "PyTorch state_dict"
BETWEEN = (
    "a state_dict does not record operations between embedding, stack and head, such as activations and normalisation;"
    " none are applied"
)


@dataclass(frozen=True)
class StateDictOptions:
    """What a state_dict does not record, and which of its parts are meant if there are several.

    Args:
        prefix: of the stack, if there are several.
        embedding: its key, False for none, None to find it.
        head: its key, or several from the lowest on; False for none, None to find it.
        every_step: whether the output has every step, or each direction's last.
        activation: of a plain RNN, "tanh" (None) or "relu".
        masked: whether the sequences of a batch differ in length.
        leave_out: keys or modules that are no part of the network, though their shapes might fit.
    """

    prefix: str | None = None
    embedding: str | bool | None = None
    head: str | Sequence[str] | bool | None = None
    every_step: bool = True
    activation: str | None = None
    masked: bool = False
    leave_out: Sequence[str] = ()


DEFAULTS = StateDictOptions()


@dataclass(frozen=True, eq=False)
class StateDictNetwork:
    """What a state_dict holds.

    Args:
        network: as arrays.
        stacks: its stacks, one after the other, with the arrays as PyTorch has them.
        around: the embedding and heads around them.
        notes: sentences on what was assumed and what was not read.
    """

    network: Network
    stacks: tuple[LoadedStack, ...]
    around: AroundStack
    notes: tuple[str, ...]


def read(entries: Mapping[str, Tensor], options: StateDictOptions = DEFAULTS) -> StateDictNetwork:
    """The network in a state_dict.

    Args:
        entries: of the state_dict, by key.
        options: what it does not record.

    Raises:
        UserError: see `gru_tf.interchange.pytorch.stacks` and `around_stack`.
    """
    activation = options.activation
    candidates = stacks.find(entries)
    chosen = stacks.choose(candidates, options.prefix, entries)
    _check_activation(activation)
    loaded = tuple(stacks.load(stack, activation or "tanh") for stack in chosen)
    plain = any(stack.cell == "rnn" for stack in loaded)
    if activation == "relu" and not plain:
        cells = " and ".join(sorted({TITLES[stack.cell] for stack in loaded}))
        place = option_names.where("activation")
        raise UserError(f"{place}: expected 'tanh' with {cells}. Received: 'relu', which only torch.nn.RNN has")
    widths = loaded[0].features, loaded[-1].units * loaded[-1].stack.directions
    others = [stack for stack in candidates.values() if stack not in chosen]
    around = around_stack.find(
        entries, chosen, others, widths, embedding=options.embedding, head=options.head, leave_out=options.leave_out
    )
    layers = tuple(layer for stack in loaded for layer in stack.layers)
    table = around.embedding.weight.array() if around.embedding else None
    heads = tuple(matrix.linear() for matrix in around.heads)
    network = Network(layers, table, heads, options.every_step, options.masked, source=SOURCE)
    return StateDictNetwork(network, loaded, around, tuple(_notes(around, plain and activation is None, len(loaded) > 1)))


def _check_activation(activation: str | None) -> None:
    if activation not in (None, *ACTIVATIONS):
        near = did_you_mean(str(activation), ACTIVATIONS)
        place = option_names.where("activation")
        raise UserError(f"{place}: expected 'tanh' or 'relu', as in torch.nn.RNN.{near} Received: {activation!r}")


def _notes(around: AroundStack, tanh_assumed: bool, joined: bool) -> Iterator[str]:
    if tanh_assumed:
        override = option_names.called("activation", "relu")
        yield f"a state_dict does not record an RNN's nonlinearity: tanh is assumed (override with {override})"
    if around.embedding or around.heads or joined:
        yield BETWEEN
    if around.left_out:
        yield f"left out of the model and of the comparison: {several(matrices.list_entries(around.left_out), 4)}"

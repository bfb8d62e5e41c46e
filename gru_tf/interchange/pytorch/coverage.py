"""What a comparison of a PyTorch state_dict covers, in words, and what it does not."""

from collections.abc import Iterator, Mapping, Sequence

from gru_tf.foundation.errors import several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Network
from gru_tf.interchange.pytorch.arrangement import Element
from gru_tf.interchange.pytorch.initial_states import InitialStates
from gru_tf.interchange.pytorch.matrices import Matrix
from gru_tf.interchange.pytorch.norms import Norm
from gru_tf.interchange.pytorch.options import StateDictOptions
from gru_tf.interchange.pytorch.stacks import LoadedStack


def scope(network: Network, embedding: Matrix | None) -> str:
    """What is compared: all parts in order, by the file's names."""
    parts = list(network.chain())
    if embedding is not None:
        parts[0] = embedding.name
    return f"{' → '.join(parts)}, with nothing else between them"


def uncovered(
    options: StateDictOptions,
    elements: Sequence[Element],
    initial: Mapping[str, InitialStates],
    excluded: Sequence[str],
    concluded: str,
) -> Iterator[str]:
    """Phrases on what the file does not record and what was not read: no comparison with it detects these."""
    stacks = [element for element in elements if isinstance(element, LoadedStack)]
    if not options.order and not options.between:
        yield f"other operations, which the file does not record ({option_names.called('between')} states them)"
    if options.activation is None and any(stack.cell == "rnn" for stack in stacks):
        override = option_names.called("activation", "relu")
        yield f"the RNN's nonlinearity, which is taken for tanh ({override} for the other)"
    cells = [stack.stack.title for stack in stacks if not stack.stack.suffixed]
    if cells:
        yield f"what the program does with the states of {several(cells)} from step to step"
    normalisations = [f"{element.name} {element.epsilon:g}" for element in elements if isinstance(element, Norm)]
    if normalisations:
        yield f"epsilons, which are taken for {', '.join(normalisations)}"
    for stack in stacks:
        if states := initial.get(stack.stack.prefix):
            keys = " and ".join(tensor.key for tensor in states.entries())
            yield f"what the program does with {keys} before {stack.stack.title} begins with them"
    if excluded:
        yield f"left out: {several(excluded, 4)}"
    if concluded:
        yield concluded

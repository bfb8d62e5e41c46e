"""A checkpoint with its graph: the options that were given must agree with it, and its numbers are what is verified."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import before_stack, chain, option_names
from gru_tf.interchange.network import Network, Part
from gru_tf.interchange.source import BATCHES, LENGTHS, Computation, ForeignModel, Framework, NotComputable
from gru_tf.interchange.tensorflow import tf1_ends, tf1_program, tf1_running
from gru_tf.interchange.tensorflow.graph.flow import Flow
from gru_tf.interchange.tensorflow.tf1_checkpoint import FRAMEWORK, Given, Tf1Checkpoint, repeated
from gru_tf.interchange.tensorflow.tf1_flow import Tf1Flow
from gru_tf.interchange.tensorflow.tf1_operations import ACTIVATIONS
from gru_tf.interchange.tensorflow.tf1_placed import NamedLinear, PlacedLayers
from gru_tf.interchange.tensorflow.tf1_program import Read


def read(checkpoint: Tf1Checkpoint, given: Given, flow: Flow) -> ForeignModel:
    """The network that the graph computes.

    Args:
        checkpoint: its variables.
        given: options.
        flow: of the graph.

    Raises:
        UserError: where the graph computes something else than a network, or than the options say.
        NotFollowedError: where the graph has operations that are not known.
    """
    where, others = checkpoint.where, checkpoint.others
    left_out = before_stack.keys_left_out(given.leave_out, list(others), between="/")
    kernels = [name for name, shape in others.items() if len(shape) == 2 and name not in left_out]
    own = Tf1Flow(flow, checkpoint.stack, kernels, where)
    heads = None if given.heads is None else [name for name in given.heads if name in others or not _is_activation(name)]
    placed = own.place(given.embedding, heads)
    _check_given(placed, given, where)
    known = {*checkpoint.arrays, *_names(placed)}
    if missed := tf1_ends.variables_missed(own, placed, known):
        expected = "its graph (.meta) to compute with the cells, an embedding and linear layers only"
        raise UserError(f"{where}: expected {expected}. Received: {several(missed)} too, which is not read or left out")
    fixed = [given.forget_bias] if given.forget_bias is not None else tf1_program.forget_biases(flow)
    if not any(cell.forget_bias for layer in checkpoint.stack.layers for cell in layer):
        fixed = [0.0]
    activations = [given.activation] if given.activation else tf1_program.cell_activations(flow)
    program = tf1_program.read(
        own, placed, _builder(checkpoint), checkpoint.get, fixed, activations, heads is None, given.masked
    )
    if program.behind and given.head is None and not left_out and not _only_activations(program):
        kernels = [step.kernel for step in placed.head]
        choice = repeated("head", kernels) if kernels else option_names.called("head", False)
        expected = f"nothing but a loss behind the layers of its graph (.meta), or {choice} for these alone"
        raise UserError(f"{where}: expected {expected}. Received: {several(program.behind, 4)}")
    network = replace(
        program.network,
        every_step=program.network.every_step if given.every_step is None else given.every_step,
        masked=given.masked,
    )
    left = sorted({name for name in others if name not in known} | left_out)
    batches, lengths = ((only,) if only else usual for only, usual in _sizes(program))
    return ForeignModel(
        network,
        FRAMEWORK,
        _framework(checkpoint, program, network),
        tuple(_notes(checkpoint, program)),
        lengths=lengths,
        batches=batches,
        scope=" → ".join(network.chain()),
        uncovered=tuple(_uncovered(program, left)),
    )


def _sizes(program: Read) -> tuple[tuple[int | None, tuple[int, ...]], ...]:
    return (program.layout.batch, BATCHES), (program.layout.steps, LENGTHS)


def _only_activations(program: Read) -> bool:
    """Whether what is behind the output are activations of it beside a loss, as probabilities beside a cross entropy."""
    known = [*ACTIVATIONS, "ArgMax"]
    return bool(program.network.head) and all(name.endswith(tuple(f"({op})" for op in known)) for name in program.behind)


def _names(placed: PlacedLayers) -> Iterator[str]:
    yield from [placed.table] if placed.table else []
    for step in (*placed.before, *placed.head):
        yield from (name for name in (step.kernel, step.bias) if name)


def _is_activation(name: str) -> bool:
    try:
        chain.activation(chain.parse(name, "head")[0], (), "head")
    except UserError:
        return False
    return True


def _check_given(placed: PlacedLayers, given: Given, where: str) -> None:
    """Refuse layers and activations that are given and are others than those of the graph."""
    places = (("before", given.befores, placed.first, placed.before), ("head", given.heads, placed.behind, placed.head))
    for option, names, first, steps in places:
        in_graph = [each.name for each in first]
        for step in steps:
            in_graph += [step.kernel, *(each.name for each in step.after)]
        kernels = [step.kernel for step in steps]
        own = [name for name in names or () if name in kernels or not _is_activation(name)]
        if names is not None and list(names) != in_graph and (own != kernels or list(names) != own):
            expected = f"{option_names.called(option)} as in its graph (.meta): {several(in_graph) or 'none'}"
            raise UserError(f"{where}: expected {expected}. Received: {several(names) or 'none'}")


def _builder(checkpoint: Tf1Checkpoint) -> Callable[[PlacedLayers, float, str, bool], Network]:
    def parts(first: Sequence[Part], steps: Sequence[NamedLinear]) -> list[Part]:
        joined = list(first)
        for each in steps:
            joined += [checkpoint.linear(each.kernel, each.bias), *each.after]
        return joined

    def build(placed: PlacedLayers, forget_bias: float, activation: str, every_step: bool) -> Network:
        table = checkpoint.get(placed.table) if placed.table else None
        before, head = parts(placed.first, placed.before), parts(placed.behind, placed.head)
        return checkpoint.network(checkpoint.layers(forget_bias, activation), table, before, head, every_step, False)

    return build


def _framework(checkpoint: Tf1Checkpoint, program: Read, network: Network) -> Framework:
    """Outputs of the graph, and states of TensorFlow's kernels; of these also outputs that the graph does not have."""
    kernels = tf1_running.framework(checkpoint.stack, checkpoint.arrays, network, program.forget_bias, program.activation)
    if network.masked or network.every_step != program.network.every_step:
        return kernels

    def start() -> tuple[str, Computation] | None:
        if (by_kernels := kernels()) is None:
            raise NotComputable(
                "its graph gave the same output when it was read, and no kernel of TensorFlow has such cells"
            )
        name, run = by_kernels

        def with_graph(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
            return program.run(np.asarray(inputs)), run(inputs, lengths)[1]

        return f"its own graph and {name}", with_graph

    return start


def _uncovered(program: Read, left: Sequence[str]) -> Iterator[str]:
    yield from program.others
    if program.behind:
        yield f"{several(program.behind, 4)}, which the graph computes from the output"
    if left:
        yield f"what was left out: {several(left)}"


def _notes(checkpoint: Tf1Checkpoint, program: Read) -> Iterator[str]:
    where = f"output {program.end}"
    yield f"the order of its layers is that of its graph (.meta), which gives the same numbers as the model ({where})"
    if any(cell.forget_bias for layer in checkpoint.stack.layers for cell in layer):
        yield f"{program.forget_bias:g} is added to the forget gates' biases, as the graph does"
    if program.activation != "tanh":
        yield f"the cells' activation is {program.activation}, as in the graph"
    if program.one_hot:
        yield "the graph reads token numbers and makes one-hot arrays of them, the model reads those arrays"
    if program.layout.time_first:
        yield "the graph takes the steps as the first axis, the model as the second"

"""Checkpoints of TensorFlow 1, of networks made of `rnn_cell` cells: variables are recognized by their names.

A checkpoint contains variables and no program. What only the program states is an option here: the forget bias that LSTM
cells add while they run, an activation other than tanh, the order of scopes, which outputs are read. Wrappers without
variables (dropout, residual connections) leave no trace in it.
"""

from collections.abc import Sequence
from pathlib import Path

from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.source import ForeignModel
from gru_tf.interchange.tensorflow import (
    saved_model_file,
    tf1_around_stack,
    tf1_file,
    tf1_flow,
    tf1_program,
    tf1_running,
    tf1_unrecorded,
    tf1_with_graph,
)
from gru_tf.interchange.tensorflow.tf1_around_stack import Tf1AroundStack
from gru_tf.interchange.tensorflow.tf1_cells import Tf1Stack, find_stack
from gru_tf.interchange.tensorflow.tf1_checkpoint import FRAMEWORK, Given, Tf1Checkpoint, repeated


def read(
    path: Path | str,
    *,
    scopes: Sequence[str] = (),
    forget_bias: float | None = None,
    activation: str | None = None,
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
    every_step: bool | None = None,
    masked: bool = False,
    leave_out: Sequence[str] = (),
    before: str | Sequence[str] | None = None,
) -> ForeignModel:
    """Read the network in a checkpoint.

    Where its graph (.meta) lies beside it, what is not given here is read from the graph, and what is given must agree.

    Args:
        path: its prefix, such as "model.ckpt-1000", one of its files, or its folder, whose newest checkpoint is read.
        scopes: of the recurrent layers, from the first to the last, if there are cells in several scopes.
        forget_bias: added to the forget gate by the program; None: 1, the default of LSTM cells.
        activation: of the cells; None: tanh.
        embedding: the variable with a row for each token, (tokens, width); False: none; None: the one with such a name.
        head: kernels of the linear layers on top, (I, O), and activations, in order, as in ("w1", "relu", "w2"); False:
            none; None: those whose names and shapes fit.
        every_step: whether the output is for each step, or for the last one; None: for each.
        masked: whether the model takes a mask of the real steps.
        leave_out: variables or scopes that are not part of the network, though their shapes would fit.
        before: the same for those before the cells.

    Raises:
        UserError: for a file that is not a complete checkpoint, variables that are missing or do not fit, cells with
            peepholes or projections, a kernel whose place is not known, or a graph that computes something else; the
            message names them.
    """
    prefix, variables, get = tf1_file.open_checkpoint(Path(path))
    where = prefix.parent.parent.name if saved_model_file.folder_of(prefix) else prefix.name
    flow = tf1_program.flow_of(prefix)
    own = tf1_file.without_optimizers(variables)
    stack = find_stack(own, scopes, where, tf1_flow.order(flow))
    arrays = {name: get(name) for layer in stack.layers for cell in layer for name in cell.variables.values()}
    others = {name: shape for name, shape in own.items() if name not in arrays and tf1_file.is_weight(name, shape)}
    checkpoint = Tf1Checkpoint(where, stack, arrays, others, get)
    given = Given(forget_bias, activation, embedding, head, every_step, masked, leave_out, before)
    if flow is None:
        return _by_names(checkpoint, given)
    try:
        with tf1_program.hostile(where):
            return tf1_with_graph.read(checkpoint, given, flow)
    except tf1_program.NotFollowedError as error:  # its graph computes more than names would tell
        advice = "without the .meta file beside it, the checkpoint is read by names and shapes"
        raise UserError(f"{error}; {advice}") from None


def _by_names(checkpoint: Tf1Checkpoint, given: Given) -> ForeignModel:
    """The network of a checkpoint without a graph."""
    stack, arrays, get, where = checkpoint.stack, checkpoint.arrays, checkpoint.get, checkpoint.where
    added = 1.0 if given.forget_bias is None else given.forget_bias
    activation, every_step = given.activation or "tanh", given.every_step is not False
    layers = checkpoint.layers(added, activation)
    around = tf1_around_stack.find(checkpoint.others, given, (layers[0].forward.features, layers[-1].width), where)
    network = checkpoint.network(
        layers,
        get(around.table) if around.table else None,
        [checkpoint.part(each) for each in around.before],
        [checkpoint.part(each) for each in around.linear],
        every_step,
        given.masked,
    )
    return ForeignModel(
        network,
        FRAMEWORK,
        tf1_running.framework(stack, arrays, network, added, activation),
        tuple(_warnings(stack, around)),
        scope=f"{' → '.join(network.chain())}, with nothing else between them",
        uncovered=tuple(tf1_unrecorded.phrases(checkpoint, layers, given, around)),
    )


def _warnings(stack: Tf1Stack, around: Tf1AroundStack) -> list[str]:
    """What was done about what the file does not state."""
    notes = []
    if stack.separate:
        notes.append("each direction reads only its own direction below: weights for the other are zeros, and are trained")
    if around.before and not any(isinstance(each, Activation) for each in around.before):
        names = [each[0] for each in around.before if not isinstance(each, Activation)]
        option = repeated("before", [*names, "relu"])
        notes.append(f"before the cells: {several(names)}, without an activation behind it; give {option} for a ReLU")
    return notes

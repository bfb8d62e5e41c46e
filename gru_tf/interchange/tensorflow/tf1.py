"""Checkpoints of TensorFlow 1, of networks made of `rnn_cell` cells: variables are recognized by their names.

A checkpoint contains variables and no program. What only the program states is an option here: the forget bias that LSTM
cells add while they run, an activation other than tanh, the order of scopes, which outputs are read. Wrappers without
variables (dropout, residual connections) leave no trace in it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.interchange.source import ForeignModel
from gru_tf.interchange.tensorflow import tf1_around_stack, tf1_file, tf1_running
from gru_tf.interchange.tensorflow.tf1_around_stack import Tf1AroundStack
from gru_tf.interchange.tensorflow.tf1_cells import Cell, Tf1Stack, find_stack
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates import GateWeights

FRAMEWORK = "TensorFlow 1 checkpoint"


def read(
    path: Path | str,
    *,
    scopes: Sequence[str] = (),
    forget_bias: float = 1.0,
    activation: str = "tanh",
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
    every_step: bool = True,
    masked: bool = False,
    leave_out: Sequence[str] = (),
) -> ForeignModel:
    """Read the network in a checkpoint.

    Args:
        path: its prefix, such as "model.ckpt-1000", one of its files, or its folder, whose newest checkpoint is read.
        scopes: of the recurrent layers, from the first to the last, if there are cells in several scopes.
        forget_bias: added to the forget gate by the program; 1 is the default of LSTM cells.
        activation: of the cells.
        embedding: the variable with a row for each token, (tokens, width); False: none; None: the one with such a name.
        head: kernels of the linear layers on top, (I, O), in order; False: none; None: those whose shapes fit.
        every_step: whether the output is for each step, or for the last one.
        masked: whether the model takes a mask of the real steps.
        leave_out: variables or scopes that are not part of the network, though their shapes would fit.

    Raises:
        UserError: for a file that is not a complete checkpoint, variables that are missing or do not fit, cells with
            peepholes or projections, a kernel that could come before the cells, or where several variables fit; the
            message names them.
    """
    where, variables, get = tf1_file.open_checkpoint(Path(path))
    own = tf1_file.without_optimizers(variables)
    stack = find_stack(own, scopes, where)
    arrays = {name: get(name) for layer in stack.layers for cell in layer for name in cell.variables.values()}
    layers = _layers(stack, arrays, forget_bias, activation, where)
    others = {name: shape for name, shape in own.items() if name not in arrays and tf1_file.is_weight(name, shape)}
    widths = layers[0].forward.features, layers[-1].width
    around = tf1_around_stack.find(others, embedding, head, leave_out, widths, where)
    try:
        network = Network(
            tuple(layers),
            get(around.table) if around.table else None,
            tuple(Linear(get(name), get(bias) if bias else None, name) for name, bias in around.linear),
            every_step,
            masked,
            source=FRAMEWORK,
        )
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    warnings = tuple(_warnings(stack, layers, forget_bias, around))
    return ForeignModel(network, FRAMEWORK, tf1_running.framework(stack, arrays, network, forget_bias, activation), warnings)


def _layers(stack: Tf1Stack, arrays: Mapping[str, Array], added: float, activation: str, where: str) -> list[Recurrent]:
    layers: list[Recurrent] = []
    for n, cells in enumerate(stack.layers):
        try:
            weights = [_gates(cell, arrays, added) for cell in cells]
        except ValueError as error:
            raise UserError(f"{where}: {cells[0].path}: {error}") from None
        if stack.separate and n:
            weights = _widened(weights, layers[-1], cells, where)
        kind = cells[0].kind
        if any(cell.kind != kind for cell in cells):
            raise UserError(
                f"{where}: {cells[1].path}: expected the kind of cell of {cells[0].path}. Received: {cells[1].kind}"
            )
        backward = weights[1] if len(weights) > 1 else None
        layers.append(Recurrent(weights[0], backward, activation=activation, name=cells[0].path))
    return layers


def _gates(cell: Cell, arrays: Mapping[str, Array], added: float) -> GateWeights:
    weights = gates.read({array: arrays[name] for array, name in cell.variables.items()}, f"tf1_{cell.kind}")
    return weights.with_forget_bias(added) if cell.forget_bias else weights


def _widened(weights: list[GateWeights], below: Recurrent, cells: Sequence[Cell], where: str) -> list[GateWeights]:
    """Weights for the features of both directions; zero for the other direction, which the source does not read."""
    widths = [direction.units for direction in below.directions]
    widened = []
    for n, (one, cell) in enumerate(zip(weights, cells, strict=True)):
        if one.features != widths[n]:
            expected = f"{cell.path}: expected {counted(widths[n], 'feature')}, from its own direction of the layer before"
            raise UserError(f"{where}: {expected}. Received: {one.features}")
        rows = [(0, widths[1]), (widths[0], 0)][n]
        blocks = {name: np.pad(block, (rows, (0, 0))) if name[0] == "W" else block for name, block in one.blocks.items()}
        widened.append(GateWeights(blocks, one.convention, one.reset_after, one.cell))
    return widened


def _warnings(stack: Tf1Stack, layers: Sequence[Recurrent], added: float, around: Tf1AroundStack) -> list[str]:
    """What the file does not state, and what was assumed."""
    notes = []
    if any(cell.forget_bias for layer in stack.layers for cell in layer):
        option, other = option_names.called("forget_bias", added), option_names.called("forget_bias")
        notes.append(
            f"{option} is added to the forget gates' biases, as TensorFlow 1 did at run time; the file does not state"
            f" the value: give {other} where the program had another"
        )
    if stack.separate:
        notes.append("each direction reads only its own direction below: weights for the other are zeros, and are trained")
    if any(layer.forward.features == layer.width for layer in layers):
        notes.append("a residual connection (ResidualWrapper) would leave no trace in the file; the model has none")
    if len(around.linear) > 1:
        notes.append(
            f"the {len(around.linear)} layers on top are linear: the file does not state whether there was an activation"
            " between them"
        )
    if around.left:
        notes.append(f"left out of the model and of the comparison: {several(sorted(around.left))}")
    return notes

"""Checkpoints of TensorFlow 1, of networks made of `rnn_cell` cells: variables found by their names.

A checkpoint holds variables and no program. What only the program says is given here: the forget bias that LSTM cells add
while they run, an activation other than tanh, the order of scopes, what is read at the end. Wrappers that have no
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
from gru_tf.interchange.tensorflow.tf1_around_stack import Around
from gru_tf.interchange.tensorflow.tf1_cells import Cell, Stack, stack
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
    """The network in a checkpoint.

    Args:
        path: its prefix, such as "model.ckpt-1000", one of its files, or its folder, whose newest is then read.
        scopes: where the recurrent layers are, from the first to the last, if there are cells in several scopes.
        forget_bias: what the program added to the forget gate; 1 where LSTM cells were told nothing else.
        activation: of the cells.
        embedding: the variable that token numbers are looked up in, (tokens, width); False: none; None: the one called so.
        head: kernels of the linear layers on top, (I, O), in their order; False: none; None: those whose shapes follow.
        every_step: whether the output is for each step, or for the last one.
        masked: whether it is told which steps are real.
        leave_out: variables or scopes that are no part of the network, though their shapes might be.

    Raises:
        UserError: for a file that is no whole checkpoint, variables that are missing or do not fit, cells with peepholes or
            projections, a kernel that could be in front of the cells, or where more than one variable could be meant; the
            message names them.
    """
    where, variables, get = tf1_file.opened(Path(path))
    own = tf1_file.networks_own(variables)
    found = stack(own, scopes, where)
    arrays = {name: get(name) for layer in found.layers for cell in layer for name in cell.variables.values()}
    layers = _layers(found, arrays, forget_bias, activation, where)
    left = {name: shape for name, shape in own.items() if name not in arrays and tf1_file.is_weight(name, shape)}
    widths = layers[0].forward.features, layers[-1].width
    around = tf1_around_stack.find(left, embedding, head, leave_out, widths, where)
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
    warnings = tuple(_warnings(found, layers, forget_bias, around))
    return ForeignModel(network, FRAMEWORK, tf1_running.framework(found, arrays, network, forget_bias, activation), warnings)


def _layers(found: Stack, arrays: Mapping[str, Array], added: float, activation: str, where: str) -> list[Recurrent]:
    layers: list[Recurrent] = []
    for n, cells in enumerate(found.layers):
        try:
            weights = [_gates(cell, arrays, added) for cell in cells]
        except ValueError as error:
            raise UserError(f"{where}: {cells[0].path}: {error}") from None
        if found.apart and n:
            weights = _reading_their_own(weights, layers[-1], cells, where)
        kind = cells[0].kind
        if any(cell.kind != kind for cell in cells):
            raise UserError(
                f"{where}: {cells[1].path}: expected the kind of cell of {cells[0].path}. Received: {cells[1].kind}"
            )
        backward = weights[1] if len(weights) > 1 else None
        layers.append(Recurrent(weights[0], backward, activation=activation, name=cells[0].path))
    return layers


def _gates(cell: Cell, arrays: Mapping[str, Array], added: float) -> GateWeights:
    found = gates.read({array: arrays[name] for array, name in cell.variables.items()}, f"tf1_{cell.kind}")
    return found.with_forget_bias(added) if cell.forget_bias else found


def _reading_their_own(weights: list[GateWeights], below: Recurrent, cells: Sequence[Cell], where: str) -> list[GateWeights]:
    """Each direction reads its own direction below: among the features of both, those of the other have weight zero."""
    widths = [direction.units for direction in below.directions]
    found = []
    for n, (one, cell) in enumerate(zip(weights, cells, strict=True)):
        if one.features != widths[n]:
            expected = f"{cell.path}: expected {counted(widths[n], 'feature')}, from its own direction of the layer before"
            raise UserError(f"{where}: {expected}. Received: {one.features}")
        rows = [(0, widths[1]), (widths[0], 0)][n]
        blocks = {name: np.pad(block, (rows, (0, 0))) if name[0] == "W" else block for name, block in one.blocks.items()}
        found.append(GateWeights(blocks, one.convention, one.reset_after, one.cell))
    return found


def _warnings(found: Stack, layers: Sequence[Recurrent], added: float, around: Around) -> list[str]:
    """What the file does not say, and how it was taken."""
    said = []
    if any(cell.forget_bias for layer in found.layers for cell in layer):
        option, other = option_names.called("forget_bias", added), option_names.called("forget_bias")
        said.append(
            f"{option} is added to the forget gates' biases, as TensorFlow 1 added it while it"
            f" ran; the file does not say how much: give {other} where the program said otherwise"
        )
    if found.apart:
        said.append(
            "each direction reads its own direction below alone: the weights of the other are zeros, and are trained"
        )
    if any(layer.forward.features == layer.width for layer in layers):
        said.append("a residual connection (ResidualWrapper) would leave no trace in the file; here there is none")
    if len(around.linear) > 1:
        said.append(
            f"the {len(around.linear)} layers on top are linear: the file does not say whether there was an activation"
            " between"
        )
    if around.left:
        said.append(f"left out, also of what was compared: {several(sorted(around.left))}")
    return said

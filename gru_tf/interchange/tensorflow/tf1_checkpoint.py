"""A TensorFlow 1 checkpoint whose cells are found, as layers and networks; and the options that the user gave."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted
from gru_tf.foundation.option_spelling import in_command
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Linear, Network, Part, Recurrent
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.tensorflow.tf1_cells import Cell, Tf1Stack
from gru_tf.interchange.tensorflow.tf1_file import Shapes
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates import GateWeights

FRAMEWORK = "TensorFlow 1 checkpoint"


@dataclass(frozen=True)
class Given:
    """The options of `tf1.read` as they were given, None where they were not."""

    forget_bias: float | None = None
    activation: str | None = None
    embedding: str | bool | None = None
    head: str | Sequence[str] | bool | None = None
    every_step: bool | None = None
    masked: bool = False
    leave_out: Sequence[str] = ()
    before: str | Sequence[str] | None = None

    @property
    def heads(self) -> tuple[str, ...] | None:
        """Names of the linear layers on top, none for False; None for those that fit."""
        return _names(None if self.head is True else self.head)

    @property
    def befores(self) -> tuple[str, ...] | None:
        """The same for those before the cells."""
        return _names(self.before)


def repeated(option: str, values: Sequence[str]) -> str:
    """An option with several values as it is given: "`head=['w1', 'w2']`", or "--head w1 --head w2"."""
    if not in_command():
        return option_names.called(option, list(values))
    return " ".join(option_names.called(option, value) for value in values)


def _names(given: str | Sequence[str] | bool | None) -> tuple[str, ...] | None:
    if given is None or given is False or given is True:
        return None if given is None else ()
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True, eq=False)
class Tf1Checkpoint:
    """A checkpoint.

    Args:
        where: its name, for messages.
        stack: the cells.
        arrays: their variables, by name.
        others: shapes of the other weights.
        get: reads a variable.
    """

    where: str
    stack: Tf1Stack
    arrays: Mapping[str, Array]
    others: Shapes
    get: Callable[[str], Array]

    def layers(self, forget_bias: float, activation: str) -> list[Recurrent]:
        """The recurrent layers; raises UserError where variables do not fit."""
        return _layers(self.stack, self.arrays, forget_bias, activation, self.where)

    def linear(self, kernel: str, bias: str | None) -> Linear:
        """A linear layer."""
        return Linear(self.get(kernel), self.get(bias) if bias else None, kernel)

    def part(self, item: tuple[str, str | None] | Activation) -> Part:
        """An activation as it is, or the linear layer of these variables."""
        return item if isinstance(item, Activation) else self.linear(*item)

    def network(
        self,
        layers: Sequence[Recurrent],
        embedding: Array | None,
        before: Sequence[Part],
        head: Sequence[Part],
        every_step: bool,
        masked: bool,
    ) -> Network:
        """The network of these; raises UserError where they do not fit together."""
        try:
            return Network(tuple(layers), embedding, tuple(head), every_step, masked, source=FRAMEWORK, before=tuple(before))
        except ValueError as error:
            raise UserError(f"{self.where}: {error}") from None


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

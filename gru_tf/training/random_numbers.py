"""What a network draws while it trains: the layers and cells that drop, and where their random numbers begin.

All of it is of the run's seed, so that the same run draws the same anywhere, and in its checkpoint, so that it goes on.
"""

from typing import Any

from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell  # Keras' cells and this project's, where they drop

from gru_tf.experiment.experiment import Run
from gru_tf.recurrent.cells import OF_ANY
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.training.network import dropouts

OF_CELLS = 128  # place of the first cell's random numbers, behind those of the layers that drop


def begin(model: Any, run: Run) -> None:
    """Set the rates of a network in training to the run's, and all its generators to where the run's seed begins."""
    # each step draws from (seed, count) and adds to count: generators that began 1 apart would repeat each other
    for index, layer in enumerate(_layers(model)):
        layer.rate.assign(getattr(run.model, dropouts.field_of(layer)))
        layer.seed_generator.state.assign([run.seed, index << 24])
    for index, cell in enumerate(_cells(model)):
        cell.seed_generator.state.assign([run.seed, (OF_CELLS + index) << 24])


def states(model: Any) -> list[Any]:
    """The variables of all generators that it draws from."""
    return [part.seed_generator.state for part in (*_layers(model), *_cells(model))]


def _layers(model: Any) -> list[Any]:
    """The layers whose rate is a variable."""
    return [layer for layer in model.layers if isinstance(layer, VariableDropout)]


def _cells(model: Any) -> list[Any]:
    """The cells that draw random numbers in training."""
    inside = model._flatten_layers()  # no public name gives the cells within layers
    cells = {id(layer): layer for layer in inside if isinstance(layer, DropoutRNNCell)}.values()
    return [cell for cell in cells if any(getattr(cell, rate, 0.0) for rate in ("dropout", *OF_ANY))]

"""Recurrent layers in one direction or two, as native GRU, LSTM and RNN nodes, whatever they return and begin with."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import keras

from gru_tf.interchange.network import STATES, Recurrent
from gru_tf.interchange.onnx.activations import WRITTEN
from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError
from gru_tf.interchange.onnx.export.layers.activation_functions import FUNCTIONS
from gru_tf.interchange.onnx.export.layers.masked_steps import MaskedSteps
from gru_tf.interchange.onnx.export.layers.recurrent_node import run
from gru_tf.interchange.onnx.export.layers.reshaping import reversed_steps
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall
from gru_tf.recurrent import gates
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.cells.gru_reset_before import GRUResetBeforeCell
from gru_tf.recurrent.cells.lstm import LSTMCell
from gru_tf.recurrent.cells.rnn import RNNCell
from gru_tf.recurrent.layers.bidirectional import Bidirectional
from gru_tf.recurrent.layers.gru import GRU
from gru_tf.recurrent.layers.lstm import LSTM
from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.recurrent.layers.simple_rnn import SimpleRNN

LAYERS = (keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN, keras.layers.RNN, RNN, GRU, LSTM, SimpleRNN)
CELLS = (
    keras.layers.GRUCell,
    keras.layers.LSTMCell,
    keras.layers.SimpleRNNCell,
    GRUCell,
    GRUResetBeforeCell,
    LSTMCell,
    RNNCell,
)
MERGED = {"sum": "Add", "mul": "Mul", "ave": "Add"}


def _one(graph: ModelGraph, call: LayerCall) -> list[str]:
    """A layer in one direction; over several cells, one node for each."""
    layer = call.operation
    cells = layer.cell.cells if type(layer.cell) is keras.layers.StackedRNNCells else [layer.cell]
    read = [_read(layer, cell) for cell in cells]
    initial: Sequence[list[str] | None] = _initial(graph, call, read) or [None] * len(cells)
    x, mask = _given(graph, call)
    states: list[str] = []
    for cell, one, before in zip(cells, read, initial, strict=True):
        begun = None if before is None else [before]
        (direction,) = run(graph, cell, one, x, begun, mask, bool(layer.zero_output_for_mask), isinstance(layer, RNN))
        x = direction.steps
        states += direction.states
    output = x if layer.return_sequences else direction.last
    output = reversed_steps(graph, output) if layer.go_backwards and layer.return_sequences else output
    return [output, *states] if layer.return_state else [output]


def _both(graph: ModelGraph, call: LayerCall) -> list[str]:
    layer = call.operation
    first, second = layer.forward_layer, layer.backward_layer
    if first.go_backwards or not second.go_backwards:
        raise NotExportedError("a forward layer that reads backwards")
    forward, backward = _read(first, first.cell), _read(second, second.cell)
    zeros, carries = zip(
        *((bool(each.zero_output_for_mask), isinstance(each, RNN)) for each in (first, second)), strict=True
    )
    initial = _initial(graph, call, [forward, backward])
    x, mask = _given(graph, call)
    if _alike(forward, backward) and zeros[0] == zeros[1] and carries[0] == carries[1]:
        joint = Recurrent(forward.forward, backward.forward, False, forward.activation, forward.recurrent_activation, "")
        directions = run(graph, layer, joint, x, initial, mask, zeros[0], carries[0])
    else:
        own = [None, None] if initial is None else [[states] for states in initial]
        parts = zip((first, second), (forward, backward), own, zeros, carries, strict=True)
        directions = [run(graph, each, read, x, states, mask, *rules)[0] for each, read, states, *rules in parts]
    outputs = _merged(graph, layer.merge_mode, [each.steps if layer.return_sequences else each.last for each in directions])
    return [*outputs, *(state for each in directions for state in each.states)] if layer.return_state else outputs


def _given(graph: ModelGraph, call: LayerCall) -> tuple[str, MaskedSteps | None]:
    """The sequences and the mask of a call."""
    mask = call.arguments.get("mask")
    x = graph.as_float(call.arguments["sequences"])
    return x, None if mask is None else MaskedSteps.from_mask(graph, keras.tree.flatten(mask)[0])


def _initial(graph: ModelGraph, call: LayerCall, parts: Sequence[Recurrent]) -> list[list[str]] | None:
    """The initial states of each direction, or each cell; None for zeros."""
    given = [each for each in keras.tree.flatten(call.arguments.get("initial_state")) if each is not None]
    if not given:
        return None
    counts = [len(STATES[part.forward.cell]) for part in parts]
    if len(given) != sum(counts):
        raise NotExportedError(f"expected {sum(counts)} initial states. Received: {len(given)}")
    names = iter([graph.as_float(each) for each in given])
    return [[next(names) for _ in range(count)] for count in counts]


def _read(layer: Any, cell: Any) -> Recurrent:
    """The weights and options of a cell in a layer; raises NotExportedError for others than ONNX has nodes for."""
    if type(layer) not in LAYERS:
        raise NotExportedError(f"{type(layer).__name__} is no GRU, LSTM or SimpleRNN")
    if type(cell) not in CELLS:
        kinds = "a cell that ONNX has: GRU, LSTM or plain RNN"
        raise NotExportedError(f"expected {kinds}. Received: {type(cell).__name__}")
    if by_steps := getattr(cell, "by_steps", ""):
        raise NotExportedError(f"{by_steps}, which this export has no node for")
    if layer.stateful:
        raise NotExportedError("stateful=True keeps states from call to call, and a file has none")
    activation, gate = (
        _name(cell.activation),
        _name(getattr(cell, "recurrent_activation", None) or keras.activations.sigmoid),
    )
    weights = gates.from_layer(cell)
    gate = "sigmoid" if weights.cell == "rnn" else gate
    return Recurrent(weights, None, bool(layer.go_backwards), activation, gate, "")


def _name(activation: Any) -> str:
    """The name of one of Keras' functions, or of this project's hard sigmoid."""
    if activation is None:
        return "linear"
    name = str(getattr(activation, "__name__", repr(activation)))
    if not callable(activation) or isinstance(activation, keras.layers.Layer) or activation not in FUNCTIONS:
        raise NotExportedError(f"the activation {name}, which ONNX export does not know")
    if name not in WRITTEN:
        raise NotExportedError(f"the activation {name}; a recurrent node of ONNX has one of {', '.join(WRITTEN)}")
    return name


def _alike(one: Recurrent, other: Recurrent) -> bool:
    """Whether both fit into one node."""

    def options(layer: Recurrent) -> tuple[Any, ...]:
        weights = layer.forward
        return weights.cell, weights.units, weights.reset_after, layer.activation, layer.recurrent_activation

    return options(one) == options(other)


def _merged(graph: ModelGraph, mode: str | None, outputs: Sequence[str]) -> list[str]:
    if mode is None:
        return list(outputs)
    if mode == "concat":
        return [graph.op("Concat", *outputs, axis=-1)]
    if mode not in MERGED:
        raise NotExportedError(f"merge_mode={mode!r}")
    total = reduce(lambda a, b: graph.op(MERGED[mode], a, b), outputs)
    return [graph.op("Div", total, graph.constant(2.0)) if mode == "ave" else total]


WRITERS = {**dict.fromkeys(LAYERS, _one), keras.layers.Bidirectional: _both, Bidirectional: _both}

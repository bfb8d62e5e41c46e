"""The layers of an imported model as rows of a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from gru_tf.interchange import building
from gru_tf.interchange.network import Network
from gru_tf.recurrent import kernel_path
from gru_tf.recurrent.layers.rnn import RNN


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    Args:
        layer: its name in the source.
        kind: "GRU", "Dense" and so on; "MGUCell" for `keras.layers.RNN` over this cell.
        directions: "forward", "backward" or "both"; empty where it is not recurrent.
        units: width of one direction's output, of a stack of each of its layers; None where it has no such number.
        parameters: how many.
        path: the implementation that a GPU would use; empty where it is not recurrent.
    """

    layer: str
    kind: str
    directions: str
    units: int | tuple[int, ...] | None
    parameters: int
    path: str


def rows(model: Any, network: Network | None) -> Iterator[LayerRow]:
    """Each layer with weights; named as in `network` where that is known."""
    masked = len(model.inputs) > 1
    names = iter([layer.name for layer in network.layers] if network else [])
    parts = building.names_of_parts(network) if network else {}
    for layer in model.layers:
        inner = getattr(layer, "forward_layer", layer)
        if isinstance(inner, keras.layers.RNN):
            yield _recurrent(layer, inner, next(names, "") or layer.name, masked)
        elif layer.weights:
            name = parts.get(layer.name) or layer.name
            units = getattr(layer, "units", getattr(layer, "output_dim", None))
            yield LayerRow(name, type(layer).__name__, "", units, layer.count_params(), "")


def _recurrent(layer: Any, inner: Any, name: str, masked: bool) -> LayerRow:
    path = kernel_path.find_path(layer, gpu=True, mask="right-padded" if masked else None, training=False, jit=False)
    implementation = "cuDNN" if path.name == "cudnn" else str(path)
    directions = "both" if inner is not layer else "backward" if layer.go_backwards else "forward"
    kind = type(inner.cell if type(inner) in (keras.layers.RNN, RNN) else inner).__name__  # RNN itself is named by its cell
    return LayerRow(name, kind, directions, _units(inner), layer.count_params(), implementation)


def _units(layer: Any) -> int | None:
    """Units of a recurrent layer, or of its cell as in `keras.layers.RNN`; None where there are several cells."""
    units = getattr(layer, "units", None)
    units = getattr(layer.cell, "units", None) if units is None else units
    return getattr(layer.cell, "projection", None) or units

"""Layers own time: a cell run over a sequence, stock or custom, in one or two directions; what lies between layers."""

from collections.abc import Mapping
from typing import Any

import keras

from gru_tf.foundation import lazy
from gru_tf.recurrent.cells import CellSpec, around, rnn_layer

_HOMES = {
    "AttentionCell": "gru_tf.recurrent.layers.attention_cell",
    "AttentionDecoder": "gru_tf.recurrent.layers.attention_decoder",
    "Bidirectional": "gru_tf.recurrent.layers.bidirectional",
    "RNN": "gru_tf.recurrent.layers.rnn",
    "GRU": "gru_tf.recurrent.layers.gru",
    "LSTM": "gru_tf.recurrent.layers.lstm",
    "SimpleRNN": "gru_tf.recurrent.layers.simple_rnn",
    "ConvGRU1D": "gru_tf.recurrent.layers.conv_gru",
    "ConvGRU2D": "gru_tf.recurrent.layers.conv_gru",
    "ConvGRU3D": "gru_tf.recurrent.layers.conv_gru",
    "RecurrentStack": "gru_tf.recurrent.layers.stack",
    "stacked": "gru_tf.recurrent.layers.stacked_model",
}

__getattr__, __dir__, __all__ = lazy.exports(__name__, _HOMES)


def recurrent(
    cell: CellSpec,
    units: int,
    options: Mapping[str, Any],
    implementation: str = "stock",
    bidirectional: bool = False,
    return_sequences: bool = False,
    ordinary: bool = False,
    **layer_options: Any,
) -> Any:
    """A Keras layer, (batch, T, I) → (batch, H), or (batch, T, H) with return_sequences; 2H if bidirectional.

    Args:
        cell: what runs in it.
        units: H.
        options: the cell's own options.
        implementation: "stock" for the fastest layer there is (`gru_tf.GRU` and the like, a parallel scan, or else as in
            "custom"); "custom" for `gru_tf.RNN` over this project's cell.
        bidirectional: whether a second layer reads backwards, its output concatenated.
        return_sequences: whether each step's output is returned, or the last one.
        ordinary: whether a stock layer is to be Keras' own where Keras has one with the same weights, so that a file it is
            saved in needs nothing of this project.
        **layer_options: `return_state`, `dtype` and so on, of the layer.

    Raises:
        UserError: for an option that the cell does not have.
    """
    layer = _layer(cell, units, options, implementation, ordinary, return_sequences=return_sequences, **layer_options)
    return keras.layers.Bidirectional(layer, dtype=layer_options.get("dtype")) if bidirectional else layer


def _layer(
    cell: CellSpec, units: int, options: Mapping[str, Any], implementation: str, ordinary: bool, **layer_options: Any
) -> Any:
    """The layer of one direction."""
    cell.check(options)
    if implementation == "stock" and cell.has_fused(options):
        own = cell.ordinary(units, **options, **layer_options) if ordinary and cell.ordinary else None
        return own or cell.layer(units, options, **layer_options)
    return around(rnn_layer(), cell.build, units, **options, **layer_options)

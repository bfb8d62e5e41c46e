"""Layers own time: a cell run over a sequence, stock or custom, in one or two directions; what lies between layers."""

from collections.abc import Mapping
from typing import Any

import keras

from gru_tf.recurrent.cells import CellSpec


def recurrent(
    cell: CellSpec,
    units: int,
    options: Mapping[str, Any],
    implementation: str = "stock",
    bidirectional: bool = False,
    return_sequences: bool = False,
    **layer_options: Any,
) -> Any:
    """A Keras layer, (batch, T, I) → (batch, H), or (batch, T, H) with return_sequences; 2H if bidirectional.

    Args:
        cell: what runs in it.
        units: H.
        options: the cell's own options.
        implementation: "stock" for the fastest layer there is (Keras' own, a parallel scan, or else as in "custom");
            "custom" for `keras.layers.RNN` over this project's cell.
        bidirectional: whether a second layer reads backwards, its output concatenated.
        return_sequences: whether each step's output is returned, or the last one.
        **layer_options: `return_state`, `dtype` and so on, of the layer.

    Raises:
        UserError: for an option that the cell does not have.
    """
    cell.check(options)
    layer_options = {"return_sequences": return_sequences, **layer_options}
    if implementation == "stock" and cell.has_fused(options):
        layer = cell.layer(units, options, **layer_options)
    else:
        built = cell.build(units, **options, dtype=layer_options.get("dtype"))
        layer = keras.layers.RNN(built, **layer_options)
    return keras.layers.Bidirectional(layer, dtype=layer_options.get("dtype")) if bidirectional else layer

"""Layers own time: a cell run over a sequence, stock or custom, in one or two directions; what lies between layers."""

from collections.abc import Mapping
from typing import Any

import keras

from gru_tf.cells import CellSpec


def recurrent(
    cell: CellSpec,
    units: int,
    options: Mapping[str, Any],
    implementation: str = "stock",
    bidirectional: bool = False,
    return_sequences: bool = False,
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

    Raises:
        UserError: for an option that the cell does not have.
    """
    if implementation == "stock":
        layer = cell.layer(units, options, return_sequences=return_sequences)
    else:
        layer = keras.layers.RNN(cell.build(units, **options), return_sequences=return_sequences)
    return keras.layers.Bidirectional(layer) if bidirectional else layer

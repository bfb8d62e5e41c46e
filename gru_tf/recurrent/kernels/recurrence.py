"""What a fused kernel computes, apart from the numbers."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

CELLS = ("rnn", "lstm", "gru", "gru, reset before")  # in the order of source/kernels.h


@dataclass(frozen=True)
class Recurrence:
    """What is computed, apart from the numbers.

    Args:
        cell: one of `CELLS`.
        mask: (batch, T) of bool, or None.
        go_backwards, return_sequences, zero_output_for_mask: as in `keras.layers.RNN`.
        convention: "keep" or "write", of a GRU.
    """

    cell: str
    mask: Any
    go_backwards: bool = False
    return_sequences: bool = False
    zero_output_for_mask: bool = False
    convention: str = "keep"

    def attributes(self) -> dict[str, int]:
        """Those of an operation, all but `keep`."""
        return {
            "cell": CELLS.index(self.cell),
            "write": int(self.convention == "write"),
            "backwards": int(self.go_backwards),
            "every_step": int(self.return_sequences),
            "zero_masked": int(self.zero_output_for_mask),
        }

    def mask_or_none(self) -> Any:
        """The mask as an operation takes it: without elements for none."""
        return tf.zeros((0,), "bool") if self.mask is None else tf.cast(self.mask, "bool")

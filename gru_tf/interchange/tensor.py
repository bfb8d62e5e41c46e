"""An entry of a PyTorch state_dict, from any kind of file."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError

FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, eq=False)
class Tensor:
    """An entry of a state_dict; its numbers are read on demand.

    Args:
        key: as the file has it.
        shape: of the array.
        dtype: its name, such as "float32".
        load: reads it, float16 and bfloat16 as float32.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], Array]

    def array(self) -> Array:
        """Its numbers, float32 or float64; raises UserError if they are of another type or not finite."""
        if self.dtype not in FLOATS:
            raise UserError(f"{self.key}: expected numbers of type {', '.join(FLOATS)}. Received: {self.dtype}")
        array = self.load()
        wrong = int(array.size - np.count_nonzero(np.isfinite(array)))
        if wrong:
            raise UserError(f"{self.key}: expected finite numbers. Received: {wrong:,} of {array.size:,} nan or infinite")
        return array

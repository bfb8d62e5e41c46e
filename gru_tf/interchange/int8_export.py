"""The option `quantize` of writers: its value, and what a file with weights of eight-bit integers says of itself."""

from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import option_names
from gru_tf.interchange.differences import Verified

MODES = ("int8",)
TOLERANCE = 0.1  # above this relative difference from the floats a file is taken for broken, not for rounded


def check(path: Path, quantize: Any) -> None:
    """Raise UserError unless the option is None or a mode."""
    if quantize is not None and quantize not in MODES:
        called = option_names.called("quantize")
        raise UserError(f"{path}: expected {called} to be {' or '.join(MODES)}. Received: {quantize}")


def line(of_floats: str, of_integers: Verified | str, sizes: tuple[int, int]) -> str:
    """What is reported: the line on the file with floats, and what the integers change.

    Args:
        of_floats: on the same file before its weights were rounded.
        of_integers: the comparison with Keras afterwards, or why there is none.
        sizes: bytes of the two files.
    """
    size = f"{sizes[1]:,} bytes, {sizes[1] / sizes[0]:.0%} of those of float32"
    if isinstance(of_integers, str):
        return f"{of_floats}; with weights of int8 {of_integers}: {size}"
    return f"{of_floats}; with weights of int8 by at most {of_integers.largest:.1e} ({of_integers.where}): {size}"

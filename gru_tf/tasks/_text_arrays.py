"""Text as an array, so that the cache holds it beside the arrays that it belongs to."""

import numpy as np

from gru_tf.tasks import Array


def to_array(text: str) -> Array:
    """(bytes,) uint8 of the text in UTF-8."""
    return np.frombuffer(text.encode(), np.uint8)


def to_text(array: Array) -> str:
    """The text of `to_array`."""
    return array.tobytes().decode()

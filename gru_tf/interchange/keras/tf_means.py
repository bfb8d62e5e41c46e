"""Means of whole numbers, of which TensorFlow and Keras 3 make different numbers."""

from typing import Any

from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.nodes import every_node


def check_means(where: str, model: Any) -> None:
    """Refuse a mean of whole numbers, which TensorFlow rounds down to a whole number, and Keras 3 does not.

    Raises:
        UserError: naming it.
    """
    for node in every_node(model):
        if type(node.operation).__name__ == "Mean" and "int" in str(node.input_tensors[0].dtype):
            expected = f"layer {shown(node.operation.name)}: math.reduce_mean: expected numbers that are not whole"
            raise UserError(f"{where}: {expected}. Received: {node.input_tensors[0].dtype}; TensorFlow rounds their mean")

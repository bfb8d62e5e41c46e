"""Layers in which Keras 3 and Keras 2 treat masks otherwise, so that a model of one is another model in the other."""

from collections.abc import Iterator
from typing import Any

from gru_tf.foundation.errors import several
from gru_tf.interchange.keras import masks_with_states
from gru_tf.interchange.nodes import every_node

COMBINING = {"Add", "Subtract", "Average"}  # one mask of several: their union in Keras 3, what all share in Keras 2
COMPUTING = {"Multiply", "Maximum", "Minimum"}  # leave steps out that are masked, in Keras 3
PASSING = {"Identity", "Rescaling", "Normalization"}  # pass a mask on, in Keras 3


def treated_otherwise(model: Any) -> Iterator[str]:
    """The layers of a Keras 3 model that read masks and would treat them otherwise in Keras 2: "'add' (Add)"."""
    for node in every_node(model):
        layer, kind = node.operation, type(node.operation).__name__
        masks = [getattr(tensor, "_keras_mask", None) for tensor in node.input_tensors]
        several = len({id(mask) for mask in masks}) > 1
        masked = any(mask is not None for mask in masks)
        if masked and (kind in COMPUTING | PASSING or (kind in COMBINING and several)):
            yield f"'{layer.name}' ({kind})"
        if masked and hasattr(layer, "layers"):  # a model, whose own graph has no masks
            for inner in filter(masks_with_states.lost, every_node(layer)):
                yield f"'{inner.operation.name}' ({type(inner.operation).__name__})"


def difference(model: Any) -> str:
    """That, and in which layers, a model of Keras 2 is another one in Keras 3; "" where masks are no reason for it."""
    names = list(dict.fromkeys(treated_otherwise(model)))
    return f"Keras 3 treats masks otherwise than Keras 2 in {several(names)}" if names else ""

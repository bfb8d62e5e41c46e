"""Arrays by name, without a model's structure: of an `.npz` file or of a checkpoint."""

import re
from collections.abc import Mapping
from dataclasses import replace

from gru_tf.foundation.array import Array
from gru_tf.interchange.named_weights.contents import FileLayer, WeightsFile, of_names

NUMBERED = re.compile(r"layer_with_weights-(\d+)")  # in checkpoints of TensorFlow 2, in the model's order
NO_ORDER = "names alone do not say in which order the layers follow each other"


def read(arrays: Mapping[str, Array], source: str, version: str = "", *, ordered: bool = False) -> WeightsFile:
    """The layers of named arrays, such as "gru/kernel" or "layer_with_weights-0/cell/kernel".

    Args:
        arrays: in any order.
        source: program and format; one that begins with "Keras weights" is compared with TF-Keras.
        version: of Keras, where it is known.
        ordered: whether they come in the order in which a model's layers compute; names such as "layer_with_weights-0" say
            it themselves.
    """
    layers = _short(of_names(arrays))
    numbers = [NUMBERED.fullmatch(layer.name) for layer in layers if layer.entries]
    if numbers and all(numbers):
        layers.sort(key=lambda layer: int(NUMBERED.fullmatch(layer.name)[1]))  # type: ignore[index]
        return WeightsFile(tuple(layers), source, True, version=version, lists_all=False)
    return WeightsFile(tuple(layers), source, ordered, NO_ORDER, version=version, lists_all=False)


def _short(layers: list[FileLayer]) -> list[FileLayer]:
    """Without the name of the model, where all names begin with it."""
    first = {layer.name.partition("/")[0] for layer in layers}
    if len(layers) < 2 or len(first) > 1 or not all("/" in layer.name for layer in layers):
        return layers
    return [replace(layer, name=layer.name.partition("/")[2]) for layer in layers]

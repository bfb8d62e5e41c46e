"""A Keras 3 file's weights in the model of TF-Keras: read from their paths, not by Keras' loader."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gru_tf.interchange.keras import hdf5
from gru_tf.interchange.keras.objects import class_name, options_of
from gru_tf.interchange.keras.operations import is_operation
from gru_tf.interchange.keras.stock import MODELS
from gru_tf.interchange.source import NotComputable

RECURRENT = {"GRU", "LSTM", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
HEADS = ("query", "key", "value", "output")  # of a MultiHeadAttention


def fill_by_path(model: Any, config: Any, contents: hdf5.Contents) -> None:
    """Fill the model from a .keras file, where each layer's weights are numbered at its path.

    Raises:
        NotComputable: where a weight is not there, or has another shape.
    """
    for layer, path in _in_model(model, config, ""):
        for n, variable in enumerate(layer.weights):
            paths = f"{path}/vars/{n}", f"{_earlier(path)}/vars/{n}"
            _set(variable, next((each for each in paths if each in contents.arrays), paths[0]), contents)


def fill_by_name(model: Any, config: Any, contents: hdf5.Contents) -> None:
    """Fill the model from a .h5 file, which lists each layer's weights by their names.

    Raises:
        NotComputable: as `fill_by_path`, and where a weight has another name.
    """
    for raw in _layers(config):
        name = raw["config"]["name"]
        if class_name(raw) == "InputLayer" or is_operation(raw):
            continue
        layer, group = model.get_layer(name), f"model_weights/{name}"
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        paths = contents.names("weight_names", group) or []
        if len(paths) != len(variables):
            raise NotComputable(f"{name} has {len(paths)} weights in the file, and {len(variables)} in TF-Keras")
        for variable, path in zip(variables, paths, strict=True):
            own, other = (re.sub(r"(_\d+)?(:\d+)?$", "", each.rsplit("/", 1)[-1]) for each in (variable.name, path))
            if own.removeprefix("depthwise_") != other.removeprefix("depthwise_"):
                raise NotComputable(f"{name} has a weight {other} in the file where TF-Keras has {own}")
            _set(variable, f"{group}/{path}", contents)


def _in_model(model: Any, config: Any, path: str) -> Iterator[tuple[Any, str]]:
    """Layers that have weights of their own, with their paths in the file."""
    seen: Counter[str] = Counter()
    for raw in _layers(config):
        if is_operation(raw):
            continue
        own = _snake(class_name(raw) or "")
        place = f"{path}layers/{own}{f'_{seen[own]}' if seen[own] else ''}"
        seen[own] += 1
        if class_name(raw) != "InputLayer":
            yield from _in_layer(model.get_layer(raw["config"]["name"]), raw, place)


def _in_layer(layer: Any, raw: Any, path: str) -> Iterator[tuple[Any, str]]:
    kind, options = class_name(raw) or "", options_of(raw)
    if kind in MODELS:
        yield from _in_model(layer, raw, f"{path}/")
    elif kind == "StackedRNNCells":
        seen: Counter[str] = Counter()
        for cell, each in zip(layer.cells, options["cells"], strict=True):
            own = _snake(class_name(each) or "")
            yield from _in_layer(cell, each, f"{path}/cells/{own}{f'_{seen[own]}' if seen[own] else ''}")
            seen[own] += 1
    elif kind == "Bidirectional":
        yield from _in_layer(layer.forward_layer, options["layer"], f"{path}/forward_layer")
        yield from _in_layer(
            layer.backward_layer, options.get("backward_layer") or options["layer"], f"{path}/backward_layer"
        )
    elif kind == "TimeDistributed":
        yield from _in_layer(layer.layer, options["layer"], f"{path}/layer")
    elif kind == "RNN":
        yield from _in_layer(layer.cell, options["cell"], f"{path}/cell")
    elif kind == "MultiHeadAttention":
        for part in HEADS:
            yield getattr(layer, f"_{part}_dense"), f"{path}/{part}_dense"
    elif kind in RECURRENT:
        yield layer.cell, f"{path}/cell"
    else:
        yield layer, path


def _earlier(path: str) -> str:
    """The path that the first versions of Keras 3 gave to a part of a MultiHeadAttention."""
    return re.sub(rf"/({'|'.join(HEADS)})_dense$", r"/_\1_dense", path)


def _set(variable: Any, path: str, contents: hdf5.Contents) -> None:
    if path not in contents.arrays:
        raise NotComputable(f"the file has no weight at {path}, where TF-Keras has {variable.name}")
    array = contents.array(path)
    if tuple(variable.shape) != array.shape:
        raise NotComputable(f"{path} has shape {array.shape}, and TF-Keras' {variable.name} {tuple(variable.shape)}")
    variable.assign(array)


def finalize(model: Any) -> None:
    """Let each Normalization compute what it does from its weights."""
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _layers(config: Any) -> list[Any]:
    return list(options_of(config)["layers"])


def _snake(name: str) -> str:
    """A class's name in paths: TimeDistributed → time_distributed."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()

"""Weights of Keras 2's files, for the corresponding layers of Keras 3."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange.keras import hdf5
from gru_tf.interchange.keras.objects import class_name, options_of
from gru_tf.interchange.keras.operations import is_operation
from gru_tf.interchange.keras.stock import CUDNN, FUNCTIONS, MODELS, RECURRENT
from gru_tf.recurrent import gates

NAMED = {  # default names of weights
    *("kernel", "recurrent_kernel", "bias", "embeddings", "gamma", "beta", "moving_mean", "moving_variance"),
    *("depthwise_kernel", "pointwise_kernel"),
}
RENAMED = {(f"DepthwiseConv{n}D", "depthwise_kernel"): "kernel" for n in (1, 2)}
BY_NAME, BY_PATH = "model_weights", "layers"  # groups of a .h5 file, and of that in a .keras file
WITHOUT_WEIGHTS = {"InputLayer", *FUNCTIONS}
LAYOUTS = {"CuDNNGRU": "legacy_cudnn_gru", "CuDNNLSTM": "legacy_cudnn_lstm"}
HEADS = ("_query_dense", "_key_dense", "_value_dense", "_output_dense")
Leaf = tuple[Any, Any, str]  # layer, its config in the file, its path
Placed = tuple[Any, Any, list[str]]  # layer, its config in the file, paths of its weights in its own order


def fill(model: Any, config: Any, contents: hdf5.Contents) -> None:
    """Fill a model from a file; `placed_by_name` and `placed_by_path` say where its weights are.

    Raises:
        UserError: for weights that are missing, left over or of the wrong shape, naming their path.
    """
    for layer, raw, paths in placed(model, config, contents):
        _fill(layer, class_name(raw) or "", paths, contents)


def placed(model: Any, config: Any, contents: hdf5.Contents) -> Iterator[Placed]:
    """The layers that have weights of their own, with the places of these; raises UserError where they do not fit."""
    by_path = BY_PATH in contents.groups and BY_NAME not in contents.groups
    return placed_by_path(model, config, contents) if by_path else placed_by_name(model, config, contents)


def placed_by_name(model: Any, config: Any, contents: hdf5.Contents) -> Iterator[Placed]:
    """Those of a .h5 file: a list of weights for each of the model's layers, by the layer's name."""
    root = BY_NAME
    known = contents.names("layer_names", root)
    if known is None:
        raise UserError(f"{contents.where}: {root}: expected attribute layer_names. Received: none")
    left = {name for name in known if contents.names("weight_names", f"{root}/{name}")}
    for raw in _layers(config):
        name = _layer_name(raw)
        if class_name(raw) in WITHOUT_WEIGHTS or is_operation(raw):
            continue
        layer = model.get_layer(name)
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        if not variables:
            continue
        paths = contents.names("weight_names", f"{root}/{name}") or []
        if len(paths) != len(variables):
            expected = several([variable.path for variable in variables])
            received = f"{len(paths)}: {several(paths)}" if paths else "none"
            raise UserError(f"{contents.where}: {root}/{name}: expected weights {expected}. Received: {received}")
        left.discard(name)
        places = {id(variable): f"{root}/{name}/{path}" for variable, path in zip(variables, paths, strict=True)}
        for leaf, own, _ in _leaves(layer, raw, ""):
            yield leaf, own, [places[id(variable)] for variable in leaf.weights]
    if left:
        raise UserError(
            f"{contents.where}: {root}: expected weights of the model's layers. Received: also {several(sorted(left))}"
        )


def placed_by_path(model: Any, config: Any, contents: hdf5.Contents) -> Iterator[Placed]:
    """Those of a .keras file of Keras 2: weights are numbered, at the path of each layer in the model."""
    for leaf, raw, path in _leaves(model, config, ""):
        if leaf.weights:
            prefix = next((p for p in _prefixes(path) if f"{p}/vars/0" in contents.arrays), path)
            yield leaf, raw, [f"{prefix}/vars/{n}" for n in range(len(leaf.weights))]


def _prefixes(path: str) -> Iterator[str]:
    """Paths at which a layer's weights may be: Keras 2.12 called a model's layers dependencies of its checkpoint."""
    yield path
    yield re.sub(r"\blayers/", "_layer_checkpoint_dependencies/", path)


def _leaves(layer: Any, raw: Any, path: str) -> Iterator[Leaf]:
    """The layers in a layer or model that have weights of their own."""
    kind = class_name(raw) or ""
    options = options_of(raw)
    if kind in MODELS:
        seen: Counter[str] = Counter()
        for each in _layers(raw):
            own = _snake(class_name(each) or "")
            place = f"{path}/layers/{own}_{seen[own]}" if seen[own] else f"{path}/layers/{own}"
            seen[own] += 1
            if class_name(each) not in WITHOUT_WEIGHTS and not is_operation(each):
                yield from _leaves(layer.get_layer(_layer_name(each)), each, place.lstrip("/"))
    elif kind == "Bidirectional":
        yield from _leaves(layer.forward_layer, options["layer"], f"{path}/forward_layer")
        yield from _leaves(layer.backward_layer, options.get("backward_layer") or options["layer"], f"{path}/backward_layer")
    elif kind == "TimeDistributed":
        yield from _leaves(layer.layer, options["layer"], f"{path}/layer")
    elif kind == "MultiHeadAttention":
        for part in HEADS:
            yield from _leaves(getattr(layer, part), {"class_name": "EinsumDense", "config": {}}, f"{path}/{part}")
    elif kind == "RNN":
        yield from _leaves(layer.cell, options["cell"], f"{path}/cell")
    elif kind == "StackedRNNCells":
        seen = Counter()
        for cell, each in zip(layer.cells, options["cells"], strict=True):
            own = _snake(class_name(each) or "")
            yield from _leaves(cell, each, f"{path}/cells/{own}_{seen[own]}" if seen[own] else f"{path}/cells/{own}")
            seen[own] += 1
    else:
        yield layer, raw, f"{path}/cell" if CUDNN.get(kind, kind) in RECURRENT else path


def _fill(layer: Any, kind: str, paths: list[str], contents: hdf5.Contents) -> None:
    """Give one layer its weights, from these paths in its own order."""
    arrays: dict[str, Array] = {}
    for variable, path in zip(layer.weights, paths, strict=True):
        name = re.sub(r"(_\d+)?(:\d+)?$", "", path.rsplit("/", 1)[-1])
        name = RENAMED.get((type(layer).__name__, name), name)
        if name in NAMED and variable.name in NAMED and name != variable.name:
            raise UserError(f"{contents.where}: {path}: expected {variable.name} of {layer.name}. Received: {name}")
        arrays[variable.name] = contents.array(path)
    try:
        if kind in CUDNN:
            blocks = gates.read(arrays, LAYOUTS[kind])
            gates.load(layer, blocks if blocks.cell == "gru" else blocks.with_one_bias())
            return
    except ValueError as error:
        raise UserError(f"{contents.where}: {paths[0].rsplit('/', 1)[0]}: {error}") from None
    for variable, path, array in zip(layer.weights, paths, arrays.values(), strict=True):
        if tuple(variable.shape) != array.shape:
            expected = f"{variable.name} of {layer.name} with shape {tuple(variable.shape)}"
            raise UserError(f"{contents.where}: {path}: expected {expected}. Received: shape {array.shape}")
        if "float" not in str(variable.dtype) and array.dtype.kind == "f":
            expected = f"{variable.name} of {layer.name} in whole numbers, as its dtype {variable.dtype} says"
            raise UserError(f"{contents.where}: {path}: expected {expected}. Received: {array.dtype}")
    layer.set_weights(list(arrays.values()))
    if hasattr(layer, "finalize_state"):  # what a Normalization computes from its weights
        layer.finalize_state()


def _layers(raw: Any) -> list[Any]:
    """A model's layers in the file."""
    options = options_of(raw)
    return options if isinstance(options, list) else options["layers"]


def _layer_name(raw: Any) -> str:
    """A layer's name."""
    options = options_of(raw)
    return str(raw.get("name") or (options.get("name") if isinstance(options, dict) else None) or "imported")


def _snake(name: str) -> str:
    """A class's name in paths: TimeDistributed → time_distributed."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()

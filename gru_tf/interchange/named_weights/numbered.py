"""Weights of Keras 3, and of Keras 2 from 2.12 on, in HDF5 (`.weights.h5`): arrays by number, at the path of each layer.

A layer of a Sequential or Functional model is at `layers/CLASS_N`, numbered among those of its class in the model's order. A
model with a class of its own has its layers at the names of its attributes, or there, too, but in the order in which they
were created. The order of layers of different classes is nowhere.
"""

import re

from gru_tf.foundation.array import Array
from gru_tf.interchange.keras.hdf5 import Contents
from gru_tf.interchange.named_weights.contents import CELL, Entry, FileLayer, WeightsFile, split

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
SEEDS = "seed_generator"  # the state of random numbers that are drawn in training only
CELLS = ("kernel", "recurrent_kernel", "bias")
ROLES: dict[str, dict[int, tuple[str, ...]]] = {  # class → names of its arrays, where their number tells them apart
    "embedding": {1: ("embeddings",)},
    "dense": {1: ("kernel",), 2: ("kernel", "bias")},
    "time_distributed": {1: ("kernel",), 2: ("kernel", "bias")},
    "batch_normalization": {2: ("moving_mean", "moving_variance"), 4: ("gamma", "beta", "moving_mean", "moving_variance")},
    "layer_normalization": {2: ("gamma", "beta")},
}
SEQUENTIAL = re.compile(r"sequential(_\d+)?")
STACKED = re.compile(r"(sequential|functional)(_\d+)?")  # models of Keras' own classes
RECURRENT = ("gru", "lstm", "simple_rnn", "rnn", "bidirectional")
NO_ORDER = "it numbers the layers of each class apart, and does not say in which order the classes follow each other"
USUAL = {"embedding": 0, "dense": 3, "time_distributed": 3, "layer_normalization": 2, "batch_normalization": 2}  # place
NUMBER = re.compile(r"_(\d+)$")


def is_one(contents: Contents) -> bool:
    """Whether the file numbers its arrays."""
    return any(path == "vars" or path.endswith("/vars") for path in contents.groups)


def read(contents: Contents) -> WeightsFile:
    """The layers of a file."""
    layers: dict[str, list[Entry]] = {}
    classes: dict[str, tuple[str, str, tuple[str, int] | None]] = {}
    read_keys: set[str] = set()
    groups = (path for path in contents.groups if path == "vars" or path.endswith("/vars"))
    for group in sorted(groups, key=_forward_first):
        whole = group.split("/")[:-1]
        path = [part for part in whole if part not in CONTAINERS]
        arrays = {key: array for n in range(len(contents.groups[group])) for key, array in _array(contents, group, n)}
        read_keys |= arrays.keys()
        if path[-1:] == [SEEDS]:
            continue
        name, within = split(path)
        inner = any(f"{'/'.join(whole)}/{each}".lstrip("/") in contents.groups for each in CONTAINERS)
        if not arrays and (inner or not name):  # of a model
            continue
        if name not in layers:
            layers[name] = []
            classes[name] = _class(contents, name, whole, group)
        roles = _roles(classes[name][0], within, list(arrays.values()))
        for role, (key, array) in zip(roles, arrays.items(), strict=True):
            layers[name].append(Entry(key, within, role, array))
    listed = [FileLayer(name, tuple(entries), *classes[name]) for name, entries in layers.items()]
    for key in sorted(contents.arrays.keys() - read_keys):
        listed.append(FileLayer(key, (Entry(key, "", key, contents.array(key)),)))
    listed.sort(key=lambda layer: USUAL.get(layer.kind, 1))
    sequential = SEQUENTIAL.fullmatch(contents.text("name", "vars") or "")  # others may have functions between layers
    return WeightsFile(tuple(listed), "Keras weights .weights.h5", False, NO_ORDER, lists_all=bool(sequential))


def _forward_first(group: str) -> tuple[object, ...]:
    """Key to sort by: of a Bidirectional, the forward layer comes first; of stacked cells, number 10 after number 9."""
    key: list[tuple[bool, str, int]] = []
    for part in group.split("/"):
        number = NUMBER.search(part)
        key.append((part == "backward_layer", NUMBER.sub("", part), int(number[1]) if number else 0))
    return tuple(key)


def _array(contents: Contents, group: str, n: int) -> list[tuple[str, Array]]:
    key = f"{group}/{n}"
    return [(key, contents.array(key))] if key in contents.arrays else []


def _class(contents: Contents, name: str, whole: list[str], group: str) -> tuple[str, str, tuple[str, int] | None]:
    """Class, further name, and place in its class of a layer: by its path, or by the name that Keras gave it."""
    start = next((n for n, part in enumerate(whole) if part == name.split("/")[-1]), 0)
    alias = contents.text("name", group) or ""
    own = name.split("/")[-1]
    kind = NUMBER.sub("", own)
    if start and whole[start - 1] in CONTAINERS:
        number = NUMBER.search(own)
        proven = _is_stacked(contents, name.split("/")[:-1])
        return kind, alias, ("/".join([*name.split("/")[:-1], kind]), int(number[1]) if number else 0) if proven else None
    called = NUMBER.sub("", alias)
    return called if called in ROLES or called in RECURRENT else "", alias, None


def _is_stacked(contents: Contents, outer: list[str]) -> bool:
    """Whether a model is Sequential or Functional: by its class, or at the top by its name or its inputs."""
    if outer:
        return bool(STACKED.fullmatch(outer[-1]))
    return bool(STACKED.fullmatch(contents.text("name", "vars") or "")) or "layers/input_layer" in contents.groups


def _roles(kind: str, within: str, arrays: list[Array]) -> tuple[str, ...]:
    """Names of the arrays of a part of a layer, or their numbers where these are not known."""
    unknown = tuple(f"vars/{n}" for n in range(len(arrays)))
    last = within.split("/")[-1]
    if last and last != "layer" and CELL.fullmatch(last):
        return CELLS[: len(arrays)] if len(arrays) in (2, 3) and kind in ("", *RECURRENT) else unknown
    if not kind and [array.ndim for array in arrays] == [2, 1]:
        return ("kernel", "bias")
    return ROLES.get(kind, {}).get(len(arrays), unknown)

"""Weights in HDF5 as `model.save_weights("x.h5")` of Keras 1 and 2 writes them: groups of layers, in the model's order.

Whole models in HDF5, those of Keras 3 included, have their weights in such groups, too, in one group of all.
"""

import re
from collections.abc import Iterator

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.keras.hdf5 import Contents
from gru_tf.interchange.named_weights import keras_1
from gru_tf.interchange.named_weights.contents import Entry, FileLayer, WeightsFile, named, split

SEQUENTIAL = re.compile(r"sequential(_\d+)?")
TOP = "top_level_model_weights"  # of a model itself, beside its layers
SUBCLASSED = "a model with a class of its own, whose layers are listed as they were created, not as they compute"


def is_one(contents: Contents) -> bool:
    """Whether the file, or this group of it, lists its layers as Keras 2 does."""
    return contents.names("layer_names", "") is not None


def read(contents: Contents) -> WeightsFile:
    """The layers of a file.

    Raises:
        UserError: for names that come twice or have no arrays.
    """
    layers: list[FileLayer] = []
    nested: list[str] = []
    prefixes: set[str] = set()
    names = contents.names("layer_names", "") or []
    if len(set(names)) < len(names):
        raise UserError(f"{contents.where}: layer_names: expected each name once. Received: {shown(names)}")
    read_keys: set[str] = set()
    for name in [*names, *([TOP] if TOP in contents.groups and TOP not in names else [])]:
        keys = contents.names("weight_names", name) or []
        entries = {key: contents.array(f"{name}/{key}") for key in keys}
        read_keys |= {f"{name}/{key}" for key in keys}
        own = list(_layers(name, entries))
        if name == TOP and not entries:
            continue
        if len(own) > 1 or own[0].name != name:
            nested.append(name)
        layers += own
        prefixes |= {key.partition("/")[0] for key in keys if _prefixed(name, key)}
    for key in sorted(contents.arrays.keys() - read_keys):
        layers.append(FileLayer(key, (Entry(key, "", key, contents.array(key)),)))
    version = contents.text("keras_version") or ("1" if any(layer.original for layer in layers) else "")
    strange = sorted(prefix for prefix in prefixes if not SEQUENTIAL.fullmatch(prefix))
    doubt = f"it is of {strange[0]}, {SUBCLASSED}" if strange else ""
    source = f"Keras weights .h5 (Keras {version[:20]})" if version else "Keras weights .h5"
    keras_2 = not version.startswith("3.")  # whose functions between layers are no layers
    ordered, lists_all = not strange and not nested, not strange and keras_2
    return WeightsFile(tuple(layers), source, ordered, doubt, tuple(nested), version, keras_2, lists_all)


def _layers(name: str, arrays: dict[str, Array]) -> Iterator[FileLayer]:
    """The layer of a group, or those of a model that is a layer."""
    if not arrays:
        yield FileLayer(name)
        return
    if (of_keras_1 := keras_1.read(name, arrays)) is not None:
        yield of_keras_1
        return
    within: dict[str, list[Entry]] = {}
    for key, array in arrays.items():
        path, role = named(key)
        layer, part = split(path)
        within.setdefault(layer, []).append(Entry(key, part, role, array))
    alone = len(within) == 1 and (_is_of(name, next(iter(within))) or name.startswith("time_distributed"))
    for layer, entries in within.items():
        yield FileLayer(name if alone else f"{name}/{layer}", tuple(entries), in_order=True)


def _is_of(name: str, path: str) -> bool:
    """Whether a layer's own name is in a path; TensorFlow 1 adds a number to a name that it has had before."""
    return f"/{name}/" in f"/{path}/" or any(re.fullmatch(rf"{re.escape(name)}_\d+", part) for part in path.split("/"))


def _prefixed(name: str, key: str) -> bool:
    """Whether the name of a model comes before that of the layer."""
    return not key.startswith(f"{name}/") and f"/{name}/" in key

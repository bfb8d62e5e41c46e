"""SavedModel folders that state the layers of a Keras model: of Keras 2, and of this package.

Layers are rebuilt from the config, weights come from the checkpoint in the folder; nothing of the folder is run. What is
read is compared with the folder's own graph, where that only computes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line, several, shown
from gru_tf.interchange.keras import hdf5, masks, sizes
from gru_tf.interchange.keras.build import built
from gru_tf.interchange.keras.legacy import LegacyModel
from gru_tf.interchange.keras.objects import class_name, options_of
from gru_tf.interchange.keras.tf_means import check_means
from gru_tf.interchange.keras.weights import WITHOUT_WEIGHTS, fill
from gru_tf.interchange.source import Computation, NotComputable
from gru_tf.interchange.tensorflow import checkpoint_objects
from gru_tf.interchange.tensorflow.checkpoint_objects import Objects
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError
from gru_tf.interchange.tensorflow.saved_model_file import VARIABLES, SavedModelFolder

STEPS = 3  # of a first sequence, to see whether the graph can be followed


def read(path: Path | str) -> LegacyModel:
    """The Keras model in a SavedModel's folder.

    Raises:
        UserError: for a folder that states no layers, has unknown ones, or whose weights do not fit.
    """
    folder = SavedModelFolder(Path(path))
    objects = _objects(folder)
    config, own = folder.config_of_keras_2(), folder.own_config()
    if config is None and own is None:
        raise folder.without_layers()
    sized = _Sized(folder.where, sum(int(np.prod(shape)) for shape in objects.shapes.values()))
    model = built(sized, own["model"] if config is None else config, keras_2=config is not None)
    lengths = sizes.computable(folder.where, model)
    if config is None:
        _fill_by_path(model, own.get("weights"), objects)
        return LegacyModel(model, f"SavedModel of gru_tf (Keras {str(own.get('keras', '3'))[:20]})", lengths=lengths)
    check_means(folder.where, model)
    _fill(model, config, objects)
    version = folder.meta_graph.meta_info_def.tensorflow_version[:20]
    warnings = []
    if "hard_sigmoid" in json.dumps(config):
        warnings.append("hard_sigmoid is that of Keras 2, clip(0.2 x + 0.5, 0, 1)")
    otherwise = masks.difference(model)
    if otherwise:
        warnings.append(f"{otherwise}: import it with verification")
    return LegacyModel(model, f"SavedModel of Keras 2 (TensorFlow {version})", tuple(warnings), lengths, otherwise)


def _objects(folder: SavedModelFolder) -> Objects:
    objects = checkpoint_objects.open_objects(folder.path / VARIABLES)
    if objects is None:
        raise UserError(f"{folder.where}: expected variables of objects. Received: those of TensorFlow 1")
    return objects


@dataclass(frozen=True)
class _Sized:
    where: str
    elements: int


def _fill_by_path(model: Any, paths: Any, objects: Objects) -> None:
    """Weights by the paths that they had when this package wrote the folder, in the model's order."""
    if not isinstance(paths, list) or len(paths) != len(model.weights):
        raise UserError(f"{objects.where}: expected paths of {len(model.weights)} weights. Received: {shown(paths)}")
    keys = dict(objects.variables())
    for weight, path in zip(model.weights, paths, strict=True):
        if not isinstance(path, str) or path not in keys:
            raise UserError(f"{objects.where}: expected a variable {shown(path)}. Received: {several(sorted(keys))}")
        array = objects.get(keys[path])
        if array.shape != tuple(weight.shape):
            raise UserError(f"{objects.where}: {path}: expected shape {tuple(weight.shape)}. Received: {array.shape}")
        weight.assign(array)


def _fill(model: Any, config: Any, objects: Objects) -> None:
    """Weights of Keras 2: of each layer a list, of the layers only their order."""
    root = objects.nodes[0]
    arrays: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    options = options_of(config)
    every = options if isinstance(options, list) else options["layers"]
    layers = [raw for raw in every if class_name(raw) not in WITHOUT_WEIGHTS]
    weighted = [str(raw["config"].get("name")) for raw in layers if model.get_layer(raw["config"].get("name")).weights]
    for n, name in enumerate(weighted):
        layer = objects.child(root, f"layer_with_weights-{n}")
        variables = None if layer is None else objects.child(layer, "variables")
        names[f"model_weights/{name}"] = []
        for number, variable in enumerate(objects.listed(variables) if variables is not None else ()):
            for attribute in variable.attributes:
                short = f"{number}/{attribute.full_name.rpartition('/')[2]}"
                names[f"model_weights/{name}"].append(short)
                arrays[f"model_weights/{name}/{short}"] = attribute.checkpoint_key
    further = objects.child(root, f"layer_with_weights-{len(weighted)}")
    if further is not None:
        raise UserError(f"{objects.where}: expected {len(weighted)} layers with weights. Received: more")
    try:
        fill(model, config, _Contents(objects.where, None, arrays, names, objects, weighted))
    except UserError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{objects.where}: expected the weights of its layers. Received: {one_line(error)}") from None


@dataclass(frozen=True, eq=False)
class _Contents(hdf5.Contents):
    """The variables in the form of a .h5 file: `arrays` has their keys, `groups` the lists of weights."""

    objects: Any = None
    layers: list[str] = field(default_factory=list)

    def names(self, name: str, group: str) -> list[str] | None:
        """Names of layers, or of a layer's weights."""
        return self.layers if name == "layer_names" else self.groups.get(group)

    def array(self, path: str) -> Array:
        """The numbers at a path."""
        array: Array = self.objects.get(self.arrays[path])
        return array


def framework(path: Path | str) -> tuple[str, Computation]:
    """The folder's own graph, computed in NumPy: its name and outputs.

    Raises:
        UserError: as `read`.
        NotComputable: where it does more than compute, or has other inputs and outputs than the layers.
    """
    folder = SavedModelFolder(Path(path))
    model, objects = read(path).model, _objects(folder)
    signature = folder.signature()
    if signature is None or len(signature.inputs) != len(model.inputs) or len(signature.outputs) != len(model.outputs):
        raise NotComputable("its signature has other inputs or outputs than its layers")
    names = _matched([tensor.name for tensor in model.inputs], signature.inputs)
    outputs = _matched(list(getattr(model, "output_names", ("output",))), signature.outputs)
    if not names or not outputs:
        raise NotComputable("its signature has other names than its layers")

    def run(inputs: Any, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        arrays = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        fed = {name: np.asarray(array) for name, array in zip(names, arrays, strict=True)}
        for name, array in fed.items():
            fed[name] = array.astype(_type(signature.inputs[name]))
        computed = folder.compute(fed, objects.get)
        first, *rest = (computed[name] for name in outputs)
        return first, rest

    try:
        run([_first(tensor) for tensor in model.inputs])
    except UnfollowedError as error:
        raise NotComputable(f"its graph has {error}, which is not computed here") from None
    return "the SavedModel's own graph, computed in NumPy", run


def _type(tensor: Any) -> Any:
    import tensorflow as tf

    return tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype


def _first(tensor: Any) -> Array:
    shape = [tensor.shape[0] or 1, *(size or STEPS for size in tensor.shape[1:])]
    return np.zeros(shape, tensor.dtype)


def _matched(own: list[str], given: Mapping[str, Any]) -> list[str]:
    """The signature's names in the order of the model's; none where they cannot be told."""
    if len(own) == 1:
        return list(given)
    plain = {name.partition("/")[0].partition(":")[0] for name in own}
    return own if plain == set(given) == set(own) else []

"""A SavedModel's folder as data: its graph, the variables that it restores, its signature, and the config of its layers.

TensorFlow never loads the folder. A SavedModel is a program: its operations can read and write files, and call others. So
only the variables are read, by TensorFlow's reader of checkpoints, and the graph of the signature is computed in NumPy,
where it has no operations but those that compute (`graph.operations`).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.tensorflow.graph import file
from gru_tf.interchange.tensorflow.graph.file import Graph
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError
from gru_tf.interchange.tensorflow.graph.values import Values, variable_name

GRAPH, VARIABLES, METADATA = "saved_model.pb", "variables/variables", "keras_metadata.pb"
CONFIG = "assets.extra/keras_config.json"  # written by this package
SERVING = "serving_default"
MODELS = ("_tf_keras_sequential", "_tf_keras_network", "_tf_keras_model")
LARGEST = 1 << 25  # bytes of a config


@dataclass(frozen=True, eq=False)
class SavedModelFolder:
    """The folder of a SavedModel.

    Args:
        path: of the folder.
    """

    path: Path

    @property
    def where(self) -> str:
        """Its name, for messages."""
        return self.path.name

    @cached_property
    def meta_graph(self) -> Any:
        """Its first graph, a `MetaGraphDef`; raises UserError where it has none."""
        from tensorflow.core.protobuf import saved_model_pb2

        message = file.parsed(saved_model_pb2.SavedModel(), self.path / GRAPH)
        if not message.meta_graphs:
            raise UserError(f"{self.where}: {GRAPH}: expected a graph of TensorFlow. Received: none")
        return message.meta_graphs[0]

    def without_layers(self) -> UserError:
        """The error on a folder of TensorFlow 2 that states no layers: what it is, and what to do."""
        graph = self.meta_graph
        by = "Keras 3's model.export" if "serve" in graph.signature_def else "another program than Keras 2 and gru_tf"
        received = f"one of {by} (TensorFlow {graph.meta_info_def.tensorflow_version[:20]}), a graph without layers"
        advice = "in its program, save the model by model.save('model.keras')"
        return UserError(f"{self.where}: expected a SavedModel that states its layers. Received: {received}: {advice}")

    def config_of_keras_2(self) -> Any:
        """The config of the model that Keras 2 saved; None where it saved none."""
        path = self.path / METADATA
        if not path.is_file():
            return None
        message = file.parsed(_metadata_message(), path)
        for node in message.nodes:
            if node.node_path == "root":
                metadata = self._json(node.metadata, METADATA)
                if node.identifier in MODELS and isinstance(metadata, dict) and metadata.get("config"):
                    return {key: metadata.get(key) for key in ("class_name", "config")}
                kind = f"{node.identifier or 'none'}, whose layers only its program states"
                raise UserError(
                    f"{self.where}: {METADATA}: expected the config of a Sequential or functional model. Received: {kind}:"
                    " save it there by model.save('model.h5')"
                )
        raise UserError(f"{self.where}: {METADATA}: expected the config of a model. Received: none")

    def own_config(self) -> Any:
        """The config that this package stored; None where there is none."""
        path = self.path / CONFIG
        if not path.is_file():
            return None
        if path.stat().st_size > LARGEST:
            raise UserError(f"{self.where}: {CONFIG}: expected at most {LARGEST:,} bytes. Received: {path.stat().st_size:,}")
        stored = self._json(path.read_bytes(), CONFIG)
        if not isinstance(stored, dict) or not isinstance(stored.get("model"), dict):
            raise UserError(f"{self.where}: {CONFIG}: expected the config of a model. Received: none")
        return stored

    def _json(self, text: str | bytes, name: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{self.where}: {name}: expected JSON. Received: {one_line(error)}") from None

    def signature(self) -> Any:
        """What it computes for serving, a `SignatureDef`; None where there is no such signature."""
        return self.meta_graph.signature_def.get(SERVING)

    def compute(self, feeds: dict[str, Array], get: Callable[[str], Array]) -> dict[str, Array]:
        """The outputs of the signature, by name, for inputs by name; raises UnfollowedError where it does more than compute.

        Args:
            feeds: by the signature's names.
            get: reads a variable by its key in the checkpoint.
        """
        graph = file.graph_of(self.meta_graph.graph_def)
        keys = dict(_restored(graph))
        signature = self.signature()

        def variable(name: str) -> Array:
            if name not in keys:
                raise UnfollowedError(f"{name} (a variable that is not restored)")
            return get(keys[name])

        fed = {signature.inputs[name].name.partition(":")[0]: np.asarray(array) for name, array in feeds.items()}
        values = Values(graph, variable, fed)
        return {name: values[tensor.name] for name, tensor in sorted(signature.outputs.items())}


def folder_of(prefix: Path) -> SavedModelFolder | None:
    """The SavedModel that a checkpoint is part of; None for another."""
    folder = prefix.parent.parent
    return SavedModelFolder(folder) if prefix.name == "variables" and (folder / GRAPH).is_file() else None


def _restored(graph: Graph) -> Iterator[tuple[str, str]]:
    """Name of a variable → its key in the checkpoint: as the graph, or a function of it, restores them."""
    for place in (graph, *graph.functions.values()):
        for node in place.nodes.values():
            if node.op == "AssignVariableOp" and len(node.input) >= 2 and (key := _key(place, node.input[1])):
                for name in _variables(graph, place, node.input[0].partition(":")[0]):
                    yield name, key


def _key(place: Graph, reference: str) -> str:
    """The key of a value that is read from a checkpoint; "" for another."""
    import tensorflow as tf

    while (node := place.nodes.get(reference.partition(":")[0])) is not None and node.op == "Identity":
        reference = node.input[0]
    if node is None or node.op != "RestoreV2" or len(node.input) < 2:
        return ""
    names = place.nodes.get(node.input[1].partition(":")[0])
    if names is None or names.op != "Const":
        return ""
    keys = tf.make_ndarray(names.attr["value"].tensor).ravel()
    last = reference.rpartition(":")[2]
    n = int(last) if last.isdecimal() else 0
    return keys[n].decode() if n < len(keys) else ""


def _variables(graph: Graph, place: Graph, handle: str) -> Iterator[str]:
    """The variable of a handle: a node of the graph, or what a function is called with."""
    if handle in place.nodes:
        if place.nodes[handle].op == "VarHandleOp":
            yield variable_name(place.nodes[handle])
        return
    if handle not in place.arguments:
        return
    n = place.arguments.index(handle)
    for node in graph.nodes.values():
        called = graph.functions.get(node.attr["f"].func.name) if "f" in node.attr else None
        data = [name for name in node.input if not name.startswith("^")]
        given = graph.nodes.get(data[n].partition(":")[0]) if called is place and n < len(data) else None
        if given is not None and given.op == "VarHandleOp":
            yield variable_name(given)


def _metadata_message() -> Any:
    """An empty message of the form of `keras_metadata.pb`."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    schema = descriptor_pb2.FileDescriptorProto(name="keras_metadata.proto", package="gru_tf", syntax="proto3")
    one = schema.message_type.add(name="SavedObject")
    for number, name in ((3, "node_path"), (4, "identifier"), (5, "metadata")):
        one.field.add(name=name, number=number, type=9, label=1)
    every = schema.message_type.add(name="SavedMetadata")
    every.field.add(name="nodes", number=1, type=11, label=3, type_name=".gru_tf.SavedObject")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(schema)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("gru_tf.SavedMetadata"))()

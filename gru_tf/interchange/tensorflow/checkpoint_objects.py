"""Checkpoints of TensorFlow 2: a graph of objects, such as models and their layers, whose variables have keys.

The names of layers are not in them, only their order (`layer_with_weights-0`) and what their variables are called.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.tensorflow import tf1_file

OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
LAYER = re.compile(r"(?:layer_with_weights-|_operations/|layers/)(\d+)")
NOT_WEIGHTS = re.compile(r"(^|/)(optimizer|save_counter|keras_api|_iterations|iter|_learning_rate|step|global_step)(/|$)")


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of a checkpoint.

    Args:
        where: the file, for messages.
        nodes: of the graph, the first is the root.
        get: reads a variable by its key.
        shapes: of all variables, by key.
    """

    where: str
    nodes: Any
    get: Any
    shapes: tf1_file.Shapes

    def child(self, node: Any, name: str) -> Any:
        """The object of this name in another; None where there is none."""
        for each in node.children:
            if each.local_name == name and 0 <= each.node_id < len(self.nodes):
                return self.nodes[each.node_id]
        return None

    def listed(self, node: Any) -> list[Any]:
        """The objects in a list, in order."""
        numbered = {int(each.local_name): each.node_id for each in node.children if each.local_name.isdecimal()}
        return [self.nodes[numbered[n]] for n in sorted(numbered) if 0 <= numbered[n] < len(self.nodes)]

    def variables(self) -> Iterator[tuple[str, str]]:
        """Full name and key of each variable."""
        for node in self.nodes:
            for attribute in node.attributes:
                if attribute.name == "VARIABLE_VALUE":
                    yield attribute.full_name, attribute.checkpoint_key


def open_objects(prefix: Path) -> Objects | None:
    """The objects of a checkpoint, None for one of TensorFlow 1; raises UserError for one that is not complete."""
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    prefix, shapes, get, read = tf1_file.open_any(prefix)
    if OBJECTS not in shapes:
        return None
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    try:
        graph.ParseFromString(read(OBJECTS))
    except Exception as error:  # of protobuf, or a value that is no text
        raise UserError(f"{prefix.name}: expected the graph of its objects. Received: {one_line(error)}") from None
    return Objects(prefix.name, graph.nodes, get, {key: shape for key, shape in shapes.items() if key != OBJECTS})


def object_weights(path: Path | str) -> dict[str, Array]:
    """The weights in a checkpoint of TensorFlow 2, by cleaned names, in the order of layers.

    A name is that of `layer_with_weights-0/cell/kernel`, whatever the model is called in the checkpoint.

    Variables of optimizers and counters are left out.

    Args:
        path: the checkpoint's prefix, one of its files, or its folder.

    Raises:
        UserError: for what is not a complete checkpoint of TensorFlow 2.
    """
    objects = open_objects(Path(path))
    if objects is None:
        raise UserError(f"{path}: expected a checkpoint of TensorFlow 2, of objects. Received: one of TensorFlow 1")
    keys = [key for _, key in objects.variables() if key in objects.shapes and not NOT_WEIGHTS.search(key)]
    return {cleaned(key): objects.get(key) for key in sorted(dict.fromkeys(keys), key=_order)}


def cleaned(key: str) -> str:
    """A key without what says nothing: "model/layer_with_weights-0/kernel/.ATTRIBUTES/…" → "layer_with_weights-0/kernel"."""
    name = key.removesuffix(VALUE)
    first = LAYER.search(name)
    name = name[first.start() :] if first else name
    return re.sub(r"(^|/)_(?=kernel|bias|embeddings|gamma|beta)", r"\1", LAYER.sub(r"layer_with_weights-\1", name))


def _order(key: str) -> tuple[Any, ...]:
    """By the numbers of layers, then forward before backward, and as Keras orders a layer's weights."""
    name = cleaned(key)
    parts = ("backward" in name, *(name.endswith(each) for each in ("bias", "recurrent_kernel")))
    return (*(int(number) for number in re.findall(r"(?:layer_with_weights-|cells/)(\d+)", name)), *parts, name)

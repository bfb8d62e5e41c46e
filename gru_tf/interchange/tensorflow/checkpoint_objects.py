"""Checkpoints of TensorFlow 2: a graph of objects, such as models and their layers, whose variables have keys.

The names of layers are not in them, only their order (`layer_with_weights-0`) and what their variables are called.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.tensorflow import tf1_file

OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"


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

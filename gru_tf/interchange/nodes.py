"""The calls in the graph of a Keras 3 model, and in those of the models in it."""

from collections.abc import Iterator
from typing import Any


def every_node(model: Any) -> Iterator[Any]:
    """Each call of a layer or operation, with those in nested models."""
    graph = getattr(model, "_functional", None) or model
    for nodes in getattr(graph, "_nodes_by_depth", {}).values():
        for node in nodes:
            yield node
            if hasattr(node.operation, "layers"):
                yield from every_node(node.operation)

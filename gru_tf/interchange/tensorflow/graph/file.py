"""A TensorFlow graph in a file: its nodes and functions, as data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, one_line

LARGEST = 1 << 26  # bytes of a graph's file: more is constants, or an attempt to exhaust memory
GRADIENTS = "gradients"  # scopes of what an optimizer computes


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph, or the body of a function.

    Args:
        nodes: by name; each a `NodeDef`.
        functions: by name, of the whole library.
        arguments: names, of a function.
        results: references to its results.
    """

    nodes: Mapping[str, Any]
    functions: "Mapping[str, Graph]" = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    def inputs(self, name: str) -> Iterator[str]:
        """The names of the nodes whose tensors a node reads."""
        for reference in self.nodes[name].input if name in self.nodes else ():
            if not reference.startswith("^"):
                yield reference.partition(":")[0]

    def consumers(self) -> dict[str, list[str]]:
        """Name → the nodes that read its tensors, without those of gradients."""
        readers: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name in self.nodes:
            if any(part.startswith(GRADIENTS) for part in name.split("/")):
                continue
            for other in self.inputs(name):
                readers.setdefault(other, []).append(name)
        return readers


def graph_of(definition: Any) -> Graph:
    """The graph of a `GraphDef`."""
    functions: dict[str, Graph] = {}
    for each in definition.library.function:
        arguments = tuple(argument.name for argument in each.signature.input_arg)
        results = tuple(each.ret[argument.name] for argument in each.signature.output_arg)
        functions[each.signature.name] = Graph({node.name: node for node in each.node_def}, functions, arguments, results)
    return Graph({node.name: node for node in definition.node}, functions)


def read_meta_graph(path: Path) -> Any:
    """The `MetaGraphDef` in a file; raises UserError where it is too large or something else."""
    import tensorflow as tf

    return parsed(tf.compat.v1.MetaGraphDef(), path)


def parsed(message: Any, path: Path) -> Any:
    """A message with a file's content; raises UserError where it is too large or something else."""
    from google.protobuf.message import DecodeError

    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UserError(f"{path.name}: expected a graph of at most {LARGEST:,} bytes. Received: {size:,}")
        message.ParseFromString(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path.name}: expected a file that can be read. Received: {error.strerror}") from None
    except (DecodeError, RecursionError) as error:
        raise UserError(f"{path.name}: expected a graph of TensorFlow. Received: {one_line(error)}") from None
    return message

"""What the inputs of a checkpoint's graph are fed with, so that it computes what the network computes outside training."""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.tensorflow.graph.file import Graph
from gru_tf.interchange.tensorflow.graph.limits import check_size
from gru_tf.interchange.tensorflow.tf1_flow import Tf1Flow
from gru_tf.interchange.tensorflow.tf1_placed import PlacedLayers

STEPS, SEQUENCES = 5, 3  # where the graph leaves them open; different, so that their axes cannot be confused
BOOLEAN = 10  # among TensorFlow's types
FLOATS = (1, 2, 14, 19)
WHOLE = (3, 9)
MOST_SWITCHES = 3  # numbers without axes that are tried as 1 and as 0, as those of dropout


@dataclass(frozen=True)
class FeedLayout:
    """How the sequences enter the graph.

    Args:
        node: that is fed.
        time_first: whether it has the time axis first.
        flat: whether its features are joined with the steps.
        batch, steps: of the graph, None where it takes any.
    """

    node: str
    time_first: bool
    flat: bool
    batch: int | None
    steps: int | None

    def arranged(self, inputs: Array) -> Array:
        """Inputs (batch, T, F) or (batch, T) as the graph takes them."""
        if self.flat:
            return inputs.reshape(len(inputs), -1)
        return np.swapaxes(inputs, 0, 1) if self.time_first else inputs


def layouts(flow: Tf1Flow, placed: PlacedLayers, tokens: bool, features: int) -> Iterator[FeedLayout]:
    """All ways in which the data could enter, the usual ones first.

    Args:
        flow: of the graph.
        placed: the layers.
        tokens: whether the network reads token numbers.
        features: of the input at each step.
    """
    graph = flow.flow.graph
    for node in _nodes(flow, placed, tokens):
        dims = _dims(graph.nodes[node])
        if not tokens and dims is not None and len(dims) == 2:
            if dims[1] is None and features == 1:
                yield FeedLayout(node, False, True, dims[0], None)
            elif dims[1] is not None and dims[1] % features == 0:
                yield FeedLayout(node, False, True, dims[0], dims[1] // features)
            continue
        if dims is not None and len(dims) != (2 if tokens else 3):
            continue
        first, second = (None, None) if dims is None else dims[:2]
        yield FeedLayout(node, False, False, first, second)
        yield FeedLayout(node, True, False, second, first)


def _nodes(flow: Tf1Flow, placed: PlacedLayers, tokens: bool) -> list[str]:
    """Nodes that could be fed with the data."""
    graph = flow.flow.graph
    if not tokens and placed.lookup:
        return [placed.lookup]
    if tokens:
        indices = [*graph.inputs(placed.lookup)][1]
        inputs = [name for name in flow.nodes.sources(placed.lookup) if flow.flow.op(name).startswith("Placeholder")]
        own = [name for name in inputs if graph.nodes[name].attr["dtype"].type in WHOLE and _dims(graph.nodes[name]) != ()]
        return [*own, indices] if indices not in own else own
    return [
        name
        for name in flow.nodes.sources(placed.entry)
        if _type(graph.nodes[name]) in FLOATS or not _typed(graph.nodes[name])
    ]


def _typed(node: Any) -> bool:
    return str(node.op).startswith("Placeholder") or node.op == "OneHot"


def _type(node: Any) -> int:
    return int(node.attr["T" if node.op == "OneHot" else "dtype"].type)


def _dims(node: Any) -> tuple[int | None, ...] | None:
    """The shape that a placeholder states, None where it states none."""
    shape = node.attr["shape"].shape
    if not node.op.startswith("Placeholder") or shape.unknown_rank or "shape" not in node.attr:
        return None
    return tuple(None if dim.size < 0 else int(dim.size) for dim in shape.dim)


def feeds(
    graph: Graph, layout: FeedLayout, inputs: Array, needed: Collection[str]
) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """Values of all inputs of the graph, and those numbers among them that were tried.

    Only those that are `needed` are fed, not the targets of a loss. Lengths are full, initial states zero, the
    phase of training is off; other numbers are tried as 1 and as 0. Raises UnfollowedError for one that is too large.
    """
    batch, steps = inputs.shape[:2]
    fed: dict[str, Any] = {}
    switches = []
    for node in graph.nodes.values():
        if node.name not in needed or not node.op.startswith("Placeholder"):
            continue
        dims, kind = _dims(node), int(node.attr["dtype"].type)
        check_size(node, [size or batch for size in dims or ()])
        if kind == BOOLEAN:
            fed[node.name] = np.zeros([size or batch for size in dims or ()], bool)
        elif kind in WHOLE and dims is not None and len(dims) < 2:
            value = batch if not dims and "batch" in node.name.lower() else steps
            fed[node.name] = np.full([size or batch for size in dims], value, "int32" if kind == WHOLE[0] else "int64")
        elif kind in FLOATS and dims:
            fed[node.name] = np.zeros(
                [size or batch for size in dims], inputs.dtype if inputs.dtype.kind == "f" else "float32"
            )
        elif kind in FLOATS and not dims:
            switches.append(node.name)
    data = layout.arranged(inputs)
    if (kind := graph.nodes[layout.node].attr["dtype"].type) in WHOLE and data.dtype.kind == "i":
        data = data.astype("int32" if kind == WHOLE[0] else "int64")
    for values in itertools.product((1.0, 0.0), repeat=min(len(switches), MOST_SWITCHES)):
        tried = dict(zip(switches, values, strict=False))
        yield (
            fed
            | {name: np.asarray(value, data.dtype if data.dtype.kind == "f" else "float32") for name, value in tried.items()}
            | {layout.node: data},
            tried,
        )

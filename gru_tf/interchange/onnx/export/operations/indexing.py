"""`x[…]`: slices, single places and new axes, as in the last step `x[:, -1]`."""

import operator
from dataclasses import dataclass, field
from typing import Any

from keras.src.ops import numpy as arrays

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.layers.reshaping import FAR
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


@dataclass
class _Parts:
    """What an index says of each axis: slices (axis, start, stop, step), axes that go, and places of new ones."""

    slices: list[tuple[int, int, int, int]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)


def _get_item(graph: ModelGraph, call: LayerCall) -> str:
    x = call.arguments["x"]
    parts = _parts(call.arguments["key"], x)
    y = graph.tensor(x, x.kind)
    if parts.slices:
        axes, starts, stops, steps = (graph.numbers(*numbers) for numbers in zip(*parts.slices, strict=True))
        y = graph.op("Slice", y, starts, stops, axes, steps)
    y = graph.op("Squeeze", y, graph.numbers(*parts.dropped)) if parts.dropped else y
    return graph.op("Unsqueeze", y, graph.numbers(*parts.added)) if parts.added else y


def _parts(key: Any, x: ExportedTensor) -> _Parts:
    keys = list(key) if isinstance(key, (tuple, list)) else [key]
    taken = sum(each is not None and each is not Ellipsis for each in keys)
    if Ellipsis not in [each for each in keys if not isinstance(each, ExportedTensor)]:
        keys.append(Ellipsis)
    parts, axis, place = _Parts(), 0, 0
    for each in keys:
        if each is Ellipsis:
            axis, place = axis + x.rank - taken, place + x.rank - taken
        elif each is None:
            parts.added.append(place)
            place += 1
        elif isinstance(each, slice):
            _add_slice(parts, axis, each)
            axis, place = axis + 1, place + 1
        else:
            n = _whole(each)
            parts.slices.append((axis, n, FAR if n == -1 else n + 1, 1))
            parts.dropped.append(axis)
            axis += 1
    return parts


def _add_slice(parts: _Parts, axis: int, given: slice) -> None:
    step = 1 if given.step is None else _whole(given.step)
    start = (0 if step > 0 else FAR) if given.start is None else _whole(given.start)
    stop = (FAR if step > 0 else -FAR) if given.stop is None else _whole(given.stop)
    if (start, stop, step) != (0, FAR, 1):
        parts.slices.append((axis, start, stop, step))


def _whole(value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise NotExportedError("an index that is computed, or is no whole number") from None


WRITERS = {arrays.GetItem: _get_item}

"""The file itself, run by onnxruntime for comparison: all of its outputs."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.onnx import file, whole_copy
from gru_tf.interchange.onnx.functional.inputs import Input
from gru_tf.interchange.onnx.functional.outputs import Output
from gru_tf.interchange.onnx.functional.tracing import Trace
from gru_tf.interchange.onnx.running import session
from gru_tf.interchange.source import Computation

MOST = 1 << 26  # numbers of an input


def framework(
    model: Any, trace: Trace, outputs: tuple[Output, ...], path: Path, reset_after: bool | None
) -> tuple[str, Computation] | None:
    """The name of the runtime, and the file's computation by it; None if it is not installed.

    onnxruntime has neither float64 for recurrent nodes nor batch-first ones (layout 1): a copy is run, with such nodes
    between casts and transpositions. Where it lacks float64 for another node, the copy is in float32, as its
    name then says.
    """
    copies = partial(whole_copy.whole, model, path, set(trace.known.fixed), trace.known.name, reset_after)
    copy = copies()
    try:
        runtime = session(copy.SerializeToString(), path)
    except UserError:
        if not whole_copy.has_double(model):
            raise
        copy = copies(double=False)
        runtime = session(copy.SerializeToString(), path)
        runtime = runtime and (f"{runtime[0]} in float32", runtime[1])
    if runtime is None:
        return None
    name, compute = runtime
    names = [output.name for output in outputs]
    kinds = {proto.name: file.TYPES[proto.type.tensor_type.elem_type] for proto in copy.graph.input}
    shapes = {proto.name: _shape(proto) for proto in copy.graph.input}
    rows = math.prod(trace.known.declared[one] for one in _single(trace)[:1])

    def run(inputs: Any, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        if lengths is not None:
            raise ValueError("expected no lengths: they are inputs of the file. Received: lengths")
        arrays = [np.asarray(each) for each in (inputs if isinstance(inputs, list | tuple) else [inputs])]
        parts = _batches(arrays, trace, rows) if _single(trace) else [arrays]
        results = []
        for part in parts:
            feed = {one.name: _fed(one, array, kinds[one.name]) for one, array in zip(trace.inputs, part, strict=True)}
            sizes = _sizes(trace, feed)
            feed |= {other: _zeros(other, shapes[other], kind, feed) for other, kind in kinds.items() if other not in feed}
            computed = compute(names, feed)
            results.append([output.moved(array, sizes) for output, array in zip(outputs, computed, strict=True)])
        count = len(arrays[0])
        first, *rest = (np.concatenate(each)[:count] if len(each) > 1 else each[0] for each in zip(*results, strict=True))
        return first[:count] if _single(trace) else first, [each[:count] if _single(trace) else each for each in rest]

    return name, run


def _single(trace: Trace) -> list[str]:
    """Names of the batch, if the file computes one number of sequences only and the model any."""
    return sorted(name for name in map(trace.known.name, trace.known.single) if name not in trace.known.fixed)


def _batches(arrays: list[Array], trace: Trace, rows: int) -> list[list[Array]]:
    """The inputs in batches of as many sequences as the file computes; the last one is filled up."""
    count = len(arrays[0])
    chosen = np.pad(np.arange(count), (0, -count % rows), mode="edge").reshape(-1, rows)
    whole = [
        one.tensor is not None and not any(one.tensor.is_batch(group) for group in one.tensor.axes) for one in trace.inputs
    ]
    return [[array if all_rows else array[part] for array, all_rows in zip(arrays, whole, strict=True)] for part in chosen]


def _fed(one: Input, array: Array, kind: str) -> Array:
    """A model's input as the file has it."""
    if one.tensor is None:
        return np.asarray(array.sum(axis=1), kind)
    order = [one.tensor.layout.index(group) for group in one.tensor.axes] if one.tensor.layout != one.tensor.axes else None
    return np.asarray((array if order is None else array.transpose(order)).astype(kind), order="C")


def _sizes(trace: Trace, feed: dict[str, Array]) -> dict[str, int]:
    """Lengths of the inputs' axes by name."""
    return {
        trace.known.name(f"{one.name}[{n}]"): length
        for one in trace.inputs
        if one.tensor is not None
        for n, length in enumerate(feed[one.name].shape)
    }


def _shape(proto: Any) -> list[int]:
    return [dim.dim_value or 1 for dim in proto.type.tensor_type.shape.dim]


def _zeros(name: str, shape: list[int], kind: str, feed: dict[str, Array]) -> Array:
    """An input that no output needs, which a runtime may want all the same."""
    if math.prod(shape) > MOST:
        raise UserError(f"input '{name}': expected at most {MOST:,} numbers. Received: shape {shape}")
    return np.zeros(shape, kind)

"""ONNX files run by onnxruntime to verify an import: the file's own nodes, with the final states as further outputs."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, one_line
from gru_tf.interchange.network import STATES
from gru_tf.interchange.onnx import file, runnable_copy
from gru_tf.interchange.onnx.signature import GraphSignature
from gru_tf.interchange.source import Computation

MOST = 1 << 26  # numbers of an initial state


def framework(
    model: Any, signature: GraphSignature, path: Path, reset_after: bool | None = None
) -> tuple[str, Computation] | None:
    """The name of the runtime, and the file's computation by it; None if none can run it.

    onnxruntime has no float64 and no batch-first nodes (layout 1). These are run by the reference implementation in the onnx
    package, which supports neither lengths nor other than the default activations. float16 is computed in float32.

    Args:
        model: the file's ModelProto, which is not changed.
        signature: its inputs and its output.
        path: of the file, beside which its external data lie.
        reset_after: replaces every GRU's `linear_before_reset`, None: nothing.
    """
    copy, states = runnable_copy.make(model, signature, path, reset_after)
    swapped = any(file.attributes(node).get("layout") for node in copy.graph.node)
    runtime: tuple[str, Any] | None
    if not (swapped or runnable_copy.is_double(copy.graph)):
        runtime = session(copy.SerializeToString(), path)
    else:
        runtime = (f"onnx {file.library().__version__} reference", _reference(copy)) if signature.plain else None
    return None if runtime is None else (runtime[0], _computation(runtime[1], signature, states, copy, swapped))


def session(content: bytes, path: Path) -> tuple[str, Any] | None:
    """Onnxruntime's name and what runs a model, (names of outputs, inputs) → outputs; None if it is not installed.

    Raises:
        UserError: if it refuses the model.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        inference = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors, which share no base class
        raise UserError(f"{path}: expected a file that onnxruntime runs. Received: {one_line(error)}") from None

    def run(names: list[str], feed: dict[str, Array]) -> Any:
        try:
            return inference.run(names, feed)
        except Exception as error:
            raise UserError(f"{path}: expected a file that onnxruntime runs. Received: {one_line(error)}") from None

    return f"onnxruntime {onnxruntime.__version__}", run


def _reference(model: Any) -> Any:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run


def _computation(compute: Any, signature: GraphSignature, states: list[str], model: Any, swapped: bool) -> Computation:
    """What runs a model as `source` describes it; `compute` is (names of outputs, inputs) → outputs."""
    names = list(dict.fromkeys([signature.output, *states]))

    def run(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        count, batch = len(inputs), signature.batch or len(inputs)
        if signature.timesteps not in (None, inputs.shape[1]):
            expected = f"{counted(signature.timesteps, 'step')}, the only length that the file computes"
            raise UserError(f"expected {expected}. Received: {inputs.shape[1]}")
        lengths = np.full(count, inputs.shape[1]) if lengths is None else lengths
        padded = np.pad(np.arange(count), (0, -count % batch), mode="edge")  # whole batches, for a file of one batch size
        batches = []
        for rows in padded.reshape(-1, batch):
            feed = _feed(model, signature, inputs[rows], lengths[rows])
            arrays = dict(zip(names, compute(names, feed), strict=True))
            final = _states([arrays[name] for name in states], signature, swapped)
            batches.append((_ordered(arrays[signature.output], signature), final))
        output = np.concatenate([output for output, _ in batches])[:count]
        return output, [np.concatenate(state)[:count] for state in zip(*(final for _, final in batches), strict=True)]

    return run


def _feed(model: Any, signature: GraphSignature, inputs: Array, lengths: Array) -> dict[str, Array]:
    sequence = inputs if signature.batch_first else np.swapaxes(inputs, 0, 1)
    arrays = {signature.sequence: sequence} | ({signature.lengths: lengths} if signature.lengths else {})
    feed = {}
    for proto in model.graph.input:
        kind = file.TYPES[proto.type.tensor_type.elem_type]
        if proto.name not in arrays:  # initial states
            sizes = [dim.dim_value or len(inputs) for dim in proto.type.tensor_type.shape.dim]
            if math.prod(sizes) > MOST:
                raise UserError(f"input '{proto.name}': expected at most {MOST:,} numbers. Received: shape {sizes}")
            arrays[proto.name] = np.zeros(sizes)
        feed[proto.name] = np.ascontiguousarray(arrays[proto.name].astype(kind))
    return feed


def _ordered(output: Array, signature: GraphSignature) -> Array:
    """(batch, time, features), or (batch, features)."""
    rest = tuple(n for n in range(signature.axes) if n not in signature.order)
    ordered = output.transpose((*signature.order, *rest)).reshape([output.shape[n] for n in signature.order])
    return ordered.reshape(*ordered.shape[: len(signature.order) - 1 - signature.directed], -1)


def _states(outputs: Iterable[Array], signature: GraphSignature, swapped: bool) -> list[Array]:
    """Each direction's final states (batch, H), from those of the nodes, which have an axis of directions."""
    remaining = iter(outputs)
    states: list[Array] = []
    for _, layer in signature.layers:
        kinds = [next(remaining) for _ in STATES[layer.forward.cell]]
        for n in range(len(layer.directions)):
            states += [array[:, n] if swapped else array[n] for array in kinds]
    return states

"""ONNX files run by onnxruntime, to compare with: the file's own nodes, with the final states as further outputs."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, one_line
from gru_tf.interchange.network import STATES, Recurrent
from gru_tf.interchange.onnx import file
from gru_tf.interchange.source import Run

HALF, SINGLE, DOUBLE = 10, 1, 11  # TensorProto.DataType
MOST = 1 << 26  # numbers of a first state


@dataclass(frozen=True)
class Roles:
    """What the inputs and the output of a file are.

    Args:
        sequence: the input with arrays or token numbers.
        batch_first: whether it is (batch, time, …), not (time, batch, …).
        lengths: the input with real steps, None without one.
        output: the output that the network ends with.
        order: where in it batch, time, direction and features lie, those of them that it has.
        directed: whether directions still have an axis in it.
        axes: how many axes it has; those beside `order` have length 1.
        layers: index of each recurrent node, and what it is.
        plain: whether the activations are the standard's own, and no lengths are asked for.
        timesteps: the one length that the file computes, None: any.
        batch: the one batch size that it computes, None: any.
    """

    sequence: str
    batch_first: bool
    lengths: str | None
    output: str
    order: tuple[int, ...]
    directed: bool
    axes: int
    layers: tuple[tuple[int, Recurrent], ...]
    plain: bool
    timesteps: int | None = None
    batch: int | None = None


def framework(model: Any, roles: Roles, path: Path, reset_after: bool | None = None) -> tuple[str, Run] | None:
    """The name of what runs the file, and the run; None where nothing can.

    onnxruntime has no float64 and no batch-first nodes (layout 1): those are run by the reference implementation in the onnx
    package, which in turn knows neither lengths nor activations other than the usual. float16 is computed in float32.

    Args:
        model: the file's ModelProto, which stays as it is.
        roles: of its inputs and its output.
        path: of the file, beside which its external data lie.
        reset_after: what is put in the place of every GRU's `linear_before_reset`, None: nothing.
    """
    own, states = _prepared(model, roles, path, reset_after)
    swapped = any(file.attributes(node).get("layout") for node in own.graph.node)
    double = any(tensor.data_type == DOUBLE for tensor in own.graph.initializer)
    if not (swapped or double):
        found = session(own.SerializeToString(), path)
    else:
        found = (f"onnx {file.library().__version__} reference", _reference(own)) if roles.plain else None
    return None if found is None else (found[0], _run(found[1], roles, states, own, swapped))


def session(content: bytes, path: Path) -> tuple[str, Any] | None:
    """Onnxruntime's name and what runs a model, (names of outputs, inputs) → outputs; None where it is missing.

    Raises:
        UserError: where it refuses the model.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        made = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own, which share no base class
        raise UserError(f"{path}: expected a file that onnxruntime runs. Received: {one_line(error)}") from None

    def run(names: list[str], feed: dict[str, Array]) -> Any:
        try:
            return made.run(names, feed)
        except Exception as error:
            raise UserError(f"{path}: expected a file that onnxruntime runs. Received: {one_line(error)}") from None

    return f"onnxruntime {onnxruntime.__version__}", run


def _reference(model: Any) -> Any:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run


def _run(compute: Any, roles: Roles, states: list[list[str]], model: Any, swapped: bool) -> Run:
    ends = [name for names in states for name in names]
    wanted = list(dict.fromkeys([roles.output, *ends]))

    def run(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        count, batch = len(inputs), roles.batch or len(inputs)
        if roles.timesteps not in (None, inputs.shape[1]):
            expected = f"{counted(roles.timesteps, 'step')}, for the file computes no other"
            raise UserError(f"expected {expected}. Received: {inputs.shape[1]}")
        lengths = np.full(count, inputs.shape[1]) if lengths is None else lengths
        padded = np.pad(np.arange(count), (0, -count % batch), mode="edge")  # a file of one batch size gets whole ones
        found = []
        for rows in padded.reshape(-1, batch):
            made = dict(zip(wanted, compute(wanted, _feed(model, roles, inputs[rows], lengths[rows])), strict=True))
            found.append((_ordered(made[roles.output], roles), _states([made[name] for name in ends], roles, swapped)))
        output = np.concatenate([one for one, _ in found])[:count]
        return output, [np.concatenate(each)[:count] for each in zip(*(last for _, last in found), strict=True)]

    return run


def _feed(model: Any, roles: Roles, inputs: Array, lengths: Array) -> dict[str, Array]:
    sequence = inputs if roles.batch_first else np.swapaxes(inputs, 0, 1)
    given = {roles.sequence: sequence} | ({roles.lengths: lengths} if roles.lengths else {})
    feed = {}
    for proto in model.graph.input:
        kind = file.TYPES[proto.type.tensor_type.elem_type]
        if proto.name not in given:  # first states
            sizes = [dim.dim_value or len(inputs) for dim in proto.type.tensor_type.shape.dim]
            if math.prod(sizes) > MOST:
                raise UserError(f"input '{proto.name}': expected at most {MOST:,} numbers. Received: shape {sizes}")
            given[proto.name] = np.zeros(sizes)
        feed[proto.name] = np.ascontiguousarray(given[proto.name].astype(kind))
    return feed


def _ordered(output: Array, roles: Roles) -> Array:
    """(batch, time, features), or (batch, features)."""
    rest = tuple(n for n in range(roles.axes) if n not in roles.order)
    found = output.transpose((*roles.order, *rest)).reshape([output.shape[n] for n in roles.order])
    return found.reshape(*found.shape[: len(roles.order) - 1 - roles.directed], -1)


def _states(made: Iterable[Array], roles: Roles, swapped: bool) -> list[Array]:
    left, found = list(made), []
    for _, one in roles.layers:
        own = [left.pop(0) for _ in STATES[one.forward.cell]]
        for n in range(len(one.directions)):
            found += [state[:, n] if swapped else state[n] for state in own]
    return found


# --- the model that is run ---


def _prepared(model: Any, roles: Roles, path: Path, reset_after: bool | None) -> tuple[Any, list[list[str]]]:
    """A copy with all data in it, the nodes that count alone, free batch and time; and the names of final states."""
    onnx = file.library()
    own = onnx.ModelProto()
    own.CopyFrom(model)
    for tensor in file.tensors(own.graph):
        _embed(tensor, path)
    states = []
    for index, one in roles.layers:
        node = own.graph.node[index]
        names = [f"final_{index}_{state}" for state in STATES[one.forward.cell]]
        node.output.extend([""] * (1 + len(names) - len(node.output)))
        for n, name in enumerate(names, 1):
            node.output[n] = node.output[n] or name
        states.append(list(node.output[1:]))
        if reset_after is not None and node.op_type == "GRU":
            _set(onnx, node, "linear_before_reset", int(reset_after))
    _widen(own.graph)
    _trim(onnx, own.graph, list(dict.fromkeys([roles.output, *(name for names in states for name in names)])))
    _free(own.graph, roles)
    return own, states


def _embed(tensor: Any, path: Path) -> None:
    """Numbers that lie elsewhere come in; float16 becomes float32."""
    array = file.array(tensor, path)
    array = array.astype("float32") if tensor.data_type == HALF else array
    name = tensor.name
    tensor.CopyFrom(file.library().numpy_helper.from_array(array, name))


def _widen(graph: Any) -> None:
    for node in graph.node:
        for each in node.attribute:
            if node.op_type == "Cast" and each.name == "to" and each.i == HALF:
                each.i = SINGLE
    for each in graph.input:
        if each.type.tensor_type.elem_type == HALF:
            each.type.tensor_type.elem_type = SINGLE


def _set(onnx: Any, node: Any, name: str, value: int) -> None:
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])


def _trim(onnx: Any, graph: Any, wanted: list[str]) -> None:
    """Only what the wanted outputs need."""
    needed, kept = set(wanted), []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    kinds = {each.name: each.type.tensor_type.elem_type for each in graph.output}
    kind = DOUBLE if any(tensor.data_type == DOUBLE for tensor in graph.initializer) else SINGLE
    nodes, arrays = kept[::-1], [tensor for tensor in graph.initializer if tensor.name in needed]
    names = {tensor.name for tensor in arrays}
    inputs = [each for each in graph.input if each.name in needed and each.name not in names]
    outputs = [
        onnx.helper.make_tensor_value_info(n, kind if kinds.get(n) in (HALF, None) else kinds[n], None) for n in wanted
    ]
    for field, left in (
        ("node", nodes),
        ("initializer", arrays),
        ("input", inputs),
        ("output", outputs),
        ("value_info", []),
    ):
        copies = [type(each).FromString(each.SerializeToString()) for each in left]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)


def _free(graph: Any, roles: Roles) -> None:
    """Lengths of batch and time that the file declares, and needs not, become free."""
    for each in graph.input:
        dims = each.type.tensor_type.shape.dim
        sequence = each.name == roles.sequence
        batch = 0 if (sequence and roles.batch_first) or len(dims) < 3 else 1
        for n, dim in enumerate(dims):
            if n == batch and roles.batch is None:
                dim.dim_param = "batch"
            elif sequence and n == 1 - batch and roles.timesteps is None:
                dim.dim_param = "time"

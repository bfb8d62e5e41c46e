"""A copy of an ONNX file's model that computes its output and final states, for any batch and length if it can."""

from pathlib import Path
from typing import Any

from gru_tf.interchange.network import STATES
from gru_tf.interchange.onnx import file
from gru_tf.interchange.onnx.signature import GraphSignature

HALF, SINGLE, DOUBLE = 10, 1, 11  # TensorProto.DataType


def make(model: Any, signature: GraphSignature, path: Path, reset_after: bool | None = None) -> tuple[Any, list[str]]:
    """A copy with all data in it, only the nodes that count, and free batch and time; and the names of its final states.

    Args:
        model: the file's ModelProto.
        signature: its inputs and its output.
        path: of the file, beside which its external data lie.
        reset_after: replaces every GRU's `linear_before_reset`, None: nothing.
    """
    onnx = file.library()
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in file.tensors(copy.graph):
        _embed(tensor, path)
    states: list[str] = []
    for index, layer in signature.layers:
        node = copy.graph.node[index]
        names = [f"final_{index}_{state}" for state in STATES[layer.forward.cell]]
        node.output.extend([""] * (1 + len(names) - len(node.output)))
        for n, name in enumerate(names, 1):
            node.output[n] = node.output[n] or name
        states += node.output[1:]
        if reset_after is not None and node.op_type == "GRU":
            _set(onnx, node, "linear_before_reset", int(reset_after))
    _widen(copy.graph)
    _trim(onnx, copy.graph, list(dict.fromkeys([signature.output, *states])))
    _free_axes(copy.graph, signature)
    return copy, states


def is_double(graph: Any) -> bool:
    """Whether its weights are float64."""
    return any(tensor.data_type == DOUBLE for tensor in graph.initializer)


def _embed(tensor: Any, path: Path) -> None:
    """Store an array in the model, external data too; float16 as float32."""
    array = file.read_array(tensor, path)
    array = array.astype("float32") if tensor.data_type == HALF else array
    name = tensor.name
    tensor.CopyFrom(file.library().numpy_helper.from_array(array, name))


def _widen(graph: Any) -> None:
    """Let inputs and casts of float16 be float32."""
    for node in graph.node:
        for each in node.attribute:
            if node.op_type == "Cast" and each.name == "to" and each.i == HALF:
                each.i = SINGLE
    for each in graph.input:
        if each.type.tensor_type.elem_type == HALF:
            each.type.tensor_type.elem_type = SINGLE


def _set(onnx: Any, node: Any, name: str, value: int) -> None:
    others = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*others, onnx.helper.make_attribute(name, value)])


def _trim(onnx: Any, graph: Any, outputs: list[str]) -> None:
    """Leave only what these outputs need."""
    needed, nodes = set(outputs), []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
    kinds = {each.name: each.type.tensor_type.elem_type for each in graph.output}
    kind = DOUBLE if is_double(graph) else SINGLE
    arrays = [tensor for tensor in graph.initializer if tensor.name in needed]
    names = {tensor.name for tensor in arrays}
    inputs = [each for each in graph.input if each.name in needed and each.name not in names]
    infos = [
        onnx.helper.make_tensor_value_info(name, kind if kinds.get(name) in (HALF, None) else kinds[name], None)
        for name in outputs
    ]
    fields = {"node": nodes[::-1], "initializer": arrays, "input": inputs, "output": infos, "value_info": []}
    for field, messages in fields.items():
        copies = [type(each).FromString(each.SerializeToString()) for each in messages]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)


def _free_axes(graph: Any, signature: GraphSignature) -> None:
    """Free the lengths of batch and time that the file declares and does not depend on."""
    for each in graph.input:
        dims = each.type.tensor_type.shape.dim
        sequence = each.name == signature.sequence
        batch = 0 if (sequence and signature.batch_first) or len(dims) < 3 else 1
        for n, dim in enumerate(dims):
            if n == batch and signature.batch is None:
                dim.dim_param = "batch"
            elif sequence and n == 1 - batch and signature.timesteps is None:
                dim.dim_param = "time"

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
        embed(tensor, path)
    states: list[str] = []
    for index, layer in signature.layers:
        node = copy.graph.node[index]
        names = [f"final_{index}_{state}" for state in STATES[layer.forward.cell]]
        node.output.extend([""] * (1 + len(names) - len(node.output)))
        for n, name in enumerate(names, 1):
            node.output[n] = node.output[n] or name
        states += node.output[1:]
        if reset_after is not None and node.op_type == "GRU":
            set_whole(onnx, node, "linear_before_reset", int(reset_after))
    widen(copy.graph)
    trim(onnx, copy.graph, list(dict.fromkeys([signature.output, *states])))
    _free_axes(copy.graph, signature)
    return copy, states


def is_double(graph: Any) -> bool:
    """Whether its weights are float64."""
    return any(tensor.data_type == DOUBLE for tensor in graph.initializer)


def embed(tensor: Any, path: Path, kinds: tuple[int, ...] = (HALF,)) -> None:
    """Store an array in the model, external data too; those of these types as float32."""
    array = file.read_array(tensor, path)
    array = array.astype("float32") if tensor.data_type in kinds else array
    name = tensor.name
    tensor.CopyFrom(file.library().numpy_helper.from_array(array, name))


def widen(graph: Any, kinds: tuple[int, ...] = (HALF,)) -> None:
    """Let inputs and casts of these types be float32."""
    for node in graph.node:
        for each in node.attribute:
            if node.op_type == "Cast" and each.name == "to" and each.i in kinds:
                each.i = SINGLE
    for each in graph.input:
        if each.type.tensor_type.elem_type in kinds:
            each.type.tensor_type.elem_type = SINGLE


def set_whole(onnx: Any, node: Any, name: str, value: int) -> None:
    """Set an attribute of a node to a whole number."""
    others = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*others, onnx.helper.make_attribute(name, value)])


def trim(onnx: Any, graph: Any, outputs: list[str], widened: tuple[int, ...] | None = None) -> None:
    """Leave only what these outputs need; they are float32 where they were of a type that was widened.

    Args:
        onnx: the library.
        graph: changed in place.
        outputs: names.
        widened: the types that were; None: float16, and outputs that the file does not declare are of its weights' type.
    """
    needed, nodes = set(outputs), []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed |= set(node.input)
    kinds = {each.name: each.type.tensor_type.elem_type for each in graph.output}
    kind = SINGLE if widened is not None or not is_double(graph) else DOUBLE
    others = (*(widened or (HALF,)), None)
    arrays = [tensor for tensor in graph.initializer if tensor.name in needed]
    names = {tensor.name for tensor in arrays}
    inputs = [each for each in graph.input if each.name in needed and each.name not in names]
    infos = [
        onnx.helper.make_tensor_value_info(name, kind if kinds.get(name) in others else kinds[name], None)
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

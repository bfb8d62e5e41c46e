"""A copy of an ONNX file's model for onnxruntime, which lacks some types and layouts of recurrent nodes: all outputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gru_tf.interchange.onnx import file, runnable_copy
from gru_tf.interchange.onnx.runnable_copy import DOUBLE, HALF, SINGLE

RECURRENT = ("GRU", "LSTM", "RNN")
TYPED = ("Shape", "Size", "ArgMax", "ArgMin", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Scaler")


def has_double(model: Any) -> bool:
    """Whether a file computes anything in float64."""
    graph = model.graph
    casts = [file.attributes(node).get("to") for node in graph.node if node.op_type == "Cast"]
    declared = [each.type.tensor_type.elem_type for each in graph.input]
    return DOUBLE in (*casts, *declared, *(tensor.data_type for tensor in file.tensors(graph)))


def whole(
    model: Any,
    path: Path,
    fixed: set[str],
    name_of: Callable[[str], str],
    reset_after: bool | None = None,
    *,
    double: bool = True,
) -> Any:
    """A copy that computes all outputs, for any length of the inputs' axes that is not fixed; float16 as float32.

    Args:
        model: the file's ModelProto.
        path: of the file, beside which its external data lie.
        fixed: names of the axes whose declared lengths are the only ones, such as "x[1]".
        name_of: an axis's name → the one of all axes of the same length.
        reset_after: replaces every GRU's `linear_before_reset`, None: nothing.
        double: whether float64 stays, but at recurrent nodes; else it is float32.
    """
    onnx = file.library()
    kinds = (HALF,) if double else (HALF, DOUBLE)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in file.tensors(copy.graph):
        runnable_copy.embed(tensor, path, kinds)
    runnable_copy.widen(copy.graph, kinds)
    for node in list(copy.graph.node):
        if reset_after is not None and node.op_type == "GRU":
            runnable_copy.set_whole(onnx, node, "linear_before_reset", int(reset_after))
    _turn_batch_first(onnx, copy.graph)
    if double:
        _recurrent_in_single(onnx, copy.graph)
    runnable_copy.trim(onnx, copy.graph, [each.name for each in copy.graph.output], widened=kinds)
    for each in copy.graph.input:
        for n, dim in enumerate(each.type.tensor_type.shape.dim):
            if name_of(f"{each.name}[{n}]") not in fixed:
                dim.dim_param = f"{each.name}_{n}"
    return copy


def _recurrent_in_single(onnx: Any, graph: Any) -> None:
    """Recurrent nodes of float64 as such of float32 between casts, for onnxruntime has no others."""
    arrays = {tensor.name for tensor in graph.initializer if tensor.data_type == DOUBLE}
    double = arrays | {each.name for each in graph.input if each.type.tensor_type.elem_type == DOUBLE}
    nodes: list[Any] = []
    for index, node in enumerate(graph.node):
        if not _gives_double(node, double):
            nodes.append(node)
            continue
        double |= set(node.output)
        if node.op_type not in RECURRENT:
            nodes.append(node)
            continue
        single = onnx.NodeProto()
        single.CopyFrom(node)
        for n, name in enumerate(node.input):
            if name in double:
                single.input[n] = f"single_{index}_input_{n}"
                nodes.append(onnx.helper.make_node("Cast", [name], [single.input[n]], to=SINGLE))
        nodes.append(single)
        for n, name in enumerate(node.output):
            if name:
                single.output[n] = f"single_{index}_output_{n}"
                nodes.append(onnx.helper.make_node("Cast", [single.output[n]], [name], to=DOUBLE))
    _replace(graph, nodes)


def _gives_double(node: Any, double: set[str]) -> bool:
    """Whether a node's outputs are float64, by its inputs that are: the standard's operators mix no types of numbers."""
    attributes = file.attributes(node)
    if node.op_type == "Cast":
        return bool(attributes.get("to") == DOUBLE)
    arrays = [each.t.data_type for each in node.attribute if each.HasField("t")]
    return DOUBLE in arrays or (node.op_type not in TYPED and any(name in double for name in node.input))


def _replace(graph: Any, nodes: list[Any]) -> None:
    copies = [type(each).FromString(each.SerializeToString()) for each in nodes]
    graph.ClearField("node")
    graph.node.extend(copies)


def _turn_batch_first(onnx: Any, graph: Any) -> None:
    """Recurrent nodes of layout 1 as such of layout 0 between transpositions, which is how the standard defines them."""
    nodes: list[Any] = []
    for index, node in enumerate(graph.node):
        if node.op_type not in RECURRENT or not file.attributes(node).get("layout"):
            nodes.append(node)
            continue
        turned = onnx.NodeProto()
        turned.CopyFrom(node)
        runnable_copy.set_whole(onnx, turned, "layout", 0)
        for n in (0, 5, 6):
            if n < len(node.input) and node.input[n]:
                turned.input[n] = f"turned_{index}_input_{n}"
                nodes.append(onnx.helper.make_node("Transpose", [node.input[n]], [turned.input[n]], perm=[1, 0, 2]))
        nodes.append(turned)
        for n, name in enumerate(node.output):
            if name:
                turned.output[n] = f"turned_{index}_output_{n}"
                perm = [1, 0, 2] if n else [2, 0, 1, 3]
                nodes.append(onnx.helper.make_node("Transpose", [turned.output[n]], [name], perm=perm))
    _replace(graph, nodes)

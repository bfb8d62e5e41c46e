"""An ONNX file as a `Network`: what its output was computed by, from the inputs on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Linear, Network
from gru_tf.interchange.onnx import file, notes, refusals
from gru_tf.interchange.onnx.functional import model as functional
from gru_tf.interchange.onnx.graph import OnnxGraph
from gru_tf.interchange.onnx.running import framework
from gru_tf.interchange.onnx.signature import GraphSignature
from gru_tf.interchange.onnx.tracing import Tracer
from gru_tf.interchange.onnx.values import TIMES, Layer, TracedTensor, UnreadableError, Unsupported, Value
from gru_tf.interchange.source import LENGTHS, ForeignModel, GraphModel

RESET = (
    "node '{name}': linear_before_reset is 0, but torch.nn.GRU always resets after the product. PyTorch's exporter with"
    " onnxscript before 0.7 omitted it by mistake (pytorch#189225). The file is read as written; if it was exported from"
    " torch.nn.GRU, import it with {option}"
)


def read(path: Path, *, reset_after: bool | None = None) -> ForeignModel:
    """The network in an ONNX file.

    Supported are GRU, LSTM and RNN nodes one after the other, with an embedding (Gather) or a scale (Mul) below and linear
    layers (MatMul, Gemm, Add) above, and the Transpose, Squeeze, Reshape, Slice and so on between them. Nothing in the file
    is run. A graph input for sequence_lens makes a masked network. Initial states that are inputs are left to
    `building.build(initial=True)`.

    Args:
        path: of the file.
        reset_after: what the reset of every GRU is taken for, if its exporter wrote `linear_before_reset` wrongly; None:
            what the file says.

    Raises:
        UserError: for a file that holds anything else, naming the node, what was expected and what was received.
    """
    path = Path(path)
    model = file.load(path)
    graph = OnnxGraph(file.stored_bytes(model, path), lambda tensor: file.read_array(tensor, path))
    graph.half = file.is_half(model.graph)
    values = Tracer(graph, path, reset_after).trace(model)
    name, output = _output(model, values, path)
    network = _network(output, graph, path)
    signature = _signature(name, output, graph)
    return ForeignModel(
        network,
        "ONNX",
        lambda: framework(model, signature, path, reset_after),
        (*_warnings(model, reset_after), *_ignored_inputs(model, signature), *notes.of_signature(model, signature)),
        tuple(file.external_files(model, path)),
        lengths=LENGTHS if signature.timesteps is None else (signature.timesteps,),
    )


def read_file(path: Path, *, reset_after: bool | None = None) -> ForeignModel | GraphModel:
    """The network in an ONNX file, as `read`; or the whole graph as a Keras model, where it is more than a network.

    Args:
        path: of the file.
        reset_after: as in `read`.

    Raises:
        UserError: for a file that is neither, with all parts that are in the way.
    """
    path = Path(path)
    model = file.load(path)
    refusals.check_recurrent(model, path)
    try:
        return read(path, reset_after=reset_after)
    except UserError:
        graph = functional.read(model, path, reset_after)
        return replace(graph, warnings=(*graph.warnings, *_warnings(model, reset_after)))


def _output(model: Any, values: Mapping[str, Value], path: Path) -> tuple[str, TracedTensor]:
    """Name and value of the graph's output; others may only be final states."""
    outputs: dict[str, TracedTensor] = {}
    for proto in model.graph.output:
        value = values.get(proto.name, Unsupported(f"expected a node that computes output '{proto.name}'"))
        if isinstance(value, Unsupported):
            raise UserError(f"{path}: {value.reason}")
        if isinstance(value, TracedTensor) and value.layer:
            outputs[proto.name] = value
    main = [name for name, tensor in outputs.items() if not tensor.states or not isinstance(tensor.parts[-1], Layer)]
    if not outputs or len(main) > 1:
        expected = "one output after the recurrent nodes, apart from their final states"
        raise UserError(f"{path}: expected {expected}. Received: {several(main) or 'none'}")
    name = main[0] if main else next(iter(outputs))
    _check_output(name, outputs, path)
    return name, outputs[name]


def _check_output(name: str, outputs: Mapping[str, TracedTensor], path: Path) -> None:
    """Refuse an output that a `Network` does not have, and final states of layers that it did not go through."""
    output = outputs[name]
    layers = [part for part in output.parts if isinstance(part, Layer)]
    other = next((layer for tensor in outputs.values() for layer, _, _ in tensor.states if layer not in layers), None)
    if other is not None:
        expected = f"final states of the layers of output '{name}'"
        raise UserError(f"{path}: expected {expected}. Received: those of '{other.recurrent.name}'")
    if any(TIMES in axis.name for axis in output.axes):
        expected = "(batch, time, features) or (batch, features)"
        raise UserError(f"{path}: output '{name}': expected {expected}. Received: batch and time in one axis")
    try:
        output.check_states()
    except UnreadableError as error:
        raise UserError(f"{path}: output '{name}': {error}") from None


def _network(output: TracedTensor, graph: OnnxGraph, path: Path) -> Network:
    layers = [part for part in output.parts if isinstance(part, Layer)]
    names = {layer.lengths for layer in layers}
    if len(names) > 1:
        received = ", ".join(f"{layer.recurrent.name}: {layer.lengths or 'none'}" for layer in layers)
        raise UserError(f"{path}: expected the same sequence_lens at every recurrent node. Received: {received}")
    first = output.parts[0]
    heads = tuple(part for part in output.parts if isinstance(part, Linear))
    try:
        return Network(
            tuple(layer.recurrent for layer in layers),
            first if isinstance(first, np.ndarray) else None,
            heads,
            every_step=output.axis_index(graph.time) is not None,
            masked=names != {None},
            scale=float(first) if isinstance(first, (int, float)) else 1.0,
            source="ONNX",
        )
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _signature(name: str, output: TracedTensor, graph: OnnxGraph) -> GraphSignature:
    layers = [part for part in output.parts if isinstance(part, Layer)]
    places = {each: output.axis_index(each) for each in (graph.batch, graph.time, "direction", "features")}
    known = {each: graph.declared[each] for each in graph.fixed}
    return GraphSignature(
        sequence=output.roots[0],
        batch_first=graph.batch.endswith("[0]"),
        lengths=layers[0].lengths,
        output=name,
        order=tuple(place for place in places.values() if place is not None),
        directed=places["direction"] is not None,
        axes=len(output.axes),
        layers=tuple((layer.node, layer.recurrent) for layer in layers),
        plain=all(layer.plain for layer in layers),
        timesteps=known.get(graph.time),
        batch=known.get(graph.batch),
    )


def _ignored_inputs(model: Any, signature: GraphSignature) -> tuple[str, ...]:
    """Inputs that the imported model does not have, in a sentence."""
    constants = {tensor.name for tensor in model.graph.initializer}
    known = {*constants, signature.sequence, signature.lengths}
    ignored = [f"'{proto.name}'" for proto in model.graph.input if proto.name not in known]
    return (f"ignored inputs: {several(ignored)}; initial states are zero",) if ignored else ()


def _warnings(model: Any, reset_after: bool | None) -> tuple[str, ...]:
    if model.producer_name != "pytorch" or reset_after:
        return ()
    option = option_names.called("reset_after", True)
    wrong = [n for n in model.graph.node if n.op_type == "GRU" and not file.attributes(n).get("linear_before_reset")]
    return tuple(RESET.format(name=node.name or "GRU", option=option) for node in wrong)

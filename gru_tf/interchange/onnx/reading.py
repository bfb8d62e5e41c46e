"""An ONNX file as a `Network`: its nodes followed in order, from the inputs to the output."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.errors import UserError, did_you_mean, one_line, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Linear, Network
from gru_tf.interchange.onnx import file, nodes
from gru_tf.interchange.onnx.glue import OPERATORS
from gru_tf.interchange.onnx.graph import Graph, Node
from gru_tf.interchange.onnx.parts import complete
from gru_tf.interchange.onnx.running import Roles, framework
from gru_tf.interchange.onnx.values import TIMES, Axis, Const, Flow, Layer, Unread, UnreadableError, Value
from gru_tf.interchange.source import LENGTHS, Foreign

RECURRENT = ("GRU", "LSTM", "RNN")
LOOPS = ("Loop", "Scan", "If")
ENDINGS = ("Softmax", "LogSoftmax", "Sigmoid", "Relu", "Tanh")
LEAVE = "; export without it, and put it behind the imported model"
PACKED = (
    "; it sorts sequences by length where they were packed with enforce_sorted=False: export with"
    " pack_padded_sequence(…, enforce_sorted=True), or without packing, either of which is read"
)
ADVICE = {**dict.fromkeys(ENDINGS, LEAVE), "TopK": PACKED}
LOOP = (
    "{op}: a recurrent layer written as a loop has no weights that can be told from the rest. Export it so that it becomes a"
    " GRU, LSTM or RNN node (torch.onnx.export of torch.nn.GRU does), or import the framework's own file instead"
)
UNROLLED = "where it was torch.nn.RNN, step by step: torch.onnx.export(…, dynamo=False) makes one node of it"
RESET = (
    "node '{name}': linear_before_reset is 0, but torch.nn.GRU always resets after the product. PyTorch's exporter with"
    " onnxscript before 0.7 left it out by mistake (pytorch#189225). The file is taken at its word; where it was made from"
    " torch.nn.GRU, import it with {option}"
)
MISFITS = (ValueError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError)


def read(path: Path, *, reset_after: bool | None = None) -> Foreign:
    """The network in an ONNX file.

    Read are GRU, LSTM and RNN nodes one after the other, with an embedding (Gather) or a scale (Mul) below and linear
    layers (MatMul, Gemm, Add) above, and the Transpose, Squeeze, Reshape, Slice and so on that stand between. Nothing of the
    file is run. A graph input for sequence_lens makes a masked network. First states that are inputs are left to
    `building.build(initial=True)`.

    Args:
        path: of the file.
        reset_after: what the reset of every GRU is taken for, where its exporter wrote `linear_before_reset` wrongly; None:
            what the file says.

    Raises:
        UserError: for a file that holds anything else, naming the node, what was expected and what was received.
    """
    path = Path(path)
    model = file.load(path)
    graph = Graph(file.opset(model), file.stored(model, path), lambda tensor: file.array(tensor, path))
    values: dict[str, Value] = {t.name: Const(file.array(t, path)) for t in model.graph.initializer}
    inputs = {each.name: each for each in model.graph.input if each.name not in values}
    values |= {name: _input(each, graph) for name, each in inputs.items()}
    found = [node.op_type for node in model.graph.node]
    if not set(found) & set(RECURRENT):
        near = "".join(_near(op, RECURRENT) for op in dict.fromkeys(found))
        raise UserError(f"{path}: expected a GRU, LSTM or RNN node.{near} Received: {_instead(model, found)}")
    for index, proto in enumerate(model.graph.node):
        made = _computed(proto, index, values, graph, path, reset_after)
        twice = next((name for name in proto.output if name and name in values), None)
        if twice is not None:
            raise UserError(
                f"{path}: node '{proto.name or proto.op_type}': expected outputs of its own. Received: '{twice}' again"
            )
        values.update({name: value for name, value in zip(proto.output, made, strict=False) if name})
    name, output = _output(model, values, path)
    network = _network(output, graph, path)
    roles = _roles(name, output, graph)
    return Foreign(
        network,
        "ONNX",
        lambda: framework(model, roles, path, reset_after),
        (*_warnings(model, reset_after), *_left_out(inputs, roles)),
        tuple(file.beside(model, path)),
        lengths=LENGTHS if roles.timesteps is None else (roles.timesteps,),
    )


def _instead(model: Any, found: Sequence[str]) -> str:
    """What a file without recurrent nodes holds, and what may be done about it."""
    loops = [op for op in found if op in LOOPS]
    unrolled = f"; {UNROLLED}" if model.producer_name == "pytorch" else ""
    return LOOP.format(op=loops[0]) if loops else several(list(dict.fromkeys(found))) + unrolled


def _near(op: str, known: Iterable[str]) -> str:
    """The nearest of these to an operator that the standard does not have."""
    return "" if file.library().defs.has(op) else did_you_mean(op, known)


def _input(proto: Any, graph: Graph) -> Value:
    """A graph input, whose axes have its name and a number until a recurrent node says which is time."""
    kind = proto.type.tensor_type
    if kind.elem_type not in file.TYPES:
        return Unread(f"input '{proto.name}': expected numbers of type {', '.join(file.TYPES.values())}")
    shape = kind.shape.dim if kind.HasField("shape") else None
    count = len(shape) if shape is not None else 3 if kind.elem_type in file.FLOATS else 2
    names = [f"{proto.name}[{n}]" for n in range(count)]
    for name, dim in zip(names, shape or (), strict=False):
        if dim.HasField("dim_value") and dim.dim_value > 0:
            graph.declared[name] = int(dim.dim_value)
    return Flow((proto.name,), (), tuple(Axis(name, name) for name in names))


def _computed(
    proto: Any, index: int, values: dict[str, Value], graph: Graph, path: Path, reset_after: bool | None
) -> Sequence[Value]:
    """What a node makes of its inputs; Unread, where a `Network` has nothing for it."""
    called = proto.name or f"{proto.op_type} {index}"
    unknown = next((name for name in proto.input if name and name not in values), None)
    if unknown is not None:
        raise UserError(f"{path}: node '{called}': expected inputs that were made before it. Received: '{unknown}'")
    given = [values[name] if name else None for name in proto.input]
    own = proto.domain in file.OWN
    if proto.op_type in RECURRENT and own:
        node = Node(index, proto.op_type, file.attributes(proto), given, list(proto.output), graph)
        try:
            return nodes.recurrent(node, called, reset_after if proto.op_type == "GRU" else None)
        except UnreadableError as error:
            raise UserError(f"{path}: node '{called}': {error}") from None
        except MISFITS as error:
            raise UserError(f"{path}: node '{called}': {_misfit(proto, error)}") from None
    try:
        return _glue(proto, index, given, graph, own)
    except UnreadableError as error:
        return [Unread(f"node '{called}': {error}")] * len(proto.output)
    except MISFITS as error:
        return [Unread(f"node '{called}': {_misfit(proto, error)}")] * len(proto.output)


def _misfit(proto: Any, error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    return f"expected inputs and attributes that {proto.op_type} can take. Received: {one_line(said)}"


def _glue(proto: Any, index: int, given: list[Value | None], graph: Graph, own: bool) -> Sequence[Value]:
    unread = next((value for value in given if isinstance(value, Unread)), None)
    if unread is not None:
        return [unread] * len(proto.output)
    if not own:
        raise UnreadableError(f"expected operators of the ONNX standard. Received: {proto.domain}.{proto.op_type}")
    if proto.op_type in LOOPS:
        raise UnreadableError(LOOP.format(op=proto.op_type))
    if proto.op_type not in OPERATORS:
        near = _near(proto.op_type, (*OPERATORS, *RECURRENT))
        raise UnreadableError(
            f"expected nothing around recurrent nodes but embeddings, linear layers and reshaping.{near}"
            f" Received: {proto.op_type}{ADVICE.get(proto.op_type, '')}"
        )
    attributes = file.attributes(proto)
    made = OPERATORS[proto.op_type](Node(index, proto.op_type, attributes, given, list(proto.output), graph))
    more = Unread(f"node '{proto.name or proto.op_type}': expected its first output alone to be used")
    return [made, *[more] * (len(proto.output) - 1)]


def _output(model: Any, values: dict[str, Value], path: Path) -> tuple[str, Flow]:
    """The graph's output; others may only be final states."""
    found: dict[str, Flow] = {}
    for each in model.graph.output:
        value = values.get(each.name, Unread(f"expected a node that makes output '{each.name}'"))
        if isinstance(value, Unread):
            raise UserError(f"{path}: {value.reason}")
        if isinstance(value, Flow) and value.layer:
            found[each.name] = value
    main = [name for name, flow in found.items() if not flow.rows or not isinstance(flow.parts[-1], Layer)]
    if not found or len(main) > 1:
        expected = "one output behind the recurrent nodes, beside their final states"
        raise UserError(f"{path}: expected {expected}. Received: {several(main) or 'none'}")
    name = main[0] if main else next(iter(found))
    own = [part for part in found[name].parts if isinstance(part, Layer)]
    other = next((row[0] for flow in found.values() for row in flow.rows if row[0] not in own), None)
    if other is not None:
        expected = f"final states of what output '{name}' went through"
        raise UserError(f"{path}: expected {expected}. Received: those of '{other.recurrent.name}'")
    merged = next((axis for axis in found[name].axes if TIMES in axis.name), None)
    if merged is not None:
        expected = "(batch, time, features) or (batch, features)"
        raise UserError(f"{path}: output '{name}': expected {expected}. Received: batch and time in one axis")
    try:
        complete(found[name])
    except UnreadableError as error:
        raise UserError(f"{path}: output '{name}': {error}") from None
    return name, found[name]


def _network(output: Flow, graph: Graph, path: Path) -> Network:
    layers = [part for part in output.parts if isinstance(part, Layer)]
    names = {layer.lengths for layer in layers}
    if len(names) > 1:
        received = ", ".join(f"{layer.recurrent.name}: {layer.lengths or 'none'}" for layer in layers)
        raise UserError(f"{path}: expected the same sequence_lens at every recurrent node. Received: {received}")
    first = output.parts[0]
    heads = tuple(part for part in output.parts if isinstance(part, Linear))
    return _whole(
        path,
        tuple(layer.recurrent for layer in layers),
        first if isinstance(first, np.ndarray) else None,
        heads,
        every_step=output.at(graph.time) is not None,
        masked=names != {None},
        scale=float(first) if isinstance(first, (int, float)) else 1.0,
        source="ONNX",
    )


def _whole(path: Path, *parts: Any, **options: Any) -> Network:
    try:
        return Network(*parts, **options)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _roles(name: str, output: Flow, graph: Graph) -> Roles:
    layers = [part for part in output.parts if isinstance(part, Layer)]
    places = {each: output.at(each) for each in (graph.batch, graph.time, "direction", "features")}
    known = {each: graph.declared[each] for each in graph.fixed}
    return Roles(
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


def _left_out(inputs: Iterable[str], roles: Roles) -> tuple[str, ...]:
    """Inputs that the imported model does not have, in a sentence."""
    left = [f"'{name}'" for name in inputs if name not in (roles.sequence, roles.lengths)]
    return (f"left out: {several(left)} of the inputs; first states are zero here",) if left else ()


def _warnings(model: Any, reset_after: bool | None) -> tuple[str, ...]:
    if model.producer_name != "pytorch" or reset_after:
        return ()
    wrong = [n for n in model.graph.node if n.op_type == "GRU" and not file.attributes(n).get("linear_before_reset")]
    return tuple(RESET.format(name=n.name or "GRU", option=option_names.called("reset_after", True)) for n in wrong)

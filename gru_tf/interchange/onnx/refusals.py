"""What an ONNX file is refused with: all parts that are in the way at once, each with its node, operator and reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange.onnx import file

MOST = 8  # parts in a message
DEEPEST = 20  # branches within branches that are looked into
RECURRENT = ("GRU", "LSTM", "RNN")
UNROLLED = "if it was torch.nn.RNN, step by step: torch.onnx.export(…, dynamo=False) writes one node for it"
LOOP = (
    "the weights of a recurrent layer written as a loop cannot be identified. Export it as a GRU, LSTM or RNN node"
    " (torch.onnx.export of torch.nn.GRU does so), or import the framework's own file instead"
)
BRANCH = "a branch that is chosen when the model runs is not read. Export the branch that is used alone"
QUANTISED = "quantised numbers are not read. Export the model before it is quantised (float32)"
SPECTRUM = "a spectrum computed in the model is not read. Export the model without it, and compute the features before"
PACKED = (
    "sorts sequences by length if they were packed with enforce_sorted=False. Export with"
    " pack_padded_sequence(…, enforce_sorted=True), or without packing"
)
NAMED: dict[str, str] = {
    "Loop": LOOP, "Scan": LOOP, "If": BRANCH, "TopK": PACKED,
    **dict.fromkeys(("STFT", "DFT", "MelWeightMatrix", "HannWindow", "HammingWindow", "BlackmanWindow"), SPECTRUM),
    **dict.fromkeys(
        (
            "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearMatMul", "QLinearConv",
            "ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QGemm",
        ),
        QUANTISED,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """Why a part is in the way.

    Args:
        place: the node, input or output.
        op: the operator, "" of inputs and outputs.
        text: what was expected and received.
    """

    place: str
    op: str
    text: str


def check_recurrent(model: Any, path: Path) -> None:
    """Refuse a graph without recurrent nodes, with advice on what it has instead.

    Raises:
        UserError: naming recurrent nodes within branches, quantised ones, and loops.
    """
    operators = list(dict.fromkeys(node.op_type for node in model.graph.node))
    if set(operators) & set(RECURRENT):
        return
    for node in model.graph.node:
        inner = next((each.op_type for each in _within(node) if each.op_type in RECURRENT), None)
        if inner is not None:
            text = (
                f"expected a recurrent node that always runs. Received: {inner} within {node.op_type}; {NAMED[node.op_type]}"
            )
            raise UserError(f"{path}: node '{node.name or node.op_type}': {text}")
    named = next((op for op in operators if op in NAMED and op not in ("TopK", "If")), None)
    unrolled = f"; {UNROLLED}" if model.producer_name == "pytorch" and named is None else ""
    near = "".join("" if file.library().defs.has(op) or named else did_you_mean(op, RECURRENT) for op in operators)
    received = f"{named}: {NAMED[named]}" if named else several(operators) + unrolled
    raise UserError(f"{path}: expected a GRU, LSTM or RNN node.{near} Received: {received}")


def _within(node: Any, depth: int = 0) -> Iterator[Any]:
    """All nodes in the branches and bodies of a node."""
    graphs = [each.g for each in node.attribute if each.HasField("g")] if depth < DEEPEST else []
    for inner in (inner for graph in graphs for inner in graph.node):
        yield inner
        yield from _within(inner, depth + 1)


def unknown(proto: Any, known: Iterable[str]) -> str:
    """Why an operator that has no function is not read."""
    if proto.op_type in NAMED:
        return NAMED[proto.op_type]
    if proto.domain not in file.OWN:
        return f"expected operators of the ONNX standard. Received: {proto.domain}.{proto.op_type}"
    near = "" if file.library().defs.has(proto.op_type) else did_you_mean(proto.op_type, known)
    return f"expected an operator that is read around recurrent nodes.{near} Received: {proto.op_type}"


def type_name(proto: Any) -> str:
    """The type of an input in words."""
    kind = proto.WhichOneof("value") or "none"
    if kind != "tensor_type":
        return str(kind).removesuffix("_type")
    number = proto.tensor_type.elem_type
    return str(file.library().TensorProto.DataType.Name(number)).lower() if number else "no type"


def check(path: Path, reasons: Sequence[Reason]) -> None:
    """Raise UserError with all parts that are in the way, those of one kind together; returns if there is none."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for reason in reasons:
        kinds.setdefault((reason.op, reason.text), []).append(reason.place)
    parts = [f"{several(places, 3)}{f' ({op})' if op else ''}: {text}" for (op, text), places in kinds.items()]
    if not parts:
        return
    if len(parts) == 1:
        raise UserError(f"{path}: {parts[0]}")
    listed = "; ".join(f"({n}) {part}" for n, part in enumerate(parts[:MOST], 1))
    more = f"; and {len(parts) - MOST:,} more" if len(parts) > MOST else ""
    raise UserError(f"{path}: {len(parts):,} parts are not read: {listed}{more}")

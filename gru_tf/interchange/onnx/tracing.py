"""The nodes of an ONNX graph followed in order: what each value is, from the inputs to the outputs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, one_line, several
from gru_tf.interchange.onnx import file, recurrent_nodes
from gru_tf.interchange.onnx.graph import Node, OnnxGraph
from gru_tf.interchange.onnx.operators import OPERATORS
from gru_tf.interchange.onnx.values import Axis, Constant, TracedTensor, UnreadableError, Unsupported, Value

RECURRENT = ("GRU", "LSTM", "RNN")
LOOPS = ("Loop", "Scan", "If")
ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid", "Relu", "Tanh")  # that a model may end with
LEAVE_OUT = "; export without it, and apply it after the imported model"
PACKED = (
    "; it sorts sequences by length if they were packed with enforce_sorted=False: export with"
    " pack_padded_sequence(…, enforce_sorted=True), or without packing"
)
ADVICE = {**dict.fromkeys(ACTIVATIONS, LEAVE_OUT), "TopK": PACKED}
LOOP = (
    "{op}: the weights of a recurrent layer written as a loop cannot be identified. Export it as a GRU, LSTM or RNN node"
    " (torch.onnx.export of torch.nn.GRU does so), or import the framework's own file instead"
)
UNROLLED = "if it was torch.nn.RNN, step by step: torch.onnx.export(…, dynamo=False) writes one node for it"
MISFITS = (ValueError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError)


@dataclass(frozen=True)
class Tracer:
    """Follows the nodes of a file.

    Args:
        graph: what is known of the graph as a whole.
        path: of the file, for messages.
        reset_after: what the reset of every GRU is taken for; None: what the node says.
    """

    graph: OnnxGraph
    path: Path
    reset_after: bool | None = None

    def trace(self, model: Any) -> dict[str, Value]:
        """Name → value, of all that the graph has.

        Raises:
            UserError: for a graph without recurrent nodes, a recurrent node that a `Network` has nothing for, and names that
                are unknown or not unique. Other nodes that are not understood give values that are `Unsupported`.
        """
        values: dict[str, Value] = {t.name: Constant(file.read_array(t, self.path)) for t in model.graph.initializer}
        values |= {proto.name: self._input(proto) for proto in model.graph.input if proto.name not in values}
        self._check_recurrent(model)
        for index, proto in enumerate(model.graph.node):
            outputs = self._outputs(proto, index, values)
            repeated = next((name for name in proto.output if name and name in values), None)
            if repeated is not None:
                raise UserError(
                    f"{self.path}: node '{proto.name or proto.op_type}': expected outputs with new names."
                    f" Received: '{repeated}' again"
                )
            values.update({name: value for name, value in zip(proto.output, outputs, strict=False) if name})
        return values

    def _check_recurrent(self, model: Any) -> None:
        """Refuse a graph without recurrent nodes, with advice on what it has instead."""
        operators = list(dict.fromkeys(node.op_type for node in model.graph.node))
        if set(operators) & set(RECURRENT):
            return
        loops = [op for op in operators if op in LOOPS]
        unrolled = f"; {UNROLLED}" if model.producer_name == "pytorch" else ""
        received = LOOP.format(op=loops[0]) if loops else several(operators) + unrolled
        near = "".join(_near(op, RECURRENT) for op in operators)
        raise UserError(f"{self.path}: expected a GRU, LSTM or RNN node.{near} Received: {received}")

    def _input(self, proto: Any) -> Value:
        """A graph input, whose axes have its name and a number until a recurrent node shows which is time."""
        kind = proto.type.tensor_type
        if kind.elem_type not in file.TYPES:
            return Unsupported(f"input '{proto.name}': expected numbers of type {', '.join(file.TYPES.values())}")
        shape = kind.shape.dim if kind.HasField("shape") else None
        rank = len(shape) if shape is not None else 3 if kind.elem_type in file.FLOATS else 2
        names = [f"{proto.name}[{n}]" for n in range(rank)]
        for name, dim in zip(names, shape or (), strict=False):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                self.graph.declared[name] = int(dim.dim_value)
        return TracedTensor((proto.name,), (), tuple(Axis(name, name) for name in names))

    def _outputs(self, proto: Any, index: int, values: dict[str, Value]) -> Sequence[Value]:
        """Outputs of a node; Unsupported if a `Network` has nothing for it, which for a recurrent node is an error."""
        title = proto.name or f"{proto.op_type} {index}"
        unknown = next((name for name in proto.input if name and name not in values), None)
        if unknown is not None:
            raise UserError(f"{self.path}: node '{title}': expected inputs computed before it. Received: '{unknown}'")
        inputs = [values[name] if name else None for name in proto.input]
        recurrent = proto.op_type in RECURRENT and proto.domain in file.OWN
        try:
            if not recurrent:
                return self._operator(proto, index, inputs)
            node = Node(index, proto.op_type, file.attributes(proto), inputs, list(proto.output), self.graph)
            return recurrent_nodes.read(node, title, self.reset_after if proto.op_type == "GRU" else None)
        except UnreadableError as error:
            reason = f"node '{title}': {error}"
        except MISFITS as error:
            received = one_line(f"{type(error).__name__}: {error}")
            reason = f"node '{title}': expected inputs and attributes that {proto.op_type} can take. Received: {received}"
        if recurrent:
            raise UserError(f"{self.path}: {reason}")
        return [Unsupported(reason)] * len(proto.output)

    def _operator(self, proto: Any, index: int, inputs: list[Value | None]) -> Sequence[Value]:
        """Outputs of a node that is not recurrent."""
        unsupported = next((value for value in inputs if isinstance(value, Unsupported)), None)
        if unsupported is not None:
            return [unsupported] * len(proto.output)
        if proto.domain not in file.OWN:
            raise UnreadableError(f"expected operators of the ONNX standard. Received: {proto.domain}.{proto.op_type}")
        if proto.op_type in LOOPS:
            raise UnreadableError(LOOP.format(op=proto.op_type))
        if proto.op_type not in OPERATORS:
            near = _near(proto.op_type, (*OPERATORS, *RECURRENT))
            raise UnreadableError(
                f"expected only embeddings, linear layers and reshaping around recurrent nodes.{near}"
                f" Received: {proto.op_type}{ADVICE.get(proto.op_type, '')}"
            )
        node = Node(index, proto.op_type, file.attributes(proto), inputs, list(proto.output), self.graph)
        others = Unsupported(f"node '{proto.name or proto.op_type}': expected only its first output to be used")
        return [OPERATORS[proto.op_type](node), *[others] * (len(proto.output) - 1)]


def _near(op: str, known: Iterable[str]) -> str:
    """The nearest of these to an operator that the standard does not have."""
    return "" if file.library().defs.has(op) else did_you_mean(op, known)

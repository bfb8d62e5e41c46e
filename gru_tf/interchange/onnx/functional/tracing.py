"""The nodes of a graph followed in order, those that its outputs need: what each value is, and all that is in the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, one_line
from gru_tf.interchange.onnx import file, refusals
from gru_tf.interchange.onnx.functional.inputs import Input, InputReader, input_of
from gru_tf.interchange.onnx.functional.knowledge import Knowledge, LearnedError
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators import OPERATORS, OTHER_DOMAINS, recurrent
from gru_tf.interchange.onnx.functional.sizes import named, product
from gru_tf.interchange.onnx.functional.values import Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.graph import OnnxGraph
from gru_tf.interchange.onnx.values import Constant, UnreadableError, Unsupported

MOST_NODES = 4000  # any more would take Keras minutes
MOST_ROUNDS = 200
MOST_NUMBERS = 1 << 29  # that a graph computes for the largest batch with which it is verified
MISFITS = (ValueError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError, OverflowError)


@dataclass(frozen=True, eq=False)
class Trace:
    """A graph that was followed.

    Args:
        inputs: that its outputs need, in the order of the graph.
        outputs: name → tensor, in the order of the graph.
        known: of the inputs' lengths.
        unused: names of inputs that no output needs.
        own_activations: names of nodes with an activation that Keras 3 does not have.
    """

    inputs: tuple[Input, ...]
    outputs: dict[str, TensorView]
    known: Knowledge
    unused: tuple[str, ...]
    own_activations: tuple[str, ...] = ()


@dataclass(frozen=True)
class GraphTracer:
    """Follows the graph of a file.

    Args:
        model: the file's ModelProto.
        path: of the file, for messages.
        stored_bytes: of its weights.
        reset_after: how GRUs reset; None: as each node says.
    """

    model: Any
    path: Path
    stored_bytes: int
    reset_after: bool | None = None

    def trace(self) -> Trace:
        """The graph, followed until nothing more is to be learned of its inputs.

        Raises:
            UserError: with all parts that are in the way.
        """
        needed = self._needed()
        if len(needed) > MOST_NODES:
            raise UserError(f"{self.path}: expected at most {MOST_NODES:,} nodes. Received: {len(needed):,}")
        known = Knowledge()
        arrays = self._arrays(needed)
        for _ in range(MOST_ROUNDS):
            try:
                return _Round(self, known, needed, dict(arrays)).trace()
            except LearnedError:
                known.derived.clear()
                known.required.clear()
        raise UserError(
            f"{self.path}: expected lengths that can be followed. Received: more than {MOST_ROUNDS} that depend on another"
        )

    def _needed(self) -> list[int]:
        """Indices of the nodes that the outputs need, in the order of the file."""
        wanted = {proto.name for proto in self.model.graph.output}
        indices = []
        for index in reversed(range(len(self.model.graph.node))):
            node = self.model.graph.node[index]
            if wanted & set(node.output):
                indices.append(index)
                wanted |= set(node.input)
        return indices[::-1]

    def _arrays(self, needed: list[int]) -> dict[str, Value]:
        used = {name for index in needed for name in self.model.graph.node[index].input}
        graph = self.model.graph
        return {t.name: Constant(file.read_array(t, self.path)) for t in graph.initializer if t.name in used}


@dataclass
class _Round:
    """The graph followed once."""

    tracer: GraphTracer
    known: Knowledge
    needed: list[int]
    values: dict[str, Value]

    def trace(self) -> Trace:
        tracer, protos = self.tracer, self.tracer.model.graph
        self.graph = OnnxGraph(tracer.stored_bytes, lambda tensor: file.read_array(tensor, tracer.path))
        self.graph.half = file.is_half(protos)
        self.reasons: list[refusals.Reason] = []
        self.own_activations: list[str] = []
        self.numbers = 0  # that all nodes compute
        outputs = [proto.name for proto in protos.output]
        self.used = {name for index in self.needed for name in protos.node[index].input} | set(outputs)
        constants = {tensor.name for tensor in protos.initializer}
        made = [proto for proto in protos.input if proto.name not in constants]
        reader = InputReader([protos.node[index] for index in self.needed], self.known)
        for proto in made:
            if proto.name in self.used:
                self._read_input(reader, proto)
        self.sources = [value for proto in made if isinstance(value := self.values.get(proto.name), TensorView)]
        for index in self.needed:
            self._follow(protos.node[index], index)
        results = {name: self._output(name) for name in outputs}
        for proto in made:
            self._check_batch(proto.name)
        refusals.check(self.tracer.path, self.reasons)
        own = tuple(each for proto in made if (each := input_of(proto.name, self.values.get(proto.name))) is not None)
        unused = tuple(proto.name for proto in made if proto.name not in self.used)
        tensors = {name: value for name, value in results.items() if value is not None}
        return Trace(own, tensors, self.known, unused, tuple(self.own_activations))

    def _read_input(self, reader: InputReader, proto: Any) -> None:
        try:
            self.values[proto.name] = reader.read(proto)
        except UnreadableError as error:
            self._refuse(f"input '{proto.name}'", "", str(error))
            self.values[proto.name] = Unsupported("")

    def _check_batch(self, name: str) -> None:
        """Refuse an input of numbers without the batch, which a Keras model has in each."""
        value = self.values.get(name)
        axes = [named(f"{name}[{n}]") for n in range(value.rank)] if isinstance(value, TensorView) else []
        if isinstance(value, TensorView) and not any(map(self.known.is_batch, axes)):
            alone = axes and self.known.number(axes[0]) == 1
            advice = (
                "a model computes each sequence alone: export without what is computed along the batch"
                if alone
                else "make it a constant of the file"
            )
            received = f"{self.known.text(axes)}, the same for all sequences; {advice}"
            self._refuse(f"input '{name}'", "", f"expected an axis of the batch. Received: {received}")

    def _follow(self, proto: Any, index: int) -> None:
        """The values of a node's outputs; its reason is noted where it is in the way."""
        title = proto.name or f"{proto.op_type} {index}"
        unknown = next((name for name in proto.input if name and name not in self.values), None)
        repeated = next((name for name in proto.output if name and name in self.values), None)
        if unknown is not None or repeated is not None:
            received = f"'{unknown}'" if unknown is not None else f"'{repeated}' again"
            expected = "inputs computed before it" if unknown is not None else "outputs with new names"
            raise UserError(f"{self.tracer.path}: node '{title}': expected {expected}. Received: {received}")
        inputs = [self.values[name] if name else None for name in proto.input]
        outputs = [Unsupported("")] * len(proto.output)
        try:
            outputs = self._outputs(proto, index, title, inputs)
        except UnreadableError as error:
            self._refuse(f"node '{title}'", proto.op_type, str(error))
        except MISFITS as error:
            received = one_line(f"{type(error).__name__}: {error}")
            expected = f"expected inputs and attributes that {proto.op_type} can take"
            self._refuse(f"node '{title}'", proto.op_type, f"{expected}. Received: {received}")
        self.values.update({name: value for name, value in zip(proto.output, outputs, strict=False) if name})

    def _outputs(self, proto: Any, index: int, title: str, inputs: list[Value | None]) -> list[Any]:
        operator = (
            OPERATORS.get(proto.op_type) if proto.domain in file.OWN else OTHER_DOMAINS.get((proto.domain, proto.op_type))
        )
        if operator is None:
            raise UnreadableError(refusals.unknown(proto, (*OPERATORS,)))
        attributes = file.attributes(proto)
        for name in attributes:
            if name not in operator.attributes:
                known = ", ".join(operator.attributes) or "none"
                raise UnreadableError(
                    f"expected attributes {known}.{did_you_mean(name, operator.attributes)} Received: {name}"
                )
        node = OperatorNode(
            title, proto.op_type, file.opset(self.tracer.model), attributes, inputs, list(proto.output), self.used,
            self.graph, self.known, self.sources, index, self.tracer.reset_after, self.own_activations,
        )  # fmt: skip
        if any(isinstance(value, Unsupported) for value in inputs):  # its reason is noted; what else is wrong is, too
            if proto.op_type in refusals.RECURRENT:
                recurrent.layer_of(node)
            return [Unsupported("")] * len(proto.output)
        result = operator.read(node)
        values = list(result) if isinstance(result, list) else [result]
        self._count(values, inputs)
        if any(name in self.used for name in proto.output[len(values) :] if name):
            raise UnreadableError("expected only its first output to be used")
        return values

    def _count(self, values: list[Any], inputs: list[Value | None]) -> None:
        """Count the numbers that a node computes; a view of an input is none of these."""
        own = {id(value.step) for value in inputs if isinstance(value, TensorView)}
        for value in values:
            if isinstance(value, TensorView) and id(value.step) not in own:
                self.numbers += self.known.verified(product(value.sizes()))
        if self.numbers > MOST_NUMBERS:
            raise UnreadableError(f"expected at most {MOST_NUMBERS:,} numbers in all. Received: more, by this node")

    def _output(self, name: str) -> TensorView | None:
        """The tensor of a graph output."""
        value = self.values.get(name)
        if value is None:
            raise UserError(f"{self.tracer.path}: expected a node that computes output '{name}'")
        if isinstance(value, Unsupported):
            return None
        node = OperatorNode(f"output '{name}'", "", 0, {}, [value], [], set(), self.graph, self.known, self.sources)
        try:
            return node.tensor(0)
        except UnreadableError as error:
            self._refuse(f"output '{name}'", "", str(error))
            return None

    def _refuse(self, place: str, op: str, reason: str) -> None:
        self.reasons.append(refusals.Reason(place, op, reason))

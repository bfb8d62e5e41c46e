"""A node of the graph as operators see it: its inputs as values, and what there is besides tensors and constants."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.aligning import Aligned, align
from gru_tf.interchange.onnx.functional.knowledge import Knowledge
from gru_tf.interchange.onnx.functional.repeated import repeated
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.steps import Building, BuildStep, operation
from gru_tf.interchange.onnx.functional.values import KINDS, Expanded, Lengths, RepeatedLength, SequenceLengths, Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.graph import OnnxGraph
from gru_tf.interchange.onnx.values import MOST, Constant, UnreadableError, Unsupported


@dataclass
class OperatorNode:
    """A node with the values of its inputs.

    Args:
        title: what messages call it.
        op: the operator.
        opset: version of the standard's operators.
        attributes: by name.
        inputs: their values, None if left out.
        outputs: names, "" if left out.
        used: names of values that something needs.
        graph: counts the bytes of constants and reads arrays.
        known: of the inputs' lengths.
        sources: the graph's inputs, of which constants can be repeated for each sequence.
        index: of the node in the graph.
        reset_after: how GRUs reset; None: as each node says.
        own_activations: names of nodes with an activation that Keras 3 does not have.
    """

    title: str
    op: str
    opset: int
    attributes: dict[str, Any]
    inputs: list[Value | None]
    outputs: list[str]
    used: set[str]
    graph: OnnxGraph
    known: Knowledge
    sources: list[TensorView] = field(default_factory=list)
    index: int = 0
    reset_after: bool | None = None
    own_activations: list[str] = field(default_factory=list)

    def input(self, n: int) -> Value | None:
        """Its n-th input, None if it is left out."""
        return self.inputs[n] if n < len(self.inputs) else None

    def value(self, n: int) -> Value:
        """Its n-th input, which it must have."""
        value = self.input(n)
        if value is None:
            raise UnreadableError(f"expected input {n + 1}")
        return value

    def tensor(self, n: int) -> TensorView:
        """Its n-th input as something that the model computes."""
        return self.as_tensor(self.value(n))

    def constant(self, n: int, what: str) -> Array | None:
        """The numbers of its n-th input, None if it is left out; raises UnreadableError if they are no constant."""
        value = self.input(n)
        if value is None:
            return None
        array = self.as_constant(value)
        if array is None:
            raise UnreadableError(f"expected {what} to be constant. Received: a value computed at run time")
        return array

    def as_constant(self, value: Value) -> Array | None:
        """Numbers of a value that depends on no input; None of another."""
        if isinstance(value, Constant):
            return value.array
        if isinstance(value, Lengths):
            numbers = [self.known.number(size) for size in value.values]
            if None not in numbers:
                return np.array(numbers[0] if value.scalar else numbers, "int64")
        if isinstance(value, Expanded):
            shape = [self.known.number(size) for size in value.sizes]
            if None not in shape:
                self.graph.count_bytes(int(np.prod(shape, dtype=np.int64)) * value.array.itemsize)  # type: ignore[arg-type]
                return np.broadcast_to(value.array, shape)  # type: ignore[arg-type]
        return None

    def setting(self, name: str, n: int) -> list[int] | None:
        """Whole numbers that are an attribute in older opsets and the n-th input in newer ones."""
        if name in self.attributes:
            value = self.attributes[name]
            return list(value) if isinstance(value, (list, tuple)) else [value]
        return None if self.input(n) is None else self.whole_numbers(n)

    def whole_numbers(self, n: int) -> list[int]:
        """Its n-th input as whole numbers; a declared length is then the only one that the model has."""
        numbers = []
        for size in self.lengths(self.value(n)):
            number = self.known.number(size)
            if number is None:
                self.known.fix_declared([size])
                raise UnreadableError(f"expected numbers that do not depend on the input's shape. Received: {size}")
            numbers.append(number)
        return numbers

    def lengths(self, value: Value) -> tuple[SymbolicSize, ...]:
        """A value as lengths of axes; raises UnreadableError if it is something else."""
        if isinstance(value, Lengths):
            return value.values
        array = value.array if isinstance(value, Constant) else None
        if array is None and isinstance(value, Expanded) and len(value.sizes) <= 1:
            array = self.as_constant(value)
        if array is not None and array.ndim <= 1 and array.dtype.kind in "iu" and array.size <= MOST:
            return tuple(SymbolicSize(int(each)) for each in np.atleast_1d(array))
        raise UnreadableError("expected the lengths of axes as numbers, or taken from an input's shape")

    # --- tensors ---

    def as_tensor(self, value: Value) -> TensorView:
        """A value as something that the model computes; constants are repeated for each sequence of an input."""
        if isinstance(value, TensorView):
            return value
        if isinstance(value, Unsupported):
            raise UnreadableError(value.reason)
        if isinstance(value, (Lengths, RepeatedLength)):
            self.known.fix_declared(value.values if isinstance(value, Lengths) else (value.size, *value.sizes))
            raise UnreadableError("expected numbers. Received: the length of an axis, computed when the model runs")
        if isinstance(value, SequenceLengths):
            raise UnreadableError(f"expected lengths of sequences only at recurrent nodes. Received: '{value.name}'")
        if isinstance(value, Constant):
            value = Expanded(value.array, tuple(map(SymbolicSize, value.array.shape)))
        return repeated(value, self.sources, self.graph.count_bytes, self.title)

    def applied(self, function: Callable[..., Any], *inputs: BuildStep, **options: Any) -> BuildStep:
        """A step of one Keras operation for this node."""
        return operation(function, *inputs, node=self.title, **options)

    def layer(
        self, kind: Any, *inputs: BuildStep, weights: tuple[Array, ...] = (), each_step: bool = False, **options: Any
    ) -> BuildStep:
        """A step of one Keras layer for this node, with its weights; in a `TimeDistributed` to compute each step alone."""
        self.graph.count_bytes(sum(array.nbytes for array in weights))

        def call(building: Building, *tensors: Any) -> Any:
            floats = [each for each in tensors if "float" in str(each.dtype)]
            dtype = building.float_of(*(floats or weights))
            layer = building.layer(kind, self.title, dtype=dtype, **options)
            if each_step:
                layer = building.layer(keras.layers.TimeDistributed, f"{self.title}_each", layer, dtype=dtype)
            result = layer(*tensors)
            if weights:
                layer.set_weights(list(weights))
            return result

        return BuildStep(call, inputs, self.title)

    def combined(self, function: Callable[..., Any], values: list[Value], kind: str | None = None) -> TensorView:
        """A Keras operation on several values that ONNX broadcasts, at least one of them a tensor."""
        operands = [self.operand(value, values) for value in values]
        aligned = align(operands, self.title)
        return self.result(self.on(function, aligned), aligned, kind or self._kind(operands))

    def operand(self, value: Value, beside: list[Value]) -> TensorView | Array:
        """A tensor, or the numbers of a constant."""
        if isinstance(value, Expanded):
            others = [each for each in beside if isinstance(each, TensorView)]
            covered = any(self._covers(each, value) for each in others)
            return value.array if covered else self.as_tensor(value)
        array = self.as_constant(value)
        return self.as_tensor(value) if array is None else array

    def _covers(self, tensor: TensorView, value: Expanded) -> bool:
        """Whether a tensor has at least all the lengths to which constants are repeated."""
        if tensor.rank < len(value.sizes):
            return False
        own = tensor.sizes()[tensor.rank - len(value.sizes) :]
        pairs = zip(own, value.sizes, value.array.shape, strict=True)
        return all(
            self.known.settled(size) == length or count != 1 or size == SymbolicSize(1) for length, size, count in pairs
        )

    def on(self, function: Callable[..., Any], aligned: Aligned) -> BuildStep:
        """A step of a function on operands."""
        arrays = {n: each for n, each in enumerate(aligned.operands) if not isinstance(each, BuildStep)}
        self.graph.count_bytes(sum(array.nbytes for array in arrays.values()))
        steps = tuple(each for each in aligned.operands if isinstance(each, BuildStep))

        def call(building: Building, *tensors: Any) -> Any:
            remaining = iter(tensors)
            numbers = {n: building.array(array, *tensors) for n, array in arrays.items()}
            if function is not keras.ops.matmul:
                numbers = {n: number(array) for n, array in numbers.items()}
            return function(*(numbers[n] if n in numbers else next(remaining) for n in range(len(aligned.operands))))

        return BuildStep(call, steps, self.title)

    def result(self, step: BuildStep, aligned: Aligned, kind: str) -> TensorView:
        """The tensor of a step on aligned operands."""
        return TensorView(step, aligned.layout, aligned.axes, kind, self.known, self.title)

    @staticmethod
    def _kind(operands: list[TensorView | Array]) -> str:
        kinds = {each.kind if isinstance(each, TensorView) else KINDS[each.dtype.kind] for each in operands}
        return next(kind for kind in ("float", "int", "bool") if kind in kinds)


def number(array: Array) -> Any:
    """An array of one number as that number, which Keras writes more plainly; others as they are."""
    return array.reshape(()).item() if array.size == 1 and array.dtype.kind == "f" else array

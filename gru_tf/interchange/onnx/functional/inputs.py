"""The inputs of a graph as those of the model: numbers with the batch first, and masks in the place of lengths."""

from dataclasses import dataclass, field
from typing import Any

import keras

from gru_tf.interchange.onnx import file, refusals
from gru_tf.interchange.onnx.functional.knowledge import Knowledge
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, named
from gru_tf.interchange.onnx.functional.steps import Building, BuildStep
from gru_tf.interchange.onnx.functional.values import SequenceLengths
from gru_tf.interchange.onnx.functional.views import TensorView, fresh
from gru_tf.interchange.onnx.values import UnreadableError


@dataclass(frozen=True, eq=False)
class Input:
    """An input of the model.

    Args:
        name: of the graph's input.
        step: what makes it.
        tensor: of an input of numbers; None of a mask, which the model has in the place of lengths.
    """

    name: str
    step: BuildStep
    tensor: TensorView | None


@dataclass
class InputReader:
    """Reads the inputs of a graph.

    Args:
        nodes: that its outputs need.
        known: of the inputs' lengths.
        named: the file's name of a length → the first axis that has it.
    """

    nodes: list[Any]
    known: Knowledge
    named: dict[str, str] = field(default_factory=dict)

    def read(self, proto: Any) -> TensorView | SequenceLengths:
        """A graph input, whose first axis is the batch until a recurrent node shows another.

        Raises:
            UnreadableError: for a type that is none of numbers.
        """
        kind = file.TYPES.get(proto.type.tensor_type.elem_type, "")
        if not kind or kind in ("uint8", "int8"):
            raise UnreadableError(f"expected numbers. Received: {refusals.type_name(proto.type)}")
        sizes = self._sizes(proto)
        if len(sizes) == 1 and "int" in kind and self._only_lengths(proto.name):
            return SequenceLengths(proto.name)
        axes = tuple(fresh(size, self.known) for size in sizes)
        order = sorted(range(len(axes)), key=lambda n: (not self.known.is_batch(sizes[n]), n))
        what = "float" if kind.startswith("float") else "bool" if kind == "bool" else "int"
        shape = tuple(self.known.number(sizes[n]) for n in order)

        def call(building: Building) -> Any:
            return keras.Input(batch_shape=shape, dtype=building.type_of(kind), name=building.name(proto.name))

        layout = tuple(axes[n] for n in order)
        return TensorView(BuildStep(call, (), proto.name), layout, axes, what, self.known, proto.name)

    def _sizes(self, proto: Any) -> list[SymbolicSize]:
        """Lengths of an input's axes, by their own names; those that the file gives one name are one."""
        kind = proto.type.tensor_type
        shape = list(kind.shape.dim) if kind.HasField("shape") else None
        rank = len(shape) if shape is not None else 3 if kind.elem_type in file.FLOATS else 2
        names = [f"{proto.name}[{n}]" for n in range(rank)]
        for name, dim in zip(names, shape or (), strict=False):
            if dim.dim_param:
                self.known.call_alike(name, self.named.setdefault(dim.dim_param, name))
            elif dim.dim_value > 0:
                self.known.declared.setdefault(self.known.name(name), int(dim.dim_value))
        if names:
            self.known.guess_batch(names)
        return [named(name) for name in names]

    def _only_lengths(self, name: str) -> bool:
        """Whether an input is only the lengths of sequences, at recurrent nodes."""
        names, at_recurrent = {name}, False
        for node in self.nodes:
            places = [n for n, own in enumerate(node.input) if own in names]
            if node.op_type in refusals.RECURRENT and places == [4]:
                at_recurrent = True
            elif node.op_type in ("Cast", "Identity") and places:
                names |= set(node.output)
            elif places:
                return False
        return at_recurrent


def input_of(name: str, value: Any) -> Input | None:
    """The model's input for a value that was read; None if it became none."""
    if isinstance(value, TensorView):
        return Input(name, value.step, value)
    if isinstance(value, SequenceLengths) and name in value.made:
        return Input(name, value.made[name][0], None)
    return None

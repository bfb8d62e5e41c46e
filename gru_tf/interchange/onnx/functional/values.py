"""What a value in a graph may be, besides a tensor or a constant."""

from dataclasses import dataclass, field
from typing import Any

import keras

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, product, shape_text
from gru_tf.interchange.onnx.functional.steps import Building, BuildStep
from gru_tf.interchange.onnx.functional.views import Group, TensorView
from gru_tf.interchange.onnx.values import LARGEST, MOST, Constant, UnreadableError, Unsupported

KINDS = {"f": "float", "i": "int", "u": "int", "b": "bool"}


@dataclass(frozen=True)
class Lengths:
    """Lengths of axes, (n,), or one without an axis."""

    values: tuple[SymbolicSize, ...]
    scalar: bool = False

    def __post_init__(self) -> None:
        """Refuse more lengths than a shape has."""
        if len(self.values) > MOST:
            raise UnreadableError(f"expected at most {MOST} lengths")


@dataclass(frozen=True, eq=False)
class Expanded:
    """Constants repeated along axes, which takes no memory: zeros or learned numbers as initial states.

    Args:
        array: as many axes as `sizes`; those of length 1 are repeated.
        sizes: lengths of its axes.
    """

    array: Array
    sizes: tuple[SymbolicSize, ...]

    def __post_init__(self) -> None:
        """Refuse more numbers than any real network has."""
        if product(self.sizes).factor > LARGEST or any(size.factor < 0 for size in self.sizes):
            raise UnreadableError(f"expected lengths of at most {LARGEST:,} numbers. Received: {shape_text(self.sizes)}")


@dataclass(frozen=True, eq=False)
class RepeatedLength:
    """The length of an axis, repeated: that all sequences have all steps.

    Args:
        size: the length.
        sizes: of the axes that it is repeated along.
    """

    size: SymbolicSize
    sizes: tuple[SymbolicSize, ...]


@dataclass(frozen=True, eq=False)
class SequenceLengths:
    """A graph input with the real steps of each sequence, in the place of which the model has a mask of these.

    Args:
        name: of the graph input.
        made: the mask once a recurrent node needs it: its step, and the lengths of its axes.
    """

    name: str
    made: dict[str, tuple[BuildStep, tuple[SymbolicSize, SymbolicSize]]] = field(default_factory=dict)

    def mask(self, x: TensorView, batch: Group, time: Group) -> BuildStep:
        """The mask for a sequence, (batch, time); raises UnreadableError if it is needed for one of another length."""
        sizes = (x.known.settled(x.size(batch)), x.known.settled(x.size(time)))
        shape = tuple(size.number for size in sizes)

        def call(building: Building) -> Any:
            return keras.Input(batch_shape=shape, dtype="bool", name=building.name("mask"))

        step, known = self.made.setdefault(self.name, (BuildStep(call, (), self.name), sizes))
        if known != sizes:
            raise UnreadableError(f"expected the same length at each node that takes '{self.name}'")
        return step


Value = SequenceLengths | RepeatedLength | Unsupported | Constant | Lengths | Expanded | TensorView

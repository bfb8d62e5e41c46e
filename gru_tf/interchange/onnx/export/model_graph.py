"""The graph of a whole model as layers write into it: names made here, arrays held once, types converted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx import file
from gru_tf.interchange.onnx.export import declared_types
from gru_tf.interchange.onnx.export.exported_tensor import KINDS, ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.graph_builder import GraphBuilder

NUMPY = {"float": "float32", "int": "int64", "bool": "bool"}
Value = str | ExportedTensor


@dataclass
class ModelGraph(GraphBuilder):
    """A graph with a place for names: values inside have a "/" in their names, inputs and outputs have none.

    Args:
        apply: writes a call of another layer: (graph, layer, arguments, shapes of its outputs) → its outputs.
        scope: the layer that is being written.
        whole: whether it gives whole numbers, which float32 would round.
        counts: how many nodes of each kind a scope has.
        held: id of a layer and the name of one of its arrays → the array's name here.
    """

    apply: Callable[..., list[ExportedTensor]] = lambda *_: []
    scope: str = "model"
    whole: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    held: dict[tuple[int, str], str] = field(default_factory=dict)

    def op(self, op: str, *inputs: Value, **attributes: Any) -> str:
        """Add a node of one output; returns its name."""
        return self.node(op, [name_of(each) for each in inputs], self.new_name(op), **attributes)

    def ops(self, op: str, count: int, *inputs: Value, **attributes: Any) -> list[str]:
        """Add a node of several outputs; returns their names."""
        names = [self.new_name(op) for _ in range(count)]
        self.node(op, [name_of(each) for each in inputs], *names, **attributes)
        return names

    def new_name(self, what: str) -> str:
        """A name that no other value has."""
        base = f"{self.scope}/{what}"
        self.counts[base] = self.counts.get(base, 0) + 1
        return base if self.counts[base] == 1 else f"{base}_{self.counts[base]}"

    def numbers(self, *numbers: int) -> str:
        """The name of a list of whole numbers."""
        name = "numbers/" + "_".join(str(number) for number in numbers)
        self.arrays[name] = np.array(numbers, "int64")
        return name

    def constant(self, value: Any, kind: str = "float") -> str:
        """The name of an array, which is rounded to the kind's type."""
        array = numpy(value).astype(NUMPY[kind])
        if kind == "float" and array.ndim == 0:
            name = f"number/{array.item()!r}"
            self.arrays[name] = array
            return name
        name = self.new_name("constant")
        self.arrays[name] = np.array(array, order="C")  # unlike ascontiguousarray, it leaves a single number without axes
        return name

    def weight(self, layer: Any, what: str, value: Any) -> str:
        """The name of a layer's array, held once however often the layer is called."""
        key = (id(layer), what)
        if key not in self.held:
            self.held[key] = self.new_name(what)
            self.arrays[self.held[key]] = np.array(numpy(value), "float32", order="C")
        return self.held[key]

    def tensor(self, value: Any, kind: str) -> str:
        """A value of the graph, a number or an array as this kind."""
        if not isinstance(value, ExportedTensor):
            return self.constant(value, kind)
        if value.kind == kind:
            return value.name
        return self.op("Cast", value, to=getattr(file.library().TensorProto, KINDS[kind]))

    def as_float(self, value: Any) -> str:
        """A value of the graph, a number or an array as float32.

        Raises:
            NotExportedError: for whole numbers, where the result has to be such, too.
        """
        if self.whole and isinstance(value, ExportedTensor) and value.kind == "int":
            raise NotExportedError(f"gives whole numbers, which float32 would round; {declared_types.ADVICE}")
        return self.tensor(value, "float")


def name_of(value: Value) -> str:
    """Of a value; "" for one that is left out."""
    return value.name if isinstance(value, ExportedTensor) else value


def numpy(value: Any) -> Array:
    """A number, an array, a weight or a tensor of Keras as array.

    Raises:
        NotExportedError: for what is none of these.
    """
    try:
        return np.asarray(keras.ops.convert_to_numpy(value))
    except (TypeError, ValueError):
        raise NotExportedError(f"expected numbers. Received: {type(value).__name__}") from None

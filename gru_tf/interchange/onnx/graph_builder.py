"""The nodes, arrays, inputs and outputs of an ONNX graph that is being written, and the file made of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx import file

OPSET = 14  # the first with GRU, LSTM and RNN as they are today, and axes of Squeeze as inputs; any runtime since 2021
IR = 7  # the file format of that time
MOST = 2**31 - (1 << 20)  # bytes of arrays in a protobuf message, which has names and nodes as well


@dataclass
class GraphBuilder:
    """Nodes, arrays, inputs and outputs of the graph so far."""

    nodes: list[Any] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def node(self, op: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        """Add a node; returns the name of its first output."""
        self.nodes.append(file.library().helper.make_node(op, inputs, outputs, name=f"make_{outputs[0]}", **attributes))
        return outputs[0]

    def array(self, name: str, array: Any) -> str:
        """Add an array of float32."""
        self.arrays[name] = np.ascontiguousarray(array, "float32")
        return name

    def numbers(self, *numbers: int) -> str:
        """The name of a list of whole numbers."""
        name = "_".join(("numbers", *(str(number).replace("-", "minus_") for number in numbers)))
        self.arrays[name] = np.array(numbers, "int64")
        return name

    def value(self, name: str, kind: str, *shape: int | str | None) -> Any:
        """The description of an input or an output."""
        onnx = file.library()
        return onnx.helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), list(shape))

    def model(self, description: str) -> Any:
        """The ModelProto, with a description for its readers.

        Raises:
            ValueError: for more arrays than an ONNX file holds.
        """
        size = sum(array.nbytes for array in self.arrays.values())
        if size > MOST:
            raise ValueError(
                f"expected weights of at most 2 GiB, the most that an ONNX file holds. Received: {size:,} bytes"
            )
        onnx = file.library()
        arrays = [onnx.numpy_helper.from_array(array, name) for name, array in self.arrays.items()]
        proto = onnx.helper.make_graph(self.nodes, "gru_tf", self.inputs, self.outputs, arrays)
        opset = [onnx.helper.make_opsetid("", OPSET)]
        return onnx.helper.make_model(
            proto, opset_imports=opset, ir_version=IR, producer_name="gru_tf", doc_string=description
        )

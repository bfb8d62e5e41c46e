"""A `Network` as an ONNX file of GRU, LSTM and RNN nodes, verified with onnxruntime.

Input "input" is (batch, time, I) float32, or token numbers (batch, time) int64; with a mask, "lengths" (batch,) int32 are
the real steps of each sequence. Outputs are "output" (batch, time, O) or (batch, O), and each final state by its name in
`Network.states`, (batch, H). After a sequence's real steps ONNX gives zeros, while Keras on a CPU repeats the last output:
outputs in padding are not to be used.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation import atomic_file
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.network import STATES, Network, Recurrent
from gru_tf.interchange.onnx import activations, file
from gru_tf.interchange.onnx.checking import verify
from gru_tf.recurrent import gates

OPSET = 14  # the first with GRU, LSTM and RNN as they are today, and axes of Squeeze as inputs; any runtime since 2021
IR = 7  # the file format of that time
MOST = 2**31 - (1 << 20)  # bytes of arrays in a protobuf message, which has names and nodes as well
SYMMETRIC = ("sigmoid", "hard_sigmoid")  # σ(−a) = 1 − σ(a)


@dataclass
class _GraphBuilder:
    """Nodes, arrays, inputs and outputs of the graph so far."""

    onnx: Any
    nodes: list[Any] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def node(self, op: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        self.nodes.append(self.onnx.helper.make_node(op, inputs, outputs, name=f"make_{outputs[0]}", **attributes))
        return outputs[0]

    def array(self, name: str, array: Any) -> str:
        self.arrays[name] = np.ascontiguousarray(array, "float32")
        return name

    def numbers(self, *numbers: int) -> str:
        name = "_".join(("numbers", *(str(number).replace("-", "minus_") for number in numbers)))
        self.arrays[name] = np.array(numbers, "int64")
        return name

    def value(self, name: str, kind: str, *shape: int | str) -> Any:
        return self.onnx.helper.make_tensor_value_info(name, getattr(self.onnx.TensorProto, kind), list(shape))


def write(network: Network, path: Path, *, initial: bool = False) -> str:
    """Write the network to `path`, and return a line that says how it was verified.

    Weights are rounded to float32, the one type in which onnxruntime computes these nodes.

    Args:
        network: what to write.
        path: of the file; an older one is replaced once the new one is verified.
        initial: whether the initial states are inputs, "initial_" and the name in `Network.states`, (batch, H) each.

    Raises:
        UserError: for activations that ONNX does not have, for more than 2 GiB, and if onnxruntime's results from the file
            are not those of Keras from the network; nothing is then written.
    """
    path = Path(path)
    try:
        model = _model(network, initial)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    file.library().checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    verified = verify(network, content, path, initial)
    atomic_file.write(path, content)
    backwards = initial and any(layer.reverse or layer.backward is not None for layer in network.layers)
    return f"{verified}; it also reads backwards, so a sequence cannot be passed in parts" if backwards else verified


def _model(network: Network, initial: bool) -> Any:
    onnx = file.library()
    graph = _GraphBuilder(onnx)
    x = _inputs(graph, network)
    for n, layer in enumerate(network.layers):
        x = _recurrent(graph, layer, n, x, network.masked, initial)
    _head(graph, network, _steps(graph, x) if network.every_step else _last(graph, network))
    size = sum(array.nbytes for array in graph.arrays.values())
    if size > MOST:
        raise ValueError(f"expected weights of at most 2 GiB, the most that an ONNX file holds. Received: {size:,} bytes")
    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in graph.arrays.items()]
    proto = onnx.helper.make_graph(graph.nodes, "gru_tf", graph.inputs, graph.outputs, arrays)
    opset = [onnx.helper.make_opsetid("", OPSET)]
    return onnx.helper.make_model(proto, opset_imports=opset, ir_version=IR, producer_name="gru_tf", doc_string=__doc__)


def _inputs(graph: _GraphBuilder, network: Network) -> str:
    """Inputs, embedding or scale, and time as first axis; the name of the first layer's input."""
    x = "input"
    if network.embedding is not None:
        graph.inputs.append(graph.value(x, "INT64", "batch", "time"))
        x = graph.node("Gather", [graph.array("embedding", network.embedding), x], "embedded")
    else:
        graph.inputs.append(graph.value(x, "FLOAT", "batch", "time", network.features))
        if network.scale != 1:
            x = graph.node("Mul", [x, graph.array("scale", network.scale)], "scaled")
    if network.masked:
        graph.inputs.append(graph.value("lengths", "INT32", "batch"))
    return graph.node("Transpose", [x], "by_time", perm=[1, 0, 2])


def _recurrent(graph: _GraphBuilder, layer: Recurrent, n: int, x: str, masked: bool, initial: bool) -> str:
    """A node and its states; the name of its output (time, batch, features)."""
    one, count = layer.forward, len(layer.directions)
    states, names = STATES[one.cell], _names(layer, n)
    inputs = [x, *_weights(graph, layer, n), "lengths" if masked else ""]
    if initial:
        graph.inputs += [graph.value(f"initial_{name}", "FLOAT", "batch", one.units) for name in names]
        for state in states:
            own = [f"initial_{name}" for name in names if name.endswith(f"_{state}")]
            rows = [graph.node("Unsqueeze", [name, graph.numbers(0)], f"{name}_row") for name in own]
            inputs.append(graph.node("Concat", rows, f"layer{n}_initial_{state}", axis=0) if len(rows) > 1 else rows[0])
    direction = "bidirectional" if count > 1 else "reverse" if layer.reverse else "forward"
    options: dict[str, Any] = {"hidden_size": one.units, "direction": direction}
    if one.cell == "gru":
        options["linear_before_reset"] = int(bool(one.reset_after))
    options |= activations.attributes(one.cell, layer.recurrent_activation, layer.activation, count)
    ends = [f"layer{n}_{state}" for state in states]
    y = graph.node(one.cell.upper(), inputs, f"layer{n}", *ends, **options)
    for place, name in enumerate(names):
        row = graph.numbers(place // len(states))
        end = graph.node("Gather", [ends[place % len(states)], row], f"{name}_row", axis=0)
        graph.node("Squeeze", [end, graph.numbers(0)], name)
        graph.outputs.append(graph.value(name, "FLOAT", "batch", one.units))
    if count == 1:
        return graph.node("Squeeze", [y, graph.numbers(1)], f"layer{n}_steps")
    y = graph.node("Transpose", [y], f"layer{n}_turned", perm=[0, 2, 1, 3])
    return graph.node("Reshape", [y, graph.numbers(0, 0, layer.width)], f"layer{n}_steps")


def _names(layer: Recurrent, n: int) -> list[str]:
    """Of its states, as in `Network.states`."""
    return [name.replace("layer0", f"layer{n}") for name, _ in Network((layer,)).states()]


def _weights(graph: _GraphBuilder, layer: Recurrent, n: int) -> list[str]:
    """Names of W, R and B; B is "" where there are no biases."""
    cell = layer.forward.cell
    for one in layer.directions:
        if cell == "gru" and one.convention != "keep" and layer.recurrent_activation not in SYMMETRIC:
            received = f"{one.convention!r} with {layer.recurrent_activation}"
            raise ValueError(f"expected convention 'keep', or gates of {' or '.join(SYMMETRIC)}. Received: {received}")
    biased = any(one.biased for one in layer.directions)
    layouts = [
        gates.layout(f"onnx_{cell}", *(("keep", one.reset_after) if cell == "gru" else ())) for one in layer.directions
    ]
    arrays = [one.write(own, biases=biased) for one, own in zip(layer.directions, layouts, strict=True)]
    return [
        graph.array(f"layer{n}_{name}", np.stack([each[name] for each in arrays])) if name in arrays[0] else ""
        for name in "WRB"
    ]


def _steps(graph: _GraphBuilder, x: str) -> str:
    return graph.node("Transpose", [x], "steps", perm=[1, 0, 2])


def _last(graph: _GraphBuilder, network: Network) -> str:
    """The last layer's final h of each direction, side by side: (batch, features)."""
    n, last = len(network.layers) - 1, network.layers[-1]
    turned = graph.node("Transpose", [f"layer{n}_h"], "last_by_sequence", perm=[1, 0, 2])
    return graph.node("Reshape", [turned, graph.numbers(0, last.width)], "last")


def _head(graph: _GraphBuilder, network: Network, x: str) -> None:
    """Linear layers, and the output."""
    for n, linear in enumerate(network.linear_head):
        x = graph.node("MatMul", [x, graph.array(f"linear{n}_kernel", linear.kernel)], f"linear{n}_product")
        if linear.bias is not None:
            x = graph.node("Add", [x, graph.array(f"linear{n}_bias", linear.bias)], f"linear{n}")
    graph.node("Identity", [x], "output")
    steps = ("time",) if network.every_step else ()
    graph.outputs.insert(0, graph.value("output", "FLOAT", "batch", *steps, network.outputs))

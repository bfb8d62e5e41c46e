"""A `Network` as an ONNX file of GRU, LSTM and RNN nodes, verified with onnxruntime.

Input "input" is (batch, time, I) float32, or token numbers (batch, time) int64; with a mask, "lengths" (batch,) int32 are
the real steps of each sequence. Outputs are "output" (batch, time, O) or (batch, O), and each final state by its name in
`Network.states`, (batch, H). After a sequence's real steps ONNX gives zeros, while Keras on a CPU repeats the last output:
outputs in padding are not to be used.
"""

from pathlib import Path
from typing import Any

from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import int8_export
from gru_tf.interchange.network import STATES, Network, Recurrent
from gru_tf.interchange.onnx import activations, file, quantizing, recurrent_weights
from gru_tf.interchange.onnx.checking import verify
from gru_tf.interchange.onnx.graph_builder import GraphBuilder


def write(network: Network, path: Path, *, initial: bool = False, quantize: str | None = None) -> str:
    """Write the network to `path`, and return a line that says how it was verified.

    Weights are rounded to float32, the one type in which onnxruntime computes these nodes.

    Args:
        network: what to write.
        path: of the file; an older one is replaced once the new one is verified.
        initial: whether the initial states are inputs, "initial_" and the name in `Network.states`, (batch, H) each.
        quantize: "int8" for weights of eight-bit integers, see `quantizing`.

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
    verified = str(verify(network, content, path, initial))
    if quantize is not None:
        whole, content = len(content), quantizing.quantized(model).SerializeToString()
        rounded = verify(network, content, path, initial, int8_export.TOLERANCE)
        verified = int8_export.line(verified, rounded, (whole, len(content)))
    atomic_file.write(path, content)
    backwards = initial and any(layer.reverse or layer.backward is not None for layer in network.layers)
    return f"{verified}; it also reads backwards, so a sequence cannot be passed in parts" if backwards else verified


def _model(network: Network, initial: bool) -> Any:
    graph = GraphBuilder()
    x = _inputs(graph, network)
    for n, layer in enumerate(network.layers):
        x = _recurrent(graph, layer, n, x, network.masked, initial)
    _head(graph, network, _steps(graph, x) if network.every_step else _last(graph, network))
    return graph.model(__doc__)


def _inputs(graph: GraphBuilder, network: Network) -> str:
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


def _recurrent(graph: GraphBuilder, layer: Recurrent, n: int, x: str, masked: bool, initial: bool) -> str:
    """A node and its states; the name of its output (time, batch, features)."""
    one, count = layer.forward, len(layer.directions)
    states, names = STATES[one.cell], _names(layer, n)
    arrays = recurrent_weights.write(layer)
    weights = [graph.array(f"layer{n}_{name}", arrays[name]) if name in arrays else "" for name in "WRB"]
    inputs = [x, *weights, "lengths" if masked else ""]
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


def _steps(graph: GraphBuilder, x: str) -> str:
    return graph.node("Transpose", [x], "steps", perm=[1, 0, 2])


def _last(graph: GraphBuilder, network: Network) -> str:
    """The last layer's final h of each direction, side by side: (batch, features)."""
    n, last = len(network.layers) - 1, network.layers[-1]
    turned = graph.node("Transpose", [f"layer{n}_h"], "last_by_sequence", perm=[1, 0, 2])
    return graph.node("Reshape", [turned, graph.numbers(0, last.width)], "last")


def _head(graph: GraphBuilder, network: Network, x: str) -> None:
    """Linear layers, and the output."""
    for n, linear in enumerate(network.linear_head):
        x = graph.node("MatMul", [x, graph.array(f"linear{n}_kernel", linear.kernel)], f"linear{n}_product")
        if linear.bias is not None:
            x = graph.node("Add", [x, graph.array(f"linear{n}_bias", linear.bias)], f"linear{n}")
    graph.node("Identity", [x], "output")
    steps = ("time",) if network.every_step else ()
    graph.outputs.insert(0, graph.value("output", "FLOAT", "batch", *steps, network.outputs))

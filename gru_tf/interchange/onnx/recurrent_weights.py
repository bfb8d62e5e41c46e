"""Weights of GRU, LSTM and RNN nodes."""

from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import counted
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.onnx.graph import Node
from gru_tf.interchange.onnx.values import Constant, FilledArray, UnreadableError, Unsupported, Value
from gru_tf.recurrent import gates
from gru_tf.recurrent.gates.layer import POINT_SYMMETRIC as SYMMETRIC  # σ(−a) = 1 − σ(a)


def read(node: Node, cell: str, directions: int, reset_after: bool) -> list[gates.GateWeights]:
    """Weights of each direction, from the inputs W, R and B.

    Args:
        node: the node.
        cell: "gru", "lstm" or "rnn".
        directions: 1 or 2.
        reset_after: of a GRU.

    Raises:
        UnreadableError: for weights that are missing, not constant or of other shapes than the node's attributes require.
    """
    arrays = {name: _array(node.input(n), name, rank) for n, name, rank in ((1, "W", 3), (2, "R", 3), (3, "B", 2))}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    if not {"W", "R"} <= arrays.keys():
        raise UnreadableError("expected weights W and R")
    units, size = node.attributes.get("hidden_size"), arrays["R"].shape[-1]
    if units is not None and units != size:
        raise UnreadableError(f"expected hidden_size={size} by R of shape {list(arrays['R'].shape)}. Received: {units}")
    for name, array in arrays.items():
        if array.shape[0] != directions:
            direction = node.attributes.get("direction", "forward")
            raise UnreadableError(
                f"expected {name} for {counted(directions, 'direction')}, as direction is {direction}."
                f" Received: shape {list(array.shape)}"
            )
    node.graph.count_bytes(sum(array.nbytes for array in arrays.values()))
    layout = gates.layout(f"onnx_{cell}", *(("keep", reset_after) if cell == "gru" else ()))
    try:
        weights = [gates.read({name: array[n] for name, array in arrays.items()}, layout) for n in range(directions)]
    except ValueError as error:
        raise UnreadableError(str(error).removeprefix("gates: ")) from None
    return [one.with_one_bias() if cell == "gru" and not reset_after else one for one in weights]  # Keras has one bias there


def _array(value: Value | None, name: str, rank: int) -> Any:
    if value is None:
        return None
    if isinstance(value, Unsupported):
        raise UnreadableError(f"{name}: {value.reason}")
    if isinstance(value, FilledArray) and name == "B" and not value.value:
        return None
    if not isinstance(value, Constant):
        raise UnreadableError(f"expected {name} to be constant. Received: a value computed from the input")
    if value.array.ndim != rank or value.array.dtype.kind != "f":
        raise UnreadableError(
            f"expected {name} with {rank} axes of floating-point numbers."
            f" Received: shape {list(value.array.shape)}, {value.array.dtype}"
        )
    half = value.array.dtype == np.float16  # in which biases cannot be added without loss
    return np.ascontiguousarray(value.array, "float32" if half else None)


def write(layer: Recurrent) -> dict[str, Array]:
    """The inputs W, R and B of a layer's node, each with an axis of directions in front; no B where there are no biases.

    Raises:
        ValueError: for a GRU in the convention "write" with gates for which a change of sign does not give the other.
    """
    cell = layer.forward.cell
    for one in layer.directions:
        if cell == "gru" and one.convention != "keep" and layer.recurrent_activation not in SYMMETRIC:
            received = f"{one.convention!r} with {layer.recurrent_activation}"
            raise ValueError(f"expected convention 'keep', or gates of one of {', '.join(SYMMETRIC)}. Received: {received}")
    biased = any(one.biased for one in layer.directions)
    layouts = [
        gates.layout(f"onnx_{cell}", *(("keep", one.reset_after) if cell == "gru" else ())) for one in layer.directions
    ]
    arrays = [one.write(own, biases=biased) for one, own in zip(layer.directions, layouts, strict=True)]
    return {name: np.stack([each[name] for each in arrays]) for name in "WRB" if name in arrays[0]}

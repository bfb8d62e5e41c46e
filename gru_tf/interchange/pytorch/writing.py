"""A network as a PyTorch state_dict: names and arrays, without PyTorch."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted
from gru_tf.interchange.network import Network, Recurrent
from gru_tf.interchange.pytorch.stacks import ACTIVATIONS, TITLES, suffix

STACK, EMBEDDING, HEAD = "rnn", "embedding", "head"  # modules of a state_dict that is written


def state_dict(network: Network) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Name → array, and sentences on what the state_dict does not record.

    The stack is "rnn", for torch.nn.GRU, LSTM or RNN. If layers differ in units, cell, directions or biases, which these
    modules cannot hold, each is one of a torch.nn.ModuleList: "rnn.0", "rnn.1". Around it "embedding.weight" and
    "head.weight", or "head.0.weight" and so on if there are several.

    Raises:
        UserError: for what no module of PyTorch computes, naming the layer.
    """
    for layer in network.layers:
        _check_writable(layer)
    nonlinearities = {layer.activation for layer in network.layers if layer.forward.cell == "rnn"}
    if len(nonlinearities) > 1:
        raise UserError(f"expected one activation in all plain RNN layers. Received: {', '.join(sorted(nonlinearities))}")
    uniform = len({_module_options(layer) for layer in network.layers}) == 1
    arrays: dict[str, Array] = {} if network.embedding is None else {f"{EMBEDDING}.weight": network.embedding}
    for n, layer in enumerate(network.layers):
        prefix, index = (STACK, n) if uniform else (f"{STACK}.{n}", 0)
        scale = network.scale if n == 0 else 1.0
        arrays |= {f"{prefix}.{name}": array for name, array in _layer(layer, index, scale)}
    for name, linear in zip(head_names(network), network.linear_head, strict=True):
        arrays[f"{name}.weight"] = np.ascontiguousarray(linear.kernel.T)
        if linear.bias is not None:
            arrays[f"{name}.bias"] = linear.bias
    return arrays, tuple(_notes(network, uniform))


def head_names(network: Network) -> list[str]:
    """Modules of the head's linear layers: "head", or "head.0", "head.1" if there are several."""
    return [HEAD] if len(network.linear_head) == 1 else [f"{HEAD}.{n}" for n in range(len(network.linear_head))]


def _module_options(layer: Recurrent) -> tuple[Any, ...]:
    """What all layers of one torch.nn.GRU have in common."""
    biased = any(gates.biased for gates in layer.directions)
    return layer.forward.cell, layer.forward.units, len(layer.directions), biased, layer.activation


def _layer(layer: Recurrent, n: int, scale: float) -> Iterable[tuple[str, Array]]:
    biased = any(gates.biased for gates in layer.directions)
    for gates, reverse in zip(layer.directions, (False, True), strict=False):
        for name, array in gates.write(f"pytorch_{gates.cell}", biases=biased).items():
            scaled = array * array.dtype.type(scale) if name == "weight_ih" and scale != 1 else array
            yield f"{name}{suffix(n, reverse)}", scaled


def _check_writable(layer: Recurrent) -> None:
    cell, name = TITLES[layer.forward.cell], layer.name or "a layer"
    if layer.reverse:
        why = "a backward direction alone; PyTorch has one only beside a forward direction"
        raise UserError(f"{name}: expected a forward or bidirectional layer. Received: {why}")
    if layer.forward.reset_after is False:
        why = "reset_after=False; PyTorch resets after the product, and the weights cannot be converted"
        raise UserError(f"{name}: expected a GRU with reset_after=True. Received: {why}")
    if layer.backward is not None and _sizes(layer.backward) != _sizes(layer.forward):
        received = f"{_sizes(layer.forward)}, {_sizes(layer.backward)}"
        raise UserError(f"{name}: expected both directions to have the same cell and units. Received: {received}")
    allowed = ACTIVATIONS if cell == "RNN" else ACTIVATIONS[:1]
    if layer.activation not in allowed:
        raise UserError(
            f"{name}: expected activation {' or '.join(allowed)} in a PyTorch {cell}. Received: {layer.activation}"
        )
    if cell != "RNN" and layer.recurrent_activation != "sigmoid":
        raise UserError(
            f"{name}: expected recurrent_activation sigmoid in a PyTorch {cell}. Received: {layer.recurrent_activation}"
        )


def _sizes(gates: Any) -> str:
    return f"{gates.cell} of {counted(gates.units, 'unit')}"


def _notes(network: Network, uniform: bool) -> Iterator[str]:
    layers = network.layers
    if not uniform:
        yield f"layers differ, so each is a separate module: {STACK}.0 to {STACK}.{len(layers) - 1}"
    if any(layer.activation == "relu" for layer in layers):
        yield "a state_dict does not record nonlinearity='relu': pass it to torch.nn.RNN"
    if network.scale != 1:
        yield f"the input scale {network.scale:g} is folded into {STACK}'s weight_ih_l0"
    if network.masked:
        yield "a state_dict does not record the mask: pass lengths to torch.nn.utils.rnn.pack_padded_sequence"
    if not network.every_step:
        yield "the head reads the final state of each direction: h_n, not the last step of the output"

"""A PyTorch state_dict as a network, and a network as a state_dict: names and arrays alone, without PyTorch.

Not in a state_dict, and therefore options or assumptions that are said: a plain RNN's nonlinearity, whether every step is
read or the last, and what the program does between embedding, stack and heads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, did_you_mean
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Network, Recurrent
from gru_tf.interchange.pytorch import around_stack, stacks
from gru_tf.interchange.pytorch.around_stack import Around
from gru_tf.interchange.pytorch.stacks import TITLES, Read, Tensor, suffix

SOURCE = "PyTorch state_dict"
DEEPEST = 100  # dots before a name
ACTIVATIONS = ("tanh", "relu")
COMPILED, PARALLEL = "_orig_mod.", "module."  # what torch.compile and DataParallel put before names
BETWEEN = (
    "what the program does between embedding, stack and head (dropout aside: activations, normalisation) is not in a"
    " state_dict; here nothing is done"
)
STACK, EMBEDDING, HEAD = "rnn", "embedding", "head"  # modules of a state_dict that is written


@dataclass(frozen=True)
class Options:
    """What a state_dict does not say, or says of several parts.

    Args:
        prefix: of the stack, where there are several.
        embedding: its key, False for none, None to look for it.
        head: its key, or several from the lowest on; False for none, None to look for it.
        every_step: whether every step is put out, or each direction's last.
        activation: of a plain RNN, "tanh" (None) or "relu".
        masked: whether sequences of a batch have lengths of their own.
        leave_out: keys or modules that are no part of the network, though their shapes might be.
    """

    prefix: str | None = None
    embedding: str | bool | None = None
    head: str | Sequence[str] | bool | None = None
    every_step: bool = True
    activation: str | None = None
    masked: bool = False
    leave_out: Sequence[str] = ()


UNSAID = Options()


@dataclass(frozen=True, eq=False)
class Found:
    """What a state_dict holds.

    Args:
        network: as arrays.
        reads: its stacks, one after the other, with the arrays as PyTorch has them.
        around: what lies around them.
        notes: what was assumed and what was left out, in sentences.
    """

    network: Network
    reads: tuple[Read, ...]
    around: Around
    notes: tuple[str, ...]


def entries(tree: Any, tensor: type[Any]) -> dict[str, Any]:
    """Name → tensor of the state_dict in what a file holds, which may lie in dicts: {"state_dict": …, "optimizer": …}.

    Where one dict alone has recurrent weights, names begin in it; else they have the path before them. Names lose the
    "module." of DataParallel and the "_orig_mod." of torch.compile.

    Args:
        tree: what the file holds.
        tensor: the type of its tensors.

    Raises:
        UserError: where there is no dict of tensors.
    """
    dicts = dict(_dicts(tree, tensor, "", set()))
    if not dicts:
        kind = "an empty dict" if tree == {} else type(tree).__name__
        raise UserError(f"expected a state_dict, names with tensors. Received: {kind}")
    for path, name in ((path, name) for path, own in dicts.items() for name in own):
        if not f"{path}{name}".isprintable():  # nor is it printed: it may hold what a terminal obeys
            raise UserError(f"expected names that can be printed. Received: {ascii(path + name)[:80]}")
    recurrent = {path: own for path, own in dicts.items() if any(stacks.KEY.fullmatch(name) for name in own)}
    if len(recurrent) == 1:
        (own,) = recurrent.values()
        return _unwrapped(own)
    return {f"{path}{name}": t for path, own in (recurrent or dicts).items() for name, t in _unwrapped(own).items()}


def _dicts(tree: Any, tensor: type[Any], path: str, seen: set[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path → the tensors that lie there; each dict once, for a pickle's may hold themselves."""
    if not isinstance(tree, Mapping) or id(tree) in seen or path.count(".") > DEEPEST:
        return
    seen.add(id(tree))
    if own := {key: value for key, value in tree.items() if isinstance(key, str) and isinstance(value, tensor)}:
        yield path, own
    for key, value in tree.items():
        yield from _dicts(value, tensor, f"{path}{key}.", seen)


def _unwrapped(own: Mapping[str, Any]) -> dict[str, Any]:
    """Without what wrappers put before names; as they are where two would become one."""
    short = {}
    for name, value in own.items():
        plain = ".".join(part for part in name.split(".") if part != COMPILED[:-1])
        while plain.startswith(PARALLEL):
            plain = plain.removeprefix(PARALLEL)
        short[plain] = value
    return short if len(short) == len(own) else dict(own)


def read(named: Mapping[str, Tensor], given: Options = UNSAID) -> Found:
    """The network in a state_dict.

    Args:
        named: its entries.
        given: what it does not say.

    Raises:
        UserError: see `gru_tf.interchange.pytorch.stacks` and `surroundings`.
    """
    activation = given.activation
    known = stacks.find(named)
    chosen = stacks.choose(known, given.prefix, named)
    _check_activation(activation)
    reads = tuple(stacks.read(stack, activation or "tanh") for stack in chosen)
    plain = any(one.cell == "rnn" for one in reads)
    if activation == "relu" and not plain:
        cells = " and ".join(sorted({TITLES[one.cell] for one in reads}))
        place = option_names.where("activation")
        raise UserError(f"{place}: expected 'tanh' with {cells}. Received: 'relu', which torch.nn.RNN alone has")
    widths = reads[0].features, reads[-1].units * reads[-1].stack.directions
    others = [stack for stack in known.values() if stack not in chosen]
    around = around_stack.find(
        named, chosen, others, widths, embedding=given.embedding, head=given.head, leave_out=given.leave_out
    )
    layers = tuple(layer for one in reads for layer in one.layers)
    table = around.embedding.weight.array() if around.embedding else None
    heads = tuple(matrix.linear() for matrix in around.heads)
    network = Network(layers, table, heads, given.every_step, given.masked, source=SOURCE)
    return Found(network, reads, around, tuple(_notes(around, plain and activation is None, len(reads) > 1)))


def _check_activation(activation: str | None) -> None:
    if activation not in (None, *ACTIVATIONS):
        near = did_you_mean(str(activation), ACTIVATIONS)
        place = option_names.where("activation")
        raise UserError(f"{place}: expected 'tanh' or 'relu', as torch.nn.RNN has.{near} Received: {activation!r}")


def _notes(around: Around, assumed: bool, joined: bool) -> Iterator[str]:
    if assumed:
        otherwise = option_names.called("activation", "relu")
        yield f"a state_dict does not say an RNN's nonlinearity; it is taken for tanh (otherwise: {otherwise})"
    if around.embedding or around.heads or joined:
        yield BETWEEN
    if around.left_out:
        yield f"left out, also of what was compared: {around_stack.left_out(around.left_out)}"


# --- and back ---


def write(network: Network) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Name → array of a state_dict, and what its reader must know, in sentences.

    The stack is "rnn", for torch.nn.GRU, LSTM or RNN; where layers differ in units, cell, directions or biases, which these
    cannot hold, each is one of a torch.nn.ModuleList: "rnn.0", "rnn.1". Around it "embedding.weight" and "head.weight", or
    "head.0.weight" and so on where there are several.

    Raises:
        UserError: for what no module of PyTorch computes, naming the layer.
    """
    for layer in network.layers:
        _check_writable(layer)
    nonlinearities = {layer.activation for layer in network.layers if layer.forward.cell == "rnn"}
    if len(nonlinearities) > 1:
        raise UserError(f"expected one activation in all plain RNN layers. Received: {', '.join(sorted(nonlinearities))}")
    uniform = len({_shape(layer) for layer in network.layers}) == 1
    arrays: dict[str, Array] = {} if network.embedding is None else {f"{EMBEDDING}.weight": network.embedding}
    for n, layer in enumerate(network.layers):
        prefix, own = (STACK, n) if uniform else (f"{STACK}.{n}", 0)
        scale = network.scale if n == 0 else 1.0
        arrays |= {f"{prefix}.{name}": array for name, array in _layer(layer, own, scale)}
    for n, linear in enumerate(network.head):
        name = HEAD if len(network.head) == 1 else f"{HEAD}.{n}"
        arrays[f"{name}.weight"] = np.ascontiguousarray(linear.kernel.T)
        if linear.bias is not None:
            arrays[f"{name}.bias"] = linear.bias
    return arrays, tuple(_remarks(network, uniform))


def _shape(layer: Recurrent) -> tuple[Any, ...]:
    """What all layers of one torch.nn.GRU have in common."""
    biased = any(gates.biased for gates in layer.directions)
    return layer.forward.cell, layer.forward.units, len(layer.directions), biased, layer.activation


def _layer(layer: Recurrent, n: int, scale: float) -> Iterable[tuple[str, Array]]:
    biased = any(gates.biased for gates in layer.directions)
    for gates, reverse in zip(layer.directions, (False, True), strict=False):
        for name, array in gates.write(f"pytorch_{gates.cell}", biases=biased).items():
            yield (
                f"{name}{suffix(n, reverse)}",
                array * array.dtype.type(scale) if name == "weight_ih" and scale != 1 else array,
            )


def _check_writable(layer: Recurrent) -> None:
    cell, name = TITLES[layer.forward.cell], layer.name or "a layer"
    if layer.reverse:
        why = "one direction that reads from the last step on; PyTorch has a backward direction beside a forward one alone"
        raise UserError(f"{name}: expected a layer that reads forwards, or both ways. Received: {why}")
    if layer.forward.reset_after is False:
        why = "reset_after=False; PyTorch resets after the product, and no weights of the one compute the other"
        raise UserError(f"{name}: expected a GRU with reset_after=True. Received: {why}")
    if layer.backward is not None and _sizes(layer.backward) != _sizes(layer.forward):
        raise UserError(
            f"{name}: expected both directions alike. Received: {_sizes(layer.forward)}, {_sizes(layer.backward)}"
        )
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


def _remarks(network: Network, uniform: bool) -> Iterator[str]:
    layers = network.layers
    if not uniform:
        yield f"layers differ, so each is a module of its own: {STACK}.0 to {STACK}.{len(layers) - 1}"
    if any(layer.activation == "relu" for layer in layers):
        yield "a state_dict does not say nonlinearity='relu': give it to torch.nn.RNN"
    if network.scale != 1:
        yield f"the input's scale {network.scale:g} is a part of {STACK}'s weight_ih_l0"
    if network.masked:
        yield "the mask is not in a state_dict: give PyTorch lengths, with torch.nn.utils.rnn.pack_padded_sequence"
    if not network.every_step:
        yield "the head reads the last state of each direction: h_n, not the last step of the output"

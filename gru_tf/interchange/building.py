"""From a `Network` to a Keras model of stock layers, and from a Keras model back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.errors import UserError, shown
from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.recurrent import gates
from gru_tf.recurrent.layers.reverse_time import ReverseTime
from gru_tf.recurrent.layers.stack import RecurrentStack

LAYERS = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}
PASSED = (keras.layers.Dropout, keras.layers.InputLayer, keras.layers.Identity)  # nothing to carry over
SIDES = ("_inbound_nodes", "_outbound_nodes")  # Keras' names for the calls before and behind a layer


def build(
    network: Network,
    *,
    states: bool = False,
    initial: bool = False,
    timesteps: int | None = None,
    batch: int | None = None,
    dtype: str = "float32",
    name: str = "imported",
) -> Any:
    """A `keras.Model` of stock layers that computes the network, with its weights.

    Input "sequence" is (batch, T, I), or token numbers (batch, T); where the network is masked, "mask" (batch, T) is True
    at real steps. Output is (batch, T, O), or (batch, O). Layers have biases, zeros where the source has none, for cuDNN
    takes none without.

    Args:
        network: what to build.
        states: whether the final states follow the output, each (batch, H), in the order and with the names of
            `Network.states`.
        initial: whether the first states are inputs after the others, in that order.
        timesteps: T, where it is fixed.
        batch: sequences a batch, where it is fixed.
        dtype: of weights and numbers.
        name: of the model.

    Raises:
        ValueError: where a convention cannot be changed, see `gru_tf.recurrent.gates.load`.
    """
    inputs, x = _inputs(network, timesteps, batch, dtype)
    call: dict[str, Any] = {}
    if network.masked:
        call["mask"] = keras.Input((timesteps,), batch_size=batch, dtype="bool", name="mask")
    first = [keras.Input((h,), batch_size=batch, dtype=dtype, name=n) for n, h in network.states()] if initial else []
    left = list(first)
    final: list[Any] = []
    filled: list[tuple[Any, Recurrent]] = []
    for n, recurrent in enumerate(network.layers):
        every = network.every_step or n < len(network.layers) - 1
        layer = _layer(recurrent, n, every, states, dtype)
        own = {"initial_state": [left.pop(0) for _ in range(_count(recurrent))]} if initial else {}
        with _nothing_drawn(_inner(layer)):
            found = layer(x, **call, **own)
        x, *ends = found if states else [found]
        final += ends
        filled.append((layer, recurrent))
        if recurrent.reverse and every:
            x = ReverseTime(name=f"forward_again_{n}", dtype=dtype)(x)
    for n, linear in enumerate(network.head):
        last = n == len(network.head) - 1
        dense = keras.layers.Dense(linear.kernel.shape[1], use_bias=linear.bias is not None, dtype=dtype)
        dense.name = "head" if last else f"linear_{n}"
        x = dense(x)
        dense.set_weights([linear.kernel, *([] if linear.bias is None else [linear.bias])])
    for layer, recurrent in filled:
        fill(layer, recurrent)
    every_input = [inputs, *call.values(), *first]
    return keras.Model(every_input if len(every_input) > 1 else inputs, [x, *final] if states else x, name=name)


def _inputs(network: Network, timesteps: int | None, batch: int | None, dtype: str) -> tuple[Any, Any]:
    if network.embedding is None:
        inputs = keras.Input((timesteps, network.features), batch_size=batch, dtype=dtype, name="sequence")
        scaled = network.scale != 1
        return inputs, keras.layers.Rescaling(network.scale, name="scale", dtype=dtype)(inputs) if scaled else inputs
    inputs = keras.Input((timesteps,), batch_size=batch, dtype="int32", name="sequence")
    embedding = keras.layers.Embedding(*network.embedding.shape, name="embedding", dtype=dtype)
    x = embedding(inputs)
    embedding.set_weights([network.embedding])
    return inputs, x


def _count(recurrent: Recurrent) -> int:
    """Its states."""
    return (2 if recurrent.forward.cell == "lstm" else 1) * len(recurrent.directions)


def _layer(recurrent: Recurrent, n: int, every: bool, states: bool, dtype: str) -> Any:
    one = recurrent.forward
    options: dict[str, Any] = {"activation": recurrent.activation, "return_sequences": every, "return_state": states}
    if one.cell != "rnn":
        options["recurrent_activation"] = recurrent.recurrent_activation
    if one.cell == "gru":
        options["reset_after"] = one.reset_after
    name = f"{one.cell}_{n}"
    layer = LAYERS[one.cell](one.units, go_backwards=recurrent.reverse, name=name, dtype=dtype, **options)
    return layer if recurrent.backward is None else keras.layers.Bidirectional(layer, name=f"{name}_both", dtype=dtype)


def _inner(layer: Any) -> list[Any]:
    """The layer of each direction."""
    both = isinstance(layer, keras.layers.Bidirectional)
    return [layer.forward_layer, layer.backward_layer] if both else [layer]


@contextmanager
def _nothing_drawn(layers: list[Any]) -> Iterator[None]:
    """Layers built inside start from zeros: a random orthogonal matrix takes a second and would be overwritten at once."""
    before = [layer.cell.recurrent_initializer for layer in layers]
    for layer in layers:
        layer.cell.recurrent_initializer = keras.initializers.Zeros()
    try:
        yield
    finally:
        for layer, initializer in zip(layers, before, strict=True):
            layer.cell.recurrent_initializer = initializer


def fill(layer: Any, recurrent: Recurrent) -> None:
    """Give a built recurrent layer, or `Bidirectional` around two, its weights; two biases of a reset before are added up.

    Raises:
        ValueError: where a convention cannot be changed, see `gru_tf.recurrent.gates.load`.
    """
    for each, weights in zip(_inner(layer), recurrent.directions, strict=True):
        gates.load(each, weights if weights.reset_after else weights.with_one_bias())


# --- and back ---


def network_of(model: Any) -> Network:
    """The network that a Keras model is: an input, an embedding or a scale, recurrent layers, dense layers, in one line.

    Stock layers, this project's, `RecurrentStack` and `Bidirectional` are read; dropout is left out. Classes are taken at
    their names: `verification.check_network` says whether one that was derived from them computes something else.

    Raises:
        UserError: for a model that is more than that, naming the layer.
    """
    embedding, scale, every_step, masked = None, 1.0, True, False
    backwards = False  # whether steps come from the last to the first
    layers: list[Recurrent] = []
    head: list[Linear] = []
    for layer in in_line(model):
        if isinstance(layer, keras.layers.InputLayer) and layer.name == "mask":
            masked = True
        elif isinstance(layer, PASSED):
            continue
        elif backwards != isinstance(layer, ReverseTime):
            raise _misordered(layer, backwards)
        elif backwards:
            backwards = False
        elif isinstance(layer, keras.layers.Embedding) and not layers:
            embedding, masked = layer.get_weights()[0], masked or layer.mask_zero
        elif isinstance(layer, keras.layers.Rescaling) and not layers and np.all(np.equal(layer.offset, 0)):
            scale = _number(layer)
        elif isinstance(layer, keras.layers.Dense) and layers:
            head.append(_linear(layer))
        elif not head and _recurrent(layer):
            _check_below(layers, every_step, layer)
            layers.append(read_layer(layer))
            every_step = layer.return_sequences
            backwards = layers[-1].reverse and every_step
        else:
            raise _refused(model, layer)
    if backwards:
        raise _misordered(model.layers[-1], backwards)
    if not layers:
        raise UserError(f"model '{model.name}': expected at least one recurrent layer. Received: none")
    return Network(tuple(layers), embedding, tuple(head), every_step, masked, scale, "Keras model")


def in_line(model: Any) -> Iterator[Any]:
    """All layers, those of models and stacks in it in their place; raises UserError where they branch."""
    own = _nodes(model)
    for layer in model.layers:
        before, behind = (sum(id(node) in own for node in getattr(layer, side, ())) for side in SIDES)
        if before > 1 or (behind > 1 and layer.name != "mask"):
            raise _refused(model, layer)
        if isinstance(layer, keras.Model):
            yield from in_line(layer)
        elif isinstance(layer, RecurrentStack):
            if layer.residual or layer.layer_norm:
                raise UserError(f"{layer.name}: expected a stack without residual and layer_norm")
            yield from layer.layers
        else:
            yield layer


def _nodes(model: Any) -> set[int]:
    """The calls that the model is made of; its layers may have been called elsewhere too, as by Keras while it loads."""
    graph = getattr(model, "_functional", None) or model  # that of a Sequential
    return {id(node) for nodes in getattr(graph, "_nodes_by_depth", {}).values() for node in nodes}


def _number(layer: Any) -> float:
    try:
        return float(layer.scale)
    except (TypeError, ValueError):
        raise UserError(f"{layer.name}: expected one number as scale. Received: {shown(layer.scale)}") from None


def _misordered(layer: Any, backwards: bool) -> UserError:
    expected = "gru_tf's ReverseTime behind a layer that gives its steps from the last to the first, and nowhere else"
    received = "steps from the last to the first" if backwards else "steps in their order"
    return UserError(f"{layer.name}: expected {expected}. Received: {received}")


def _recurrent(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Bidirectional):
        return _recurrent(layer.forward_layer)
    return isinstance(layer, keras.layers.RNN)


def _check_below(layers: list[Recurrent], every_step: bool, layer: Any) -> None:
    if layers and not every_step:
        raise UserError(f"{layer.name}: expected every step of the layer before. Received: its last alone")


def read_layer(layer: Any) -> Recurrent:
    """A built recurrent Keras layer, in one direction or two.

    Raises:
        UserError: for a cell that is no GRU, LSTM or plain RNN, naming the layer.
    """
    both = isinstance(layer, keras.layers.Bidirectional)
    first = layer.forward_layer if both else layer
    if both and layer.merge_mode != "concat":
        raise UserError(f"{layer.name}: expected merge_mode 'concat'. Received: {layer.merge_mode!r}")
    try:
        forward, backward = gates.from_layer(first), gates.from_layer(layer.backward_layer) if both else None
    except ValueError as error:
        raise UserError(f"{layer.name}: {error}") from None
    cell = first.cell
    gate = getattr(cell, "recurrent_activation", None)
    reverse = bool(first.go_backwards) and not both
    return Recurrent(forward, backward, reverse, _name(cell.activation), _name(gate) if gate else "sigmoid", layer.name)


def _linear(layer: Any) -> Linear:
    if _name(layer.activation) != "linear":
        raise UserError(f"{layer.name}: expected a linear dense layer. Received: activation={_name(layer.activation)}")
    kernel, *bias = layer.get_weights()
    return Linear(kernel, bias[0] if bias else None, layer.name)


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))


def _refused(model: Any, layer: Any) -> UserError:
    expected = "an embedding or a scale, recurrent layers, then linear dense layers, one after the other"
    return UserError(f"model '{model.name}': expected {expected}. Received: {type(layer).__name__} '{layer.name}'")

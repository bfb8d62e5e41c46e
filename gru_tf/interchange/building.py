"""From a `Network` to a Keras model of stock layers, and from a Keras model back."""

from collections.abc import Iterator, Sequence
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
IDLE = (keras.layers.Dropout, keras.layers.InputLayer, keras.layers.Identity)  # do nothing outside training
SIDES = ("_inbound_nodes", "_outbound_nodes")  # Keras' names for the calls before and after a layer


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
    at real steps. Output is (batch, T, O), or (batch, O). Layers have biases, zeros where the source has none, because cuDNN
    needs them.

    Args:
        network: what to build.
        states: whether the final states follow the output, each (batch, H), in the order and with the names of
            `Network.states`.
        initial: whether the initial states are further inputs, in that order.
        timesteps: T, where it is fixed.
        batch: sequences per batch, where it is fixed.
        dtype: of weights and computation.
        name: of the model.

    Raises:
        ValueError: where a convention cannot be converted, see `gru_tf.recurrent.gates.load`.
    """
    inputs, x = _inputs(network, timesteps, batch, dtype)
    call: dict[str, Any] = {}
    if network.masked:
        call["mask"] = keras.Input((timesteps,), batch_size=batch, dtype="bool", name="mask")
    initial_states = (
        [keras.Input((h,), batch_size=batch, dtype=dtype, name=n) for n, h in network.states()] if initial else []
    )
    remaining = list(initial_states)
    final_states: list[Any] = []
    built: list[tuple[Any, Recurrent]] = []
    for n, recurrent in enumerate(network.layers):
        every = network.every_step or n < len(network.layers) - 1
        layer = _layer(recurrent, n, every, states, dtype)
        own = {"initial_state": [remaining.pop(0) for _ in range(_count_states(recurrent))]} if initial else {}
        with _zero_initialized(_inner(layer)):
            result = layer(x, **call, **own)
        x, *final = result if states else [result]
        final_states += final
        built.append((layer, recurrent))
        if recurrent.reverse and every:
            x = ReverseTime(name=f"forward_again_{n}", dtype=dtype)(x)
    for n, linear in enumerate(network.head):
        last = n == len(network.head) - 1
        dense = keras.layers.Dense(linear.kernel.shape[1], use_bias=linear.bias is not None, dtype=dtype)
        dense.name = "head" if last else f"linear_{n}"
        x = dense(x)
        dense.set_weights([linear.kernel, *([] if linear.bias is None else [linear.bias])])
    for layer, recurrent in built:
        fill(layer, recurrent)
    every_input = [inputs, *call.values(), *initial_states]
    return keras.Model(every_input if len(every_input) > 1 else inputs, [x, *final_states] if states else x, name=name)


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


def _count_states(recurrent: Recurrent) -> int:
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
    """The layers of the directions."""
    both = isinstance(layer, keras.layers.Bidirectional)
    return [layer.forward_layer, layer.backward_layer] if both else [layer]


@contextmanager
def _zero_initialized(layers: list[Any]) -> Iterator[None]:
    """Layers built inside start from zeros: a random orthogonal matrix takes a second and would be overwritten at once."""
    with changed([layer.cell for layer in layers], "recurrent_initializer", keras.initializers.Zeros()):
        yield


@contextmanager
def changed(owners: Sequence[Any], attribute: str, value: Any) -> Iterator[None]:
    """Inside, an attribute of each owner has this value; afterwards it is as before."""
    before = [getattr(owner, attribute) for owner in owners]
    for owner in owners:
        setattr(owner, attribute, value)
    try:
        yield
    finally:
        for owner, own in zip(owners, before, strict=True):
            setattr(owner, attribute, own)


def fill(layer: Any, recurrent: Recurrent) -> None:
    """Set the weights of a built recurrent layer, or `Bidirectional`; two biases are added where `reset_after` is False.

    Raises:
        ValueError: where a convention cannot be converted, see `gru_tf.recurrent.gates.load`.
    """
    for each, weights in zip(_inner(layer), recurrent.directions, strict=True):
        gates.load(each, weights if weights.reset_after else weights.with_one_bias())


# --- and back ---


def network_of(model: Any) -> Network:
    """The network in a Keras model: an input, an embedding or a scale, recurrent layers, dense layers, one after the other.

    Stock layers, this project's, `RecurrentStack` and `Bidirectional` are read; dropout is ignored. Subclasses are taken for
    their base classes: `verification.check_network` detects one that computes something else.

    Raises:
        UserError: for a model with other layers, naming the layer.
    """
    embedding, scale, every_step, masked = None, 1.0, True, False
    backwards = False  # whether steps come from the last to the first
    layers: list[Recurrent] = []
    head: list[Linear] = []
    for layer in in_line(model):
        if isinstance(layer, keras.layers.InputLayer) and layer.name == "mask":
            masked = True
        elif isinstance(layer, IDLE):
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
    """All layers in order, with those of nested models and stacks; raises UserError where they branch."""
    own = _nodes(model)
    for layer in model.layers:
        before, after = (sum(id(node) in own for node in getattr(layer, side, ())) for side in SIDES)
        if before > 1 or (after > 1 and layer.name != "mask"):
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
    """The calls that make up the model; its layers may have been called elsewhere too, as Keras does while it loads."""
    graph = getattr(model, "_functional", None) or model  # that of a Sequential
    return {id(node) for nodes in getattr(graph, "_nodes_by_depth", {}).values() for node in nodes}


def _number(layer: Any) -> float:
    try:
        return float(layer.scale)
    except (TypeError, ValueError):
        raise UserError(f"{layer.name}: expected one number as scale. Received: {shown(layer.scale)}") from None


def _misordered(layer: Any, backwards: bool) -> UserError:
    expected = "gru_tf's ReverseTime after a layer that returns its steps from the last to the first, and nowhere else"
    received = "steps from the last to the first" if backwards else "steps in their order"
    return UserError(f"{layer.name}: expected {expected}. Received: {received}")


def _recurrent(layer: Any) -> bool:
    if isinstance(layer, keras.layers.Bidirectional):
        return _recurrent(layer.forward_layer)
    return isinstance(layer, keras.layers.RNN)


def _check_below(layers: list[Recurrent], every_step: bool, layer: Any) -> None:
    if layers and not every_step:
        raise UserError(f"{layer.name}: expected every step of the layer before. Received: only its last")


def read_layer(layer: Any) -> Recurrent:
    """A built recurrent Keras layer, in one direction or two.

    Raises:
        UserError: for a cell that is not a GRU, LSTM or plain RNN, naming the layer.
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

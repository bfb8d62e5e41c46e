"""From a `Network` to a Keras model of stock layers; `gru_tf.interchange.keras_model` is the way back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from gru_tf.interchange import part_layers
from gru_tf.interchange.network import Network, Recurrent
from gru_tf.recurrent import gates
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid
from gru_tf.recurrent.layers.reverse_time import ReverseTime

BEFORE, AFTER, HEAD = "before", "after_{}", "head"  # beginnings of the names of the layers around the recurrent ones
LAYERS = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}


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
    x = part_layers.build(network.before, x, BEFORE, dtype)
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
        own: dict[str, Any] = {}
        if initial:
            own["initial_state"] = [remaining.pop(0) for _ in range(_count_states(recurrent))]
        elif recurrent.initial:
            own["initial_state"] = part_layers.learned_states(recurrent.initial, x, f"{recurrent.forward.cell}_{n}", dtype)
        with _zero_initialized(_inner(layer)):
            result = layer(x, **call, **own)
        x, *final = result if states else [result]
        final_states += final
        built.append((layer, recurrent))
        if recurrent.reverse and every:
            x = ReverseTime(name=f"forward_again_{n}", dtype=dtype)(x)
        x = part_layers.build(recurrent.after, x, AFTER.format(n), dtype)
    x = part_layers.build(network.head, x, HEAD, dtype)
    for layer, recurrent in built:
        fill(layer, recurrent)
    every_input = [inputs, *call.values(), *initial_states]
    return keras.Model(every_input if len(every_input) > 1 else inputs, [x, *final_states] if states else x, name=name)


def names_of_parts(network: Network) -> dict[str, str]:
    """Name of a layer in the built model → the source's name, of the layers around the recurrent ones."""
    behind = {AFTER.format(n): layer.after for n, layer in enumerate(network.layers)}
    places = {BEFORE: network.before, **behind, HEAD: network.head}
    return {
        part_layers.layer_name(parts, n, place): part.name for place, parts in places.items() for n, part in enumerate(parts)
    }


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
    options: dict[str, Any] = {"return_sequences": every, "return_state": states}
    options["activation"] = _activation(recurrent.activation)
    if one.cell != "rnn":
        options["recurrent_activation"] = _activation(recurrent.recurrent_activation)
    if one.cell == "gru":
        options["reset_after"] = one.reset_after
    name = f"{one.cell}_{n}"
    layer = LAYERS[one.cell](one.units, go_backwards=recurrent.reverse, name=name, dtype=dtype, **options)
    return layer if recurrent.backward is None else keras.layers.Bidirectional(layer, name=f"{name}_both", dtype=dtype)


def _activation(name: str) -> Any:
    """The function that Keras 3 does not have under this name, or the name."""
    return keras2_hard_sigmoid if name == keras2_hard_sigmoid.__name__ else name


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

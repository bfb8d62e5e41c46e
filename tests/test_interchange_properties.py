"""Properties of models that travel: whatever the network, it computes the same at the other end, and comes back.

Networks are drawn by hypothesis: cell × layers × directions × biases × sizes × every step or the last × embedding × head ×
masks × first states. What they compute is compared with NumPy, step by step, and with the framework at the other end.
"""

from dataclasses import replace

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from networks import compute, dtype_of, examples, inputs, networks, relative, uniform

from gru_tf.gates import GATES, Gates
from gru_tf.interchange import building
from gru_tf.interchange.network import Linear, Network, Recurrent

WITHIN = {"float32": 1e-5, "float64": 1e-10}
STOCK = {"gru": {True: "keras", False: "keras_reset_before"}, "lstm": {None: "keras_lstm"}, "rnn": {None: "keras_rnn"}}


def parts(network):
    """A network as plain values and bytes; missing biases are zeros, for Keras' layers have some."""
    layers = []
    for layer in network.layers:
        sides = [gates.write(STOCK[gates.cell][gates.reset_after], biases=True) for gates in layer.directions]
        gate = layer.recurrent_activation if layer.forward.cell != "rnn" else None
        layers.append((layer.forward.cell, layer.reverse, layer.activation, gate, *(_bytes(side) for side in sides)))
    head = [_bytes({"kernel": linear.kernel, "bias": linear.bias}) for linear in network.head]
    embedding = _bytes({"embedding": network.embedding})
    return {"layers": layers, "head": head, "embedding": embedding} | {
        name: getattr(network, name) for name in ("every_step", "masked", "scale")
    }


def _bytes(arrays):
    return {name: None if a is None else (a.shape, str(a.dtype), a.tobytes()) for name, a in arrays.items()}


def call(model, network, x, lengths, first=()):
    """Outputs at the real steps of each sequence, and the final states, from the model called eagerly."""
    given = [keras.ops.convert_to_tensor(x, model.inputs[0].dtype)]
    if network.masked:
        given.append(keras.ops.convert_to_tensor(np.arange(x.shape[1]) < lengths[:, None]))
    given += [keras.ops.convert_to_tensor(state, dtype_of(network)) for state in first]
    out, *states = model(given if len(given) > 1 else given[0])
    return real(network, np.asarray(out), lengths), [np.asarray(state) for state in states]


def real(network, out, lengths):
    """What of an output is no padding, sequence by sequence."""
    return [row[:length] if network.every_step else row for row, length in zip(out, lengths, strict=True)]


def apart(received, expected):
    """The largest relative difference of outputs and states."""
    return max(
        relative(a, b) for one, other in zip(received, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


shapes = {"timesteps": st.integers(1, 6), "batch": st.integers(1, 3), "seed": st.integers(0, 2**32 - 1)}


@examples(30)
@given(network=networks(), initial=st.booleans(), **shapes)
def test_a_network_becomes_a_keras_model_that_computes_it_and_comes_back(network, initial, timesteps, batch, seed):
    dtype = dtype_of(network)
    x, lengths = inputs(network, timesteps, batch, seed)
    rng = np.random.default_rng(seed)
    first = [rng.uniform(-1, 1, (batch, units)) for _, units in network.states()] if initial else None
    model = building.build(network, states=True, initial=initial, dtype=dtype)
    assert apart(call(model, network, x, lengths, first or ()), compute(network, x, lengths, first)) <= WITHIN[dtype]
    names = [name for name, _ in network.states()]
    assert [i.name for i in model.inputs[-len(names) :]] == names or not initial
    plain = building.build(network, dtype=dtype)
    assert parts(building.of(plain)) == parts(network)


def test_what_a_builder_could_do_wrong_changes_what_is_computed():
    """All but the weights, whose every mutation test_gates_layouts tries."""
    network = some_network()
    x, lengths = inputs(network, 5, 3, seed=1)
    expected = compute(network, x, lengths)
    one, two = network.layers
    mistakes = {
        "read backwards": replace(network, layers=(one, replace(two, reverse=True))),
        "directions exchanged": replace(network, layers=(replace(one, forward=one.backward, backward=one.forward), two)),
        "another activation": replace(network, layers=(one, replace(two, activation="relu"))),
        "other gates": replace(network, layers=(replace(one, recurrent_activation="hard_sigmoid"), two)),
        "another scale": replace(network, scale=0.5),
        "no bias in the head": replace(network, head=(replace(network.head[0], bias=None),)),
    }
    for name, wrong in mistakes.items():
        assert apart(compute(wrong, x, lengths), expected) > 1e-3, name
    padded = np.full_like(lengths, 5)
    assert relative(compute(network, x, padded)[1][0], expected[1][0]) > 1e-3  # padding read as steps


def some_network():
    def weights(cell, features, seed):
        rng = np.random.default_rng(seed)
        shapes = {"W": (features, 4), "U": (4, 4), "b": (4,)}
        blocks = {f"{k}_{g}": uniform(rng, "float64", 4, *shape) for k, shape in shapes.items() for g in GATES[cell]}
        return Gates(blocks, None, None, cell)

    both = Recurrent(weights("lstm", 3, 1), weights("lstm", 3, 2), name="both")
    rng = np.random.default_rng(4)
    head = Linear(uniform(rng, "float64", 4, 4, 2), uniform(rng, "float64", 4, 2))
    return Network((both, Recurrent(weights("rnn", 8, 3), name="one")), head=(head,), masked=True)

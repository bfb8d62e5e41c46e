"""Properties of models that travel: whatever the network, it computes the same at the other end, and comes back.

Networks are drawn by hypothesis: cell × layers × directions × biases × sizes × every step or the last × embedding × head ×
masks × first states. What they compute is compared with NumPy, step by step, and with the framework at the other end, whose
modules and nodes are put together here: no reader and no writer of the package has a part in that.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import compute, dtype_of, examples, inputs, networks, relative, uniform

from gru_tf import gates
from gru_tf.gates import GATES, Gates
from gru_tf.interchange import building
from gru_tf.interchange.network import Linear, Network, Recurrent

WITHIN = {"float32": 1e-5, "float64": 1e-10}
STOCK = {"gru": {True: "keras", False: "keras_reset_before"}, "lstm": {None: "keras_lstm"}, "rnn": {None: "keras_rnn"}}


def parts(network):
    """A network as plain values and bytes; missing biases are zeros, for Keras' layers have some."""
    layers = []
    for layer in network.layers:
        sides = [side.write(STOCK[side.cell][side.reset_after], biases=True) for side in layer.directions]
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


# --- PyTorch ---


def in_pytorch(network, seed):
    """PyTorch's own modules of the network's shape and with PyTorch's own first weights, under usual names."""
    import torch

    torch.manual_seed(seed)
    one, dtype = network.layers[0].forward, getattr(torch, dtype_of(network))
    both, biases = network.layers[0].backward is not None, one.biased
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}[one.cell]
    options = {"bias": biases, "bidirectional": both, "batch_first": True, "dtype": dtype}
    parts = {"rnn": kind(one.features, one.units, len(network.layers), **options)}
    if network.embedding is not None:
        parts["embedding"] = torch.nn.Embedding(*network.embedding.shape, dtype=dtype)
    head = [torch.nn.Linear(*a.kernel.shape, bias=a.bias is not None, dtype=dtype) for a in network.head]
    if head:
        parts["head"] = head[0] if len(head) == 1 else torch.nn.Sequential(*head)
    return torch.nn.ModuleDict(parts)


def by_pytorch(modules, network, x, lengths):
    """Outputs and states as `call` gives them: each sequence by itself, so that nothing is padded."""
    import torch

    outputs, finals = [], []
    with torch.no_grad():
        for sequence, length in zip(x, lengths, strict=True):
            steps = torch.tensor(sequence[None, :length])
            steps = modules["embedding"](steps) if "embedding" in modules else steps.to(getattr(torch, dtype_of(network)))
            out, final = modules["rnn"](steps)
            final = final if isinstance(final, tuple) else (final,)
            sides = 2 if modules["rnn"].bidirectional else 1
            out = out[0] if network.every_step else torch.cat([state[0] for state in final[0][-sides:]])
            outputs.append((modules["head"](out) if "head" in modules else out).numpy())
            finals.append([kind[n, 0].numpy() for n in range(len(final[0])) for kind in final])
    return outputs, [np.array(state) for state in zip(*finals, strict=True)]


@pytest.mark.torch
@examples(25)
@given(network=networks(foreign=True), suffix=st.sampled_from([".pt", ".safetensors"]), **shapes)
def test_pytorch_to_keras(network, suffix, timesteps, batch, seed):
    torch = pytest.importorskip("torch")
    from gru_tf.interchange import pytorch

    modules = in_pytorch(network, seed)
    x, lengths = inputs(network, timesteps, batch, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        if suffix == ".pt":
            torch.save(modules.state_dict(), path)
        else:
            pytest.importorskip("safetensors.torch").save_file(modules.state_dict(), path)
        embedding = "embedding" if "embedding" in modules else False  # found by itself, unless shapes fit more than one
        heads = [f"head.{n}" if len(network.head) > 1 else "head" for n in range(len(network.head))]
        options = {"embedding": embedding, "head": heads or False}
        found = pytorch.read(path, every_step=network.every_step, masked=network.masked, **options).network
    model = building.build(found, states=True, dtype=dtype_of(network))
    assert dtype_of(found) == dtype_of(network)
    expected = by_pytorch(modules, network, x, lengths)
    assert apart(call(model, network, x, lengths), expected) <= WITHIN[dtype_of(network)]


@pytest.mark.torch
@examples(25)
@given(network=networks(foreign=True), suffix=st.sampled_from([".pt", ".safetensors"]), **shapes)
def test_keras_to_pytorch(network, suffix, timesteps, batch, seed):
    torch = pytest.importorskip("torch")
    from gru_tf.interchange import pytorch

    x, lengths = inputs(network, timesteps, batch, seed)
    model = building.build(network, states=True, dtype=dtype_of(network))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        pytorch.write(building.of(building.build(network, dtype=dtype_of(network))), path)
        if suffix == ".pt":
            given = torch.load(path, weights_only=True)
        else:
            given = pytest.importorskip("safetensors.torch").load_file(path)
    modules = in_pytorch(with_biases(network), seed)
    modules.load_state_dict(given)  # every name, every shape
    assert apart(by_pytorch(modules, network, x, lengths), call(model, network, x, lengths)) <= WITHIN[dtype_of(network)]


def with_biases(network):
    """As Keras' layers have them: always."""
    one = network.layers[0]
    name = f"pytorch_{one.forward.cell}"
    first = replace(one, forward=gates.read(one.forward.write(name, biases=True), name))
    return replace(network, layers=(first, *network.layers[1:]))

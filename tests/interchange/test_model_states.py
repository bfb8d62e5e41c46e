"""The states that recurrent layers of Keras files end with: recorded in the model's own calls, compared, refused if wrong.

What is compared with: TF-Keras running the same file; its layers by themselves on the real steps alone; a plain formula.
"""

import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tf_keras
from keras_2_files import cudnn, cudnn_weights, write

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import importing, model_states, provenance, verification
from gru_tf.interchange.keras import legacy
from gru_tf.interchange.model_states import ModelRun, States

T, F, H, TOKENS = 5, 4, 3, 7
old = tf_keras.layers

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def line(*layers, **options):
    return tf_keras.Sequential([tf_keras.Input(**(options or {"shape": (T, F)})), *layers])


def with_initial_states():
    """States of one layer begin another, in a model in the model, where a layer is called twice."""
    one, other, first = tf_keras.Input((T, F)), tf_keras.Input((T, F)), tf_keras.Input((H,))
    shared = tf_keras.Sequential([old.GRU(F, return_sequences=True, name="gru")], name="shared")
    last, *states = old.LSTM(H, return_state=True, name="encoder")(shared(one))
    every = old.LSTM(H, return_sequences=True, name="decoder")(shared(other), initial_state=states)
    return tf_keras.Model([one, other, first], [every, old.SimpleRNN(H, name="rnn")(one, initial_state=first), last])


def of_cells():
    stack = old.StackedRNNCells([old.LSTMCell(H), old.GRUCell(2, reset_after=False)])
    return line(old.RNN(stack, name="rnn", stateful=True), batch_shape=(2, T, F))


def for_cudnn(path):
    gru = cudnn("CuDNNGRU", "gru", H, batch_input_shape=[None, T, F])
    lstm = cudnn("CuDNNLSTM", "lstm", 2, return_sequences=False)
    config = {"class_name": "Sequential", "config": {"name": "old", "layers": [gru, lstm]}}
    weights = {"gru": cudnn_weights("CuDNNGRU", "gru", F, H, 1), "lstm": cudnn_weights("CuDNNLSTM", "lstm", H, 2, 2)}
    return write(path, config, weights)


FILES = {
    "plain": lambda: line(old.GRU(H, return_sequences=True, name="gru"), old.LSTM(H, name="lstm"), old.Dense(2)),
    "both": lambda: line(old.Bidirectional(old.LSTM(2, go_backwards=True), merge_mode="sum", name="both")),
    "masked": lambda: line(
        old.Embedding(TOKENS, F, mask_zero=True),
        old.Bidirectional(old.GRU(2, return_sequences=True), name="both"),
        old.LSTM(H, return_sequences=True, name="lstm"),
        shape=(T,),
    ),
    "stateful": lambda: line(old.GRU(H, stateful=True, name="gru"), batch_shape=(2, None, F)),
    "cells": of_cells,
    "graph": with_initial_states,
    "cudnn": None,
    "none": lambda: line(old.Conv1D(2, 3), old.GlobalMaxPooling1D()),
    "over steps": lambda: line(old.TimeDistributed(old.LSTM(2, name="lstm"), name="each"), shape=(2, T, F)),
}
LSTM = "state 1 of 2", "state 2 of 2"
STATES = {  # what is compared of each, and in how many batches
    "plain": ({"gru: state", *(f"lstm: {state}" for state in LSTM)}, 2),
    "both": ({f"both/{way}: {state}" for way in ("forward", "backward") for state in LSTM}, 2),
    "masked": ({"both/forward: state", "both/backward: state", *(f"lstm: {state}" for state in LSTM)}, 2),
    "stateful": ({"gru: state"}, 4),
    "cells": ({f"rnn: state {n} of 3" for n in (1, 2, 3)}, 1),
    "graph": (
        {"shared/gru, call 1: state", "shared/gru, call 2: state", "rnn: state"}
        | {f"{name}: {state}" for name in ("encoder", "decoder") for state in LSTM},
        2,
    ),
    "cudnn": ({"gru: state", *(f"lstm: {state}" for state in LSTM)}, 2),
    "none": (set(), 2),
    "over steps": (set(), 2),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Of each kind a .h5 file with weights that no initializer makes, read here, and TF-Keras' model of it."""
    folder, files = tmp_path_factory.mktemp("states"), {}
    for kind, make in FILES.items():
        path = folder / f"{kind}.h5"
        if make is None:
            for_cudnn(path)
        else:
            model = make()
            model.set_weights([0.5 * normal([3, n], *w.shape) for n, w in enumerate(model.get_weights())])
            model.save(path)
        by, run = legacy.framework(path)
        files[kind] = SimpleNamespace(path=path, model=legacy.read_model(path), run=run, by=by)
    return files


@pytest.fixture
def added(monkeypatch):
    """What is compared: names, one for each time."""
    names = []

    class Noted(verification.Differences):
        def add(self, name, own, their, where):
            names.append(name)
            super().add(name, own, their, where)

    monkeypatch.setattr(verification, "Differences", Noted)
    return names


@pytest.mark.parametrize("kind", FILES)
def test_the_states_of_every_layer_are_compared_in_every_batch(files, added, kind):
    states, batches = STATES[kind]
    model_states.reset(files[kind].run.model)  # states of a stateful one
    result = verification.verify_model(files[kind].model, files[kind].run, by=files[kind].by)
    assert result.cases == batches
    assert {name for name in added if not name.startswith("output")} == states
    assert all(added.count(name) == batches for name in added)
    assert result.states == bool(states)
    assert result.left_out == (("each/lstm",) if kind == "over steps" else ())
    what, much = "outputs and states" if states else "outputs", "a batch" if batches == 1 else f"{batches} batches"
    assert str(result).startswith(f"verified by {files[kind].by}: {what} of {much} differ")
    assert str(result).endswith("; the states of each/lstm were not compared" if result.left_out else f"({result.where})")


def wrong(monkeypatch, kind, which=-1):
    """Let layers of a class give a state that is not theirs, with outputs and what they keep as they were."""
    own = kind.call

    @functools.wraps(own)
    def call(self, *args, **options):
        outputs = own(self, *args, **options)
        if not self.return_state:
            return outputs
        output, *states = outputs
        flat = keras.tree.flatten(states)
        flat[which] = flat[which] * 1.001
        return [output, *keras.tree.pack_sequence_as(states, flat)]

    monkeypatch.setattr(kind, "call", call)


HERE = (keras.layers.RNN,)  # whose `call` all others use
THERE = (old.GRU, old.LSTM, old.RNN)


@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize("side", [HERE, THERE])
@pytest.mark.parametrize("kind", ["plain", "both", "masked", "cells", "cudnn"])
def test_a_wrong_state_behind_right_outputs_is_noticed(files, monkeypatch, kind, side, which):
    model, run = files[kind].model, files[kind].run
    for each in (model, run.model):  # states of the stateful one
        model_states.reset(each)
    for each in side:
        wrong(monkeypatch, each, which)
    with pytest.raises(UserError, match=r"not the same: .* a difference of 0.00(1|0999).* in [a-z/]+: state.*, batch of"):
        verification.verify_model(model, run)


def test_the_import_of_a_file_fails_for_a_wrong_state(files, monkeypatch):
    assert importing.import_file(files["masked"].path).verified.states
    wrong(monkeypatch, keras.layers.RNN)
    with pytest.raises(UserError, match=r"masked.h5: not the same: expected what TF-Keras .* in (both|lstm).*: state"):
        importing.import_file(files["masked"].path)


def test_a_layer_whose_states_are_left_out_is_in_the_models_record(files, tmp_path):
    imported = importing.import_file(files["over steps"].path)
    imported.model.save(tmp_path / "a.keras")
    verified = provenance.record_of(tmp_path / "a.keras")["verified"]
    assert (verified["states"], verified["left_out"]) == (False, ["each/lstm"])


def test_with_a_reference_of_outputs_alone_states_are_not_said_to_be_compared(files, tmp_path):
    path, inputs = files["plain"].path, normal(1, 2, T, F)
    np.savez(tmp_path / "ref.npz", inputs=inputs, outputs=files["plain"].run(inputs)[0])
    result = importing.import_file(path, verify=True, reference=tmp_path / "ref.npz").verified
    assert (result.cases, result.states) == (3, False)
    result = importing.import_file(path, reference=tmp_path / "ref.npz").verified
    assert (result.cases, result.states, result.left_out) == (1, False, ())


# --- what is noted ---


def of_a_gru(layer, sequence):
    """The last state of a Keras GRU (reset after) in NumPy's float64."""
    kernel, recurrent, bias = (np.asarray(w, "float64") for w in layer.get_weights())
    h = np.zeros(len(recurrent))
    for x in np.asarray(sequence, "float64"):
        (xz, xr, xn), (hz, hr, hn) = np.split(x @ kernel + bias[0], 3), np.split(h @ recurrent + bias[1], 3)
        z, r = 1 / (1 + np.exp(-xz - hz)), 1 / (1 + np.exp(-xr - hr))
        h = z * h + (1 - z) * np.tanh(xn + r * hn)
    return h


def test_noted_are_the_states_after_the_last_real_step(files):
    model, run = files["masked"].model, files["masked"].run
    tokens = np.array([[1, 2, 3, 0, 0], [4, 4, 5, 6, 1], [2, 0, 0, 0, 0]])
    with States(model, run.model).recorded() as states:
        model(tokens)
        run(tokens)
    noted = {name: (own, their) for name, own, their in states.pairs()}
    both, words = model.layers[1], model.layers[0].get_weights()[0]
    for n, real in enumerate((3, 5, 1)):
        sequence = words[tokens[n, :real]]
        for name, layer, steps in (
            ("forward", both.forward_layer, sequence),
            ("backward", both.backward_layer, sequence[::-1]),
        ):
            for side in noted[f"both/{name}: state"]:
                np.testing.assert_allclose(side[n], of_a_gru(layer, steps), rtol=0, atol=1e-6)


def test_first_states_are_those_of_the_call(files):
    model, run = files["graph"].model, files["graph"].run
    one, other, first = normal(1, 2, T, F), normal(2, 2, T, F), normal(3, 2, H)
    with States(model, run.model).recorded() as states:
        model([one, other, first])
        run([one, other, first])
    for name, *sides in states.pairs():
        if name == "rnn: state":
            kernel, recurrent, bias = run.model.get_layer("rnn").get_weights()
            h = first
            for t in range(T):
                h = np.tanh(one[:, t] @ kernel + h @ recurrent + bias)
            for side in sides:
                np.testing.assert_allclose(side, h, rtol=0, atol=1e-6)


def test_calls_of_one_layer_are_compared_in_whatever_order_they_are_made():
    ours, theirs = (keras.Sequential([keras.Input((T, F)), keras.layers.GRU(H, name="gru")]) for _ in range(2))
    theirs.set_weights(ours.get_weights())
    one, other = normal(1, 2, T, F), normal(2, 2, T, F)
    states = States(ours, theirs)
    with states.recorded():
        for x in (one, other):
            ours(x)
        for x in (other, one):
            theirs(x)
        assert [float(np.abs(a - b).max()) for _, a, b in states.pairs()] == [0, 0]
        for x in (one, other):
            ours(x)
        for x in (other, other):
            theirs(x)
        assert [float(np.abs(a - b).max()) > 0.01 for _, a, b in states.pairs()] == [False, True]
        assert not states.left_out
        ours(one)
        assert not list(states.pairs())
    assert states.left_out == {"gru"}


def test_models_are_afterwards_as_they_were(files):
    for kind in ("plain", "both", "graph"):
        model, run = files[kind].model, files[kind].run
        before = model.to_json(), run.model.to_json()

        def broken(states):
            with states.recorded():
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            broken(States(model, run.model))
        verification.verify_model(model, run)
        assert (model.to_json(), run.model.to_json()) == before
        for side in (model, run.model):
            for _, layer in model_states.recurrent(side):
                assert "call" not in vars(layer)


def test_a_run_that_no_model_is_known_of_gives_outputs_alone(files):
    result = verification.verify_model(files["plain"].model, files["plain"].run.__call__)
    assert (result.states, result.left_out) == (False, ())
    with pytest.raises(ValueError, match="expected no lengths"):
        ModelRun(files["plain"].model)(normal(1, 1, T, F), np.array([3]))


def test_states_kept_in_a_model_in_the_model_and_in_cells_are_zero_again():
    inner = keras.Sequential([keras.layers.GRU(H, stateful=True, return_sequences=True)])
    cells = keras.layers.StackedRNNCells([keras.layers.GRUCell(3), keras.layers.LSTMCell(2)])
    model = keras.Sequential([keras.Input(batch_shape=(2, T, F)), inner, keras.layers.RNN(cells, stateful=True)])
    model(normal(1, 2, T, F))
    states = [*keras.tree.flatten(inner.layers[0].states), *keras.tree.flatten(model.layers[1].states)]
    assert len(states) == 4
    assert all(np.any(state) for state in states)
    model_states.reset(model)
    assert not any(np.any(state) for state in states)

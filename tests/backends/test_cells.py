"""Every cell on the backend that KERAS_BACKEND names; started by tests/whole/test_other_backends.py, never by itself."""

import os
from dataclasses import replace

import conformance
import keras
import numpy as np
import pytest
from conformance import FLOAT32, STEPS, UNITS, numbers, random_weights, sequence, with_weights
from keras import ops

from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.parallel_rnn import ParallelRNN
from gru_tf.recurrent.linear_scan import linear_recurrence

CASES = [pytest.param(spec, options, id=name) for spec, options, name in conformance.EXTREMES]
LONG = 1024


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Weights are set by the checks: Keras' own initializers, a compilation for each shape, would take half of the time."""
    for kind in (keras.initializers.Orthogonal, keras.initializers.GlorotUniform):
        monkeypatch.setattr(kind, "__call__", lambda self, shape, dtype=None, **_: ops.zeros(shape, dtype))


def test_this_is_another_backend():
    assert keras.backend.backend() == os.environ["KERAS_BACKEND"] != "tensorflow"


def test_there_is_no_tensorflow_here():
    """Nothing that this file does, with every cell and its fastest layer, may import it."""
    with pytest.raises(ImportError):
        import tensorflow  # noqa: F401


CHECKS = (  # the others ask the backend for nothing new
    conformance.check_numpy,
    conformance.check_mutations,
    conformance.check_forms,
    conformance.check_parameters,
    conformance.check_saved,
    conformance.check_quantised,
    conformance.check_low_rank,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize(("spec", "options"), CASES)
def test_cell(spec, options, check):
    check(spec, options)


def long_recurrence():
    """A recurrence of 1,024 steps."""
    rng = np.random.default_rng(0)
    return rng.uniform(0.5, 1, (2, LONG, 3)).astype("float32"), rng.normal(size=(2, LONG, 3)).astype("float32")


def test_the_scan_is_the_recurrence():
    a, b = long_recurrence()
    h, states = np.zeros((2, 3)), []
    for t in range(LONG):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    found = ops.convert_to_numpy(linear_recurrence(ops.convert_to_tensor(a), ops.convert_to_tensor(b)))
    np.testing.assert_allclose(found, np.stack(states, 1), rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("name", ["gru", "min_gru", "qrnn", "lru"])
def test_padding(name):
    conformance.check_padding(CELLS.find(name), {})


SCANNED = [("min_gru", {}), ("min_lstm", {}), ("lru", {}), ("qrnn", {}), ("sru", {"state_gates": False})]


@pytest.mark.parametrize(("name", "options"), SCANNED, ids=[name for name, _ in SCANNED])
def test_fit_by_the_scan_takes_the_steps_of_fit_step_by_step(name, options):
    """One step of plain gradient descent: the new weights are the gradients."""
    spec, found = CELLS.find(name), []
    for kind in (ParallelRNN, keras.layers.RNN):
        layer = with_weights(kind(spec.build(UNITS, **options)), random_weights(spec, options), (None, STEPS, 3))
        model = keras.Sequential([keras.Input((STEPS, 3)), layer])
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        before = model.get_weights()
        model.fit(sequence(), np.ones((4, UNITS)), verbose=0)
        found.append(model.get_weights())
        assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(before, found[-1], strict=True))
    for scanned, stepped in zip(*found, strict=True):
        np.testing.assert_allclose(scanned, stepped, rtol=0, atol=FLOAT32)


@pytest.mark.parametrize("name", ["gru", "lstm", "min_gru"])
def test_dropout_in_training(name):
    """The masks come from the cell's own seed, as JAX demands of what it traces."""
    spec = CELLS.find(name)
    outputs = []
    for seed in (1, 1, 2):
        layer = keras.layers.RNN(spec.build(UNITS, dropout=0.5, seed=seed), return_sequences=True)
        outputs.append(numbers(with_weights(layer, random_weights(spec, {}), (None, STEPS, 3)), sequence(), training=True))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 1e-3


def test_the_checks_can_fail_here_too():
    gru = CELLS.find("gru")

    def shrunken(x, states, weights, **options):
        return [0.99 * h for h in gru.step(x, states, weights, **options)]

    with pytest.raises(AssertionError):
        conformance.check_numpy(replace(gru, step=shrunken), conformance.combinations_of(gru)[0])

"""The hand-written backward pass: equal to finite differences and to TensorFlow's gradients, and it learns to add."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.recurrent import derivation, gates
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.derivation import Weights
from gru_tf.tasks.memory.adding import Adding

DIFFERENCES = 1e-6  # absolute, of gradients near one
AUTOMATIC = 1e-10  # relative to the largest number in the gradient
SIZES = [  # features, units, outputs, timesteps, sequences
    (1, 1, 1, 1, 1),
    (2, 3, 1, 4, 1),
    (3, 2, 2, 7, 3),
    (4, 5, 3, 12, 2),
    (1, 4, 2, 25, 1),
]


def problem(features, units, outputs, timesteps, sequences, some=False):
    """Random weights, inputs and targets; with `some`, every third step has no target."""
    rng = np.random.default_rng([features, units, outputs, timesteps, sequences])
    w = Weights(*(rng.normal(size=matrix.shape) for matrix in derivation.initial(features, units, outputs, rng)))
    x = rng.normal(size=(timesteps, features, sequences))
    targets = [None if some and t % 3 == 1 else d for t, d in enumerate(rng.random((timesteps, outputs, sequences)))]
    return w, x, targets


def by_hand(w, x, targets, module=derivation):
    """The seven gradients of the text."""
    return module.backward(w, module.forward(w, x), targets)


def by_differences(w, x, targets, step=1e-5):
    """The seven gradients by central finite differences of the loss."""

    def at(name, index, change):
        matrix = getattr(w, name).copy()
        matrix[index] += change
        return derivation.loss(derivation.forward(w._replace(**{name: matrix}), x), targets)

    gradients = Weights(*map(np.zeros_like, w))
    for name, matrix in gradients._asdict().items():
        for index in np.ndindex(matrix.shape):
            matrix[index] = (at(name, index, step) - at(name, index, -step)) / (2 * step)
    return gradients


def custom_cell(w):
    """The suite's own cell in this text's form and with its weights."""
    cell = GRUCell(len(w.zh), reset_after=False, convention="write", use_bias=False, dtype="float64")
    cell.build((None, w.zx.shape[1]))
    gates.load(cell, gates.read(w[1:], "derivation"))
    return cell


def by_tensorflow(w, x, targets):
    """The custom cell in a loop: its outputs y (T, O, N), E, the seven gradients and ∂E/∂h_t, all automatic."""
    cell, head = custom_cell(w), tf.Variable(w.o)
    with tf.GradientTape(persistent=True) as tape:
        h, states, outputs, loss = tf.zeros((x.shape[2], len(w.zh)), tf.float64), [], [], 0.0
        for x_t, d in zip(x, targets, strict=True):
            tape.watch(h)
            _, [h] = cell(tf.constant(x_t.T), [h])
            states.append(h)
            outputs.append(tf.sigmoid(head @ tf.transpose(h)))
            loss += 0.0 if d is None else 0.5 * tf.reduce_sum((d - outputs[-1]) ** 2)
    kernel, recurrent = (g.numpy() for g in tape.gradient(loss, [cell.kernel, cell.recurrent_kernel]))
    six = gates.convert([kernel, recurrent], gates.layout("keras_reset_before", "write"), "derivation")
    gradients = Weights(tape.gradient(loss, head).numpy(), *six.values())
    return np.array(outputs), float(loss), gradients, [g.numpy().T for g in tape.gradient(loss, states)]


def off(one, other):
    """Largest difference, relative to the largest number."""
    return np.abs(one - other).max() / np.abs(other).max()


# --- forward ---


@pytest.mark.parametrize("size", SIZES)
def test_forward_and_loss_equal_the_custom_cell(size):
    w, x, targets = problem(*size, some=True)
    outputs, loss, *_ = by_tensorflow(w, x, targets)
    steps = derivation.forward(w, x)
    np.testing.assert_allclose([s.y for s in steps], outputs, rtol=0, atol=1e-14)
    np.testing.assert_allclose(derivation.loss(steps, targets), loss, rtol=1e-14)


def test_a_target_for_every_step_or_none_in_its_place():
    w, x, targets = problem(2, 3, 1, 4, 1)
    steps = derivation.forward(w, x)
    with pytest.raises(ValueError, match="zip"):
        derivation.loss(steps, targets[1:])
    with pytest.raises(ValueError, match="zip"):
        derivation.backward(w, steps, targets[1:])


# --- the seven gradients ---


@pytest.mark.parametrize("some", [False, True], ids=["targets at all steps", "targets at some"])
@pytest.mark.parametrize("size", SIZES)
def test_gradients_equal_finite_differences(size, some):
    w, x, targets = problem(*size, some=some)
    expected = by_differences(w, x, targets)
    for name, gradient in by_hand(w, x, targets)._asdict().items():
        np.testing.assert_allclose(gradient, getattr(expected, name), rtol=0, atol=DIFFERENCES, err_msg=name)


@pytest.mark.parametrize("some", [False, True], ids=["targets at all steps", "targets at some"])
@pytest.mark.parametrize("size", SIZES[1:])
def test_gradients_equal_automatic_ones_of_the_custom_cell(size, some):
    w, x, targets = problem(*size, some=some)
    *_, expected, states = by_tensorflow(w, x, targets)
    for name, gradient in by_hand(w, x, targets)._asdict().items():
        assert off(gradient, getattr(expected, name)) < AUTOMATIC, name
    δs = derivation.deltas(w, derivation.forward(w, x), targets)
    for t, (delta, state) in enumerate(zip(δs, states, strict=True)):
        assert off(delta.h, state) < AUTOMATIC, f"δ_h at step {t}"


def test_over_one_step_nothing_but_zero_reaches_what_acts_on_the_first_state():
    gradient = by_hand(*problem(1, 1, 1, 1, 1))
    assert not gradient.zh.any()
    assert not gradient.rh.any()
    assert not gradient.hh.any()
    assert gradient.zx.all()


# --- shown able to fail: each slip of the pen is noticed ---

SLIPS = {
    "δ_y: sign": ("(s.y - d)", "(d - s.y)"),
    "δ_y: σ' forgotten": ("(s.y - d) * s.y * (1 - s.y)", "(s.y - d)"),
    "δ_h: no output": ("w.o.T @ δ_y ", "0 * δ_y.sum() "),
    "δ_h: no next update gate": ("+ w.zh.T @ later.z", ""),
    "δ_h: no next reset gate": ("+ w.rh.T @ later.r", ""),
    "δ_h: no next candidate": ("+ (w.hh.T @ later.candidate) * r_later", ""),
    "δ_h: no next state": ("+ later.h * (1 - z_later)", ""),
    "δ_h: next candidate not reset": ("later.candidate) * r_later", "later.candidate)"),
    "δ_h: reset gate of this step": ("later.candidate) * r_later", "later.candidate) * s.r"),
    "δ_h: reset within the product": ("(w.hh.T @ later.candidate) * r_later", "w.hh.T @ (later.candidate * r_later)"),
    "δ_h: z in the place of 1 − z": ("later.h * (1 - z_later)", "later.h * z_later"),
    "δ_h: update gate of this step": ("later.h * (1 - z_later)", "later.h * (1 - s.z)"),
    "δ_h: gates crossed": ("w.zh.T @ later.z", "w.rh.T @ later.z"),
    "δ_h: not transposed": ("w.zh.T @ later.z", "w.zh @ later.z"),
    "δ_z: the other convention": ("(s.candidate - s.past)", "(s.past - s.candidate)"),
    "δ_z: state after the step": ("(s.candidate - s.past)", "(s.candidate - s.h)"),
    "δ_z: σ' forgotten": ("s.past) * s.z * (1 - s.z)", "s.past)"),
    "δ: the other convention": ("δ_h * s.z * (1 - s.candidate**2)", "δ_h * (1 - s.z) * (1 - s.candidate**2)"),
    "δ: tanh' forgotten": ("δ_h * s.z * (1 - s.candidate**2)", "δ_h * s.z"),
    "δ_r: state after the step": ("(w.hh.T @ δ) * s.past", "(w.hh.T @ δ) * s.h"),
    "δ_r: from δ_h": ("(w.hh.T @ δ) * s.past", "(w.hh.T @ δ_h) * s.past"),
    "δ_r: σ' forgotten": ("* s.past * s.r * (1 - s.r)", "* s.past"),
    "∂W_o: state before the step": ("δ.y @ s.h.T", "δ.y @ s.past.T"),
    "∂W_zh: state after the step": ("δ.z @ s.past.T", "δ.z @ s.h.T"),
    "∂W_rx: of the update gate": ("δ.r @ s.x.T", "δ.z @ s.x.T"),
    "∂W_hx: of the reset gate": ("δ.candidate @ s.x.T", "δ.r @ s.x.T"),
    "∂W_hh: state not reset": ("(s.r * s.past).T", "s.past.T"),
    "sum over time: the last step alone": ("np.sum(list(products), axis=0)", "list(products)[-1]"),
}


class Miswritten:
    """The module with one place of its source replaced."""

    def __init__(self, right, wrong):
        source = inspect.getsource(derivation)
        assert source.count(right) == 1, f"expected {right!r} once in the source"
        self.__dict__["__name__"] = "miswritten"
        exec(source.replace(right, wrong), self.__dict__)  # noqa: S102, our own source


@pytest.mark.parametrize(("right", "wrong"), SLIPS.values(), ids=SLIPS)
def test_a_slip_of_the_pen_is_noticed_by_both_comparisons(right, wrong):
    w, x, targets = problem(3, 3, 3, 6, 2)
    gradients = by_hand(w, x, targets, Miswritten(right, wrong))
    for expected in (by_differences(w, x, targets), by_tensorflow(w, x, targets)[2]):
        assert max(np.abs(one - other).max() for one, other in zip(gradients, expected, strict=True)) > 1000 * DIFFERENCES


def test_without_a_slip_the_same_comparison_passes():
    w, x, targets = problem(3, 3, 3, 6, 2)
    gradients = by_hand(w, x, targets, Miswritten("return δs[::-1]", "return list(reversed(δs))"))
    for expected in (by_differences(w, x, targets), by_tensorflow(w, x, targets)[2]):
        assert max(np.abs(one - other).max() for one, other in zip(gradients, expected, strict=True)) < DIFFERENCES


# --- training ---


def adding(seed=0, length=10):
    """The adding problem in this text's columns, targets halved into the sigmoid's range; minibatches to train on."""
    rng = np.random.default_rng(seed)
    splits = Adding(length=length, examples=2000, validation_examples=1, test_examples=500).splits(rng)

    def minibatches(count, size=32):
        for _ in range(count):
            rows = rng.integers(0, len(splits.train), size)
            yield derivation.columns(splits.train.inputs[rows], splits.train.targets[rows] / 2)

    return derivation.initial(2, 16, 1, rng), minibatches, splits.test


def test_training_solves_the_adding_problem():
    w, minibatches, test = adding()
    x, targets = derivation.columns(test.inputs, test.targets / 2)

    def error(w):  # E = ½ (d/2 − y)² is an eighth of (d − 2y)²
        return 8 * derivation.loss(derivation.forward(w, x), targets) / len(test)

    weights, losses = zip(*derivation.train(w, minibatches(500), learning_rate=0.02), strict=True)
    assert len(losses) == 500
    assert np.mean(losses[-50:]) < np.mean(losses[:50]) / 10
    assert error(w) > Adding().metric.chance
    assert error(weights[-1]) < Adding().metric.chance / 20


def test_the_first_steps_of_training_are_adams():
    """Adam of Keras, three steps on the same gradients."""
    w, minibatches, _ = adding()
    batches = list(minibatches(3))
    adam = keras.optimizers.Adam(0.02, epsilon=1e-8)
    expected = [tf.Variable(matrix) for matrix in w]
    before = [matrix.copy() for matrix in w]
    for (x, targets), (trained, loss) in zip(batches, derivation.train(w, batches, 0.02), strict=True):
        now = Weights(*(v.numpy() for v in expected))
        assert loss == pytest.approx(derivation.loss(derivation.forward(now, x), targets) / 32, rel=1e-5)
        adam.apply_gradients([(g / 32, v) for g, v in zip(by_hand(now, x, targets), expected, strict=True)])
        for one, other in zip(trained, expected, strict=True):
            np.testing.assert_allclose(one, other.numpy(), rtol=0, atol=1e-5)  # Keras holds the rate in float32
    for one, other in zip(w, before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_wrong_gradient_does_not_train():
    """Shown able to fail: uphill the loss rises."""
    w, minibatches, _ = adding()
    uphill = Miswritten("(s.y - d)", "(d - s.y)")
    losses = [loss for _, loss in uphill.train(w, minibatches(100), learning_rate=0.02)]
    assert np.mean(losses[-10:]) > np.mean(losses[:10])


def test_columns_puts_sequences_side_by_side_and_the_target_last():
    inputs, targets = np.arange(24, dtype="float32").reshape(3, 4, 2), np.array([[0.1], [0.2], [0.3]], "float32")
    x, d = derivation.columns(inputs, targets)
    assert x.shape == (4, 2, 3)
    assert x.dtype == np.float64
    np.testing.assert_array_equal(x[1, :, 2], inputs[2, 1])
    assert d[:3] == [None] * 3
    np.testing.assert_array_equal(d[3], targets.T.astype("float64"))

"""Compiled passes over data, against an eager Keras loop and NumPy; dropout, compiling once, and the kernel path."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from eager_loop import (
    AGREE,
    BATCH,
    COUNT,
    FEATURES,
    OUTPUTS,
    SIGNATURES,
    STEPS,
    UNITS,
    Reference,
    compiled_for,
    distance,
    examples_of,
    order_of,
    run_of,
)

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import kernel_conditions, kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.tasks import Examples
from gru_tf.training.compiled_steps import CompiledSteps, on_gpu, shape_of
from gru_tf.training.feeding import load as tensors
from gru_tf.training.network.model import kernel
from gru_tf.training.network.resolution import resolve_run

FUSED = "while-loop" if kernels.why_not() else "fused cpu"
MOVED = 1e-3  # what a mistake moves them by, at least
# Every two of target, optimiser and clipping meet once, and each of them meets both values of jit; XLA takes seconds.
CASES = [
    ("class", "adam", "global", True),
    ("class", "rmsprop", "weight", False),
    ("class", "sgd", None, False),
    ("value", "adam", "weight", False),
    ("value", "rmsprop", None, True),
    ("value", "sgd", "global", False),
    ("binary", "adam", None, False),
    ("binary", "rmsprop", "global", False),
    ("binary", "sgd", "weight", True),
]


@pytest.mark.parametrize(("target", "optimizer", "clip", "jit"), CASES)
def test_an_epoch_equals_an_eager_keras_loop(target, optimizer, clip, jit):
    run, examples = run_of(target, optimizer, clip, jit), examples_of(target)
    steps, data, start = compiled_for(run, examples, test=False)
    order = order_of(target, examples)
    reference = Reference(run, start, clip)
    expected = reference.train(examples, order)
    assert steps.train(data, order) == pytest.approx(expected, rel=1e-5)
    assert distance(steps.weights(), reference.model.get_weights()) < AGREE
    assert distance(steps.weights(), start) > 0.01, "it has moved"
    assert (steps.jit, steps.kernel_path) == (jit, "xla while-loop" if jit else "cudnn" if on_gpu() else FUSED)
    assert bool(steps.why_not_fused) == (steps.kernel_path != "fused cpu")


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_weights_decay_as_in_keras_apart_from_biases(optimizer):
    run, examples = run_of("class", optimizer, "global", weight_decay=0.2), examples_of("class")
    steps, data, start = compiled_for(run, examples, test=False)
    order = order_of("class", examples)
    reference, without = Reference(run, start, "global"), Reference(run.tuned({"weight_decay": 0.0}), start, "global")
    for each in (reference, without):
        each.train(examples, order)
    steps.train(data, order)
    assert distance(steps.weights(), reference.model.get_weights()) < AGREE
    assert distance(steps.weights(), without.model.get_weights()) > 0.01


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_so_does_one_of_the_other_cells(cell):
    run, examples = run_of("binary", "sgd", "global", cell=cell), examples_of("binary")
    steps, data, start = compiled_for(run, examples, test=False)
    reference = Reference(run, start, "global")
    reference.train(examples, order_of("binary", examples))
    steps.train(data, order_of("binary", examples))
    assert distance(steps.weights(), reference.model.get_weights()) < AGREE


SLIPS = [
    ("class", "global", None, ()),
    ("class", "global", "weight", ()),
    ("class", "weight", "global", ()),
    ("class", None, "global", ()),
    ("class", None, None, ("filled",)),
    ("binary", None, None, ("filled",)),
    ("binary", None, None, ("padding",)),
]


@pytest.mark.parametrize(("target", "clip", "wrong_clip", "slips"), SLIPS)
def test_the_comparison_sees_a_mistake(target, clip, wrong_clip, slips):
    run, examples = run_of(target, "sgd", clip), examples_of(target)
    order = order_of(target, examples)
    right, wrong = (Reference(run, start_of(run), c, s) for c, s in ((clip, ()), (wrong_clip, slips)))
    right.train(examples, order)
    wrong.train(examples, order)
    assert distance(right.model.get_weights(), wrong.model.get_weights()) > MOVED


def start_of(run):
    """Random weights for the reference, the same at each call."""
    rng = np.random.default_rng(9)
    shapes = [(FEATURES, 3 * UNITS), (UNITS, 3 * UNITS), (2, 3 * UNITS), (UNITS, OUTPUTS), (OUTPUTS,)]
    return [rng.normal(scale=0.5, size=shape).astype("float32") for shape in shapes]


def test_what_stands_in_the_padding_changes_nothing():
    run = run_of("binary", "adam", "global")
    steps, _, _ = compiled_for(run, examples_of("binary"))
    epochs = []
    for padding in (0.0, 1.0):
        examples = examples_of("binary", padding)
        data, order = tensors(examples, STEPS), order_of("binary", examples)
        steps.reset(run)
        epochs.append(((steps.train(data, order), *steps.test(data, order)), steps.weights()))
    assert epochs[0][0] == epochs[1][0]
    assert distance(epochs[0][1], epochs[1][1]) == 0


# --- evaluation, against NumPy ---


def by_numpy(steps, examples):
    """Outputs (N, T, outputs) by the cell's NumPy equation and a matrix product, in float64."""
    kernel, recurrent, bias, head, head_bias = (w.astype("float64") for w in steps.weights())
    weights = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}
    states, outputs = [np.zeros((len(examples), UNITS))], []
    for x in np.swapaxes(examples.inputs.astype("float64"), 0, 1):
        states = CELLS.find("gru").step(x, states, weights)
        outputs.append(states[0] @ head + head_bias)
    return np.swapaxes(outputs, 0, 1)


@cache
def trained(target):
    """Steps after an epoch, what they evaluate to, and the examples; no test trains them further."""
    examples = examples_of(target)
    steps, data, _ = compiled_for(run_of(target), examples)
    steps.train(data, order_of(target, examples))
    return steps, steps.test(data, order_of(target, examples, shuffled=False)), examples


def test_accuracy_equals_numpy():
    steps, (mean_loss, accuracy), examples = trained("class")
    outputs = by_numpy(steps, examples)[:, -1]
    shares = np.exp(outputs) / np.exp(outputs).sum(-1, keepdims=True)
    assert accuracy == pytest.approx(np.mean(outputs.argmax(-1) == examples.targets), abs=1e-7)
    assert mean_loss == pytest.approx(-np.log(shares[np.arange(COUNT), examples.targets]).mean(), rel=1e-5)


def test_squared_error_equals_numpy():
    steps, (mean_loss, mse), examples = trained("value")
    expected = np.mean((by_numpy(steps, examples)[:, -1] - examples.targets) ** 2)
    assert mse == mean_loss == pytest.approx(expected, rel=1e-5)


def test_negative_log_likelihood_is_the_mean_over_all_real_steps_together():
    steps, (mean_loss, nll), examples = trained("binary")
    sounds = 1 / (1 + np.exp(-by_numpy(steps, examples)))
    each = -np.log(np.where(examples.targets == 1, sounds, 1 - sounds)).sum(-1)
    real = np.arange(STEPS) < examples.lengths[:, None]
    assert nll == mean_loss == pytest.approx(each[real].mean(), rel=1e-5)
    by_piece = np.mean([row[mask].mean() for row, mask in zip(each, real, strict=True)])
    assert nll != pytest.approx(by_piece, rel=1e-3), "a mean by piece first is another number"
    assert nll != pytest.approx(each.mean(), rel=1e-3), "so is one that counts the padding"


@pytest.mark.parametrize(("target", "shuffled"), [("class", True), ("value", False), ("binary", True)])
@pytest.mark.parametrize("jit", [False, True])
def test_each_example_has_the_sum_of_its_own_targets(target, shuffled, jit):
    run = run_of(target, jit=jit)
    examples = examples_of(target, padding=7.0)
    steps, data, weights = compiled_for(run, examples)
    means, each = steps.test_each(data, order_of(target, examples, shuffled))
    reference = Reference(run, weights, None)
    assert each.shape == (COUNT,)
    for place in range(COUNT):
        x, y, length = examples.inputs[[place]], examples.targets[[place]], examples.lengths[[place]]
        expected = reference.losses(x, y, length).numpy().sum()
        if target == "class":
            expected = float(reference.model(x).numpy().argmax() == y[0])
        assert each[place] == pytest.approx(expected, abs=AGREE)
    targets = examples.lengths.sum() if target == "binary" else COUNT
    assert each.astype(np.float64).sum() / targets == pytest.approx(means[1], rel=1e-6)
    assert each.max() - each.min() > MOVED, "they differ, so that their order is tested"


def test_evaluation_depends_on_no_order_and_moves_nothing():
    steps, first, examples = trained("binary")
    before = steps.weights()
    again = steps.test(tensors(examples, STEPS), order_of("binary", examples))
    assert again == pytest.approx(first, rel=1e-6)
    assert distance(before, steps.weights()) == 0


# --- reset: a run starts from its seed, whatever ran before ---


@pytest.fixture(scope="module")
def dropping():
    """Compiled steps of two layers with dropout, their run and their data."""
    run = run_of("class", "adam", "global", jit=True, model=ModelSpec(units=UNITS, layers=2, dropout=0.5))
    steps, data, _ = compiled_for(run, examples_of("class"), test=False)
    return steps, run, data


def epoch(dropping, run):
    """Loss and weights after one epoch of `run` on the compiled steps."""
    steps, _, data = dropping
    steps.reset(run)
    value = steps.train(data, order_of("class", examples_of("class")))
    return value, steps.weights()


CHANGES = {
    "seed": lambda run: run.but(seed=4),
    "learning rate": lambda run: run.tuned({"learning_rate": 0.05}),
    "clip norm": lambda run: run.tuned({"clip_norm": 0.001}),
    "dropout rate": lambda run: run.tuned({"dropout": 0.2}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_rate_is_a_variable_that_changes_results_and_compiles_nothing(dropping, change, monkeypatch):
    _, run, _ = dropping
    other = change(run)
    shapes = [shape_of(r, resolve_run(r, SIGNATURES["class"]), "accuracy", (STEPS,)) for r in (run, other)]
    assert shapes[0] == shapes[1]
    first = epoch(dropping, run)
    monkeypatch.setattr("gru_tf.training.compiled_steps.loss", lambda *_: pytest.fail("traced again"))
    changed, again = epoch(dropping, other), epoch(dropping, run)
    assert (first[0], distance(first[1], again[1])) == (again[0], 0), "to the bit what it was"
    assert distance(first[1], changed[1]) > 1e-4


DIFFERENT = {
    "clipping or none": {"clip_norm": None},
    "kind of clipping": {"clip": "weight"},
    "dropout or none": {"dropout": 0.0},
    "decay or none": {"weight_decay": 0.1},
    "optimiser": {"optimizer": "sgd"},
    "batch size": {"batch_size": 5},
    "units": {"units": 4},
    "layers": {"layers": 3},
    "jit": {"jit": False},
}


@pytest.mark.parametrize("settings", DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_compiled_in_makes_another_shape(dropping, settings):
    run = dropping[1]
    shapes = {shape_of(r, resolve_run(r, SIGNATURES["class"]), "accuracy", (STEPS,)) for r in (run, run.tuned(settings))}
    assert len(shapes) == 2


def test_dropout_layers_never_share_a_mask(dropping):
    steps, run, _ = dropping
    steps.reset(run)
    layers = [layer for layer in steps.model.layers if isinstance(layer, VariableDropout)]
    ones = np.ones((BATCH, 50), "float32")
    masks = [layer(ones, training=True).numpy().tobytes() for layer in layers for _ in range(20)]
    assert len(layers) == 2
    assert len(set(masks)) == 40


def test_the_exported_model_is_made_of_ordinary_layers_and_agrees(dropping):
    steps, run, _ = dropping
    epoch(dropping, run)
    assert {type(layer).__name__ for layer in steps.model.layers if "Dense" in type(layer).__name__} == {"HeldDense"}
    exported, x = steps.export(run), examples_of("class").inputs
    assert {type(layer).__module__.partition(".")[0] for layer in exported.layers} == {"keras"}
    assert [layer.rate for layer in exported.layers if isinstance(layer, keras.layers.Dropout)] == [0.5, 0.5]
    np.testing.assert_allclose(exported(x), steps.model(x), atol=1e-6)


# --- compiling ---


def test_a_warm_up_that_failed_is_not_taken_for_done(monkeypatch):
    run, examples = run_of("class"), examples_of("class")
    steps = CompiledSteps(run, resolve_run(run, SIGNATURES["class"]), ("accuracy",), (STEPS,))
    data = tensors(examples, STEPS)
    with monkeypatch.context() as broken:
        broken.setattr(steps, "_test_on", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            steps.warm_up(data)
    steps.warm_up(data)
    steps.reset(run)
    assert np.isfinite(steps.test(data, order_of("class", examples))[1])


def test_every_bucket_is_compiled_before_the_first_epoch(monkeypatch):
    examples = examples_of("binary")
    lengths = []
    original = CompiledSteps._train_on
    monkeypatch.setattr(CompiledSteps, "_train_on", lambda s, x, y, w: (lengths.append(x.shape[1]), original(s, x, y, w))[1])
    steps, data, _ = compiled_for(run_of("binary"), examples)
    assert sorted(lengths) == [3, STEPS]
    assert steps.compile_seconds > 0
    steps.train(data, order_of("binary", examples))
    assert sorted(lengths) == [3, STEPS]


STOCK, CUSTOM = ModelSpec(units=2), ModelSpec(units=2, implementation="custom")
AUTO = {  # cell, model → whether auto means XLA on a GPU, without one, and without one and without fused kernels
    "stock gru": ("gru", STOCK, False, False, True),
    "stock gru, write": ({"gru": {"convention": "write"}}, STOCK, False, False, True),
    "stock lstm": ("lstm", STOCK, False, False, True),
    "stock rnn": ("rnn", STOCK, True, False, True),
    "custom gru": ("gru", CUSTOM, True, True, True),
    "gru, reset before": ({"gru": {"reset_after": False}}, STOCK, True, False, True),
    "stock min_gru": ("min_gru", STOCK, True, True, True),
}


def jit_of(run, gpu):
    """The resolved `training.jit`."""
    return kernel(run.model, CELLS.find(run.cell.name), run.cell.options, run.training.jit, gpu)[1]


@pytest.mark.parametrize(("cell", "model", "on_a_gpu", "on_a_cpu", "without_kernels"), AUTO.values(), ids=AUTO)
def test_auto_means_xla_except_for_what_cudnn_or_a_fused_kernel_runs(
    cell, model, on_a_gpu, on_a_cpu, without_kernels, monkeypatch
):
    run = run_of(jit="auto", model=model).but(cell=cell)
    for why_not, expected in (("", on_a_cpu), ("turned off", without_kernels)):
        monkeypatch.setattr(kernel_conditions, "why_no_kernels", lambda why_not=why_not: why_not)
        assert jit_of(run, gpu=False) is expected
        assert jit_of(run, gpu=True) is on_a_gpu
        assert jit_of(run.tuned({"jit": True}), gpu=False) is True
    assert jit_of(run.tuned({"jit": False}), gpu=True) is False
    if on_a_gpu:
        assert jit_of(run.tuned({"jit": True}), gpu=True) is True
        return
    with pytest.raises(UserError, match="XLA cannot compile cuDNN's operation"):
        jit_of(run.tuned({"jit": True}), gpu=True)


# --- tensors ---


def test_data_are_padded_and_stay_bytes():
    examples = Examples(np.ones((2, 3, 2), "uint8"), np.ones((2, 3, 4), "uint8"), np.array([3, 1], "int64"))
    inputs, targets, lengths = tensors(examples, 5, per_step=True).arrays
    assert (inputs.shape, targets.shape) == ((2, 5, 2), (2, 5, 4))
    assert (inputs.dtype, targets.dtype, lengths.dtype) == (tf.uint8, tf.uint8, tf.int32)
    assert not inputs.numpy()[:, 3:].any()

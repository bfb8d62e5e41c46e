"""A task's loss and metric in Keras' form: what they are, and that a model compiled with them is saved and loaded."""

import inspect
import os
import subprocess
import sys
from importlib import import_module

import keras
import numpy as np
import pytest
from places import ROOT
from scipy.special import expit, log_softmax

import gru_tf
from gru_tf.experiment.specs import ModelSpec
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Metric, Signature
from gru_tf.tasks.prediction_intervals import LEVELS
from gru_tf.training.network import task_loss
from gru_tf.training.network.decaying import DECAYING
from gru_tf.training.network.model import build, loss
from gru_tf.training.network.resolution import resolve
from gru_tf.training.network.task_loss import TaskLoss, TaskMetric

BATCH, STEPS, FEATURES, SCALE = 6, 4, 2, 3.5
CASES = {  # target, outputs, whether at every step, quantiles, metric
    "class-accuracy": ("class", 5, False, False, "accuracy"),
    "class-nll": ("class", 5, False, False, "nll"),
    "class-per-step-bpc": ("class", 5, True, False, "bpc"),
    "class-per-step-perplexity": ("class", 5, True, False, "perplexity"),
    "class-per-step-accuracy": ("class", 5, True, False, "accuracy"),
    "value-mse": ("value", 3, False, False, "mse"),
    "value-mae": ("value", 3, False, False, "mae"),
    "one-value-rmse": ("value", 1, False, False, "rmse"),
    "value-per-step-rmse": ("value", 2, True, False, "rmse"),
    "quantiles-rmse": ("value", 2, False, True, "rmse"),
    "quantiles-mae": ("value", 2, False, True, "mae"),
    "binary-nll": ("binary", 4, False, False, "nll"),
    "binary-per-step-nll": ("binary", 4, True, False, "nll"),
}


def targets_of(case):
    target, outputs, per_step, _, _ = CASES[case]
    rng, lead = np.random.default_rng(1), (BATCH, STEPS) if per_step else (BATCH,)
    if target == "class":
        return rng.integers(outputs, size=lead).astype("int32")
    values = rng.normal(size=(*lead, outputs))
    return (values > 0 if target == "binary" else values).astype("float32")


def model_of(case):
    target, outputs, per_step, quantiles, metric = CASES[case]
    signature = Signature(STEPS, FEATURES, outputs, target, per_step=per_step)
    network = resolve(ModelSpec(units=3, quantiles=quantiles), signature, CELLS.find("gru"), {})
    keras.utils.set_random_seed(2)
    model = build(network)
    of_task = {"target": target, "outputs": outputs, "levels": network.levels}
    model.compile("sgd", TaskLoss(**of_task), metrics=[TaskMetric(metric, scale=SCALE, **of_task)])
    return model


def x():
    return np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def written_out(case, outputs):
    """(loss, metric) in NumPy float64."""
    target, count, _, quantiles, name = CASES[case]
    y, z = targets_of(case), outputs.astype("float64")
    points = z[..., :count]
    if target == "class":
        nll = -np.take_along_axis(log_softmax(z, -1), y[..., None], -1).mean()
    elif target == "binary":
        nll = -(y * np.log(expit(z)) + (1 - y) * np.log(1 - expit(z))).sum(-1).mean()
    else:
        nll = np.square(z - y).mean() if not quantiles else pinball(y, z)
    if target == "value":
        squared, absolute = np.square(points - y).mean(), np.abs(points - y).mean()
        return nll, {"mse": squared, "rmse": SCALE * np.sqrt(squared), "mae": SCALE * absolute}[name]
    accuracy = (z.argmax(-1) == y).mean() if target == "class" else None
    return nll, {"accuracy": accuracy, "nll": nll, "bpc": nll / np.log(2), "perplexity": np.exp(nll)}[name]


def pinball(y, z):
    off = y[:, None, :] - z.reshape(len(y), len(LEVELS), -1)
    levels = np.array(LEVELS)[:, None]
    return np.maximum(levels * off, (levels - 1) * off).mean()


@pytest.mark.parametrize("case", CASES)
def test_they_are_what_the_task_says(case):
    model = model_of(case)
    expected = written_out(case, model.predict(x(), verbose=0))
    scores = model.evaluate(x(), targets_of(case), batch_size=4, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(expected[0], rel=1e-5)
    assert scores[CASES[case][-1]] == pytest.approx(expected[1], rel=1e-5), "of two batches of different sizes"


@pytest.mark.parametrize("case", CASES)
def test_training_is_that_of_the_plain_function_to_the_bit(case):
    target, outputs, per_step, quantiles, _ = CASES[case]
    signature = Signature(STEPS, FEATURES, outputs, target, per_step=per_step)
    ours, plain = model_of(case), model_of(case)
    levels = LEVELS if quantiles else ()
    plain.compile("sgd", lambda y_true, y_pred: loss(signature, y_true, y_pred, levels))
    for model in (ours, plain):
        keras.utils.set_random_seed(3)
        model.fit(x(), targets_of(case), batch_size=2, epochs=2, verbose=0)
    for a, b in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_table_has_every_metric_that_is_a_mean():
    means = {"accuracy", "mse", "mae", "rmse", "nll", "bpc", "perplexity"}
    assert {metric for *_, metric in CASES.values()} == means


@pytest.mark.parametrize("name", ["accuracy", "mse", "mae", "rmse", "nll", "bpc", "perplexity"])
def test_a_metric_of_a_mean_is_that_of_the_task(name):
    metric = TaskMetric(name, "value", 2, scale=SCALE)
    metric.total.assign(3.0)
    metric.count.assign(2.0)
    assert float(metric.result()) == pytest.approx(Metric(name, "min", 1.0, 0.0, scale=SCALE).value(1.5), rel=1e-6)


LOADING = """
import sys
import gru_tf, keras, numpy as np
from pathlib import Path
assert not [name for name in sys.modules if name.startswith("gru_tf.training")]
x = np.load(Path(sys.argv[1]) / "x.npy")
for file in sorted(Path(sys.argv[1]).glob("*.keras")):
    arrays, model = np.load(file.with_suffix(".npz")), keras.saving.load_model(file)
    np.testing.assert_allclose(model.predict(x, verbose=0), arrays["outputs"], rtol=0, atol=1e-6, err_msg=file.stem)
    np.testing.assert_allclose(model.evaluate(x, arrays["y"], verbose=0), arrays["scores"], rtol=1e-6, err_msg=file.stem)
    np.testing.assert_allclose(model.train_on_batch(x, arrays["y"]), arrays["scores"], rtol=1e-6, err_msg=file.stem)
    print("loaded", file.stem)
"""


@pytest.mark.slow
def test_models_load_in_a_process_that_imported_gru_tf_alone(tmp_path):
    np.save(tmp_path / "x.npy", x())
    for case in CASES:
        model, y = model_of(case), targets_of(case)
        outputs, scores = model.predict(x(), verbose=0), model.evaluate(x(), y, verbose=0)
        np.savez(tmp_path / f"{case}.npz", y=y, outputs=outputs, scores=scores)
        model.save(tmp_path / f"{case}.keras")
    command = [sys.executable, "-c", LOADING, str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loaded") == len(CASES)


def test_every_class_registered_here_has_its_stand_in():
    registered = keras.saving.get_custom_objects().items()
    ours = {name: value for name, value in registered if name.startswith(task_loss.PACKAGE + ">") and inspect.isclass(value)}
    assert {f"{task_loss.PACKAGE}>{name}" for name in gru_tf._IN_SAVED_MODELS} == set(ours)
    for name, module in gru_tf._IN_SAVED_MODELS.items():
        assert getattr(import_module(module), name) is ours[f"{task_loss.PACKAGE}>{name}"]


def test_a_configuration_is_plain_and_whole():
    for made in (TaskLoss("value", 2, LEVELS), TaskMetric("rmse", "value", 2, LEVELS, scale=SCALE, name="error")):
        config = made.get_config()
        assert type(made).from_config(config).get_config() == config
        assert config["levels"] == list(LEVELS)
        arguments = set(inspect.signature(type(made)).parameters) - {"options"}
        assert arguments <= set(config)


COLUMNS = {
    "a column of classes": ("class", 5, (BATCH, 5), (BATCH, 1)),
    "a row of single values": ("value", 1, (BATCH, 1), (BATCH,)),
    "steps of single values": ("value", 1, (BATCH, STEPS, 1), (BATCH, STEPS)),
}


@pytest.mark.parametrize("words", COLUMNS)
def test_targets_are_not_broadcast(words):
    target, outputs, of_outputs, of_targets = COLUMNS[words]
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=of_outputs).astype("float32"), rng.integers(outputs, size=of_targets).astype("float32")
    same = y[..., 0] if target == "class" else y[..., None]
    metric = TaskMetric("accuracy" if target == "class" else "mse", target, outputs)
    metric.update_state(y, z)
    plain = (z.argmax(-1) == same).mean() if target == "class" else np.square(z - same).mean()
    assert float(metric.result()) == pytest.approx(plain, rel=1e-6)
    objective = TaskLoss(target, outputs)
    assert float(objective(y, z)) == pytest.approx(float(objective(same, z)), rel=1e-6)


def test_one_target_is_not_broadcast_over_steps():
    with pytest.raises(ValueError, match=r"to have 3 numbers for each of the outputs of shape \(6, 4, 3\)"):
        TaskLoss("value", 3)(np.zeros((BATCH, 1, 3), "float32"), np.zeros((BATCH, STEPS, 3), "float32"))
    with pytest.raises(ValueError, match=r"to have a class for each of the outputs of shape \(6, 4, 3\)"):
        TaskMetric("accuracy", "class", 3).update_state(np.zeros((BATCH, 1)), np.zeros((BATCH, STEPS, 3), "float32"))


@pytest.mark.parametrize("weights", [None, (BATCH,), (BATCH, STEPS)], ids=str)
def test_a_step_without_a_target_counts_for_nothing(weights):
    rng = np.random.default_rng(4)
    y, z = rng.integers(-1, 5, size=(BATCH, STEPS)), rng.normal(size=(BATCH, STEPS, 5)).astype("float32")
    w = None if weights is None else rng.uniform(0.5, 2, size=weights).astype("float32")
    real = y >= 0
    assert 0 < real.sum() < real.size
    whole = np.ones(y.shape) if w is None else np.broadcast_to(w.reshape(BATCH, -1), y.shape)
    nll = -np.take_along_axis(log_softmax(z.astype("float64"), -1), np.maximum(y, 0)[..., None], -1)[..., 0]
    expected = (nll * whole)[real].sum() / real.sum()
    assert float(TaskLoss("class", 5)(y, z, w)) == pytest.approx(expected, rel=1e-5)
    for name, values in (("accuracy", z.argmax(-1) == y), ("nll", nll)):
        metric = TaskMetric(name, "class", 5)
        metric.update_state(y, z, w)
        assert float(metric.result()) == pytest.approx((values * whole)[real].sum() / whole[real].sum(), rel=1e-5)


def test_what_follows_a_sequence_is_not_learnt():
    """The loss of a padded batch is that of what it pads, in `model.fit` and `model.evaluate`."""
    scores = []
    for steps in (STEPS, 2):
        model, y = model_of("class-per-step-accuracy"), targets_of("class-per-step-accuracy")
        y[:, 2:] = -1
        fitted = model.fit(x()[:, :steps], y[:, :steps], epochs=2, batch_size=3, shuffle=False, verbose=0).history
        scores.append([*fitted["loss"], *fitted["accuracy"], *model.evaluate(x()[:, :steps], y[:, :steps], verbose=0)])
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)


@pytest.mark.parametrize("shape", [(BATCH, 1), (BATCH,), (BATCH, 4), (BATCH, 3, 1)])
def test_targets_of_another_shape_are_refused(shape):
    y, z = np.zeros(shape, "float32"), np.zeros((BATCH, 3), "float32")
    expected = rf"expected `y_true` to have 3 numbers for each of the outputs of shape \({BATCH}, 3\)\. Received: y_true of"
    with pytest.raises(ValueError, match="TaskLoss: " + expected):
        TaskLoss("value", 3)(y, z)
    with pytest.raises(ValueError, match="TaskMetric: " + expected):
        TaskMetric("mse", "value", 3).update_state(y, z)


# --- optimisers whose weight decay spares biases ---


def trained(model):
    """Its weights after three steps, with a decay that halves them."""
    for _ in range(3):
        model.train_on_batch(x(), targets_of("value-mse"))
    return model.get_weights()


def decaying(optimizer):
    model = model_of("value-mse")
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, TaskLoss("value", 3))
    return model


@pytest.mark.parametrize("name", DECAYING)
def test_a_loaded_model_spares_biases_as_before(name, tmp_path):
    model = decaying(DECAYING[name](0.1, weight_decay=5.0))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is DECAYING[name]
    expected = trained(model)
    for a, b in zip(trained(loaded), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    stock = DECAYING[name].__bases__[-1]
    instructed = stock(0.1, weight_decay=5.0)
    instructed.exclude_from_weight_decay(var_names=["bias"])
    for a, b in zip(trained(decaying(instructed)), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    biases = [n for n, weight in enumerate(model.weights) if "bias" in weight.name]
    decayed = trained(decaying(stock(0.1, weight_decay=5.0)))
    assert biases
    assert all(np.abs(decayed[n] - expected[n]).max() > 1e-3 for n in biases)

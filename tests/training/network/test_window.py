"""Scaling by window and the linear path, against NumPy in float64; what carries them, and what refuses them."""

import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import exporting, importing
from gru_tf.interchange.keras import legacy
from gru_tf.interchange.keras.config import ConfigRewriter
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Array, Signature, create
from gru_tf.training import trainer
from gru_tf.training.network import budget
from gru_tf.training.network.dense import HeldDense
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

KINDS = ("none", "difference", "standard", "robust")
BATCH, STEPS, FEATURES, UNITS = 4, 7, 3, 3
EPSILON = 1e-5
AGREE, MOVED = 3e-5, 1e-2
SIGNATURES = {
    "all columns": Signature(STEPS, FEATURES, 2 * FEATURES, "value", continued=(0, 1, 2)),
    "the first": Signature(STEPS, FEATURES, 3, "value", continued=(0,)),
    "the last": Signature(STEPS, FEATURES, 4, "value", continued=(2,)),
    "two, not side by side": Signature(STEPS, FEATURES, 6, "value", continued=(2, 0)),
}
CLASSES = Signature(STEPS, FEATURES, 5, "class")
CASES = [(kind, name, (0, 1, 4, STEPS)[(i + j) % 4]) for i, kind in enumerate(KINDS) for j, name in enumerate(SIGNATURES)]


def x(seed: int = 0) -> Array:
    """Windows with a level and a spread of their own."""
    rng = np.random.default_rng(seed)
    level, spread = rng.normal(0, 3, (BATCH, 1, FEATURES)), rng.uniform(0.3, 3, (BATCH, 1, FEATURES))
    return (level + spread * rng.normal(size=(BATCH, STEPS, FEATURES))).astype("float32")


def made(kind: str, signature: Signature, steps: int, cell: str = "gru", **options: Any) -> Any:
    """The network with random weights, biases included."""
    model = build(
        resolve(ModelSpec(units=UNITS, scaling=kind, linear_path=steps), signature, CELLS.find(cell), {}), **options
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(scale=0.5, size=w.shape) for w in model.get_weights()])
    return model


def measures(window: Array, kind: str) -> tuple[Array, Array]:
    """Centre and spread (batch, columns) by NumPy."""
    zeros = np.zeros(window[:, 0].shape)
    if kind == "difference":
        return window[:, -1], zeros + 1
    if kind == "standard":
        return window.mean(1), np.sqrt(window.var(1) + EPSILON)
    if kind == "robust":
        r = (np.percentile(window, 75, axis=1) - np.percentile(window, 25, axis=1)) / 1.3489795003921634
        return np.median(window, axis=1), np.sqrt(r**2 + EPSILON)
    return zeros, zeros + 1


def by_numpy(model: Any, inputs: Array, kind: str, signature: Signature, steps: int) -> Array:
    """Outputs in float64, one window, step and column after the other."""
    named = {w.path: w.numpy().astype("float64") for w in model.trainable_variables}
    kernel, recurrent, bias = (v for k, v in named.items() if "head" not in k and "linear_path" not in k)
    head, head_bias = (v for k, v in named.items() if "head" in k)
    path = next((v for k, v in named.items() if "linear_path" in k), None)
    ours = signature.continued
    window = inputs.astype("float64")
    centre, spread = measures(window, kind)
    scaled = window.copy()
    for column in ours:
        scaled[:, :, column] = (window[:, :, column] - centre[:, None, column]) / spread[:, None, column]
    states = [np.zeros((len(inputs), UNITS))]
    for step in np.swapaxes(scaled, 0, 1):
        states = CELLS.find("gru").step(step, states, {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias})
    outputs = states[0] @ head + head_bias
    for row in range(len(inputs)):
        for place in range(signature.outputs):
            if path is not None and not ours:
                outputs[row, place] += scaled[row, STEPS - steps :].ravel() @ path[:, place]
            elif ours:
                ahead, column = divmod(place, len(ours))
                if path is not None:
                    outputs[row, place] += scaled[row, STEPS - steps :, ours[column]] @ path[:, ahead]
                outputs[row, place] = centre[row, ours[column]] + spread[row, ours[column]] * outputs[row, place]
    return outputs


@pytest.mark.parametrize(("kind", "name", "steps"), CASES)
def test_outputs_are_those_of_numpy(kind, name, steps):
    signature = SIGNATURES[name]
    model = made(kind, signature, steps)
    expected = by_numpy(model, x(), kind, signature, steps)
    np.testing.assert_allclose(model(x()), expected, atol=AGREE, rtol=AGREE)
    other = KINDS[KINDS.index(kind) - 1]
    assert np.abs(by_numpy(model, x(), other, signature, steps) - expected).max() > MOVED, "another scaling shows"
    if steps > 1:
        reversed_path = [
            w[::-1] if "linear_path" in v.path else w for v, w in zip(model.weights, model.get_weights(), strict=True)
        ]
        model.set_weights(reversed_path)
        assert np.abs(model(x()) - expected).max() > MOVED, "so do weights in another order"


@pytest.mark.parametrize("dense", [keras.layers.Dense, HeldDense])
def test_a_class_has_a_linear_path_too_and_in_training_layers_of_held_bits(dense):
    model = made("none", CLASSES, 4, dense=dense)
    expected = by_numpy(model, x(), "none", CLASSES, 4)
    np.testing.assert_allclose(model(x(), training=True), expected, atol=AGREE)


@pytest.mark.parametrize(("kind", "steps"), list(product(KINDS[1:], (0, 4))))
def test_a_forecast_follows_the_level_and_the_unit_of_its_window(kind, steps):
    signature = SIGNATURES["all columns"]
    model = made(kind, signature, steps)
    outputs = model(x()).numpy()
    np.testing.assert_allclose(model(x() + 100), outputs + 100, atol=1e-3)
    if kind != "difference":
        np.testing.assert_allclose(model(8 * x()), 8 * outputs, rtol=1e-2, atol=1e-2)
    plain = made("none", signature, steps)
    assert np.abs(plain(x() + 100).numpy() - plain(x()).numpy() - 100).max() > 1, "without scaling it does not"


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_that_never_changes_is_no_division_by_zero(kind):
    same = np.full((1, STEPS, FEATURES), 5.0, "float32")
    assert np.all(np.isfinite(made(kind, SIGNATURES["the first"], 2)(same)))


@pytest.mark.parametrize(("cell", "name"), list(product(CELLS.names(), SIGNATURES)))
def test_the_size_is_exact(cell, name):
    for steps, both in ((0, False), (5, True)):
        spec = ModelSpec(parameters=900, scaling="standard", linear_path=steps, bidirectional=both)
        network = resolve(spec, SIGNATURES[name], CELLS.find(cell), {})
        assert build(network).count_params() == network.size.parameters == pytest.approx(900, rel=0.1)
    without = budget.size(CELLS.find(cell), {}, SIGNATURES[name], ModelSpec(units=4), 4)
    with_path = budget.size(CELLS.find(cell), {}, SIGNATURES[name], ModelSpec(units=4, linear_path=5), 4)
    horizon = SIGNATURES[name].outputs // len(SIGNATURES[name].continued)
    assert with_path.parameters - without.parameters == 5 * horizon, "columns share the weights"
    assert with_path.recurrent_parameters == without.recurrent_parameters


def test_a_network_begins_as_it_would_without_a_linear_path():
    outputs = []
    for steps in (0, STEPS):
        keras.utils.set_random_seed(3)
        spec = ModelSpec(units=UNITS, linear_path=steps)
        outputs.append(build(resolve(spec, SIGNATURES["the last"], CELLS.find("lstm"), {}))(x()).numpy())
    np.testing.assert_array_equal(*outputs)


LONG = "sequences of several lengths"
REFUSED = [
    ({"scaling": "robust"}, CLASSES, r"^model\.scaling: received 'robust', expected none: this task is no forecast"),
    ({"linear_path": 8}, CLASSES, r"^model\.linear_path: received 8, expected at most 7, the steps of a sequence$"),
    ({"linear_path": 1}, Signature(7, 2, 3, "class", per_step=True), "expected 0: this task has an output at every step$"),
    ({"linear_path": 1}, Signature(7, 2, 3, "class", tokens=9), "expected 0: this task has tokens$"),
    (
        {"linear_path": 1},
        Signature(7, 2, 3, "class", varying=True),
        "expected 0: this task has sequences of several lengths$",
    ),
]


@pytest.mark.parametrize(("options", "signature", "words"), REFUSED)
def test_what_a_task_cannot_have_is_refused(options, signature, words):
    with pytest.raises(UserError, match=words):
        resolve(ModelSpec(units=UNITS, **options), signature, CELLS.find("gru"), {})


# --- a run, and the model that it saves ---

SERIES = Path("series.csv")


def run_of(path: Path, **model: Any) -> Run:
    return Run.model_validate(
        {
            "purpose": "final",
            "task": {"forecast": {"path": str(path), "target": ["load"], "covariates": ["day"], "window": 6, "season": 0}},
            "cell": "gru",
            "seed": 0,
            "model": {"units": 3, **model},
            "training": {"epochs": 3, "learning_rate": 0.02},
        }
    )


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A load that leaves its range, and the day of the week."""
    steps, rng = np.arange(120), np.random.default_rng(2)
    load = 50 + 0.8 * steps + (3 + steps / 20) * np.sin(steps * 2 * np.pi / 7) + rng.normal(size=120)
    file = tmp_path_factory.mktemp("own") / "series.csv"
    file.write_text("load,day\n" + "\n".join(f"{v:.3f},{'mtwTfsS'[s % 7]}" for v, s in zip(load, steps, strict=True)))
    return file


FRESH = """
import sys
import keras, numpy
for file, arrays in zip(sys.argv[1::2], sys.argv[2::2]):
    model, data = keras.models.load_model(file), numpy.load(arrays)
    error = model.predict(data["inputs"], verbose=0) - data["targets"]
    assert not any(name.startswith("gru_tf") for name in sys.modules)
    print("error", float(numpy.sqrt(numpy.mean(error**2))))
"""


@pytest.fixture(scope="module")
def scored(series, tmp_path_factory):
    """Relative or not → a task's scale, a result of it, and the error of its model in a process that has only Keras."""
    folder, command, found = tmp_path_factory.mktemp("scored"), [sys.executable, "-c", FRESH], {}
    for relative in (True, False):
        run = run_of(series, scaling="robust", linear_path=4)
        run = run.but(task=run.task.model_copy(update={"options": {**run.task.options, "relative": relative}}))
        result = trainer.train(run, folder / str(relative))
        assert result.status == "finished", result.error
        task = create("forecast", run.task.options)
        test = task.splits(np.random.default_rng(0)).test
        np.savez(folder / f"{relative}.npz", inputs=np.asarray(test.inputs), targets=np.asarray(test.targets))
        command += [result.model_file, str(folder / f"{relative}.npz")]
        found[relative] = (task.metric.scale, result)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    errors = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("error ")]
    return {relative: (*found[relative], error) for relative, error in zip(found, errors, strict=True)}


@pytest.mark.parametrize("relative", [True, False])
def test_the_saved_model_needs_only_keras_and_forecasts_in_the_units_of_the_task(scored, relative):
    scale, result, error = scored[relative]
    assert scale * error == pytest.approx(result.test, rel=1e-5)
    assert result.test < 40


def test_both_are_searched_and_recorded_as_any_other_choice(series):
    plain = run_of(series)
    tuned = plain.tuned({"scaling": "difference", "linear_path": 2})
    assert (tuned.model.scaling, tuned.model.linear_path) == ("difference", 2)
    assert len({plain.fingerprint, tuned.fingerprint, plain.tuned({"scaling": "standard"}).fingerprint}) == 3
    assert plain.tuned({"scaling": "none", "linear_path": 0}).fingerprint == plain.fingerprint
    assert Run.model_validate_json(tuned.model_dump_json()) == tuned


def test_training_with_xla_is_the_same(series):
    results = [trainer.train(run_of(series, scaling="robust", linear_path=6).but(training=t)) for t in recipes(series)]
    assert [r.jit for r in results] == [False, True]
    assert results[0].history["train_loss"] == pytest.approx(results[1].history["train_loss"], rel=1e-4)


def recipes(series: Path) -> list[Any]:
    return [run_of(series).training.but(jit=jit) for jit in (False, True)]


# --- files ---


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Scaling → a saved network with a linear path of two columns that are not side by side."""
    folder, files = tmp_path_factory.mktemp("files"), {}
    for kind in KINDS:
        files[kind] = folder / f"{kind}.keras"
        made(kind, SIGNATURES["two, not side by side"], 4, ordinary=True).save(files[kind])
    return files


@pytest.mark.parametrize("kind", KINDS)
def test_a_keras_file_is_read_as_it_was(saved, kind):
    expected = made(kind, SIGNATURES["two, not side by side"], 4, ordinary=True)(x()).numpy()
    np.testing.assert_array_equal(legacy.read_model(saved[kind])(x()), expected)
    np.testing.assert_allclose(importing.import_file(saved[kind]).model(x()), expected, atol=AGREE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_a_format_of_layers_refuses_it(saved, tmp_path, kind, ending):
    with pytest.raises(
        UserError, match=r"expected layers alone, .* Received: the operation '\w+' \(\w+\), such as .*linear"
    ):
        exporting.export_model(saved[kind], tmp_path / f"network{ending}")
    assert not list(tmp_path.iterdir())


def test_scaling_alone_is_refused_there_too(tmp_path):
    with pytest.raises(UserError, match="expected layers alone"):
        exporting.export_model(made("standard", SIGNATURES["all columns"], 0, ordinary=True), tmp_path / "network.pt")


@pytest.mark.parametrize("kind", KINDS)
def test_an_onnx_file_carries_it(saved, tmp_path, kind):
    onnxruntime = pytest.importorskip("onnxruntime")
    assert exporting.export_model(saved[kind], tmp_path / "network.onnx").startswith("verified by onnxruntime")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    (name,) = (value.name for value in session.get_inputs())
    (forecasts,) = session.run(["output"], {name: x()})
    model = made(kind, SIGNATURES["two, not side by side"], 4, ordinary=True)
    np.testing.assert_allclose(forecasts, model(x()), atol=AGREE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_saved_model_and_tensorflow_lite_carry_it(saved, tmp_path, kind):
    assert exporting.export_model(saved[kind], tmp_path / "folder").startswith("verified by TensorFlow")
    assert exporting.export_model(saved[kind], tmp_path / "a.tflite", timesteps=STEPS).startswith("verified by")


def test_an_operation_of_another_kind_or_module_is_refused():
    config = ConfigRewriter("a.keras", keras_2=False)
    mean = {"module": "keras.src.ops.numpy", "class_name": "Mean", "config": {"name": "mean", "axis": 1}}
    assert config.layer(mean)["class_name"] == "Mean"
    for change in ({"class_name": "Arange"}, {"module": "os"}, {"module": ["keras.src.ops.numpy"]}):
        with pytest.raises(UserError, match=r"^a\.keras: expected (a layer|an operation) of stock Keras"):
            config.layer(mean | change)
    with pytest.raises(UserError, match=r"^a\.keras: expected a (layer|class) of stock Keras"):
        config.known({"class_name": "__slice__", "config": {"start": {"class_name": "Lambda", "config": {}}}})
    some = config.known({"class_name": "__slice__", "config": {"start": 1, "stop": None}})
    assert some["config"] == {"start": 1, "stop": None, "step": None}

"""A run from seed to result: reproducible, chosen on validation, tested once, its failures on record."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar
from zipfile import ZipFile

import keras
import numpy as np
import pytest
import tensorflow as tf
from places import ROOT

from gru_tf.experiment.experiment import Run
from gru_tf.foundation import environment
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernels import operations
from gru_tf.tasks import Examples, Metric, Signature
from gru_tf.tasks.images.digits import Digits
from gru_tf.tasks.memory.adding import Adding
from gru_tf.training import passes as one_pass
from gru_tf.training import trainer
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.epochs import Epochs
from gru_tf.training.network.resolution import resolve_run

ROWS = {"digits": {"reading": "rows"}}
SMALL = {"adding": {"longer": 1, "length": 5, "examples": 90, "validation_examples": 20, "test_examples": 30}}


def run_of(cell="gru", task=None, purpose="final", seed=0, model=None, **recipe):
    """A small run; those that differ only in seed, rates and purpose share their compiled steps."""
    return Run.model_validate(
        {
            "purpose": purpose,
            "task": task or ROWS,
            "cell": cell,
            "seed": seed,
            "model": model or {"units": 6, "dropout": 0.2},
            "training": {"epochs": 2, "learning_rate": 0.01, **recipe},
        }
    )


def numbers(result):
    """All that a run's seed decides."""
    return result.history, result.best_epoch, result.validation, result.test, result.score


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A final run of a GRU on digits, its model saved."""
    return trainer.train(run_of(), tmp_path_factory.mktemp("models"))


# --- the same run, the same numbers ---


def test_a_run_is_the_same_to_the_bit_after_other_runs(trained):
    trainer.train(run_of(seed=1, learning_rate=0.03))
    trainer.train(run_of(model={"units": 6, "dropout": 0.6}, clip_norm=0.01))
    assert numbers(trainer.train(run_of())) == numbers(trained)


OTHERS = {
    "seed": {"seed": 1},
    "learning rate": {"learning_rate": 0.02},
    "schedule": {"warmup": 0.3, "decay": "cosine"},
    "clip norm": {"clip_norm": 0.01},
    "dropout rate": {"model": {"units": 6, "dropout": 0.5}},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_seed_or_rate_gives_another_history_and_compiles_nothing(trained, other, monkeypatch):
    monkeypatch.setattr("gru_tf.training.compiled_steps.loss", lambda *_: pytest.fail("traced again"))
    history = trainer.train(run_of(**other)).history
    for name, series in history.items():
        assert series != trained.history[name]


FRESH = """
import json, sys
from pathlib import Path
import keras, numpy
model = keras.models.load_model(sys.argv[1])
data = numpy.load(sys.argv[2])
accuracy = float(numpy.mean(model.predict(data["inputs"], verbose=0).argmax(-1) == data["targets"]))
assert not any(name.startswith("gru_tf") for name in sys.modules)
from gru_tf.experiment.experiment import Run
from gru_tf.training.trainer import train
for run in json.loads(sys.argv[3]):
    result = train(Run.model_validate_json(run))
print(json.dumps([accuracy, result.history, result.best_epoch, result.validation, result.test, result.score]))
"""


@pytest.fixture(scope="module")
def elsewhere(trained, tmp_path_factory):
    """From a fresh process: the test accuracy of the saved model under plain Keras, and the run's numbers.

    There the run is not the first one, and other rates were compiled.
    """
    data = tmp_path_factory.mktemp("data") / "test.npz"
    test = Digits(reading="rows").splits(np.random.default_rng(0)).test
    np.savez(data, inputs=test.inputs, targets=test.targets)
    runs = json.dumps([r.model_dump_json() for r in (run_of(seed=5, learning_rate=0.03), run_of())])
    command = [sys.executable, "-c", FRESH, trained.model_file, str(data), runs]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_run_is_the_same_to_the_bit_in_a_fresh_process(trained, elsewhere):
    assert tuple(elsewhere[1:]) == numbers(trained)


def test_the_saved_model_needs_only_keras_and_has_the_test_metric_of_the_record(trained, elsewhere):
    assert elsewhere[0] == pytest.approx(trained.test, abs=1e-7)


def test_the_saved_model_names_ordinary_layers_alone(trained):
    with ZipFile(trained.model_file) as archive:
        config = json.loads(archive.read("config.json"))
    layers = config["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "GRU", "Dropout", "Dense"]
    assert {layer["module"] for layer in layers} == {"keras.layers"}
    assert Path(trained.model_file).name == f"{trained.run.fingerprint}.keras"


# --- the same data, in the same order, for every cell ---


@pytest.fixture
def seen(monkeypatch):
    """What the passes are given, in order: (kind, inputs, order of the examples, weights)."""
    calls = []

    def spy(kind, method):
        original = getattr(CompiledSteps, method)

        def record(self, data, steps, *buckets):
            calls.append(
                SimpleNamespace(kind=kind, inputs=data.arrays[0].numpy(), order=steps.order, weights=self.weights())
            )
            return original(self, data, steps, *buckets)

        monkeypatch.setattr(CompiledSteps, method, record)

    spy("train", "train")
    spy("test", "test_each")  # `test` goes by it
    return calls


def test_all_cells_at_one_seed_see_the_same_data_in_the_same_order(seen):
    passes = {}
    for cell, seed in (("gru", 0), ("rnn", 0), ("lstm", 0), ("gru", 1)):
        seen.clear()
        trainer.train(run_of(cell, SMALL, seed=seed, model={"units": 2}, jit=False))
        passes[cell, seed] = seen[-5:]  # two epochs of training and validation, and the test
    for cell in ("rnn", "lstm"):
        for one, other in zip(passes["gru", 0], passes[cell, 0], strict=True):
            assert one.kind == other.kind
            np.testing.assert_array_equal(one.inputs, other.inputs)
            np.testing.assert_array_equal(one.order, other.order)
    first, second = (passes["gru", seed][0] for seed in (0, 1))
    assert not np.array_equal(first.inputs, second.inputs)
    assert not np.array_equal(first.order, second.order)
    assert not np.array_equal(first.order, passes["gru", 0][2].order), "each epoch has an order of its own"


def test_no_shuffle_repeats_the_draws_that_made_the_data(monkeypatch):
    streams = []
    original = trainer.stream
    for module in (trainer, one_pass):
        monkeypatch.setattr(module, "stream", lambda *a: (streams.append(original(*a)), original(*a))[1])
    trainer.train(run_of(task=SMALL, seed=77, model={"units": 2}, jit=False))
    draws = {stream.bytes(16) for stream in streams}
    assert len(draws) == len(streams) == 3, "the data and two epochs"


# --- the test split ---


def test_the_test_split_is_read_once_at_the_best_epochs_weights(seen):
    recipe = {"epochs": 4, "learning_rate": 2.0, "optimizer": "sgd", "jit": False}
    result = trainer.train(run_of(task=SMALL, model={"units": 2}, **recipe))
    test = Adding(**SMALL["adding"]).splits(trainer.stream(0, result.run.task)).test
    read = [call for call in seen if len(call.inputs) == len(test)]
    assert len(read) == 1
    np.testing.assert_array_equal(read[0].inputs, test.inputs)
    validations = [call for call in seen if call.kind == "test" and len(call.inputs) == 20]
    values = result.history["validation_mse"]
    assert result.best_epoch == int(np.argmin(values)) < 3, "the last weights are others"
    assert result.validation == min(values)
    for ours, theirs in zip(read[0].weights, validations[result.best_epoch].weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@dataclass(frozen=True)
class Sealed:
    """Splits whose test part may not be touched."""

    train: Examples
    validation: Examples
    more: ClassVar[dict[str, Examples]] = {}

    @property
    def test(self):
        raise AssertionError("the test split was touched")


class SealedAdding(Adding):
    """The adding task with a sealed test split."""

    def splits(self, rng):
        splits = super().splits(rng)
        return Sealed(splits.train, splits.validation)


def test_a_trial_never_touches_the_test_split(monkeypatch, tmp_path):
    monkeypatch.setattr(trainer, "create", lambda _, options: SealedAdding(**options))
    monkeypatch.setattr(trainer, "_data", trainer._data.__wrapped__)  # leaves what is cached as it is
    trial, final = (run_of(task=SMALL, purpose=p, model={"units": 2}, jit=False) for p in ("trial", "final"))
    result = trainer.train(trial, tmp_path)
    assert (result.status, result.test, result.score, result.model_file) == ("finished", None, None, "")
    assert result.validation == min(result.history["validation_mse"])
    assert [file.suffixes for file in tmp_path.iterdir()] == [[".checkpoint"]]
    with pytest.raises(AssertionError, match="the test split was touched"):
        trainer.train(final)


# --- the best epoch and patience, by hand-made histories ---


class Scripted:
    """Stands for the compiled steps: validation metrics as given, weights that name their epoch."""

    buckets = (5,)
    compile_seconds = 1.5

    def __init__(self, metrics, losses=None):
        self.metrics, self.losses, self.epoch = metrics, losses or [1.0] * len(metrics), -1

    def train(self, data, steps, rates, forced=None):
        self.epoch += 1
        return self.losses[self.epoch]

    def test(self, data, steps):
        return 0.5, self.metrics[self.epoch]

    def weights(self):
        return [self.epoch]

    def state(self):
        return []


def fitted(metrics, direction="max", losses=None, seconds=None, **recipe):
    """The epochs of a run whose validation metrics are `metrics`, and how it ended."""
    run = run_of(task=SMALL, epochs=len(metrics), **recipe)
    metric = Metric(name="accuracy", direction=direction, chance=0.0, solved=1.0)
    signature = Signature(timesteps=5, features=2, outputs=1, target="value")
    task, splits = (
        SimpleNamespace(metric=metric, signature=signature, looks_at=lambda _: False),
        Adding(**SMALL["adding"]).splits(np.random.default_rng(0)),
    )
    training_of = Epochs(run, task, splits, {"train": None, "validation": None}, Scripted(metrics, losses), None, 1.0)
    status = training_of.fit()
    training_of.done.seconds = seconds or training_of.done.seconds
    return training_of, status


def epochs_of(*arguments, **recipe):
    """What such a run has reached, and how it ended."""
    training_of, status = fitted(*arguments, **recipe)
    return training_of.done, status


HISTORIES = [
    # metrics, direction, patience → best epoch, epochs trained
    ([0.1, 0.5, 0.3, 0.4], "max", None, 1, 4),
    ([0.1, 0.5, 0.3, 0.05], "min", None, 3, 4),
    ([0.5, 0.5, 0.5], "max", None, 0, 3),  # the first of equals
    ([0.5, 0.5, 0.5], "min", None, 0, 3),
    ([0.1, 0.5, 0.3, 0.4, 0.9], "max", 2, 1, 4),  # two epochs without a better one, so the 0.9 is not reached
    ([0.1, 0.5, 0.3, 0.4, 0.9], "max", 3, 4, 5),
    ([0.9, 0.5, 0.6, 0.4, 0.3], "min", 1, 1, 3),
    ([0.5, 0.5, 0.6], "max", 1, 0, 2),  # an equal one is not better
    ([0.5, 0.6, 0.7], "min", 2, 0, 3),
    ([0.0, 0.0], "max", None, 0, 2),
]


@pytest.mark.parametrize(("metrics", "direction", "patience", "best", "count"), HISTORIES)
def test_best_epoch_and_patience(metrics, direction, patience, best, count):
    done, status = epochs_of(metrics, direction, patience=patience)
    assert status == "finished"
    assert (done.best_epoch, done.best, done.best_weights) == (best, metrics[best], [best])
    assert done.history["validation_accuracy"] == metrics[:count]
    assert done.epoch == count


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_ends_the_run(bad):
    done, status = epochs_of([0.1, 0.2, 0.9], losses=[1.0, bad, 1.0])
    assert status == "diverged"
    assert (done.best_epoch, done.best) == (0, 0.1)
    assert len(done.history["train_loss"]) == 2
    assert epochs_of([0.1, bad, 0.9])[1] == "diverged", "nor may the validation metric be"


# --- runs that go wrong ---


def test_a_diverging_run_is_a_result():
    recipe = {"optimizer": "sgd", "learning_rate": 1e30, "clip_norm": None, "jit": False}
    result = trainer.train(run_of("rnn", SMALL, model={"units": 2}, **recipe))
    assert result.status == "diverged"
    assert result.error == "the loss was not finite in epoch 1"
    assert len(result.history["train_loss"]) == 1
    assert not np.isfinite(result.history["validation_mse"][0])
    assert (result.test, result.score, result.best_epoch, result.validation) == (None, None, None, None)
    assert result.speed.step_ms > 0


def test_an_exception_is_a_result_that_says_what_and_where(monkeypatch):
    def broken(self, rng):
        raise RuntimeError("no\n  data")

    monkeypatch.setattr(Adding, "splits", broken)
    result = trainer.attempt(run_of(task=SMALL, seed=1234))
    line = broken.__code__.co_firstlineno + 1
    assert result.status == "failed"
    assert result.error == f"RuntimeError: no data ({Path(__file__).name}:{line})"
    assert (result.run.seed, result.history, result.test) == (1234, {}, None)


def test_an_error_in_the_compiled_step_keeps_its_type_and_line(monkeypatch):
    def broken(*_):
        return 1 / 0

    monkeypatch.setattr("gru_tf.training.compiled_steps.loss", broken)
    result = trainer.attempt(run_of(task=SMALL, model={"units": 9}, jit=False))
    line = broken.__code__.co_firstlineno + 1
    assert result.error == f"ZeroDivisionError: division by zero ({Path(__file__).name}:{line})"


def test_the_users_mistake_is_raised_by_train_and_recorded_by_attempt():
    run = run_of({"gru": {"convention": "rite"}}, SMALL)
    with pytest.raises(UserError, match="expected one of 'keep', 'write'"):
        trainer.train(run)
    assert trainer.attempt(run).error.startswith("UserError: gru.convention: received 'rite'")


# --- what a result says ---


def test_score_and_sizes(trained):
    chance = Digits(reading="rows").metric.chance
    assert trained.score == pytest.approx((trained.test - chance) / (1 - chance))
    assert (trained.metric, trained.direction, trained.chance) == ("accuracy", "max", chance)
    recurrent = 3 * 6 * (8 + 6 + 2)
    assert (trained.units, trained.recurrent_parameters, trained.parameters) == (6, recurrent, recurrent + 7 * 10)
    assert keras.models.load_model(trained.model_file).count_params() == trained.parameters


def test_speed_leaves_compiling_apart(trained, monkeypatch):
    speed = trained.speed
    assert speed.compile_seconds > 0.1
    assert 0 < speed.step_ms_low <= speed.step_ms <= speed.step_ms_high
    assert 0 < speed.train_seconds < trained.seconds
    assert speed.predict_ms > 0
    assert speed.samples_per_second == pytest.approx(1000 / speed.step_ms * 1078 / 34, rel=1e-6)
    monkeypatch.setattr("gru_tf.training.compiled_steps.loss", lambda *_: pytest.fail("traced again"))
    again = trainer.train(trained.run)
    assert again.speed.compile_seconds == speed.compile_seconds, "of this shape, also where an earlier run paid it"


def test_step_time_is_the_median_over_epochs():
    speed = fitted([0.1] * 5, seconds=[0.9, 0.3, 0.6, 30.0, 0.0])[0].speed()  # 90 examples are 3 steps of 32
    assert (speed.step_ms_low, speed.step_ms, speed.step_ms_high) == pytest.approx((100, 200, 300))
    assert (speed.compile_seconds, speed.train_seconds) == pytest.approx((1.5, 31.8))
    assert speed.samples_per_second == pytest.approx(30 / 0.2)


def test_a_batch_without_updates_is_timed_apart():
    training_of, _ = fitted([0.1] * 5, batch_size=8)  # 20 validation examples are 3 batches of 8
    assert len(training_of.done.predicting) == len(training_of.done.seconds) == 5
    training_of.done.predicting = [0.9, 0.3, 0.6, 30.0, 0.0]
    assert training_of.speed().predict_ms == pytest.approx(200)


def test_kernel_memory_and_environment(trained):
    if not tf.config.list_physical_devices("GPU"):
        why_not = kernels.why_not()
        expected = ("xla while-loop", True) if why_not else ("fused cpu", False)
        assert (trained.kernel_path, trained.jit) == expected
        assert trained.environment.get("why_not_fused", "") == why_not
        assert trained.environment["device"] == environment.processor()
    assert 100 < trained.peak_memory_mb < 64_000
    assert trained.environment["versions"]["keras"] == keras.__version__
    assert trained.environment["versions"]["tensorflow"] == tf.__version__
    assert trained.environment["commit"] == environment.commit()
    assert trained.environment["threads"] == tf.config.threading.get_intra_op_parallelism_threads()
    assert trained.environment["kernels"] == (operations.why_not() or kernels.build())
    assert trained.environment["data"] == {}


def test_why_there_are_no_kernels_is_in_the_record(monkeypatch):
    monkeypatch.setenv("GRU_TF_KERNELS", "off")
    assert trainer.machine()["kernels"] == "GRU_TF_KERNELS=off"


def test_checksums_of_the_data_are_in_the_record(monkeypatch):
    monkeypatch.setattr(Adding, "checksums", lambda _: {"a.bin": "0f"})
    assert trainer.train(run_of(task=SMALL, model={"units": 2}, jit=False)).environment["data"] == {"a.bin": "0f"}


def test_a_result_survives_json(trained):
    assert type(trained).model_validate_json(trained.model_dump_json()) == trained


def test_few_shapes_are_kept(monkeypatch):
    monkeypatch.setattr(trainer, "_compiled", {})
    monkeypatch.setattr(trainer, "SHAPES_KEPT", 2)
    splits = Adding(**SMALL["adding"]).splits(np.random.default_rng(0))
    task, runs = Adding(length=5), [run_of(model={"units": n}, jit=False) for n in (2, 3, 4)]
    kept = [trainer._steps_for(run, resolve_run(run, task.signature), task, splits) for run in runs]
    assert list(trainer._compiled.values()) == kept[1:]
    assert trainer._steps_for(runs[1], resolve_run(runs[1], task.signature), task, splits) is kept[1]
    again = trainer._steps_for(runs[0], resolve_run(runs[0], task.signature), task, splits)
    assert list(trainer._compiled.values()) == [kept[1], again], "what was used last stays longest"


# --- it learns ---


def test_a_gru_learns_to_add():
    task = {"adding": {"length": 5, "examples": 1000, "validation_examples": 200, "test_examples": 200}}
    result = trainer.train(run_of(task=task, model={"units": 16}, epochs=8))
    assert result.test < 0.03, "always answering 1 costs 1/6"
    assert result.score > 0.8

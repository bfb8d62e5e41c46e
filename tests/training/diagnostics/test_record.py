"""Diagnostics in a run's record: of its own weights and examples, at no cost to its numbers, in the store and out of it."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from gru_tf import suite
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.reading import Diagnostics
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import fields
from gru_tf.tasks import Examples, Signature, create
from gru_tf.training import diagnostics, trainer
from gru_tf.training.diagnostics import observer
from gru_tf.training.diagnostics.observer import Observer
from gru_tf.training.epochs import Epochs, stream

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    # Keras Tuner 1.4.8 calls deprecated names of threading
    pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning"),
]

ADDING = {"adding": {"length": 6, "examples": 96, "validation_examples": 40, "test_examples": 20}}
UNITS = 5


def run_of(cell="lstm", looked_into=True, **recipe):
    """A small final run."""
    content = {
        "purpose": "final",
        "task": ADDING,
        "cell": cell,
        "seed": 3,
        "model": {"units": UNITS, "dropout": 0.2, "layers": 2},
        "training": {"epochs": 3, "learning_rate": 0.02, "jit": False, **recipe},
        "diagnostics": looked_into,
    }
    return Run.model_validate(content)


def numbers(result):
    """All that a run's seed decides."""
    return result.history, result.best_epoch, result.validation, result.test, result.score


def readings(found):
    """A record less the time that it took."""
    return found.model_dump(exclude={"seconds"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that was looked into, its model saved."""
    return trainer.train(run_of(), tmp_path_factory.mktemp("models"))


# --- the run ---


def test_a_run_that_is_looked_into_has_the_same_numbers_to_the_bit(trained, tmp_path):
    plain = trainer.train(run_of(looked_into=False), tmp_path)
    assert plain.diagnostics is None
    assert numbers(plain) == numbers(trained)
    assert plain.run.fingerprint == trained.run.fingerprint
    models = [keras.models.load_model(result.model_file) for result in (plain, trained)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert readings(trainer.train(run_of()).diagnostics) == readings(trained.diagnostics), "and is seen the same again"


def validation():
    """The validation split of the run."""
    run = run_of()
    return create(run.task.name, run.task.options).splits(stream(run.seed, run.task)).validation


def test_the_record_is_of_the_best_weights_on_validation_examples(trained):
    """Computed again from the saved model."""
    found, examples = trained.diagnostics, validation()
    assert found.examples == observer.EXAMPLES < len(examples)
    model = keras.models.load_model(trained.model_file)
    x, y = examples.inputs[: found.examples], examples.targets[: found.examples]
    gates, slopes = diagnostics.gates(model, x), diagnostics.gradients(model, x, y, "mse")
    assert [(r.layer, r.direction) for r in found.after] == [(1, "forward"), (2, "forward")]
    for reading, one, slope in zip(found.after, gates, slopes, strict=True):
        np.testing.assert_allclose(reading.memory, diagnostics.memory_length(one), rtol=1e-3)
        for gate, shares in diagnostics.saturation(one).items():
            np.testing.assert_allclose(reading.saturation[gate].low, shares.low, rtol=1e-3)
            np.testing.assert_allclose(reading.saturation[gate].high, shares.high, rtol=1e-3)
        assert reading.saturation.keys() == {"i", "f", "o"}
        assert reading.gradients.keys() == {"state", "h", "c"}
        np.testing.assert_allclose(reading.gradients["state"].median, slope.quartiles().median, rtol=1e-3)
        np.testing.assert_allclose(reading.gradients["c"].high, np.quantile(slope.states[1], 0.75, axis=0), rtol=1e-3)
        for gate, values in one.example(0).items():
            np.testing.assert_allclose(reading.gates[gate], values, rtol=1e-3, atol=1e-12)
    np.testing.assert_allclose(found.inputs, x[0], rtol=1e-3)


def test_before_is_of_the_initial_weights(trained, monkeypatch):
    seen, fit = [], Epochs.fit

    def diverging(self):
        seen.extend(diagnostics.gates(self.steps.model, validation().inputs[: observer.EXAMPLES]))
        fit(self)
        return "diverged"

    monkeypatch.setattr(Epochs, "fit", diverging)
    stopped = trainer.train(run_of())
    before = trained.diagnostics.before
    assert stopped.diagnostics.before == before
    assert stopped.diagnostics.after == ()
    for reading, one in zip(before, seen, strict=True):
        np.testing.assert_allclose(reading.memory, diagnostics.memory_length(one), rtol=1e-3)
        assert reading.gates == {}
    assert trained.diagnostics.after[0].memory != before[0].memory


def test_a_run_that_goes_on_from_a_checkpoint_has_the_same_record(trained, tmp_path, monkeypatch):
    epoch, trained_epochs = Epochs._epoch, []

    def interrupted(self, validation):
        if len(trained_epochs) == 2:
            raise KeyboardInterrupt
        trained_epochs.append(self.done.epoch)
        return epoch(self, validation)

    monkeypatch.setattr(Epochs, "_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(run_of(), tmp_path, checkpoint_seconds=0)
    monkeypatch.setattr(Epochs, "_epoch", epoch)
    resumed = trainer.train(run_of(), tmp_path)
    assert trained_epochs == [0, 1]
    assert numbers(resumed) == numbers(trained)
    assert readings(resumed.diagnostics) == readings(trained.diagnostics)


def test_only_what_is_asked_for_is_recorded():
    found = trainer.train(run_of("gru", ["memory"], epochs=1)).diagnostics
    for reading in (*found.before, *found.after):
        assert len(reading.memory) == UNITS
        assert (reading.saturation, reading.gradients, reading.gates) == ({}, {}, {})
    assert found.inputs == []


def test_a_cell_without_gates_has_gradients_and_its_candidate_alone():
    found = trainer.train(run_of("rnn", epochs=1)).diagnostics
    for reading in found.after:
        assert (reading.memory, reading.saturation) == ([], {})
        assert reading.gradients.keys() == {"state"}
        assert reading.gates.keys() == {"h"}


# --- sequences of several lengths, long ones, wide ones ---


def test_the_loss_of_each_sequences_last_step_and_no_padding(monkeypatch):
    rng, lengths = np.random.default_rng(0), np.array([6, 2, 9, 4])
    signature = Signature(timesteps=12, features=3, outputs=2, target="value", per_step=True)
    padded = [rng.normal(size=(4, 9, n)) * (np.arange(9) < lengths[:, None])[..., None] for n in (3, 2)]
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, return_sequences=True), keras.layers.Dense(2)])
    watch = Observer(run_of(), signature, Examples(*padded, lengths), model)
    monkeypatch.setattr(observer, "AT_ONCE", 20)  # two sequences at once
    watch.look("after")
    reading = watch.diagnostics().after[0]
    assert len(reading.gates["f"]) == len(watch.diagnostics().inputs) == 6

    x, y = (a.astype("float32") for a in padded)
    whole = np.full((4, 9), np.nan)
    for row, length in enumerate(lengths):
        alone = diagnostics.gradients(model, x[row : row + 1, :length], y[row : row + 1, :length], "mse")[0]
        whole[row, :length] = alone.whole[0]
    np.testing.assert_allclose(reading.gradients["state"].median, np.nanmedian(whole, axis=0), rtol=1e-3)
    kept = [diagnostics.gates(model, x[i : i + 1, :n])[0].kept[0] for i, n in enumerate(lengths)]
    np.testing.assert_allclose(reading.memory, -1 / np.log(np.concatenate(kept)).mean(axis=0), rtol=1e-3)


def test_the_gates_that_are_kept_are_few():
    steps, units = observer.STEPS + 10, observer.UNITS + 3
    signature = Signature(timesteps=steps, features=1, outputs=1, target="value")
    x = np.random.default_rng(0).normal(size=(2, steps, 1))
    model = keras.Sequential([keras.Input((None, 1)), keras.layers.GRU(units), keras.layers.Dense(1)])
    examples = Examples(x, np.zeros((2, 1)), np.full(2, steps))
    watch = Observer(run_of("gru", ["gates"]), signature, examples, model)
    watch.look("after")
    kept = watch.diagnostics().after[0].gates["z"]
    assert np.shape(kept) == (observer.STEPS, observer.UNITS)
    (whole,) = diagnostics.gates(model, x.astype("float32"))
    np.testing.assert_allclose(kept, whole.values["z"][0, 10:, : observer.UNITS], rtol=1e-3)


# --- the store ---

TINY = {
    "question": "How long does each tiny network remember?",
    "tasks": ADDING,
    "cells": ["rnn", "gru"],
    "seeds": 1,
    "model": {"units": UNITS},
    "training": {"epochs": 1, "jit": False},
    "search": {"trials": 2, "shared": True, "space": {"learning_rate": [3e-3, 1e-2]}},
}


def conducted(store, **changes):
    """Results of the tiny experiment, and the runs that were trained for them."""
    told = []
    content = {**TINY, **changes, "name": "tiny"}
    found = suite.run(validate(content, "tiny"), store, workers=0, progress=lambda result, *_: told.append(result))
    return found, [result for result in told if result is not None]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The tiny experiment run without diagnostics, with them, and without them again."""
    store = f"sqlite:///{tmp_path_factory.mktemp('asked')}/mlruns/mlflow.db"
    first, _ = conducted(store)
    with pytest.raises(UserError, match="no run of 'tiny' in .* has diagnostics. Set 'diagnostics: true' in its file"):
        suite.diagnostics("tiny", store)
    second, trained = conducted(store, diagnostics=True)
    inside = suite.diagnostics("tiny", store)
    third, again = conducted(store)
    return SimpleNamespace(store=store, plain=first, found=second, trained=trained, inside=inside, later=third, again=again)


def test_final_runs_are_trained_again_for_what_they_did_not_record_and_trials_are_not(asked):
    assert sorted((r.run.cell.name, r.run.purpose) for r in asked.trained) == [("gru", "final"), ("rnn", "final")]
    assert asked.again == [], "nor is anything for what is no longer asked"


def test_the_table_is_the_same_with_them_and_without(asked):
    rows = [
        [(r.cell, r.units, r.test, r.settings, r.seeds) for r in found.table()]
        for found in (asked.plain, asked.found, asked.later, suite.results("tiny", asked.store))
    ]
    assert rows[0] == rows[1] == rows[2] == rows[3]
    assert [len(found.runs) for found in (asked.plain, asked.found, asked.later)] == [6, 6, 6]


def test_the_store_gives_back_what_the_run_recorded(asked):
    told = {r.run.fingerprint: r.diagnostics for r in asked.trained}
    assert {r.run.fingerprint: inside for r, inside in asked.inside} == told
    assert all(isinstance(inside, Diagnostics) for inside in told.values())
    assert all(r.diagnostics is None for r in asked.found.runs), "a result from the store stays small"


def children(asked):
    """The final runs in MLflow that have diagnostics."""
    client = MlflowClient(asked.store)
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    finals = [run for run in runs if run.data.params.get("purpose") == "final"]
    return client, [run for run in finals if "diagnostics_seconds" in run.data.metrics]


def test_arrays_are_an_artifact_and_single_numbers_are_metrics(asked):
    client, runs = children(asked)
    assert len(runs) == 2
    for run in runs:
        assert "diagnostics.json" in [file.path for file in client.list_artifacts(run.info.run_id)]
        assert '"before"' not in run.data.tags["gru_tf.result"]
        (inside,) = [i for r, i in asked.inside if r.run.cell.name == run.data.params["cell"]]
        shown = {name: value for name, value in run.data.metrics.items() if "layer1" in name}
        if run.data.params["cell"] == "rnn":
            assert shown == {}
            continue
        names = ["memory_steps", *(f"saturated_{end}_{gate}" for end in ("low", "high") for gate in "zr")]
        assert set(shown) == {f"{name}_layer1_forward_{when}" for name in names for when in ("before", "after")}
        assert shown["memory_steps_layer1_forward_after"] == pytest.approx(np.median(inside.after[0].memory))
        assert shown["saturated_high_z_layer1_forward_before"] == pytest.approx(
            np.mean(inside.before[0].saturation["z"].high)
        )


def test_a_memory_without_end_survives_json_and_is_a_metric(trained):
    reading = trained.diagnostics.after[0].model_copy(update={"memory": [1.5, np.inf, np.inf]})
    endless = trained.diagnostics.model_copy(update={"after": (reading,)})
    result = trained.model_copy(update={"diagnostics": endless})
    assert RunResult.model_validate_json(result.model_dump_json()) == result
    assert Diagnostics.model_validate_json(endless.model_dump_json()) == endless
    assert fields.numbers(result)["memory_steps_layer1_forward_after"] == np.inf


def test_a_result_of_a_store_from_before_there_were_diagnostics_is_read(trained):
    old = json.loads(trained.model_dump_json(exclude={"diagnostics"}))
    del old["run"]["diagnostics"]
    back = RunResult.model_validate(old, strict=False)
    assert back.run.fingerprint == trained.run.fingerprint
    assert back.answers(run_of(looked_into=False))
    assert not back.answers(run_of(looked_into=["memory"]))
    assert trained.answers(run_of(looked_into=["memory"]))
    assert not trained.model_copy(update={"status": "failed"}).answers(run_of(looked_into=False))

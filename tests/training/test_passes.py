"""Training by steps, on fresh examples, to a goal, by a named metric, without validation: against loops written out here."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.specs import TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.suite import sizes
from gru_tf.tasks import Examples, Splits, create
from gru_tf.training import checkpoints, recipe, trainer
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.passes import batches
from gru_tf.training.schedule import rates

ADDING = {"adding": {"longer": 1, "length": 5, "examples": 93, "validation_examples": 20, "test_examples": 30}}
PARITY = {
    "parity": {
        "length": 10,
        "running": True,
        "longer": 1,
        "examples": 60,
        "validation_examples": 24,
        "test_examples": 25,
    }
}
SIZE = 10  # sequences a step: adding has 10 steps a pass, the last of 3 examples


def run_of(task: Any = ADDING, cell: str = "gru", purpose: str = "final", **training: Any) -> Run:
    parts = {"task": task, "cell": cell, "seed": 3, "model": {"units": 3}, "purpose": purpose}
    return Run.model_validate({**parts, "training": {"batch_size": SIZE, "jit": False, **training}})


@pytest.fixture
def passes(monkeypatch):
    """The passes with updates of a run, not those that compile: inputs and targets batch by batch, and the rates."""
    seen: list[Any] = []
    own = CompiledSteps.train

    def train(self, data, steps, rates=None, *more):
        if rates is not None:
            inputs, targets, _ = (np.asarray(array) for array in data.arrays)
            batches = [rows[valid > 0] for rows, valid in zip(steps.order, steps.valid, strict=True)]
            seen.append(
                SimpleNamespace(inputs=[inputs[b] for b in batches], targets=[targets[b] for b in batches], rates=rates)
            )
        return own(self, data, steps, rates, *more)

    monkeypatch.setattr(CompiledSteps, "train", train)
    return seen


def rows_of(seen: list[Any]) -> list[bytes]:
    return [row.tobytes() for one in seen for batch in one.inputs for row in batch]


# --- steps ---


@pytest.mark.parametrize(("steps", "every"), [(25, 7), (25, 25), (20, None), (23, 10), (4, 1)])
def test_steps_are_the_first_updates_of_pass_after_pass(passes, steps, every):
    run = run_of(steps=steps, evaluate_every=every)
    result = trainer.train(run)
    per_look = every or 10
    assert [len(one.inputs) for one in passes] == [min(per_look, steps - i) for i in range(0, steps, per_look)]
    assert len(result.history["validation_mse"]) == math.ceil(steps / per_look) == len(passes)
    assert result.updates == steps
    prepared = trainer.prepare(run)
    expected: list[bytes] = []
    for number in range(math.ceil(steps / 10)):  # in the order that epochs have
        plan = batches(run, prepared.task.signature, prepared.splits.train, prepared.steps.buckets, number)
        for rows, valid in list(zip(plan.order, plan.valid, strict=True))[: steps - 10 * number]:
            expected += [row.tobytes() for row in prepared.splits.train.inputs[rows[valid > 0]]]
    assert rows_of(passes) == expected


def test_where_validation_is_looked_at_changes_no_weight():
    ended = [trainer.train(run_of(steps=20, evaluate_every=every, select="last")) for every in (3, 20, None)]
    by_epochs = trainer.train(run_of(epochs=2, select="last"))
    assert len({result.test for result in (*ended, by_epochs)}) == 1
    assert trainer.train(run_of(steps=19, select="last")).test != by_epochs.test


def test_a_schedule_is_over_all_steps(passes):
    trainer.train(run_of(steps=26, evaluate_every=9, warmup=0.25, decay="cosine", learning_rate=0.03))
    made = np.concatenate([one.rates for one in passes])
    keras_own = keras.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.03, warmup_steps=6)
    np.testing.assert_allclose(made, [float(keras_own(step)) for step in range(26)], rtol=1e-5, atol=1e-9)


class KilledError(Exception):
    """As a worker that is killed between two stretches."""


@pytest.mark.parametrize(
    "training",
    [
        {"steps": 25, "evaluate_every": 7},
        {"steps": 25, "evaluate_every": 4, "fresh": True, "decay": "linear", "select": "last"},
        {"epochs": 5, "fresh": True, "monitor": "loss"},
        {"epochs": 5, "validation": "none", "select": "last"},
    ],
)
def test_a_killed_run_ends_with_the_same_bits(tmp_path: Path, monkeypatch, training):
    run = run_of(**training)
    whole = trainer.train(run)
    own, left = CompiledSteps.train, [3]

    def train(self, data, steps, rates=None, *more):
        if rates is not None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
        return own(self, data, steps, rates, *more)

    monkeypatch.setattr(CompiledSteps, "train", train)
    with pytest.raises(KilledError):
        trainer.train(run, tmp_path, checkpoint_seconds=0.0)
    assert checkpoints.path(run, tmp_path).exists()
    again = trainer.train(run, tmp_path, checkpoint_seconds=0.0)
    for name in ("history", "test", "best_epoch", "updates", "validation"):
        assert getattr(again, name) == getattr(whole, name), name
    assert left[0] < -1, "it went on after being killed, with what was left"
    assert len(again.history["train_loss"]) - 2 == -left[0], "and not from the beginning"


def test_numbers_of_steps_share_no_checkpoint_and_numbers_of_epochs_do(tmp_path: Path):
    one, two = (checkpoints.path(run_of(steps=steps), tmp_path) for steps in (20, 25))
    assert one != two, "the last stretch of one may be shorter"
    one, two = (checkpoints.path(run_of(epochs=epochs), tmp_path) for epochs in (2, 3))
    assert one == two


def test_refit_takes_as_many_updates_as_validation_chose(passes):
    result = trainer.train(run_of(steps=24, evaluate_every=6, refit=True))
    again = passes[len(result.history["train_loss"]) :]
    assert sum(len(one.inputs) for one in again) == 6 * (result.best_epoch + 1)
    assert len(set(rows_of(again))) > 93 * (result.best_epoch == 3), "both splits are there"


# --- fresh ---


def test_fresh_examples_are_drawn_for_every_stretch_and_are_the_same_for_every_cell(passes):
    rows = {}
    for cell in ("gru", "lstm"):
        passes.clear()
        trainer.train(run_of(cell=cell, steps=25, evaluate_every=10, fresh=True))
        rows[cell] = rows_of(passes)
    assert rows["gru"] == rows["lstm"]
    assert len(set(rows["gru"])) == len(rows["gru"]) == 25 * SIZE
    passes.clear()
    trainer.train(run_of(steps=30, evaluate_every=10, fresh=True))
    assert rows_of(passes)[: 25 * SIZE] == rows["gru"], "a longer training begins with the same"
    passes.clear()
    trainer.train(run_of(epochs=2, fresh=True))
    assert [sum(map(len, one.inputs)) for one in passes] == [93, 93]
    assert len(set(rows_of(passes))) == 2 * 93


def test_no_fresh_sequence_of_a_small_space_validates_or_tests(passes):
    """2¹⁰ = 1,024 strings, 49 held out: of 40 · 60 that ignored these, about 115 would be of them."""
    run = run_of(PARITY, epochs=40, fresh=True)
    trainer.train(run)
    splits = trainer.prepare(run).splits
    held = {row.tobytes() for part in (splits.validation, splits.test) for row in part.inputs}
    rows = rows_of(passes)
    assert len(held) == 49
    assert not held & set(rows)
    assert all(len(set(rows[i : i + 60])) == 60 for i in range(0, 40 * 60, 60)), "within a stretch nothing is repeated"
    assert len(set(rows)) > 800, "all in all most of the strings are seen"
    task = create("parity", PARITY["parity"])
    ignored = [task.pose(task.draw(np.random.default_rng(i), 60)).inputs for i in range(40)]
    assert held & {row.tobytes() for part in ignored for row in part}, "else nothing would be tested here"


def test_fresh_targets_belong_to_their_sequences(passes):
    trainer.train(run_of(PARITY, epochs=1, fresh=True))
    for inputs, targets in zip(passes[0].inputs, passes[0].targets, strict=True):
        for bits, parities in zip(inputs[..., 0], targets, strict=True):
            assert [sum(map(int, bits[: t + 1])) % 2 for t in range(10)] == parities.tolist()


def test_fresh_sequences_have_lengths_from_the_range_of_the_task(passes):
    ranged = {"parity": {**PARITY["parity"], "running": False, "shortest": 3, "length": 12}}
    trainer.train(run_of(ranged, epochs=30, fresh=True))
    assert sum(len(batch) for one in passes for batch in one.inputs) == 30 * 60
    splits = trainer.prepare(run_of(ranged)).splits
    task = create("parity", ranged["parity"])
    drawn = [strings(task.fresh(np.random.default_rng(i), 60, splits)) for i in range(30)]
    assert {len(string) for part in drawn for string in part} == set(range(3, 13))
    held = {string for part in (splits.validation, splits.test) for string in strings(part) if len(string) > 9}
    assert len(held) > 5, "of those lengths there are plenty"
    assert not held & {string for part in drawn for string in part}
    ignored = [
        task.fresh(np.random.default_rng(i), 60, Splits(splits.train, splits.train, splits.train)) for i in range(200)
    ]
    assert held & {string for part in ignored for string in strings(part)}, "else nothing would be tested here"


def strings(examples: Examples) -> list[bytes]:
    return [row[:length].tobytes() for row, length in zip(examples.inputs, examples.lengths, strict=True)]


def test_fresh_waves_are_like_those_of_training(passes):
    waves = {"waves": {"length": 20, "examples": 40, "validation_examples": 20, "test_examples": 20}}
    trainer.train(run_of(waves, epochs=3, fresh=True))
    assert len(set(rows_of(passes))) == 3 * 40
    trained = trainer.prepare(run_of(waves)).splits.train
    values = np.concatenate([batch for one in passes for batch in one.inputs])
    assert values.shape[1:] == trained.inputs.shape[1:]
    assert abs(values.std() - trained.inputs.std()) < 0.05


# --- what is monitored, selected and reached ---


def scripted(monkeypatch, values: dict[str, list[float]]) -> None:
    """Let a pass over the validation split give these losses and accuracies, one after the other."""
    calls = iter(zip(*values.values(), strict=True))
    monkeypatch.setattr(CompiledSteps, "test", lambda self, *_: (lambda v: (v[0], v[1], v[0]))(next(calls)))


SCRIPT = {"loss": [0.5, 0.7, 0.3, 0.4, 0.6], "accuracy": [0.6, 0.9, 0.7, 0.95, 0.8]}


@pytest.mark.parametrize(
    ("training", "best", "count", "solved"),
    [
        ({}, 3, 5, None),
        ({"monitor": "loss"}, 2, 5, None),
        ({"monitor": "nll"}, 2, 5, None),
        ({"monitor": "accuracy"}, 3, 5, None),
        ({"monitor": "loss", "patience": 2}, 2, 5, None),
        ({"monitor": "loss", "patience": 1}, 0, 2, None),
        ({"select": "last"}, 4, 5, None),
        ({"select": "last", "patience": 1}, 2, 3, None),  # tested is the last epoch, not the one before
        ({"stop_at": 0.9}, 1, 2, True),
        ({"stop_at": 0.96}, 3, 5, False),
        ({"stop_at": 0.45, "monitor": "loss"}, 2, 3, True),
    ],
)
def test_the_monitored_metric_decides(monkeypatch, training, best, count, solved):
    scripted(monkeypatch, SCRIPT)
    result = trainer.train(run_of(PARITY, purpose="trial", epochs=5, **training))
    assert result.best_epoch == best
    assert result.validation == SCRIPT["accuracy"][best], "the task's own metric, whatever chose the epoch"
    assert result.history["validation_accuracy"] == SCRIPT["accuracy"][:count]
    assert result.history["validation_loss"] == SCRIPT["loss"][:count]
    assert result.solved is solved
    assert result.updates == 6 * count


def test_the_tested_weights_are_those_of_the_selected_epoch(tmp_path: Path, monkeypatch):
    """Trained by the first so many epochs alone, a network is tested with the same numbers."""
    results = {}
    for select, epochs in (("best", 3), ("last", 5)):
        scripted(monkeypatch, SCRIPT)
        results[select] = trainer.train(run_of(PARITY, epochs=5, monitor="loss", select=select)).test
        monkeypatch.undo()
        assert results[select] == trainer.train(run_of(PARITY, epochs=epochs, select="last")).test
    assert results["best"] != results["last"]


# --- without validation ---


def test_without_validation_both_splits_train_and_no_value_is_made_up(passes):
    result = trainer.train(run_of(epochs=3, validation="none", select="last"))
    whole = trainer.prepare(run_of()).splits
    expected = sorted(row.tobytes() for part in (whole.train, whole.validation) for row in part.inputs)
    for one in passes:
        assert sorted(rows_of([one])) == expected
    assert (result.validation, result.best_epoch, result.speed.predict_ms) == (None, 2, None)
    assert list(result.history) == ["train_loss"]
    assert len(passes) == len(result.history["train_loss"]) == 3
    refitted = trainer.train(run_of(epochs=3, refit=True, select="last"))
    assert result.test == refitted.test, "as a training anew on both for as many epochs"


# --- what is refused ---

REFUSED = [
    ({"steps": 5, "epochs": 3}, "one of 'steps' and 'epochs'"),
    ({"steps": 5, "seconds": 3.0}, "one of 'steps' and 'seconds'"),
    ({"evaluate_every": 5}, "expected 'steps' together with 'evaluate_every'"),
    ({"steps": 5, "evaluate_every": 6}, "at most 'steps', 5"),
    ({"validation": "none"}, "expected 'select: last'"),
    ({"validation": "none", "select": "last", "patience": 3}, "expected no 'patience'"),
    ({"validation": "none", "select": "last", "monitor": "loss"}, "expected no 'monitor'"),
    ({"validation": "none", "select": "last", "stop_at": 0.5}, "expected no 'stop_at'"),
    ({"validation": "none", "select": "last", "refit": True}, "expected no 'refit'"),
    ({"validation": "none", "select": "last", "fresh": True}, "expected no 'fresh'"),
    ({"seconds": 3.0, "patience": 2}, "expected no 'patience' together with 'seconds'"),
    ({"seconds": 3.0, "stop_at": 0.1}, "expected no 'stop_at' together with 'seconds'"),
    ({"fresh": True, "refit": True}, "expected no 'refit' together with 'fresh'"),
    ({"monitor": "acuracy"}, "Did you mean 'accuracy'?"),
    ({"truncate": 0}, "greater than or equal to 1"),
]


@pytest.mark.parametrize(("training", "words"), REFUSED)
def test_contradictions_are_refused(training, words):
    with pytest.raises(ValidationError, match=words.replace("?", r"\?")):
        TrainingSpec.model_validate(training)


BY_TASK = [
    ({"fresh": True}, "digits", "the task's data are fixed"),
    ({"monitor": "perplexity"}, "digits", "It computes: accuracy"),
    ({"monitor": "nlll"}, "parity", None),
    ({"fresh": True, "steps": 100, "evaluate_every": 100}, PARITY, "at most 463 examples"),
    ({"steps": 9, "evaluate_every": 3}, "tiny_shakespeare", "looked at after each pass"),
    ({"validation": "none", "select": "last"}, "tiny_shakespeare", "continuous texts"),
    ({"truncate": 4}, "tiny_shakespeare", "its option 'timesteps'"),
    ({"truncate": 4}, "digits", "one target a sequence"),
    ({"truncate": 4}, "multi30k", "written by a decoder"),
]


@pytest.mark.parametrize(("training", "task", "words"), BY_TASK)
def test_what_a_task_has_not_is_refused_before_training(training, task, words):
    if words is None:
        with pytest.raises(ValidationError, match="Did you mean 'nll'"):
            TrainingSpec.model_validate(training)
        return
    chosen = run_of(task, **training)
    with pytest.raises(UserError, match=words):
        recipe.check(chosen.training, chosen.model, {}, create(chosen.task.name, chosen.task.options))
    experiment = {"name": "x", "question": "?", "tasks": [task], "cells": ["gru"], "model": {"units": 3}}
    with pytest.raises(UserError, match=words):
        sizes.check(Experiment(**experiment, training={"batch_size": SIZE, **training}))


IN_EXPERIMENTS = [
    ({"validation": "none", "select": "last"}, {"search": {"trials": 2, "space": {"units": [2, 3]}}}, "no 'search'"),
    ({"validation": "none", "select": "last"}, {"diagnostics": ["gates"]}, "no 'diagnostics'"),
    ({"steps": 9}, {"search": {"tuner": "hyperband", "space": {"units": [2, 3]}}}, "hyperband, which sets epochs"),
    ({"steps": 9}, {"search": {"trials": 2, "space": {"epochs": [2, 3]}}}, "beside training.steps"),
    ({}, {"search": {"trials": 2, "space": {"steps": [2, 3]}}}, "training.steps beside it"),
]


@pytest.mark.parametrize(("training", "more", "words"), IN_EXPERIMENTS)
def test_experiments_that_cannot_be_are_refused(training, more, words):
    content = {"name": "x", "question": "?", "tasks": [PARITY], "cells": ["gru"], "model": {"units": 3}, **more}
    with pytest.raises(UserError, match=words):
        Experiment(**content, training=training)


def test_steps_can_be_searched():
    content = {"name": "x", "question": "?", "tasks": [PARITY], "cells": ["gru"], "model": {"units": 3}}
    search = {"trials": 2, "space": {"steps": [6, 12], "truncate": [None, 4]}}
    experiment = Experiment(**content, training={"steps": 9}, search=search)
    tuned = experiment.runs()[0].tuned({"steps": 12, "truncate": 4})
    assert (tuned.training.steps, tuned.training.truncate) == (12, 4)


# --- fingerprints ---


def test_unused_fields_are_in_no_dump_and_steps_stand_in_place_of_epochs():
    assert run_of().fingerprint == run_of(select="best", fresh=False, validation="split", monitor=None).fingerprint
    fields = ("steps", "evaluate_every", "fresh", "monitor", "select", "stop_at", "validation", "truncate")
    assert not set(fields) & set(TrainingSpec().model_dump())
    by_steps = TrainingSpec(steps=20)
    assert "epochs" not in by_steps.model_dump()
    assert by_steps.but(learning_rate=0.1) == TrainingSpec(steps=20, learning_rate=0.1)
    assert Run.model_validate_json(run_of(steps=20).model_dump_json()).fingerprint == run_of(steps=20).fingerprint
    assert len({run_of(**{name: value}).fingerprint for name, value in (("steps", 20), ("steps", 21), ("epochs", 20))}) == 3


def test_rates_of_a_shorter_last_stretch_are_those_of_its_first_updates():
    training = TrainingSpec(steps=25, evaluate_every=10, decay="linear", learning_rate=1.0)
    by_stretch = np.concatenate([rates(training, n, 10) for n in range(3)])[:25]
    np.testing.assert_allclose(by_stretch, 1 - np.arange(25) / 25, rtol=1e-6)

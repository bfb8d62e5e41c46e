"""Training anew on all but the test split, against an eager Keras loop over the same batches; and what stays as it was."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Examples, Signature
from gru_tf.training import refit, trainer
from gru_tf.training.compiled_steps import CompiledSteps

TASK = {"adding": {"longer": 1, "length": 5, "examples": 90, "validation_examples": 25, "test_examples": 30}}
EPOCHS, RATE = 5, 0.05


def run_of(purpose: str = "final", **training: Any) -> Run:
    recipe = {"epochs": EPOCHS, "batch_size": 10, "learning_rate": RATE, "jit": False, "optimizer": "sgd", "refit": True}
    parts = {"task": TASK, "cell": "gru", "seed": 3, "model": {"units": 3}, "training": recipe | training}
    return Run.model_validate({"purpose": purpose, **parts})


@pytest.fixture
def passes(monkeypatch):
    """The passes with updates of a run, not those that compile: inputs, targets, order and the weights before each."""
    seen: list[Any] = []
    own = CompiledSteps.train

    def train(self, data, steps, rates=None, *forced):
        if rates is not None:
            inputs, targets, _ = (np.asarray(array) for array in data.arrays)
            seen.append(SimpleNamespace(inputs=inputs, targets=targets, plan=steps, rates=rates, weights=self.weights()))
        return own(self, data, steps, rates, *forced)

    monkeypatch.setattr(CompiledSteps, "train", train)
    return seen


def eagerly(passes: list[Any], clip: float) -> list[Any]:
    """The weights after these passes, by stock Keras."""
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(3), keras.layers.Dense(1)])
    model.set_weights(passes[0].weights)
    optimizer = keras.optimizers.SGD(RATE, global_clipnorm=clip)
    for one in passes:
        for rows, valid in zip(one.plan.order, one.plan.valid, strict=True):
            chosen = rows[valid > 0]
            with tf.GradientTape() as tape:
                mean = tf.reduce_mean(keras.losses.mean_squared_error(one.targets[chosen], model(one.inputs[chosen])))
            gradients = tape.gradient(mean, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return list(model.get_weights())


def distance(one: list[Any], two: list[Any]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True))


def test_it_trains_from_the_beginning_on_both_splits_for_the_best_number_of_epochs(passes):
    run = run_of(patience=2)
    result = trainer.train(run)
    first, again = passes[: len(result.history["train_loss"])], passes[len(result.history["train_loss"]) :]
    assert len(again) == result.best_epoch + 1
    assert distance(first[0].weights, again[0].weights) == 0
    splits = trainer.prepare(run).splits
    expected = np.concatenate([splits.train.inputs, splits.validation.inputs])
    for one in again:
        np.testing.assert_array_equal(one.inputs, expected)
        assert sorted(one.plan.order[one.plan.valid > 0].tolist()) == list(range(115)), "each example once"
    steps = next(reversed(trainer._compiled.values()))
    steps.reset(run)
    for one in again:
        steps.train(_data(one), one.plan, one.rates)
    weights = steps.weights()
    assert distance(weights, eagerly(again, run.training.clip_norm)) < 1e-5
    assert distance(weights, eagerly(first[: len(again)], run.training.clip_norm)) > 1e-3, "from training alone it differs"
    assert result.test == pytest.approx(_test_error(weights, splits.test), rel=1e-5)


def _data(one: Any) -> Any:
    lengths = np.full(len(one.inputs), one.inputs.shape[1], "int32")
    return trainer.feeding.load(Examples(one.inputs, one.targets, lengths), one.inputs.shape[1])


def _test_error(weights: list[Any], test: Examples) -> float:
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(3), keras.layers.Dense(1)])
    model.set_weights(weights)
    return float(np.mean((model(test.inputs).numpy() - test.targets) ** 2))


def test_what_validation_says_is_of_the_first_training(passes):
    plain, again = trainer.train(run_of(refit=False)), trainer.train(run_of())
    assert (again.history, again.best_epoch, again.validation) == (plain.history, plain.best_epoch, plain.validation)
    assert again.test != plain.test
    assert again.speed.train_seconds > again.speed.step_ms / 1000 * 9 * EPOCHS / 2
    assert again.run.fingerprint != plain.run.fingerprint


def test_a_trial_is_not_trained_again(passes):
    result = trainer.train(run_of("trial"))
    assert len(passes) == EPOCHS == len(result.history["train_loss"])


def test_a_run_that_goes_on_from_its_checkpoint_ends_with_the_same_test(tmp_path):
    run = run_of()
    whole = trainer.train(run, tmp_path / "one", checkpoint_seconds=0)
    assert trainer.train(run, tmp_path / "one").test == whole.test == trainer.train(run).test


def test_a_loss_that_is_not_finite_ends_it_as_diverged(monkeypatch):
    own, passes = CompiledSteps.train, []

    def train(self, data, steps, rates=None, *forced):
        passes.append(rates)
        return own(self, data, steps, rates, *forced) if len(passes) <= EPOCHS else float("nan")

    trainer.prepare(run_of())  # compiled before
    monkeypatch.setattr(CompiledSteps, "train", train)
    result = trainer.train(run_of())
    assert (result.status, result.test) == ("diverged", None)


def test_splits_of_several_lengths_are_padded_to_the_longest():
    rng = np.random.default_rng(0)
    short = Examples(rng.normal(size=(2, 3, 2)), np.array([[1, 0], [2, 3]], "int32"), np.array([3, 1]))
    long = Examples(rng.normal(size=(1, 5, 2)), np.array([[1, 1, 2]], "int32"), np.array([5]))
    both = refit.together(short, long)
    assert both.inputs.shape == (3, 5, 2)
    np.testing.assert_array_equal(both.inputs[:2, :3], short.inputs)
    assert not both.inputs[:2, 3:].any()
    assert both.targets.tolist() == [[1, 0, -1], [2, 3, -1], [1, 1, 2]]
    assert both.lengths.tolist() == [3, 1, 5]


def test_words_are_padded_with_words_and_classes_of_whole_sequences_are_joined():
    """−1 stands for a step without a target, and for no word: an embedding has no such row."""
    short = Examples(np.array([[1, 2, 3]], "int32"), np.array([1], "int32"), np.array([3]))
    long = Examples(np.array([[4, 5, 6, 7, 8]], "int32"), np.array([0], "int32"), np.array([5]))
    for both, inputs in ((refit.together(short, long), [1, 2, 3, 0, 0]), (refit.together(long, short), [4, 5, 6, 7, 8])):
        assert both.inputs[0].tolist() == inputs
        assert both.inputs.min() == 0
        assert sorted(both.targets.tolist()) == [0, 1]


def test_what_cannot_be_trained_again_is_refused():
    with pytest.raises(ValidationError, match="expected no 'refit' together with 'seconds'"):
        TrainingSpec(refit=True, seconds=1.0)
    text = Signature(5, 4, 9, "class", per_step=True, causal=True, tokens=9, carried=True)
    with pytest.raises(UserError, match=r"^training\.refit: received true, expected false: .* continuous texts$"):
        refit.check(run_of(), text)
    refit.check(run_of(refit=False), text)


def test_its_rate_falls_where_that_of_the_first_training_fell(passes):
    recipe = {"decay": "plateau", "decay_every": 1, "decay_factor": 0.3, "learning_rate": 0.9, "epochs": 10}
    run = run_of(**recipe)
    result = trainer.train(run)
    first, again = passes[:10], passes[10:]
    assert len(again) == result.best_epoch + 1
    assert [one.rates[0] for one in again] == [one.rates[0] for one in first[: len(again)]]
    assert len({float(one.rates[0]) for one in again}) > 1, "it falls before the best epoch"

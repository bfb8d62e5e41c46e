"""Weight noise: its distribution, what a step with it does, and that a run with it is the same wherever it stops."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from eager_loop import AGREE, Reference, compiled_for, distance, examples_of, order_of, run_of
from scipy import stats

from gru_tf.experiment.experiment import Run
from gru_tf.foundation.errors import UserError
from gru_tf.training import checkpoints, trainer, weight_noise
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.weight_noise import OF_NOISE, at_noisy_weights, drawn

DEVIATION = 0.2
SMALL = {"adding": {"longer": 1, "length": 5, "examples": 90, "validation_examples": 20, "test_examples": 30}}


def test_it_is_standard_normal_in_every_weight():
    one, two = (noise.numpy() for noise in drawn([(300, 100), (20_000,)], 7, 0))
    assert one.shape == (300, 100)
    both = np.concatenate([one.ravel(), two])
    assert stats.kstest(both, "norm").pvalue > 0.01
    assert np.abs([stats.skew(both), stats.kurtosis(both)]).max() < 0.05
    assert abs(np.corrcoef(one.ravel()[:20_000], two)[0, 1]) < 0.03
    assert stats.kstest(both / 1.05, "norm").pvalue < 1e-6, "5 % would show"


def test_seed_and_step_decide_it_and_no_run_shares_the_numbers_of_dropout():
    def flat(seed, step):
        return np.concatenate([noise.numpy().ravel() for noise in drawn([(3, 4), (5,)], seed, step)])

    np.testing.assert_array_equal(flat(3, 5), flat(3, 5))
    rows = [flat(seed, step) for seed, step in ((3, 5), (3, 6), (4, 5), (5, 3), (2**32 - 1, 5))]
    assert np.abs(np.corrcoef(rows)[np.triu_indices(5, 1)]).max() < 0.8
    assert not any(np.array_equal(rows[0], row) for row in rows[1:])
    assert not np.array_equal(rows[0], flat(3 - OF_NOISE, 5)), "dropout draws from (3, 5)"


def test_it_is_box_and_muller_s_of_the_same_bits_by_xla_too():
    """In float64, from the whole numbers that TensorFlow draws."""
    place = [3 + OF_NOISE, 5]
    bits = tf.random.stateless_uniform([2, 9], place, None, None, tf.uint32, alg="philox").numpy()
    u, v = (bits >> 8) * 2.0**-24
    expected = np.ravel(np.sqrt(-2 * np.log(u + 2.0**-24)) * [np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)])[:17]
    for jit in (False, True):
        made = tf.function(lambda: drawn([(3, 4), (5,)], 3, 5), jit_compile=jit)()
        np.testing.assert_allclose(np.concatenate([noise.numpy().ravel() for noise in made]), expected, atol=2e-6)
    assert np.abs(np.roll(expected, 1) - expected).max() > 1


# --- a step ---


class Noisy(Reference):
    """The eager Keras loop, which sets noisy weights by hand, takes the gradient, sets the clean ones and updates them.

    `slips` names a mistake: "kept" updates the noisy weights, "halved" leaves the biases without noise.
    """

    def train(self, examples: Any, steps: Any, seed: int = 3) -> float:
        rows = []
        for count, (order, valid) in enumerate(zip(steps.order, steps.valid, strict=True)):
            chosen, clean = order[valid > 0], self.model.get_weights()
            noises = [noise.numpy() for noise in drawn([w.shape for w in clean], seed, count)]
            if "halved" in self.slips:
                noises = [noise * ("bias" not in v.name) for noise, v in zip(noises, self.model.weights, strict=True)]
            self.model.set_weights([w + DEVIATION * noise for w, noise in zip(clean, noises, strict=True)])
            with tf.GradientTape() as tape:
                losses = self.losses(examples.inputs[chosen], examples.targets[chosen], examples.lengths[chosen])
                mean = tf.reduce_mean(losses)
            gradients = tape.gradient(mean, self.model.trainable_variables)
            if "kept" not in self.slips:
                self.model.set_weights(clean)
            self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
            rows.append(losses.numpy())
        return float(np.concatenate(rows).mean())


@pytest.mark.parametrize(
    ("target", "optimizer", "jit"), [("class", "sgd", False), ("binary", "rmsprop", False), ("class", "sgd", True)]
)
def test_an_epoch_is_that_of_an_eager_loop_with_noisy_gradients(target, optimizer, jit):
    more = {} if optimizer == "sgd" else {"epsilon": 1e-2}
    run, examples = run_of(target, optimizer, "global", jit, weight_noise=DEVIATION, **more), examples_of(target)
    steps, data, start = compiled_for(run, examples)
    order = order_of(target, examples)
    references = [Noisy(run, start, "global", slips) for slips in ((), ("kept",), ("halved",))]
    for each in references:
        each.optimizer.epsilon = run.training.epsilon
    clean = Reference(run, start, "global")
    losses = [each.train(examples, order) for each in (*references, clean)]
    assert steps.train(data, order) == pytest.approx(losses[0], rel=1e-5)
    same, *others = [distance(steps.weights(), each.model.get_weights()) for each in (*references, clean)]
    assert same < AGREE
    assert min(others) > 1e-3, "noise that stays, that spares biases, or none leads elsewhere"
    tested = steps.test(data, order_of(target, examples, shuffled=False))
    assert tested == steps.test(data, order_of(target, examples, shuffled=False)), "a test has no noise"


def test_afterwards_the_weights_are_what_they_were_to_the_bit():
    variables = [keras.Variable(np.full(shape, 0.1, "float32")) for shape in ((2, 3), (3,))]
    seen: list[Any] = []

    @tf.function
    def step():
        return at_noisy_weights(variables, 0.5, 1, 2, lambda: [tf.identity(v.value) for v in variables])

    seen = [value.numpy() for value in step()]
    for variable, value, noise in zip(variables, seen, drawn([(2, 3), (3,)], 1, 2), strict=True):
        np.testing.assert_array_equal(variable.numpy(), np.full(variable.shape, 0.1, "float32"))
        np.testing.assert_allclose(value, 0.1 + 0.5 * noise.numpy(), rtol=1e-6)


def test_a_trial_of_another_deviation_compiles_nothing_and_none_is_another_shape(monkeypatch):
    runs = [run_of("class", weight_noise=value) for value in (0.1, 0.3)]
    examples = examples_of("class")
    steps, data, _ = compiled_for(runs[0], examples, test=False)
    order = order_of("class", examples)
    monkeypatch.setattr(weight_noise, "drawn", None)  # tracing again would call it
    losses = []
    for run in (*runs, runs[0]):
        steps.reset(run)
        losses.append(steps.train(data, order))
    assert losses[0] == losses[2] != losses[1]


def test_embeddings_have_it_too():
    """Their gradient comes by rows of tokens, and is taken at the noisy table."""
    table = keras.Variable(np.zeros((6, 2), "float32"))

    @tf.function
    def step():
        def differentiate():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(tf.gather(table.value, [1, 4, 1])))
            return tape.gradient(loss, [table.value])

        return tf.convert_to_tensor(at_noisy_weights([table], 0.5, 1, 2, differentiate)[0])

    (noise,) = drawn([(6, 2)], 1, 2)
    np.testing.assert_allclose(step().numpy(), noise.numpy() * [[0], [2], [0], [0], [1], [0]], rtol=1e-6)
    assert not table.numpy().any()


# --- a run ---


def whole_run(seed: int = 3, **training: Any) -> Run:
    recipe = {"epochs": 4, "batch_size": 10, "learning_rate": 0.03, "jit": False, **training}
    content = {"purpose": "trial", "task": SMALL, "cell": "gru", "seed": seed, "model": {"units": 3}, "training": recipe}
    return Run.model_validate(content)


def test_an_interrupted_run_continues_to_the_same_bits(tmp_path, monkeypatch):
    run = whole_run(weight_noise=0.075, optimizer="rmsprop")
    whole = trainer.train(run)
    assert trainer.train(run).history == whole.history
    own, passes = CompiledSteps.train, []

    def stop(self, *arguments):
        passes.append(arguments)
        if len(passes) == 3:
            raise KeyboardInterrupt
        return own(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(CompiledSteps, "train", stop)
        with pytest.raises(KeyboardInterrupt):
            trainer.train(run, tmp_path, checkpoint_seconds=0)
    assert checkpoints.path(run, tmp_path).exists()
    assert trainer.train(run, tmp_path).history == whole.history
    assert trainer.train(whole_run(optimizer="rmsprop")).history != whole.history
    assert trainer.train(whole_run(seed=4, weight_noise=0.075, optimizer="rmsprop")).history != whole.history


def test_a_model_for_any_tuner_refuses_it():
    from gru_tf.experiment.experiment import Experiment
    from gru_tf.suite.tuning import RecurrentHyperModel

    content = {"name": "q", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 3}}
    search = {"trials": 2, "space": {"learning_rate": [0.1, 0.2]}}
    experiment = Experiment.model_validate(content | {"search": search, "training": {"weight_noise": 0.075}})
    with pytest.raises(UserError, match=r"^q: expected no 'weight_noise': Keras' training has none. Received: 0.075$"):
        RecurrentHyperModel(experiment, "adding", "gru")

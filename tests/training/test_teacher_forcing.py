"""Teacher forcing by coins, beside the paper's schedules and beside a decoder that goes step by step in float64."""

import numpy as np
import pytest
import tensorflow as tf
from keras import random
from pydantic import ValidationError

from gru_tf import suite
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.suite.tuning import RecurrentHyperModel
from gru_tf.tasks import END, Examples, Signature
from gru_tf.training import checkpoints, feeding, trainer
from gru_tf.training.batches import BatchPlan
from gru_tf.training.compiled_steps import CompiledSteps, shape_of
from gru_tf.training.forcing_schedule import of_epoch, probabilities, sigmoid_speed
from gru_tf.training.network.resolution import resolve_run
from gru_tf.training.teacher_forcing import COINS

# --------------------------------------------------------------------------------------------------------- the schedule

TOTAL = 40


def falling(decay, start=1.0, end=0.1, **more):
    return TrainingSpec(teacher_forcing=start, teacher_forcing_decay=decay, teacher_forcing_end=end, **more)


def by_the_paper(decay, end):
    """ε_i by the three equations of §2.4, i = 0 … TOTAL − 1, from 1; their constants are fitted to the end by a search."""
    i = np.arange(TOTAL + 1)
    if decay == "linear":
        return np.maximum(end, 1 - (1 - end) / TOTAL * i)
    grid = np.linspace(0.5, 40, 400_000) if decay == "sigmoid" else np.linspace(0.5, 1, 400_000)
    with np.errstate(over="ignore"):
        last = grid / (grid + np.exp(TOTAL / grid)) if decay == "sigmoid" else grid**TOTAL
    k = grid[np.abs(last - end).argmin()]
    return k / (k + np.exp(i / k)) if decay == "sigmoid" else k**i


@pytest.mark.parametrize("decay", ["linear", "exponential", "sigmoid"])
def test_the_schedule_is_the_papers(decay):
    made, expected = probabilities(falling(decay), 0, TOTAL + 1, TOTAL), by_the_paper(decay, 0.1)
    np.testing.assert_allclose(made, expected, atol=2e-4)
    assert made[-1] == pytest.approx(0.1, rel=1e-5)
    assert np.abs(made[1:] - expected[:-1]).max() > 5e-3, "a step late shows"
    half = probabilities(falling(decay, start=0.5, end=0.05), 0, TOTAL + 1, TOTAL)
    np.testing.assert_allclose(half, made / 2, rtol=1e-5)


def test_an_epoch_has_its_part_of_the_schedule():
    training = falling("sigmoid", epochs=4)
    parts = [of_epoch(training, epoch, 10) for epoch in range(4)]
    np.testing.assert_array_equal(np.concatenate(parts), probabilities(training, 0, TOTAL, TOTAL))
    assert of_epoch(TrainingSpec(), 0, 10) is None
    assert of_epoch(TrainingSpec(teacher_forcing=0.5), 3, 2).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("share", "total"), [(0.01, 3), (0.5, 1), (0.05, 2270), (1e-6, 10**6), (0.999, 50)])
def test_the_speed_of_the_sigmoid_meets_the_end(share, total):
    k = sigmoid_speed(share, total)
    assert k / (k + np.exp(total / k)) == pytest.approx(share, rel=1e-6)


# -------------------------------------------------------------------------------------------------------- the two passes

READ, WRITTEN, STEPS, DECODED, ROWS, UNITS, SEED = 7, 6, 5, 6, 5, 4, 3
SIGNATURE = Signature(STEPS, 3, WRITTEN, "class", tokens=READ, varying=True, decoded=DECODED)
RATE = 0.5


def run_of(attention="general", cell="lstm", dropout=0.3, layers=2, model=None, **training):
    return Run(
        purpose="final",
        task=Choice(name="adding"),
        cell=Choice(name=cell),
        seed=SEED,
        model=ModelSpec(units=UNITS, layers=layers, dropout=dropout, attention=attention, **(model or {})),
        training=TrainingSpec(batch_size=ROWS, jit=False, learning_rate=RATE, optimizer="sgd", clip_norm=None, **training),
    )


def examples():
    rng = np.random.default_rng(4)
    lengths, ends = rng.integers(1, STEPS + 1, ROWS), rng.integers(2, DECODED, ROWS)
    inputs = np.where(np.arange(STEPS) < lengths[:, None], rng.integers(1, READ, (ROWS, STEPS)), 0)
    place, words = np.arange(DECODED), rng.integers(1, WRITTEN, (ROWS, DECODED))
    targets = np.where(place < ends[:, None], words, np.where(place == ends[:, None], END, -1))
    return Examples(inputs.astype("int32"), targets.astype("int32"), lengths)


ONCE = BatchPlan(np.arange(ROWS, dtype="int32")[None], np.ones((1, ROWS), "float32"), np.zeros(1, "int32"))


def compiled(run):
    steps = CompiledSteps(run, resolve_run(run, SIGNATURE), (), (DECODED,))
    steps.warm_up(feeding.load(examples(), DECODED, True), test=False)
    begin(steps, run)
    return steps


def begin(steps, run, seed=8):
    """With weights so large that what is written depends on what is read."""
    steps.reset(run)
    rng = np.random.default_rng(seed)
    steps.set_weights([rng.normal(scale=1.0, size=w.shape) for w in steps.weights()])


def trained(steps, probability, times=1):
    """The loss of some steps, and the weights after them."""
    data = feeding.load(examples(), DECODED, True)
    losses = [steps.train(data, ONCE, None, np.full(1, probability, "float32")) for _ in range(times)]
    return losses, steps.weights()


def lstm(weights, x, h, c):
    kernel, recurrent, bias = weights
    i, f, g, o = tf.split(x @ kernel + h @ recurrent + bias, 4, -1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def masks_of(layer):
    """(ROWS, DECODED, width) what a value is multiplied by, 0 where it is dropped; the generator moves on."""
    shape = (ROWS, DECODED, layer.output.shape[-1])
    kept = np.broadcast_to(np.array(layer.kept(shape, "float32")), shape)
    return kept / (1 - float(layer.rate.numpy()))


def step_by_step(steps, coins, attention):
    """Loss and gradients of a decoder that goes step by step, each step's input made in the same tape; eager, float64."""
    data, model = examples(), steps.model
    variables = [tf.Variable(w.astype("float64")) for w in steps.weights()]
    weights = iter(variables)
    keep = {
        layer.input._keras_history.operation.name: masks_of(layer)
        for layer in model.layers
        if isinstance(layer, VariableDropout)
    }
    names, whole = [v.path.split("/")[0] for v in model.trainable_variables], np.ones((1, DECODED, 1))
    with tf.GradientTape() as tape:
        by_name: dict = {}
        for name in names:
            by_name.setdefault(name, []).append(next(weights))
        encoders = [name for name in by_name if name.startswith("lstm")]
        x = tf.gather(by_name["embedding"][0], data.inputs) * keep.get("embedding", whole)[:, :STEPS]
        starts = []
        for name in encoders:
            h = c = tf.zeros((ROWS, UNITS), "float64")
            outputs = []
            for t in range(STEPS):
                new = lstm(by_name[name], x[:, t], h, c)
                real = (t < data.lengths)[:, None]
                h, c = (tf.where(real, a, b) for a, b in zip(new, (h, c), strict=True))
                outputs.append(h)
            starts.append((h, c))
            x = tf.stack(outputs, 1) * keep.get(name, whole)[:, :STEPS]  # the last one's are read by attention alone
        states, token, total = list(starts), tf.fill([ROWS], END), tf.constant(0.0, "float64")
        for t in range(DECODED):
            s = y = tf.gather(by_name["target_embedding"][0], token) * keep.get("target_embedding", whole)[:, t]
            z = [starts[-1][0]] if attention == "context" else []
            s = tf.concat([s, *z], -1)
            for n in range(2):
                states[n] = lstm(by_name[f"decoder_{n}"], s, *states[n])
                s = states[n][0] * keep[f"decoder_{n}"][:, t]
            if attention == "general":
                keys = x @ by_name["keys"][0]
                scores = tf.einsum("rh,rsh->rs", s, keys)
                scores = tf.where(np.arange(STEPS) < data.lengths[:, None], scores, -np.inf)
                context = tf.einsum("rs,rsh->rh", tf.nn.softmax(scores), x)
                s = tf.tanh(tf.concat([context, s], -1) @ by_name["attended"][0])
            elif z:
                s = tf.concat([y, s, *z], -1)
            kernel, bias = by_name["head"]
            logp = tf.nn.log_softmax(s @ kernel + bias)
            target = data.targets[:, t]
            chosen = tf.gather(logp, np.maximum(target, 0), batch_dims=1)
            total -= tf.reduce_sum(tf.where(target >= 0, chosen, 0.0))
            token = tf.where(coins[:, min(t + 1, DECODED - 1)], np.maximum(target, 0), tf.argmax(logp, -1, tf.int32))
        loss = total / (data.targets >= 0).sum()
    return float(loss), [g if g is None else tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]


def coins_of(shape, probability, number=0):
    generator = random.SeedGenerator(0)
    generator.state.assign([SEED, COINS + number])
    return np.broadcast_to(np.array(random.uniform(shape, seed=generator)) < probability, (ROWS, DECODED))


@pytest.mark.parametrize(
    ("attention", "model"),
    [("general", {}), ("context", {"input_dropout": 0.2}), ("none", {"input_dropout": 0.2, "variational": True})],
)
def test_loss_and_gradient_are_those_of_a_decoder_that_goes_step_by_step(attention, model):
    steps = compiled(run_of(attention, model=model, teacher_forcing=0.5))
    before, dropped = steps.weights(), steps.state()
    coins = coins_of((ROWS, DECODED), 0.5)
    assert 5 < coins.sum() < 25
    loss, gradients = step_by_step(steps, coins, attention)
    steps.set_state(dropped)  # which drew its masks
    forced, _ = step_by_step(steps, np.ones_like(coins), attention)
    other, _ = step_by_step(steps, ~coins, attention)  # with other masks, too
    assert min(abs(loss - forced), abs(loss - other)) > 1e-4 * loss, "coins decide nothing: the comparison could not fail"
    steps.set_state(dropped)
    (made,), after = trained(steps, 0.5)
    assert made == pytest.approx(loss, rel=1e-5)
    for name, old, new, gradient in zip(steps.model.trainable_variables, before, after, gradients, strict=True):
        np.testing.assert_allclose((old - new) / RATE, gradient, atol=2e-5, err_msg=name.path)
        assert np.abs(gradient).max() > 1e-4


def test_masks_of_other_steps_would_write_something_else():
    """The first pass with the masks that come next in place of the second pass's own, as if they were not held."""
    steps = compiled(run_of(teacher_forcing=0.0))
    begun = features(tf.fill([ROWS, DECODED], END))
    steps.forcing.probability.assign(0.0)
    written = [np.array(steps.forcing.inputs(begun)[-1]) for _ in range(2)]
    assert np.array_equal(*written), "the generators do not stand where they stood"
    for layer in steps.forcing.writer.dropout.values():
        layer.kept((1, 1, 1))
    assert not np.array_equal(written[0], np.array(steps.forcing.inputs(begun)[-1]))


def test_with_a_probability_of_one_the_weights_are_those_of_plain_teacher_forcing_to_the_bit():
    plain, run = run_of(cell="gru"), run_of(cell="gru", teacher_forcing=0.5)
    one, two = compiled(plain), compiled(run)
    assert one.forcing is None
    assert len(one.state()) + 1 == len(two.state())
    (first, expected), (second, made) = trained(one, 1.0, 3), trained(two, 1.0, 3)
    assert first == second
    assert all(map(np.array_equal, expected, made))
    begin(two, run)
    assert not np.array_equal(trained(two, 0.9, 3)[1][-1], made[-1])


@pytest.mark.parametrize(
    ("per", "shape"), [("token", (ROWS, DECODED)), ("step", (1, DECODED)), ("sequence", (ROWS, 1)), ("batch", (1, 1))]
)
def test_one_coin_decides_for(per, shape):
    """What is read is a target, a word that no decoder here writes, where coins of this shape say so."""
    steps = compiled(run_of("none", dropout=0.0, layers=1, teacher_forcing=0.5, teacher_forcing_per=per))
    before = tf.fill([ROWS, DECODED], WRITTEN - 1)
    *_, head = steps.model.trainable_variables
    head.assign([0.0] * (WRITTEN - 1) + [-1e6])
    begun = steps.forcing.coins.state.numpy()
    read = np.array([np.array(steps.forcing.inputs(features(before))[-1] == WRITTEN - 1) for _ in range(6)])
    assert begun.tolist() == [SEED, COINS]
    assert np.all(read[:, :, 0]), "before the first target there is nothing else"
    expected = [coins_of(shape, 0.5, n) for n in range(6)]
    assert np.array_equal(read[:, :, 1:], np.array(expected)[:, :, 1:])
    assert 0 < read[:, :, 1:].mean() < 1


def features(before):
    return [tf.constant(examples().inputs), tf.sequence_mask(examples().lengths, STEPS), before]


def test_additive_attention_is_forced_too():
    """The step-by-step decoder of this network is its own second pass: what it reads is what it would have written."""
    steps = compiled(run_of("additive", "gru", layers=1, teacher_forcing=0.0))
    steps.forcing.probability.assign(0.0)
    state = steps.state()
    *read, taken = steps.forcing.inputs(features(tf.fill([ROWS, DECODED], 0)))
    assert all(map(np.array_equal, state[:-1], steps.state()[:-1]))
    logits = np.array(steps.model([*read, taken], training=True))
    assert np.array_equal(taken[:, 1:], logits.argmax(-1)[:, :-1])
    assert len(np.unique(taken, axis=0)) > 1
    losses, _ = trained(steps, 0.5, 4)
    assert losses[-1] < losses[0]


def test_a_run_goes_on_from_its_state_and_shares_its_steps():
    run = run_of("none", "gru", layers=1, teacher_forcing=0.5)
    steps = compiled(run)
    losses, expected = trained(steps, 0.5, 4)
    begin(steps, run)
    trained(steps, 0.5, 2)
    weights, state = steps.weights(), steps.state()
    begin(steps, run, seed=9)
    steps.set_weights(weights)
    steps.set_state(state)
    again, made = trained(steps, 0.5, 2)
    assert again == losses[2:]
    assert all(map(np.array_equal, made, expected))
    shapes = {
        shape_of(run_of(**forced), resolve_run(run, SIGNATURE), (), (DECODED,))[:-3]
        for forced in ({"teacher_forcing": 0.5}, {"teacher_forcing": 0.1}, {"teacher_forcing": 0.5, "epochs": 3})
    }
    assert len(shapes) == 1


def test_a_checkpoint_has_the_state_of_the_coins():
    run = run_of(teacher_forcing=0.5, dropout=0.0)
    steps = compiled(run)
    trained(steps, 0.5, 2)
    weights, state = steps.weights(), steps.state()
    losses, after = trained(steps, 0.5, 3)
    begin(steps, run)  # as in another process
    steps.set_weights(weights)
    steps.set_state(state)
    again, same = trained(steps, 0.5, 3)
    assert again == losses
    for one, other in zip(after, same, strict=True):
        np.testing.assert_array_equal(one, other)


# ------------------------------------------------------------------------------------------------------------- the fields


def test_fields_at_their_defaults_change_no_fingerprint():
    run = run_of()
    dumped = run.model_dump()
    assert not any("teacher" in name for name in dumped["training"])
    assert run_of(teacher_forcing=1.0).fingerprint == run.fingerprint != run_of(teacher_forcing=0.5).fingerprint
    assert "attention" not in dumped["model"]
    assert "attention" in run_of("none").model_dump()["model"]


def test_a_decaying_run_does_not_go_on_from_a_shorter_one(tmp_path):
    falling_run = run_of(teacher_forcing_decay="linear", teacher_forcing_end=0.0)
    for run, alike in ((run_of(teacher_forcing=0.5), True), (falling_run, False)):
        longer = run.model_copy(update={"training": run.training.but(epochs=20)})
        assert (checkpoints.path(run, tmp_path) == checkpoints.path(longer, tmp_path)) is alike


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"teacher_forcing_end": 0.1}, "expected 'teacher_forcing_decay' .* together with 'teacher_forcing_end'"),
        ({"teacher_forcing_per": "step"}, "expected 'teacher_forcing' below 1 together with 'teacher_forcing_per'"),
        ({"teacher_forcing_decay": "linear"}, "expected 'teacher_forcing_end' together with"),
        ({"teacher_forcing": 0.4, "teacher_forcing_decay": "linear", "teacher_forcing_end": 0.4}, "expected less than"),
        ({"teacher_forcing_decay": "sigmoid", "teacher_forcing_end": 0.0}, "received 0, expected above 0"),
        ({"teacher_forcing_decay": "linear", "teacher_forcing_end": 0.1, "seconds": 3.0}, "together with 'seconds'"),
        ({"teacher_forcing": 1.1}, "less than or equal to 1"),
    ],
)
def test_what_would_not_be_read_is_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        TrainingSpec(**settings)


ADDING = {"name": "forced", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 4}}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"training": {"teacher_forcing": 0.5}}, r"training.teacher_forcing: received 0.5, expected it to be left out"),
        (
            {"training": {"teacher_forcing_decay": "linear", "teacher_forcing_end": 0.0}},
            "training.teacher_forcing_decay: received linear",
        ),
        ({"search": {"trials": 1, "space": {"teacher_forcing": [0.5, 1.0]}}}, "search.space.teacher_forcing: expected it"),
        ({"search": {"trials": 1, "space": {"attention": ["none"]}}}, "search.space.attention: expected it to be left out"),
        ({"model": {"units": 4, "attention": "none"}}, "model.attention: received none, expected it to be left out"),
    ],
)
def test_a_task_that_writes_nothing_refuses_it(more, words):
    experiment = validate({**ADDING, **more}, "forced")
    with pytest.raises(UserError, match=words):
        suite.check(experiment)
    if "search" not in more:
        with pytest.raises(UserError, match=words):
            trainer.prepare(experiment.runs()[0])


def test_a_stock_tuner_cannot_follow_it():
    content = {**ADDING, "tasks": ["multi30k"], "search": {"trials": 1, "space": {"learning_rate": [0.01]}}}
    experiment = validate({**content, "training": {"teacher_forcing": 0.5}}, "forced")
    with pytest.raises(UserError, match=r"expected no teacher forcing .* Received: teacher_forcing"):
        RecurrentHyperModel(experiment, "multi30k", "gru")

"""How networks read what is no array of equal lengths: tokens, sequences that end early, texts in parts, missing targets."""

from dataclasses import replace
from itertools import pairwise

import keras
import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Examples, Metric, Signature
from gru_tf.training import feeding
from gru_tf.training.batches import BatchPlan, bucket_lengths, plan, streams
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.network import budget
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import check_diagnosed, resolve, resolve_run

STEPS, ROWS, UNITS = 6, 4, 5
TEXT = Signature(STEPS, 3, 7, "class", per_step=True, causal=True, tokens=7, carried=True)
VARYING = Signature(STEPS, 2, 3, "class", varying=True)


def run_of(cell="gru", **model):
    task, training = Choice(name="adding"), TrainingSpec(batch_size=ROWS, jit=False)
    return Run(
        purpose="final", task=task, cell=Choice(name=cell), seed=3, model=ModelSpec(units=UNITS, **model), training=training
    )


def steps_of(signature, run, metrics=("nll",)):
    """Compiled steps with the run's first weights, scaled up so that states matter."""
    steps = CompiledSteps(run, resolve_run(run, signature), metrics, (signature.timesteps,))
    steps.reset(run)
    steps.set_weights([2 * weight for weight in steps.weights()])
    return steps


def text(parts):
    """Consecutive parts of one random text, each with the next token as target at every step; the last target is none."""
    tokens = np.random.default_rng(0).integers(0, TEXT.tokens, parts * STEPS)
    following = np.append(tokens[1:], -1)
    shape = (parts, STEPS)
    return Examples(tokens.reshape(shape).astype("uint8"), following.reshape(shape).astype("int32"), np.full(parts, STEPS))


def nll(outputs, targets):
    """Sum over real targets and their number, in NumPy float64."""
    logits = outputs.astype("float64")
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    chosen = np.take_along_axis(logs, np.maximum(targets, 0)[..., None], -1)[..., 0]
    return -(chosen * (targets >= 0)).sum(), (targets >= 0).sum()


@pytest.mark.parametrize(("parts", "rows"), [(8, 4), (9, 4), (3, 4), (1, 1)])
def test_streams_read_a_text_once_and_in_order(parts, rows):
    found = streams(parts, rows)
    read = [
        [order for order, real in zip(row, valid, strict=True) if real]
        for row, valid in zip(found.order.T, found.valid.T, strict=True)
    ]
    assert [part for row in read for part in row] == list(range(parts))
    assert all(b == a + 1 for row in read for a, b in pairwise(row))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "janet", "min_gru"])
@pytest.mark.parametrize("layers", [1, 2])
def test_states_carried_over_parts_are_those_of_the_whole_text(cell, layers):
    run, examples = run_of(cell, layers=layers), text(8)
    steps = steps_of(TEXT, run)
    loss, value = steps.test(feeding.load(examples, STEPS, per_step=True), streams(8, ROWS))
    whole = build(resolve(run.model, TEXT, CELLS.find(cell), {}))
    whole.set_weights(steps.weights())
    tokens, targets = (a.reshape(ROWS, 2 * STEPS) for a in (examples.inputs, examples.targets))
    total, count = nll(np.array(whole(tokens.astype("int32"))), targets)
    assert loss == pytest.approx(total / count, rel=1e-5)
    assert value == loss
    apart, _ = nll(np.array(whole(examples.inputs.astype("int32"))), examples.targets)
    assert abs(apart - total) / count > 1e-4, "the state has no effect: the comparison could not fail"


def test_each_pass_over_a_text_begins_with_states_of_zero():
    steps, data = steps_of(TEXT, run_of()), feeding.load(text(8), STEPS, per_step=True)
    first = steps.test(data, streams(8, ROWS))
    assert steps.test(data, streams(8, ROWS)) == first


def test_training_on_a_text_lowers_its_loss():
    examples = Examples(
        np.tile(np.arange(STEPS, dtype="uint8"), (8, 1)), np.tile((np.arange(STEPS) + 1) % STEPS, (8, 1)), np.full(8, STEPS)
    )
    run = run_of()
    steps = CompiledSteps(run, resolve_run(run, TEXT), ("nll",), (STEPS,))
    data = feeding.load(examples, STEPS, per_step=True)
    steps.warm_up(data)
    steps.reset(run)
    losses = [steps.train(data, streams(8, ROWS)) for _ in range(60)]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "mgu", "min_lstm"])
def test_a_sequence_that_ends_early_is_read_to_its_end_alone(cell, bidirectional):
    rng, lengths = np.random.default_rng(1), np.array([6, 1, 4, 2])
    inputs = rng.normal(size=(ROWS, STEPS, 2)).astype("float32")  # what stands behind the end is noise, not zeros
    targets = np.array([0, 1, 2, 1])
    run = run_of(cell, bidirectional=bidirectional)
    steps = steps_of(VARYING, run)
    data = feeding.load(Examples(inputs, targets, lengths), STEPS)
    loss, _ = steps.test(data, plan(lengths, (STEPS,), ROWS))
    alone = build(resolve(run.model, Signature(STEPS, 2, 3, "class"), CELLS.find(cell), {}))
    alone.set_weights(steps.weights())
    outputs = np.concatenate([np.array(alone(x[None, :n])) for x, n in zip(inputs, lengths, strict=True)])
    total, count = nll(outputs, targets)
    assert loss == pytest.approx(total / count, rel=1e-5)
    unread, _ = nll(np.array(alone(inputs)), targets)
    assert abs(unread - total) / count > 1e-4


NOTES = 4
PIECES = Signature(9, NOTES, NOTES, "binary", per_step=True, varying=True)


def logits_of(weights, piece, bidirectional):
    """(steps, notes) of one unpadded piece, in NumPy float64: the GRU's equation in each direction, and the head."""
    *recurrent, head, bias = (w.astype("float64") for w in weights)
    names, outputs = ("kernel", "recurrent_kernel", "bias"), []
    for direction in range(1 + bidirectional):
        its = dict(zip(names, recurrent[3 * direction : 3 * direction + 3], strict=True))
        states, read = [np.zeros((1, UNITS))], []
        for x in piece[:: -1 if direction else 1]:
            states = CELLS.find("gru").step(x[None].astype("float64"), states, its)
            read.append(states[0][0])
        outputs.append(np.stack(read)[:: -1 if direction else 1])
    return np.concatenate(outputs, axis=-1) @ head + bias


@pytest.mark.parametrize("bidirectional", [False, True])
def test_pieces_in_buckets_score_as_each_alone_and_all_steps_count_alike(bidirectional):
    """Bucketed by length, padded and masked, against NumPy on the pieces as they are."""
    rng, lengths = np.random.default_rng(7), np.array([9, 2, 3, 3, 5, 8, 1, 6, 2, 4])
    pieces = [rng.integers(0, 2, (length, NOTES)) for length in lengths]
    notes = [rng.integers(0, 2, (length, NOTES)) for length in lengths]
    inputs, targets = np.ones((2, len(lengths), 9, NOTES), "uint8")  # behind the end of a piece stand ones, not zeros
    for row, length in enumerate(lengths):
        inputs[row, :length], targets[row, :length] = pieces[row], notes[row]
    run, buckets = run_of(bidirectional=bidirectional), bucket_lengths(lengths)
    assert len(buckets) == 4
    steps = CompiledSteps(run, resolve_run(run, PIECES), ("nll",), buckets)
    steps.reset(run)
    steps.set_weights([2 * weight for weight in steps.weights()])
    data = feeding.load(Examples(inputs, targets, lengths), 9, per_step=True)
    loss, nll_found = steps.test(data, plan(lengths, buckets, ROWS, rng))
    each = []
    for piece, sounding in zip(pieces, notes, strict=True):
        logits = logits_of(steps.weights(), piece, bidirectional)
        each.append((np.log1p(np.exp(logits)) - sounding * logits).sum(-1))
    micro = np.concatenate(each).mean()
    assert loss == nll_found == pytest.approx(micro, rel=1e-5)
    assert np.mean([piece.mean() for piece in each]) != pytest.approx(micro, rel=1e-3), "pieces first is another number"
    blind = CompiledSteps(run, resolve_run(run, replace(PIECES, varying=False)), ("nll",), buckets)
    blind.set_weights(steps.weights())
    unmasked = blind.test(data, plan(lengths, buckets, ROWS, rng))[0]
    assert (unmasked == pytest.approx(micro, rel=1e-5)) != bidirectional, "padding reaches real steps from behind alone"


def test_padding_that_reaches_nothing_needs_no_mask():
    per_step = Signature(STEPS, 2, 3, "class", per_step=True, varying=True)
    gru = CELLS.find("gru")
    assert not resolve(ModelSpec(units=1), per_step, gru, {}).masked
    assert resolve(ModelSpec(units=1, bidirectional=True), per_step, gru, {}).masked
    assert resolve(ModelSpec(units=1), VARYING, gru, {}).masked


def test_steps_without_target_do_not_count():
    signature = Signature(STEPS, 2, 3, "class", per_step=True)
    rng = np.random.default_rng(2)
    inputs, targets = rng.normal(size=(ROWS, STEPS, 2)).astype("float32"), rng.integers(-1, 3, (ROWS, STEPS))
    lengths = np.array([6, 3, 5, 1])
    steps = steps_of(signature, run_of(), ("accuracy", "nll"))
    model = build(resolve(run_of().model, signature, CELLS.find("gru"), {}))
    model.set_weights(steps.weights())
    real = np.where(np.arange(STEPS) < lengths[:, None], targets, -1)
    outputs = np.array(model(inputs))
    total, count = nll(outputs, real)
    data = feeding.load(Examples(inputs, targets, lengths), STEPS, per_step=True)
    loss, accuracy, again = steps.test(data, plan(lengths, (STEPS,), ROWS))
    assert loss == again == pytest.approx(total / count, rel=1e-5)
    assert accuracy == pytest.approx(((outputs.argmax(-1) == real) & (real >= 0)).sum() / count)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_embedding_counts_in_the_budget(layers):
    model = ModelSpec(units=UNITS, layers=layers)
    size = budget.size(CELLS.find("lstm"), {}, TEXT, model, UNITS)
    assert size.parameters == build(resolve(model, TEXT, CELLS.find("lstm"), {})).count_params()
    assert size.parameters - size.recurrent_parameters == 7 * 3 + (UNITS + 1) * 7


def test_a_longer_split_is_read_whole():
    signature = Signature(STEPS, 2, 1, "value")
    inputs = np.random.default_rng(4).normal(size=(3, 2 * STEPS, 2)).astype("float32")
    targets, lengths = np.zeros((3, 1), "float32"), np.full(3, 2 * STEPS)
    steps = steps_of(signature, run_of(), ("mse", "mae"))
    model = build(resolve(run_of().model, signature, CELLS.find("gru"), {}))
    model.set_weights(steps.weights())
    outputs = np.array(model(inputs), "float64")
    data = feeding.load(Examples(inputs, targets, lengths), 2 * STEPS)
    _, mse, mae = steps.test(data, plan(lengths, (2 * STEPS,), ROWS), (2 * STEPS,))
    assert mse == pytest.approx((outputs**2).mean(), rel=1e-5)
    assert mae == pytest.approx(np.abs(outputs).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "mean", "value"),
    [
        ("bpc", np.log(8), 3),
        ("perplexity", np.log(50), 50),
        ("rmse", 4, 6),
        ("mae", 2, 6),
        ("mse", 2, 2),
        ("perplexity", 1e4, np.inf),
    ],
)
def test_a_metric_is_made_of_the_mean_by_its_definition(name, mean, value):
    assert Metric(name, "min", 1, 0, scale=3).value(mean) == pytest.approx(value)


@pytest.mark.parametrize("signature", [TEXT, VARYING])
def test_diagnostics_of_what_they_cannot_look_into_are_refused(signature):
    with pytest.raises(UserError, match="diagnostics: expected them to be left out"):
        check_diagnosed(resolve(ModelSpec(units=1), signature, CELLS.find("gru"), {}))


def test_a_saved_model_reads_tokens_and_masks(tmp_path):
    for signature, inputs in (
        (TEXT, np.array([[1, 2, 3]])),
        (VARYING, [np.ones((1, 3, 2), "float32"), np.array([[True, True, False]])]),
    ):
        model = build(resolve(ModelSpec(units=UNITS), signature, CELLS.find("gru"), {}))
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(loaded(inputs), model(inputs), atol=1e-6)


BYTES = Signature(STEPS, 2, 3, "class", scale=1 / 255)


def test_bytes_train_a_network_as_the_numbers_that_they_stand_for():
    rng = np.random.default_rng(5)
    levels, targets = rng.integers(0, 256, (10, STEPS, 2)).astype("uint8"), rng.integers(0, 3, 10)
    run, lengths, losses = run_of(), np.full(10, STEPS), []
    weights = CompiledSteps(run, resolve_run(run, BYTES), ("nll",), (STEPS,)).weights()
    for signature, inputs in ((BYTES, levels), (replace(BYTES, scale=1.0), (levels / 255).astype("float32"))):
        steps = CompiledSteps(run, resolve_run(run, signature), ("nll",), (STEPS,))
        data = feeding.load(Examples(inputs, targets, lengths), STEPS)
        assert data.arrays[0].dtype == inputs.dtype, "bytes on the device"
        steps.warm_up(data)
        steps.reset(run)
        steps.set_weights(weights)
        order = plan(lengths, (STEPS,), ROWS)
        losses.append([steps.train(data, order), *steps.test(data, order)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    steps.set_weights(weights)
    as_they_are = feeding.load(Examples(levels.astype("float32"), targets, lengths), STEPS)
    assert steps.test(as_they_are, order)[0] != pytest.approx(losses[0][1], rel=1e-2), "grey levels that nothing scales"


def test_a_saved_network_takes_bytes_as_the_task_gives_them(tmp_path):
    run, levels = run_of(), np.random.default_rng(6).integers(0, 256, (4, STEPS, 2)).astype("uint8")
    steps = CompiledSteps(run, resolve_run(run, BYTES), ("nll",), (STEPS,))
    steps.export(run).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    unscaled = build(resolve(run.model, replace(BYTES, scale=1.0), CELLS.find("gru"), {}))
    unscaled.set_weights(steps.weights())
    np.testing.assert_allclose(loaded(levels), unscaled(levels.astype("float32") / 255), atol=1e-6)
    assert np.abs(loaded(levels) - unscaled(levels.astype("float32"))).max() > 1e-2
    assert budget.size(CELLS.find("gru"), {}, BYTES, run.model, UNITS).parameters == loaded.count_params()


def test_plans_are_what_the_loop_takes():
    assert isinstance(streams(5, 2), BatchPlan)
    assert streams(5, 2).order.dtype == np.int32

"""What is dropped between layers, each against its equation in NumPy, and nothing of it at inference."""

import keras
import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.recurrent.layers.word_dropout import WordDropout
from gru_tf.tasks import Examples, Signature
from gru_tf.training.batches import plan
from gru_tf.training.compiled_steps import CompiledSteps, shape_of
from gru_tf.training.feeding import load
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve, resolve_run
from gru_tf.training.network.sequence_writer import SequenceWriter

TOKENS, WIDTH, STEPS, BATCH = 7, 5, 9, 64
WORDS = Signature(timesteps=STEPS, features=WIDTH, outputs=TOKENS, target="class", tokens=TOKENS, per_step=True, causal=True)
RATES = {"dropout": 0.2, "input_dropout": 0.3, "embedding_dropout": 0.4}
IDS = np.random.default_rng(0).integers(0, TOKENS, (BATCH, STEPS)).astype("int32")


def embedded():
    return np.random.default_rng(1).uniform(1, 2, (BATCH, STEPS, WIDTH)).astype("float32")


def test_variational_drops_the_same_numbers_at_all_steps():
    x = embedded()
    factor = VariableDropout(0.3, noise_shape=(None, 1, None))(x, training=True).numpy() / x
    np.testing.assert_allclose(factor, np.broadcast_to(factor[:, :1], factor.shape), atol=1e-6)
    assert set(np.round(factor, 4).ravel()) == {0.0, np.round(np.float32(1 / 0.7), 4)}
    assert (factor[:, 0] == 0).mean() == pytest.approx(0.3, abs=0.08)
    each = VariableDropout(0.3)(x, training=True).numpy() / x
    assert np.abs(each - each[:, :1]).max() > 1, "without it each step has its own"


def test_its_function_is_that_of_keras_dropout_of_this_shape():
    x, shape = embedded(), (None, 1, None)
    factors = [
        layer(0.5, noise_shape=shape)(x, training=True).numpy() / x for layer in (VariableDropout, keras.layers.Dropout)
    ]
    assert [set(np.round(f, 4).ravel()) for f in factors] == [{0.0, 2.0}] * 2
    assert all((f == f[:, :1]).all() for f in factors)


def test_a_word_is_dropped_wherever_it_stands_in_a_sequence():
    x = embedded()
    factor = WordDropout(0.4, TOKENS)(x, IDS, training=True).numpy() / x
    dropped = factor[..., 0] == 0
    assert (factor == factor[..., :1]).all() or np.allclose(factor, factor[..., :1])
    for row, ids in zip(dropped, IDS, strict=True):
        for word in set(ids):
            assert len(set(row[ids == word])) == 1, "all of a word's places or none"
    assert dropped.mean() == pytest.approx(0.4, abs=0.08)
    assert np.allclose(factor[~dropped], 1 / 0.6)
    by_word = [[row[ids == word][0] for row, ids in zip(dropped, IDS, strict=True) if word in ids] for word in range(TOKENS)]
    assert all(0 < np.mean(rows) < 1 for rows in by_word), "another sequence drops others"
    np.testing.assert_array_equal(WordDropout(0.4, TOKENS)(x, IDS), x)


def run_of(model=None, cell="gru", options=None, **training):
    return Run(
        purpose="trial",
        task=Choice(name="words"),
        cell=Choice(name=cell, options=options or {}),
        seed=3,
        model=ModelSpec(**{"units": 6, **(model or {})}),
        training=TrainingSpec(**{"batch_size": 8, "learning_rate": 0.01, "jit": False, **training}),
    )


def steps_of(run):
    steps = CompiledSteps(run, resolve_run(run, WORDS), ("perplexity",), (STEPS,))
    data = load(Examples(IDS, np.roll(IDS, -1, 1), np.full(BATCH, STEPS, "int32")), STEPS, True)
    steps.warm_up(data)
    steps.reset(run)
    return steps, data


ORDER = plan(np.full(BATCH, STEPS), (STEPS,), 8)


def test_all_rates_are_variables_of_one_compiled_step():
    run = run_of(RATES | {"variational": True})
    others = [run.tuned({name: 0.1}) for name in RATES] + [run.tuned({"initial": "he_normal"})]
    shapes = [shape_of(r, resolve_run(r, WORDS), (), (STEPS,)) for r in (run, *others)]
    assert [s[:1] + s[3:] for s in shapes] == [shapes[0][:1] + shapes[0][3:]] * len(shapes)
    for changed in ({"input_dropout": 0.0}, {"embedding_dropout": 0.0}, {"variational": False}):
        assert shape_of(run.tuned(changed), resolve_run(run, WORDS), (), (STEPS,))[3:] != shapes[0][3:]
    steps, _ = steps_of(run)
    steps.reset(others[0].tuned({"input_dropout": 0.6, "embedding_dropout": 0.7}))
    rates = {layer.name: round(float(layer.rate.numpy()), 4) for layer in steps.model.layers if hasattr(layer, "rate")}
    assert rates == {"embedding_dropout": 0.7, "input_dropout": 0.6, "variable_dropout": 0.1}


@pytest.mark.parametrize("name", ["input_dropout", "embedding_dropout", "variational"])
def test_each_shows_in_training_and_not_at_inference(name):
    rates = {"dropout": 0.5, "variational": True} if name == "variational" else {name: 0.5}
    base = {"dropout": 0.5} if name == "variational" else {}
    (steps, data), (without, _) = steps_of(run_of(rates)), steps_of(run_of(base))
    without.set_weights(steps.weights())
    assert steps.test(data, ORDER) == without.test(data, ORDER)
    assert abs(steps.train(data, ORDER) - without.train(data, ORDER)) > 1e-5


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("lstm", {"zoneout": 0.4}),
        ("lstm", {"recurrent_dropout": 0.4}),
        ("gru", {"weight_dropout": 0.4}),
        ("layer_norm_lstm", {"zoneout": 0.3, "recurrent_dropout": 0.3}),
    ],
)
def test_what_a_cell_draws_is_of_the_run_in_training_alone_and_in_the_checkpoint(cell, options):
    run, bare = run_of(cell=cell, options=options), run_of(cell=cell)
    (steps, data), (other, _), (plain, _) = steps_of(run), steps_of(run), steps_of(bare)
    losses = [steps.train(data, ORDER) for _ in range(3)]
    assert other.train(data, ORDER) == losses[0], "the same run anew, in a network with generators of its own"
    halfway, weights = other.state(), other.weights()
    plain.set_weights(steps_of(run)[0].weights())
    assert abs(plain.train(data, ORDER) - losses[0]) > 1e-5, "it takes effect"
    again, _ = steps_of(run)
    for _ in range(2):
        again.train(data, ORDER)
    again.set_weights(weights)
    again.set_state(halfway)
    assert [again.train(data, ORDER) for _ in range(2)] == losses[1:]
    without = [state if i < len(again.optimizer.variables) else state + 5 for i, state in enumerate(halfway)]
    again.set_weights(weights)
    again.set_state(without)
    assert again.train(data, ORDER) != losses[1], "from other random numbers there are others"
    assert again.test(data, ORDER) == again.test(data, ORDER)


def test_words_are_dropped_of_words_alone():
    numbers = Signature(timesteps=4, features=2, outputs=3, target="class")
    with pytest.raises(UserError, match=r"^model\.embedding_dropout: received 0\.1, expected 0: this task has no words"):
        resolve(ModelSpec(units=3, embedding_dropout=0.1), numbers, CELLS.find("gru"), {})


def test_a_saved_network_has_keras_dropout(tmp_path):
    spec = ModelSpec(units=6, variational=True, **RATES)
    network = build(resolve(spec, WORDS, CELLS.find("gru"), {}), ordinary=True)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(IDS), network(IDS))
    kept = {
        layer.name: (layer.rate, layer.noise_shape) for layer in loaded.layers if isinstance(layer, keras.layers.Dropout)
    }
    assert {rate for rate, _ in kept.values()} == {0.2, 0.3}
    assert {tuple(shape) for _, shape in kept.values()} == {(None, 1, None)}
    assert loaded.count_params() == network.count_params()


def test_an_encoder_and_a_decoder_drop_numbers_of_both_embeddings():
    written = Signature(
        timesteps=STEPS, features=4, outputs=9, target="class", tokens=TOKENS, per_step=True, varying=True, decoded=5
    )
    rates = {"dropout": 0.2, "input_dropout": 0.3}
    spec = ModelSpec(units=6, variational=True, **rates)
    network = build(resolve(spec, written, CELLS.find("gru"), {}), VariableDropout)
    names = [layer.name for layer in network.layers if isinstance(layer, VariableDropout)]
    assert {"input_dropout", "target_input_dropout"} < set(names)
    SequenceWriter(network)
    before = np.zeros((BATCH, 5), "int32")
    mask = np.ones((BATCH, STEPS), bool)
    one, two = (network([IDS, mask, before], training=training).numpy() for training in (False, True))
    assert np.abs(one - two).max() > 1e-2
    with pytest.raises(UserError, match=r"^model\.embedding_dropout: received 0\.1, expected 0: .*written token by token"):
        resolve(spec.but(embedding_dropout=0.1), written, CELLS.find("gru"), {})

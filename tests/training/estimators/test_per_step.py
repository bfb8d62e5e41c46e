"""Estimators with a label at every step: what they learn is known, and predictions have the form of the labels."""

import numpy as np
import pytest
from sklearn.base import clone

import gru_tf
from gru_tf.foundation.errors import UserError

RNG = np.random.default_rng(0)
INPUTS = [RNG.normal(size=(int(RNG.integers(3, 9)), 1)) for _ in range(120)]
BEFORE = [np.concatenate([[0.0], x[:-1, 0]]) for x in INPUTS]  # the number of the step before
MISSING = [np.where(np.arange(len(x)) == 0, np.nan, x) for x in BEFORE]
SMALL = {"units": 8, "epochs": 60, "batch_size": 16, "learning_rate": 0.02, "random_state": 0, "per_step": True}


def test_values_of_the_step_before_are_learned_and_come_as_they_were_given():
    model = gru_tf.SequenceRegressor("gru", **SMALL).fit(INPUTS, [5 + 3 * x for x in MISSING])
    predicted = model.predict(INPUTS[:7])
    assert [each.shape for each in predicted] == [each.shape for each in MISSING[:7]]
    truth = np.concatenate([5 + 3 * x[1:] for x in BEFORE])
    given = np.concatenate([each[1:] for each in model.predict(INPUTS)])
    share = 1 - np.mean((given - truth) ** 2) / np.var(truth)
    assert share > 0.9
    assert model.score(INPUTS, [5 + 3 * x for x in MISSING]) == pytest.approx(share, abs=1e-4)
    assert clone(model).per_step is True


def test_classes_are_learned_and_missing_ones_are_none():
    labels = [np.where(np.isnan(x), "", np.where(x > 0, "up", "down")) for x in MISSING]
    model = gru_tf.SequenceClassifier("gru", **{**SMALL, "epochs": 40}).fit(INPUTS, labels)
    assert model.classes_.tolist() == ["down", "up"]
    predicted = model.predict(INPUTS)
    right = [np.mean(p[1:] == y[1:]) for p, y in zip(predicted, labels, strict=True)]
    steps = [len(y) - 1 for y in labels]
    assert np.average(right, weights=steps) > 0.9
    assert model.score(INPUTS, labels) == pytest.approx(np.average(right, weights=steps))
    shares = model.predict_proba(INPUTS[:3])
    assert [each.shape for each in shares] == [(len(x), 2) for x in INPUTS[:3]]
    np.testing.assert_allclose(np.concatenate(shares).sum(1), 1)
    objects = [np.array([v or None for v in y], dtype=object) for y in labels]
    again = gru_tf.SequenceClassifier("gru", **{**SMALL, "epochs": 2}).fit(INPUTS, objects)
    assert again.classes_.tolist() == ["down", "up"]


def test_arrays_give_arrays():
    inputs = RNG.normal(size=(40, 5, 2))
    values = np.cumsum(inputs, 1)
    model = gru_tf.SequenceRegressor("rnn", **{**SMALL, "epochs": 1}).fit(inputs, values)
    assert model.predict(inputs).shape == (40, 5, 2)
    single = gru_tf.SequenceRegressor("rnn", **{**SMALL, "epochs": 1}).fit(inputs, values[..., 0])
    assert single.predict(inputs).shape == (40, 5)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (MISSING[:-1], "expected labels for 120 sequences. Received: 119"),
        ([x[:-1] for x in MISSING], "y[0]: expected labels"),
        ([np.full(len(x), np.nan) for x in MISSING], "expected a label at one step at least"),
        ([np.full(len(x), np.inf) for x in MISSING], "expected finite numbers"),
        ([np.full(len(x), "a") for x in MISSING], "expected numbers"),
    ],
)
def test_refusals(labels, words):
    with pytest.raises(UserError) as caught:
        gru_tf.SequenceRegressor("rnn", **SMALL).fit(INPUTS, labels)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_per_step_is_true_or_false():
    with pytest.raises(UserError, match="per_step: received"):
        gru_tf.SequenceClassifier(per_step="yes").fit(INPUTS, MISSING)


def test_sequences_without_a_label_change_nothing():
    """Neither held out nor in a batch of their own, where they would show no loss."""
    few = {**SMALL, "epochs": 3, "batch_size": 1, "validation_fraction": 0.3}
    inputs, labels = INPUTS[:8], MISSING[:8]
    empty = [np.full(len(x), np.nan) for x in INPUTS[8:20]]
    alone = gru_tf.SequenceRegressor("gru", **few).fit(inputs, labels)
    beside = gru_tf.SequenceRegressor("gru", **few).fit(INPUTS[:20], labels + empty)
    assert np.isfinite(list(beside.history_.values())).all()
    assert beside.history_ == alone.history_


def test_numbers_beside_none_are_classes():
    labels = [np.array([None, *(x[1:] > 0).astype(int)], object) for x in BEFORE]
    model = gru_tf.SequenceClassifier("gru", **{**SMALL, "epochs": 2}).fit(INPUTS, labels)
    assert model.classes_.tolist() == [0, 1]
    assert 0 <= model.score(INPUTS, labels) <= 1


def test_sequences_of_which_the_last_are_shorter_than_the_first():
    """They are predicted 256 at a time, each part as long as its own longest."""
    inputs = [RNG.normal(size=(9 if place < 256 else 2 + place % 3, 1)) for place in range(300)]
    model = gru_tf.SequenceRegressor("gru", **{**SMALL, "epochs": 1}).fit(inputs[-60:], [x[:, 0] for x in inputs[-60:]])
    whole = model.predict(inputs)
    assert [len(one) for one in whole] == [len(x) for x in inputs]
    np.testing.assert_allclose(np.concatenate(whole[256:]), np.concatenate(model.predict(inputs[256:])), atol=1e-6)

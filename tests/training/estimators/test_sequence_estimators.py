"""Classifier and regressor of sequences: beside NumPy, LogisticRegression, and in scikit-learn's pipelines and searches."""

import pickle
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gru_tf
from gru_tf.foundation.catalogues import CELLS
from gru_tf.training.batches import BatchPlan
from gru_tf.training.estimators._training import _weighted

SMALL = {"units": 4, "epochs": 3, "random_state": 0}
LEARNS = {"units": 8, "epochs": 60, "learning_rate": 0.02, "random_state": 0}


@pytest.fixture(scope="module")
def ragged():
    """40 sequences of 2 to 9 steps of two features, and the sum of each one's first feature."""
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(length, 2)) for length in rng.integers(2, 10, 40)]
    return sequences, np.array([each[:, 0].sum() for each in sequences])


@pytest.fixture(scope="module")
def table():
    """Two classes that a plane divides, and their labels as words."""
    values = np.random.default_rng(1).normal(size=(240, 6))
    return values, np.where(values @ [1, 1, 1, 1, 1, 0.5] > 0, "up", "down")


def in_numpy(model, cell, steps):
    """The network's output for one sequence (T, features), by the cell's equation in float64."""
    layer = next(layer for layer in model.layers if hasattr(layer, "cell"))
    weights = {weight.name: np.asarray(weight, np.float64) for weight in layer.cell.weights}
    states = [np.zeros((1, layer.cell.units)) for _ in CELLS.find(cell).states]
    for step in steps:
        states = CELLS.find(cell).step(step[None], states, weights)
    kernel, bias = (np.asarray(weight, np.float64) for weight in model.get_layer("head").get_weights())
    return (states[0] @ kernel + bias)[0]


@pytest.mark.parametrize("cell", ["gru", "lstm", "mgu"])
def test_predictions_are_those_of_the_equations_in_numpy(cell, ragged):
    sequences, values = ragged
    model = gru_tf.SequenceRegressor(cell, **SMALL, validation_fraction=0).fit(sequences, values)
    steps = np.concatenate(sequences)
    centre, spread = steps.mean(0), steps.std(0)
    outputs = np.array([in_numpy(model.model_, cell, (each - centre) / spread)[0] for each in sequences])
    np.testing.assert_allclose(model.predict(sequences), outputs * values.std() + values.mean(), atol=1e-5)


def test_probabilities_are_the_softmax_of_numpys_logits(ragged):
    sequences, values = ragged
    model = gru_tf.SequenceClassifier(**SMALL, scaling=None).fit(sequences, values > 0)
    logits = np.array([in_numpy(model.model_, "gru", each) for each in sequences])
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(sequences), shares, atol=1e-6)
    np.testing.assert_array_equal(model.predict(sequences), shares[:, 1] > 0.5)


def test_the_regressors_losses_are_numpys_mean_squared_errors(ragged):
    sequences, values = ragged
    model = gru_tf.SequenceRegressor(**LEARNS).fit(sequences, values)
    held = np.isin(np.arange(len(values)), model.validation_)
    assert held.sum() == round(0.1 * len(values))
    errors = (model.predict(sequences) - values) / values[~held].std()
    kept = model.history_["validation_loss"][model.best_epoch_ - 1]
    assert kept == min(model.history_["validation_loss"])
    np.testing.assert_allclose(np.square(errors[held]).mean(), kept, rtol=1e-4)


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "layers": 2}, {"cell": "min_gru"}], ids=str)
def test_padding_changes_no_prediction(options, ragged):
    sequences, values = ragged
    model = gru_tf.SequenceRegressor(**SMALL | options).fit(sequences, values)
    alone = np.concatenate([model.predict([each]) for each in sequences])
    beside = model.predict([*sequences, np.full((50, 2), 9.0)])[:-1]
    np.testing.assert_allclose(alone, beside, atol=1e-6)
    assert np.ptp(alone) > 1e-3


def test_the_package_alone_loads_no_scikit_learn():
    code = "import sys, gru_tf; 'Forecaster' in dir(gru_tf) or exit('not public'); exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_steps_in_another_order_are_another_sequence(ragged):
    """So that what is compared above depends on the steps."""
    sequences, values = ragged
    model = gru_tf.SequenceRegressor(**LEARNS).fit(sequences, values)
    assert np.abs(model.predict([each[::-1] for each in sequences]) - model.predict(sequences)).max() > 1e-3


def test_the_classifier_is_right_where_logistic_regression_is(table):
    values, labels = table
    model = gru_tf.SequenceClassifier(**LEARNS).fit(values[:160], labels[:160])
    linear = LogisticRegression().fit(values[:160], labels[:160])
    assert linear.score(values[160:], labels[160:]) > 0.9
    assert model.score(values[160:], labels[160:]) > 0.9
    assert list(model.classes_) == ["down", "up"]
    assert gru_tf.SequenceClassifier(**LEARNS | {"epochs": 1}).fit(values[:160], labels[:160]).score(values, labels) < 0.9


def test_the_order_of_time_counts():
    """The class is whether the largest value comes first or last: all steps have the same mean."""
    rng = np.random.default_rng(2)
    values = rng.normal(scale=0.1, size=(200, 12, 1))
    late = rng.integers(0, 2, 200)
    values[np.arange(200), np.where(late, 9, 2)] += 2
    assert gru_tf.SequenceClassifier(**LEARNS).fit(values[:100], late[:100]).score(values[100:], late[100:]) > 0.95


def test_in_a_pipeline(table):
    values, labels = table
    pipeline = make_pipeline(StandardScaler(), gru_tf.SequenceClassifier(**LEARNS, scaling=None))
    far = 1e4 + 1e3 * values
    assert pipeline.fit(far[:160], labels[:160]).score(far[160:], labels[160:]) > 0.9
    bare = clone(pipeline[-1]).fit(far[:160], labels[:160])
    assert bare.score(far[160:], labels[160:]) < 0.8


def test_a_grid_of_units_and_of_budgets(table):
    values, labels = table
    grid = [{"units": np.array([1, 8]), "epochs": [60]}, {"parameters": [226], "epochs": [1]}]
    search = GridSearchCV(gru_tf.SequenceClassifier(**LEARNS), grid, cv=2, scoring="neg_log_loss").fit(values, labels)
    assert search.best_params_ == {"units": 8, "epochs": 60}
    small = clone(search.estimator).set_params(parameters=230, epochs=1).fit(values, labels)
    assert small.parameters_ == sum(weight.size for weight in small.model_.get_weights())
    assert abs(small.parameters_ - 230) <= 23
    assert small.units_ != 8


def test_folds_of_groups_on_lists(ragged):
    sequences, values = ragged
    groups = np.arange(len(values)) % 4
    model = gru_tf.SequenceRegressor(**LEARNS)
    scores = cross_val_score(model, sequences, values, groups=groups, cv=GroupKFold(4))
    assert scores.shape == (4,)
    held = [each for each, group in zip(sequences, groups, strict=True) if group == 3]
    kept = [each for each, group in zip(sequences, groups, strict=True) if group != 3]
    own = clone(model).fit(kept, values[groups != 3]).score(held, values[groups == 3])
    assert min(abs(scores - own)) < 1e-12


def test_a_clone_and_a_pickle_predict_the_same(ragged):
    sequences, values = ragged
    model = gru_tf.SequenceRegressor("lstm", **SMALL, dropout=0.3).fit(sequences, values)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(sequences), model.predict(sequences))
    copy = clone(model)
    assert not hasattr(copy, "history_")
    np.testing.assert_array_equal(copy.fit(sequences, values).predict(sequences), model.predict(sequences))


def test_one_seed_gives_the_same_numbers_whatever_came_before(ragged):
    sequences, values = ragged
    one = gru_tf.SequenceRegressor(**SMALL).fit(sequences, values)
    gru_tf.SequenceRegressor(**SMALL | {"random_state": 5}).fit(sequences, values)
    np.random.seed(7)
    two = gru_tf.SequenceRegressor(**SMALL).fit(sequences, values)
    assert one.history_ == two.history_
    np.testing.assert_array_equal(one.predict(sequences), two.predict(sequences))
    other = gru_tf.SequenceRegressor(**SMALL | {"random_state": 1}).fit(sequences, values)
    assert other.history_ != one.history_


def test_the_users_random_numbers_go_on(table):
    values, labels = table
    np.random.seed(3)
    random.seed(3)
    wanted = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    gru_tf.SequenceClassifier(**SMALL).fit(values, labels).predict(values)
    assert (np.random.random(), random.random()) == wanted


def test_without_a_seed_fits_differ(table):
    values, labels = table
    model = gru_tf.SequenceClassifier(**SMALL | {"random_state": None})
    assert model.fit(values, labels).history_ != clone(model).fit(values, labels).history_


@pytest.mark.parametrize("estimator", [gru_tf.SequenceRegressor, gru_tf.SequenceClassifier])
def test_a_weight_counts_as_repetitions_do(estimator, table):
    values, labels = table
    values, target = values[:30], values[:30].sum(1) if estimator is gru_tf.SequenceRegressor else labels[:30]
    weights = np.random.default_rng(4).integers(0, 4, 30)
    model = estimator(**LEARNS | {"epochs": 20}, batch_size=200, validation_fraction=0)
    weighted = clone(model).fit(values, target, sample_weight=weights)
    repeated = clone(model).fit(np.repeat(values, weights, axis=0), np.repeat(target, weights))
    outputs = weighted._outputs(values)
    np.testing.assert_allclose(outputs, repeated._outputs(values), atol=1e-4)
    assert np.abs(outputs - clone(model).fit(values, target)._outputs(values)).max() > 1e-2


def test_a_batch_of_light_examples_takes_a_small_step():
    """By the mean weight of its real examples, beside that of all: of a plan whose last example pads."""
    order, valid = np.array([[0, 1], [2, 2]], "int32"), np.array([[1, 1], [1, 0]], "float32")
    weights = np.array([1, 2, 6], "float32")
    plan, by_step = _weighted(BatchPlan(order, valid, np.zeros(2, "int32")), weights)
    np.testing.assert_array_equal(plan.valid, [[1, 2], [6, 0]])
    np.testing.assert_allclose(by_step, [1.5 / 3, 6 / 3])


def test_patience_ends_training_and_the_best_epoch_is_kept(ragged):
    sequences, values = ragged
    model = gru_tf.SequenceRegressor(**LEARNS | {"epochs": 500, "learning_rate": 0.1}, patience=5).fit(sequences, values)
    assert model.n_iter_ == model.best_epoch_ + 5 < 500
    assert len(model.history_["train_loss"]) == model.n_iter_


def test_examples_held_out_are_not_trained_on(ragged):
    """Others in their place change the validation loss alone."""
    sequences, values = ragged
    model = gru_tf.SequenceRegressor(**SMALL)
    held = model.fit(sequences, values).validation_
    others = [each + 1 if place in held else each for place, each in enumerate(sequences)]
    again = clone(model).fit(others, np.where(np.isin(np.arange(len(values)), held), values + 1, values))
    assert again.history_["train_loss"] == model.history_["train_loss"]
    assert again.history_["validation_loss"] != model.history_["validation_loss"]


@pytest.mark.parametrize("seed", range(3))
def test_validation_has_its_share_of_each_class(seed):
    labels = np.repeat([0, 1, 2], [60, 25, 15])
    options = SMALL | {"random_state": seed, "validation_fraction": 0.2}
    model = gru_tf.SequenceClassifier(**options).fit(np.zeros((100, 3)), labels)
    assert np.bincount(labels[model.validation_]).tolist() == [12, 5, 3]
    every = clone(model).set_params(validation_fraction=0).fit(np.zeros((100, 3)), labels)
    assert len(every.validation_) == 0
    assert list(every.history_) == ["train_loss"]


def test_several_targets_in_their_units(table):
    values, _ = table
    targets = np.stack([1e6 + 1e5 * values.sum(1), values[:, 0]], axis=1)
    model = gru_tf.SequenceRegressor(**LEARNS | {"units": 16}).fit(values[:, :, None], targets)
    assert model.n_features_in_ == 1
    assert model.predict(values[:5, :, None]).shape == (5, 2)
    assert model.score(values[:, :, None], targets) > 0.8


def test_a_frames_names_are_checked(table):
    values, labels = table
    frame = pd.DataFrame(values, columns=list("abcdef"))
    model = gru_tf.SequenceClassifier(**SMALL).fit(frame, labels)
    assert list(model.feature_names_in_) == list("abcdef")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))
    assert not hasattr(model.fit(values[:, :, None], labels), "feature_names_in_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gruu"}, "no cell is called 'gruu'. Did you mean 'gru'?"),
        ({"units": 0}, "SequenceRegressor: units: received 0, expected at least 1."),
        ({"dropout": 1.0}, "SequenceRegressor: dropout: received 1.0, expected less than 1."),
        ({"validation_fraction": 1}, "validation_fraction: received 1, expected a share of at least 0 and below 1"),
        ({"scaling": "standrd"}, "scaling: received 'standrd', expected one of 'standard', None. Did you mean 'standard'?"),
        ({"options": {"reset": True}}, "SequenceRegressor: gru.reset: no such option"),
        ({"parameters": 2}, "SequenceRegressor: parameters: received 2, expected a larger budget"),
        ({"learning_rate": 1e30, "scaling": None}, "SequenceRegressor: epoch 1: expected a finite loss; a smaller"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_in_a_parameter_is_named_at_fit(options, message, table):
    model = gru_tf.SequenceRegressor(**SMALL | options)
    with pytest.raises(gru_tf.UserError) as refused:
        model.fit(table[0] * 1e15, table[0].sum(1) * 1e15)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([np.ones((3, 2)), np.ones((4, 3))], "X[1]: expected 2 features a step, as in X[0]. Received: 3"),
        ([np.ones((3, 2)), np.ones((0, 2))], "X[1]: expected an array (T, features), T at least 1"),
        (
            [np.ones((3, 1)), np.array([[1.0], [np.nan]])],
            "X[1]: expected finite numbers. Received: NaN or infinity in step 1",
        ),
        ([np.ones((3, 1)), [["a"]]], "X[1]: expected an array (T, features) of numbers"),
    ],
)
def test_a_sequence_that_is_not_as_the_others_is_named(sequences, message):
    with pytest.raises(gru_tf.UserError) as refused:
        gru_tf.SequenceRegressor(**SMALL).fit(sequences, [0.0, 1.0])
    assert message in str(refused.value)


def test_what_was_fitted_on_one_length_takes_no_list_of_several(table):
    model = gru_tf.SequenceClassifier(**SMALL).fit(table[0][:, :, None], table[1])
    model.predict([np.ones((4, 1)), np.ones((4, 1))])
    with pytest.raises(gru_tf.UserError, match="expected sequences of one length.* Received: lengths from 3 to 4"):
        model.predict([np.ones((3, 1)), np.ones((4, 1))])


def test_lists_of_numbers_are_a_table_or_sequences_of_their_own_lengths():
    same = gru_tf.SequenceRegressor(**SMALL).fit([[1, 2, 3], [4, 5, 6], [1, 1, 1]], [1, 2, 3])
    assert same.n_features_in_ == 3
    several = gru_tf.SequenceRegressor(**SMALL).fit([[1, 2, 3], [4, 5], [1]], [1, 2, 3])
    assert several.n_features_in_ == 1

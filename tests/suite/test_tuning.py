"""The search: spaces as hyperparameters, oracles that are asked and told, and a HyperModel for any stock tuner."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import keras
import keras_tuner
import numpy as np
import pytest
from places import ROOT

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import SearchSpec
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tuning import RecurrentHyperModel, Search, declare
from gru_tf.tasks.images.digits import Digits

# Keras Tuner 1.4.8 locks its oracles by names of threads, in a spelling that Python deprecated in 3.10
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:currentThread\(\) is deprecated:DeprecationWarning:keras_tuner"),
    pytest.mark.filterwarnings(r"ignore:getName\(\) is deprecated:DeprecationWarning:keras_tuner"),
]

RATES = {"low": 1e-4, "high": 1e-1, "sampling": "log"}
SPACE = {"learning_rate": RATES, "units": {"low": 4, "high": 64}, "clip_norm": [None, 0.5, 1.0]}
FINITE = {"units": [4, 8], "clip_norm": [None, 1.0], "jit": ["auto", False]}
TUNERS = ["random", "bayesian", "grid"]
# A Gaussian process is fitted for each Bayesian trial after three for each hyperparameter: one and a few are enough.
SIZES = {"random": (14, SPACE), "bayesian": (5, {"learning_rate": RATES}), "grid": (14, SPACE)}


def search_of(tuner="random", trials=6, space=None, seed=1000):
    return SearchSpec.model_validate({"tuner": tuner, "trials": trials, "space": space or SPACE, "seed": seed})


def value_of(settings):
    """A made-up metric, best at a learning rate of 0.01."""
    return -abs(np.log10(settings["learning_rate"]) + 2)


def conduct(search, value=value_of, limit=100):
    """Ask and tell until the search ends; returns its batches of settings."""
    batches = []
    while batch := search.ask():
        batches.append(batch)
        for settings in batch:
            search.tell(value(settings))
        assert len(batches) < limit
    return batches


def flat(batches):
    return [settings for batch in batches for settings in batch]


# --- declare ---


def declared(space, **values):
    """What `declare` returns, and the hyperparameters that it declared."""
    hp = keras_tuner.HyperParameters()
    declare(search_of(space=space), hp)
    hp.values.update(values)
    return declare(search_of(space=space), hp), hp


def test_a_range_of_reals_and_one_of_whole_numbers():
    values, hp = declared({"learning_rate": RATES, "units": {"low": 4, "high": 64}, "dropout": {"low": 0, "high": 0.5}})
    kinds = {h.name: (type(h).__name__, h.min_value, h.max_value, h.sampling) for h in hp.space}
    assert kinds == {
        "learning_rate": ("Float", 1e-4, 1e-1, "log"),
        "units": ("Int", 4, 64, "linear"),
        "dropout": ("Float", 0, 0.5, "linear"),
    }
    assert type(values["units"]) is int


LISTS = [
    ("units", [4, 8, 16], int),
    ("learning_rate", [0.01, 0.1], float),
    ("optimizer", ["adam", "sgd"], str),
    ("bidirectional", [True, False], bool),
]


@pytest.mark.parametrize(("name", "values", "kind"), LISTS)
def test_a_list_of_one_type_keeps_its_values(name, values, kind):
    for value in values:
        ((_, got),) = declared({name: values}, **{name: value})[0].items()
        assert got == value
        assert type(got) is kind


@pytest.mark.parametrize(("name", "values"), [("clip_norm", [None, 0.5, 1]), ("jit", ["auto", True, False])])
def test_a_list_of_mixed_types_gives_back_each_value_with_its_type(name, values):
    _, hp = declared({name: values})
    got = []
    for shown in hp.space[0].values:
        hp.values[name] = shown
        got.append(declare(search_of(space={name: values}), hp)[name])
    assert [(type(v), v) for v in got] == [(type(v), v) for v in values]


def test_a_list_of_null_alone():
    assert declared({"patience": [None]})[0] == {"patience": None}


# --- the oracles ---


def in_range(settings):
    return (
        1e-4 <= settings["learning_rate"] <= 1e-1
        and 4 <= settings.get("units", 4) <= 64
        and type(settings.get("units", 4)) is int
        and settings.get("clip_norm") in (None, 0.5, 1.0)
    )


@pytest.mark.parametrize("tuner", TUNERS)
def test_every_trial_lies_in_the_space_and_their_number_is_kept(tuner):
    count, space = SIZES[tuner]
    trials = flat(conduct(Search(search_of(tuner, count, space), "max")))
    assert len(trials) == count
    assert all(t.keys() == space.keys() and in_range(t) for t in trials)
    assert len({tuple(t.items()) for t in trials}) == count, "no trial twice"


@pytest.mark.parametrize("seed", [0, 1000])
@pytest.mark.parametrize("tuner", TUNERS)
def test_the_same_results_told_again_lead_to_the_same_trials(tuner, seed):
    first, again = (conduct(Search(search_of(tuner, *SIZES[tuner], seed=seed), "max")) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("tuner", ["random", "bayesian"])
def test_another_seed_leads_to_other_trials(tuner):
    first, other = (conduct(Search(search_of(tuner, 2, seed=seed), "max")) for seed in (0, 1))
    assert first != other


def test_random_asks_for_all_trials_at_once_the_others_for_one_at_a_time():
    for tuner in TUNERS:
        search = Search(search_of(tuner), "max")
        assert len(search.ask()) == (6 if tuner == "random" else 1)
        assert search.ask() == [], "nothing more until results are told"


def test_random_trials_cover_the_logarithm_evenly():
    rates = [t["learning_rate"] for t in Search(search_of(trials=300, space={"learning_rate": RATES}), "max").ask()]
    assert len(rates) == 300
    share = np.mean(np.array(rates) < 1e-3)
    assert 0.2 < share < 0.47, "a third of three decades; a hundredth if drawn evenly"


def test_grid_enumerates_every_combination_once():
    trials = flat(conduct(Search(search_of("grid", 50, FINITE), "max"), value=lambda _: 0.5))
    expected = set(product([4, 8], [None, 1.0], ["auto", False]))
    assert len(trials) == len(expected)
    assert {tuple(t[name] for name in ("units", "clip_norm", "jit")) for t in trials} == expected


@pytest.mark.parametrize("tuner", TUNERS)
def test_a_small_space_ends_the_search_or_repeats_within_it(tuner):
    trials = flat(conduct(Search(search_of(tuner, 20, {"units": [4, 8]}), "max"), value=lambda t: t["units"]))
    assert {t["units"] for t in trials} == {4, 8}
    assert len(trials) <= 20
    if tuner != "bayesian":  # a Gaussian process may ask for what it knows
        assert len(trials) == 2


@pytest.mark.parametrize("tuner", TUNERS)
@pytest.mark.parametrize("finishing", [0, 3])
def test_failed_trials_do_not_stop_the_search(tuner, finishing):
    """Also where all fail, and after Keras Tuner's own limit of three in a row."""
    count, space = SIZES[tuner]
    left = iter([0.5] * finishing + [None] * (count + 1))
    trials = flat(conduct(Search(search_of(tuner, count + 1, space), "max"), value=lambda _: next(left)))
    assert len(trials) == count + 1


def proposals(direction, value):
    """Learning rates that a Bayesian search asks for: three at random, then by what it was told."""
    search = search_of("bayesian", 6, {"learning_rate": RATES})
    return [t["learning_rate"] for t in flat(conduct(Search(search, direction), value))]


def low_rates(settings):
    """A metric that is the greater the lower the learning rate."""
    return -float(np.log10(settings["learning_rate"]))


def test_bayesian_search_goes_by_what_it_was_told():
    up, down = proposals("max", low_rates), proposals("min", low_rates)
    assert up[:3] == down[:3]
    assert up[3:] != down[3:]
    assert np.median(up[3:]) < 1e-3 < 1e-2 < np.median(down[3:])


def test_bayesian_search_learns_nothing_from_a_failed_trial():

    def high_rates_give(value):
        return proposals("max", lambda t: value if t["learning_rate"] > 0.01 else low_rates(t))

    failed = high_rates_give(None)
    assert len(failed) == 6
    assert failed != high_rates_give(0.0)


# --- the HyperModel, in stock tuners ---

EXPERIMENT = {
    "name": "rows",
    "question": "Does a stock tuner take it?",
    "tasks": [{"digits": {"reading": "rows"}}, {"adding": {"length": 5}}],
    "cells": ["rnn", "gru"],
    "seeds": 1,
    "model": {"units": 4},
    "training": {"epochs": 3, "batch_size": 50, "clip_norm": 0.01, "optimizer": "sgd", "jit": False},
    "search": {"trials": 2, "space": {"learning_rate": [0.5, 1.0], "units": [4, 6]}},
}
LABEL = "digits(reading=rows)"


def experiment_of(**training):
    return Experiment.model_validate({**EXPERIMENT, "training": {**EXPERIMENT["training"], **training}})


@pytest.fixture(scope="module")
def rows():
    """A few images to train on and to validate on."""
    splits = Digits(reading="rows").splits(np.random.default_rng(0))
    train, validation = splits.train, splits.validation
    return (train.inputs[:100], train.targets[:100]), (validation.inputs[:60], validation.targets[:60])


@pytest.fixture(autouse=True)
def seeded():
    """`model.fit` shuffles by TensorFlow's own seed, which op determinism, on after any run, wants set."""
    keras.utils.set_random_seed(0)


TUNER_CLASSES = {
    keras_tuner.RandomSearch: {"max_trials": 2},
    keras_tuner.Hyperband: {"max_epochs": 2, "hyperband_iterations": 1},
}


@pytest.mark.parametrize("kind", TUNER_CLASSES, ids=lambda kind: kind.__name__)
def test_a_stock_tuner_searches_it(kind, rows, tmp_path):
    hypermodel = RecurrentHyperModel(experiment_of(), LABEL, "gru")
    objective = keras_tuner.Objective("val_accuracy", "max")
    tuner = kind(hypermodel, objective, directory=tmp_path, project_name="p", seed=1, **TUNER_CLASSES[kind])
    tuner.search(*rows[0], validation_data=rows[1], epochs=1, verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    assert best["units"] in (4, 6)
    trial = tuner.oracle.get_best_trials()[0]
    assert trial.status == "COMPLETED"
    model = tuner.get_best_models()[0]
    accuracy = np.mean(model.predict(rows[1][0], verbose=0).argmax(-1) == rows[1][1])
    assert trial.score == pytest.approx(accuracy, abs=1e-6)


LOADING = """
import sys
import gru_tf, keras, numpy as np
loaded = [name for name in sys.modules if name.startswith(("gru_tf.training", "gru_tf.suite", "gru_tf.recurrent.layers"))]
assert not loaded, loaded
file, arrays, precompiled = sys.argv[1], np.load(sys.argv[2]), sys.argv[3] == "True"
model = keras.saving.load_model(file, compile=precompiled)
np.testing.assert_allclose(model.predict(arrays["x"], verbose=0), arrays["outputs"], rtol=0, atol=1e-6)
if precompiled:
    scores = model.evaluate(arrays["x"], arrays["y"], verbose=0, return_dict=True)
    assert set(scores) == {"loss", "accuracy"}
    np.testing.assert_allclose([scores["loss"], scores["accuracy"]], arrays["scores"], rtol=1e-6)
    assert float(model.optimizer.learning_rate) == arrays["rate"]
    assert int(model.optimizer.iterations) == arrays["steps"] > 0
    model.fit(arrays["x"], arrays["y"], verbose=0)
print("loaded")
"""


def test_the_best_model_of_a_search_is_loaded_by_a_process_that_imported_gru_tf_alone(rows, tmp_path):
    hypermodel = RecurrentHyperModel(experiment_of(optimizer="adam", weight_decay=0.01), LABEL, "gru")
    objective = keras_tuner.Objective("val_accuracy", "max")
    tuner = keras_tuner.RandomSearch(hypermodel, objective, max_trials=2, directory=tmp_path, project_name="p", seed=1)
    tuner.search(*rows[0], validation_data=rows[1], epochs=1, verbose=0)
    model, (x, y) = tuner.get_best_models()[0], rows[1]
    outputs, scores = model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "best.keras")
    again = keras.saving.load_model(tmp_path / "best.keras")
    assert again.evaluate(x, y, verbose=0) == pytest.approx(scores, rel=1e-6)
    rate = float(model.optimizer.learning_rate)
    steps = int(model.optimizer.iterations)
    np.savez(tmp_path / "arrays.npz", x=x, y=y, outputs=outputs, scores=scores, rate=rate, steps=steps)
    for precompiled in (True, False):
        files = [str(tmp_path / "best.keras"), str(tmp_path / "arrays.npz"), str(precompiled)]
        command, environment = [sys.executable, "-c", LOADING, *files], {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "loaded", done.stderr
        assert "Skipping" not in done.stderr, "the optimiser's state is loaded too"


def test_its_fit_takes_epochs_and_batch_size_from_the_experiment_unless_told(rows):
    hypermodel, hp = RecurrentHyperModel(experiment_of(), LABEL, "rnn"), keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, *rows[0], verbose=0)
    assert len(history.epoch) == 3
    assert int(model.optimizer.iterations) == 3 * 2
    assert len(hypermodel.fit(hp, model, *rows[0], epochs=1, verbose=0).epoch) == 1


def test_its_fit_weighs_classes_as_the_task_does_unless_told(rows, monkeypatch):
    hypermodel, hp = RecurrentHyperModel(experiment_of(), LABEL, "rnn"), keras_tuner.HyperParameters()
    weights = tuple(np.linspace(0.5, 1.5, 10).tolist())
    weighted = SimpleNamespace(signature=replace(hypermodel.task.signature, weights=weights), metric=hypermodel.task.metric)
    monkeypatch.setattr(hypermodel, "task", weighted)
    keras.utils.set_random_seed(1)
    model, (x, y) = hypermodel.build(hp), rows[0]
    model.optimizer.learning_rate = 0.0
    unweighted = model.evaluate(x, y, verbose=0, return_dict=True)
    history = hypermodel.fit(hp, model, x, y, epochs=1, verbose=0).history
    nll = -np.log(keras.ops.softmax(model.predict(x, verbose=0)).numpy()[np.arange(len(y)), y])
    assert history["loss"] == pytest.approx([np.mean(nll * np.array(weights)[y])], rel=1e-4)
    assert history["accuracy"] == pytest.approx([unweighted["accuracy"]], rel=1e-5), "the metric is not weighted"
    for own in ({"class_weight": None}, {"sample_weight": np.ones(len(y))}):
        plain = hypermodel.fit(hp, model, x, y, epochs=1, verbose=0, **own).history
        assert plain["loss"] == pytest.approx([unweighted["loss"]], rel=1e-4)


def test_its_metric_heeds_sample_weights(rows):
    model = RecurrentHyperModel(experiment_of(), LABEL, "gru").build(keras_tuner.HyperParameters())
    (x, y), _ = rows
    right = keras.ops.softmax(model.predict(x, verbose=0)).numpy().argmax(-1) == y
    scores = model.evaluate(x, y, sample_weight=right.astype("float32"), verbose=0, return_dict=True)
    assert right.any()
    assert scores["accuracy"] == pytest.approx(1.0)


def test_it_is_the_network_that_the_hyperparameters_name():
    hypermodel, hp = RecurrentHyperModel(experiment_of(), LABEL, "gru"), keras_tuner.HyperParameters()
    hypermodel.build(hp)
    hp.values.update(units=6, learning_rate=1.0)
    model = hypermodel.build(hp)
    assert model.layers[1].units == 6
    assert float(model.optimizer.learning_rate) == 1.0
    assert isinstance(model.optimizer, keras.optimizers.SGD)


@pytest.mark.parametrize("clip", ["global", "weight"])
def test_its_gradients_are_clipped_as_configured(clip, rows):
    """One step of SGD at a rate of 0.5 moves the weights by half the clipped gradient."""
    hypermodel = RecurrentHyperModel(experiment_of(clip=clip), LABEL, "gru")
    model = hypermodel.build(keras_tuner.HyperParameters())
    before = model.get_weights()
    model.train_on_batch(rows[0][0], rows[0][1])
    norms = [float(np.linalg.norm(a - b)) for a, b in zip(before, model.get_weights(), strict=True)]
    if clip == "global":
        assert np.linalg.norm(norms) == pytest.approx(0.5 * 0.01, rel=1e-3)
    else:
        assert norms == pytest.approx([0.5 * 0.01] * len(norms), rel=1e-3)


def test_its_weight_decay_spares_biases():
    model = RecurrentHyperModel(experiment_of(weight_decay=0.1), LABEL, "gru").build(keras_tuner.HyperParameters())
    assert model.optimizer.weight_decay == 0.1
    decayed = {weight.name: model.optimizer._use_weight_decay(weight) for weight in model.trainable_variables}
    assert decayed == {"kernel": True, "recurrent_kernel": True, "bias": False}


def test_without_clipping_a_step_is_longer(rows):
    model = RecurrentHyperModel(experiment_of(clip_norm=None), LABEL, "gru").build(keras_tuner.HyperParameters())
    before = model.get_weights()
    model.train_on_batch(rows[0][0], rows[0][1])
    assert np.linalg.norm([np.linalg.norm(a - b) for a, b in zip(before, model.get_weights(), strict=True)]) > 0.05


def test_its_loss_and_metric_are_the_tasks(rows):
    model = RecurrentHyperModel(experiment_of(), LABEL, "gru").build(keras_tuner.HyperParameters())
    (x, y), _ = rows
    found = model.evaluate(x, y, return_dict=True, verbose=0)
    shares = keras.ops.softmax(model.predict(x, verbose=0)).numpy()
    assert found["loss"] == pytest.approx(-np.log(shares[np.arange(len(y)), y]).mean(), rel=1e-4)
    assert found["accuracy"] == pytest.approx(np.mean(shares.argmax(-1) == y), abs=1e-6)


def test_an_unknown_label_or_no_search_is_the_users_mistake():
    for task, cell, message in (
        (
            "digit(reading=rows)",
            "gru",
            r"the experiment has no 'digit\(reading=rows\)'\. Did you mean 'digits\(reading=rows\)'\?",
        ),
        (LABEL, "gruu", r"the experiment has no 'gruu'\. Did you mean 'gru'\? It has: rnn, gru"),
    ):
        with pytest.raises(UserError, match=message):
            RecurrentHyperModel(experiment_of(), task, cell)
    with pytest.raises(UserError, match="^rows: expected a 'search'"):
        RecurrentHyperModel(experiment_of().but(search=None), LABEL, "gru")

"""Fields of a recipe that would not be read are refused, in one line with what would be right."""

import pytest
from pydantic import ValidationError

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import TrainingSpec
from gru_tf.experiment.specs.recipe import LATER, OF_OPTIMIZERS, PARAMETERS
from gru_tf.foundation.errors import UserError, mismatch

REFUSED = [
    (
        {"momentum": 0.9},
        "expected no 'momentum' together with 'optimizer: adam', which has beta_1, beta_2, epsilon. Received: 0.9",
    ),
    (
        {"optimizer": "rmsprop", "momentum": 0.9, "nesterov": True},
        "expected no 'nesterov' together with 'optimizer: rmsprop', which has rho, momentum, epsilon, centered."
        " Received: true",
    ),
    (
        {"optimizer": "sgd", "epsilon": 0.1},
        "expected no 'epsilon' together with 'optimizer: sgd', which has momentum, nesterov. Received: 0.1",
    ),
    (
        {"optimizer": "sgd", "beta_1": 0.0},
        "expected no 'beta_1' together with 'optimizer: sgd', which has momentum, nesterov. Received: 0.0",
    ),
    (
        {"optimizer": "sgd", "nesterov": True},
        "expected a 'momentum' above 0 together with 'nesterov'. Received: none",
    ),
    ({"optimizer": "adamw"}, "received 'adamw', expected 'adam' with 'weight_decay', which is AdamW."),
    ({"optimizer": "AdamW"}, "received 'AdamW', expected 'adam' with 'weight_decay', which is AdamW."),
    ({"momentum": 1.0}, "received 1.0, expected less than 1."),
    ({"weight_noise": -0.1}, "received -0.1, expected at least 0."),
    (
        {"clip_value": 0.5},
        "expected 'clip_norm: null' together with 'clip_value': gradients are clipped in one way. Received: clip_norm 1",
    ),
    (
        {"decay_factor": 0.5},
        "expected no 'decay_factor' together with 'decay: none': it is of step or exponential or plateau. Received: 0.5",
    ),
    (
        {"decay": "cosine", "decay_every": 2},
        "expected no 'decay_every' together with 'decay: cosine': it is of step or exponential or plateau. Received: 2",
    ),
    (
        {"decay": "plateau", "decay_every": 2, "decay_factor": 0.5, "decay_start": 3},
        "expected no 'decay_start' together with 'decay: plateau': it is of linear or cosine or step or exponential."
        " Received: 3",
    ),
    ({"decay": "step", "decay_every": 2}, "expected a 'decay_factor' together with 'decay: step'. Received: none"),
    ({"decay": "plateau", "decay_factor": 0.5}, "expected a 'decay_every' together with 'decay: plateau'. Received: none"),
    ({"decay": "step", "decay_every": 1, "decay_factor": 1.0}, "received 1.0, expected less than 1."),
    (
        {"decay": "step", "decay_every": 1, "decay_factor": 0.5, "seconds": 3.0},
        "expected no 'decay' together with 'seconds': a schedule needs the number of steps. Received: step",
    ),
]
POSSIBLE = [
    {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    {"optimizer": "rmsprop", "rho": 0.95, "momentum": 0.9, "epsilon": 1e-4, "centered": True},
    {"beta_1": 0.0, "beta_2": 0.98, "epsilon": 1e-9, "weight_decay": 0.01},
    {"clip_norm": None, "clip_value": 0.5},
    {"decay": "linear", "decay_start": 2, "warmup": 0.1},
    {"optimizer": "sgd", "learning_rate": 1.0, "decay": "step", "decay_start": 4, "decay_every": 1, "decay_factor": 0.5},
    {"decay": "plateau", "decay_every": 2, "decay_factor": 0.1},
    {"optimizer": "rmsprop", "weight_noise": 0.075, "clip_norm": 1.0},
]


@pytest.mark.parametrize(("recipe", "message"), REFUSED)
def test_what_would_not_be_read_is_refused_in_one_line(recipe, message):
    with pytest.raises(ValidationError) as refused:
        TrainingSpec(**recipe)
    assert mismatch(refused.value.errors()) == message


@pytest.mark.parametrize("recipe", POSSIBLE)
def test_what_has_a_meaning_is_kept(recipe):
    spec = TrainingSpec(**recipe)
    assert {name: getattr(spec, name) for name in recipe} == recipe
    assert TrainingSpec.model_validate_json(spec.model_dump_json()) == spec


def test_every_field_came_later_and_every_parameter_belongs_to_an_optimiser():
    dumped = TrainingSpec().model_dump()
    assert dumped.keys().isdisjoint(LATER)
    assert set(LATER) < set(TrainingSpec.model_fields)
    assert set(OF_OPTIMIZERS) < set(LATER)
    assert set(PARAMETERS) == {"adam", "rmsprop", "sgd"}


def experiment(training, space):
    content = {"name": "q", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 3}}
    return Experiment(**content, training=training, search={"trials": 2, "space": space})


def test_a_search_tries_the_recipe_and_refuses_pairs_of_values_that_are_impossible_together():
    sgd = {"optimizer": "sgd", "momentum": 0.9}
    space = {"momentum": {"low": 0.5, "high": 0.99}, "nesterov": [False, True]}
    assert experiment(sgd, space).search.axes.keys() == {"momentum", "nesterov"}
    with pytest.raises(UserError, match=r"search.space: momentum with nesterov: expected a 'momentum' above 0"):
        experiment(sgd, {"momentum": [0.0, 0.9], "nesterov": [False, True]})
    with pytest.raises(UserError, match=r"search.space: optimizer with momentum: expected no 'momentum'"):
        experiment({"optimizer": "sgd"}, {"momentum": [0.0, 0.9], "optimizer": ["sgd", "adam"]})


BASE = {"name": "q", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 3}}


@pytest.mark.parametrize(
    ("training", "words"),
    [
        (
            {"epochs": 5, "decay": "linear", "decay_start": 5},
            "training.decay_start: received 5, expected less than there are epochs, 5: it would not fall",
        ),
        (
            {"epochs": 5, "decay": "step", "decay_every": 6, "decay_factor": 0.5},
            "training.decay_every: received 6, expected less than there are epochs, 5: it would not fall",
        ),
        (
            {"epochs": 5, "decay": "plateau", "decay_every": 5, "decay_factor": 0.5},
            "training.decay_every: received 5, expected less than there are epochs, 5: it would not fall",
        ),
        (
            {"steps": 100, "evaluate_every": 30, "decay": "cosine", "decay_start": 4},
            "training.decay_start: received 4, expected less than there are stretches of 'evaluate_every' updates, 4:"
            " it would not fall",
        ),
    ],
)
def test_a_decay_after_the_end_is_refused(training, words):
    with pytest.raises(UserError) as caught:
        Experiment(**BASE, training=training)
    assert str(caught.value) == f"Experiment: {words}"
    TrainingSpec(**training)  # of a run that was cut short
    for name in ("epochs", "steps"):
        if name in training:
            Experiment(**BASE, training=training | {name: 200})
    space = {"decay_start": [1, 2]} if "decay_start" in training else {"decay_every": [1, 2]}
    Experiment(**BASE, training=training, search={"trials": 2, "space": space})


def test_whose_norm_is_clipped_is_not_said_where_none_is():
    training = {"clip": "weight", "clip_norm": None}
    words = r"^Experiment: training.clip: expected a 'clip_norm' together with it. Received: clip_norm null$"
    with pytest.raises(UserError, match=words):
        Experiment(**BASE, training=training)
    TrainingSpec(**training)  # of a trial of the search below
    Experiment(**BASE, training=training, search={"trials": 2, "space": {"clip_norm": [None, 1.0]}})
    searched = {"trials": 2, "space": {"clip": ["weight", "global"]}}
    Experiment(**BASE, search=searched)
    with pytest.raises(UserError, match=r"^Experiment: search.space.clip: expected a 'clip_norm' together with it"):
        Experiment(**BASE, training={"clip_norm": None}, search=searched)

"""By which metric a comparison goes: the one that is named, or one that counts seldom classes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison
from gru_tf.tasks import create


def recordings(folder: Path, positive: float, count: int = 400) -> Path:
    rng = np.random.default_rng(2)
    labels = np.where(rng.permutation(count) < positive * count, "fault", "fine")
    rows = [
        (n, step, rng.standard_normal() + (label == "fault"), label) for n, label in enumerate(labels) for step in range(3)
    ]
    pd.DataFrame(rows, columns=["id", "step", "value", "label"]).to_csv(folder / "machines.csv", index=False)
    return folder / "machines.csv"


def test_accuracy_alone_is_not_shown_of_seldom_classes(tmp_path: Path) -> None:
    planned = comparison.plan(recordings(tmp_path, 0.057))
    (task,) = planned.experiment.tasks
    assert (task.options["measure"], task.options["class_weights"]) == ("balanced_accuracy", "balanced")
    (line,) = [text for text, options in planned.inferences if "metric" in options]
    assert line.startswith("metric: balanced accuracy, classes weighted equally in training, as 'fault' is 5.")
    made = create(task.name, task.options)
    assert made.metric.name == "balanced_accuracy"
    assert made.metric.chance == 0.5
    weights = made.signature.weights
    targets = np.asarray(made.splits(np.random.default_rng(0)).train.targets)
    assert weights[0] * (targets == 0).sum() == pytest.approx(weights[1] * (targets == 1).sum())
    assert np.asarray(weights)[targets].mean() == pytest.approx(1.0)


def test_even_classes_are_counted_by_accuracy(tmp_path: Path) -> None:
    planned = comparison.plan(recordings(tmp_path, 0.3))
    assert "measure" not in planned.experiment.tasks[0].options
    assert not [text for text, options in planned.inferences if "metric" in options]


def test_a_named_metric_is_taken(tmp_path: Path) -> None:
    planned = comparison.plan(recordings(tmp_path, 0.3), metric="roc_auc")
    task = create(planned.experiment.tasks[0].name, planned.experiment.tasks[0].options)
    assert (task.metric.name, task.metric.chance, task.metric.direction) == ("roc_auc", 0.5, "max")


@pytest.mark.parametrize(
    ("metric", "near"), [("f1", "one of accuracy, balanced_accuracy, macro_f1, roc_auc"), ("rmse", "metric")]
)
def test_one_of_another_kind_is_refused(tmp_path: Path, metric: str, near: str) -> None:
    with pytest.raises(UserError, match=near):
        comparison.plan(recordings(tmp_path, 0.3), metric=metric)


def test_weights_of_classes_train_as_repeated_examples_do(tmp_path: Path) -> None:
    """One step by gradient descent on one batch of all examples: a weight of two counts an example twice."""
    from gru_tf.experiment.experiment import Experiment
    from gru_tf.tasks import Examples
    from gru_tf.training import refit, trainer

    options = {"path": str(recordings(tmp_path, 0.25, 80)), "id": "id", "order": "step", "label": "label"}
    content = {
        "name": "weights",
        "question": "?",
        "tasks": [{"sequences": {**options, "class_weights": "balanced"}}],
        "cells": ["gru"],
        "seeds": 1,
        "model": {"units": 3},
        "training": {"epochs": 1, "batch_size": 256, "optimizer": "sgd", "learning_rate": 0.5, "clip_norm": None},
    }
    (run,) = Experiment.model_validate(content).runs()
    weighted = trainer.prepare(run)
    train = weighted.splits.train
    refit.train_on(run, weighted.task.signature, train, weighted.steps, 1)
    counts = np.bincount(train.targets)
    assert counts.max() == 3 * counts.min()
    seldom = np.flatnonzero(train.targets == counts.argmin())
    thrice = np.concatenate([np.arange(len(train)), seldom, seldom])
    repeated = Examples(train.inputs[thrice], train.targets[thrice], train.lengths[thrice])
    plain_content = {**content, "tasks": [{"sequences": options}]}
    (plain_run,) = Experiment.model_validate(plain_content).runs()
    plain = trainer.prepare(plain_run)
    refit.train_on(plain_run, plain.task.signature, repeated, plain.steps, 1)
    for ours, theirs in zip(weighted.steps.weights(), plain.steps.weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    unweighted = trainer.prepare(plain_run)
    refit.train_on(plain_run, plain.task.signature, train, unweighted.steps, 1)
    assert max(np.abs(a - b).max() for a, b in zip(weighted.steps.weights(), unweighted.steps.weights(), strict=True)) > 1e-3

"""Targets at every step of which some are missing: losses, metrics, weights and outputs against NumPy."""

from dataclasses import replace

import numpy as np
import pandas
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import TrainingSpec
from gru_tf.training import trainer
from gru_tf.training.batches import plan

TRAINING = {"epochs": 2, "batch_size": 7, "jit": False}
CLASSES, VALUES = {"label": "on"}, {"label": "a", "labels": ["b"], "kind": "value"}


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """60 walks of 1 to 20 steps, so that batches are cut to several lengths; a fifth of the labels is missing.

    Of every ninth walk all are.
    """
    rng, rows = np.random.default_rng(0), []
    for walk in range(60):
        x = rng.normal(size=int(rng.integers(1, 21)))
        for step, value in enumerate(x):
            label = ("up" if value > 0.8 else "down") if rng.random() > 0.2 and walk % 9 else ""
            rows.append((walk, step, value, label, 3 + 2 * value if rng.random() > 0.2 and walk % 9 else None, -value))
    path = tmp_path_factory.mktemp("walks") / "walks.csv"
    pandas.DataFrame(rows, columns=["id", "step", "x", "on", "a", "b"]).to_csv(path, index=False)
    return str(path)


def run(path, bidirectional=False, **options):
    task = {"path": path, "id": "id", "order": "step", "features": ["x"], "per_step": True, **options}
    model = {"units": 4, "bidirectional": bidirectional}
    return Run.model_validate(
        {"task": {"sequences": task}, "cell": "gru", "seed": 0, "purpose": "final", "model": model, "training": TRAINING}
    )


def mean_loss(outputs, part, weights=None):
    """Cross-entropy or squared error of the labelled real steps, one by one."""
    total = count = 0.0
    for output, target, length in zip(outputs.astype(float), part.targets, part.lengths, strict=True):
        for step in range(length):
            if target.ndim == 2:
                if np.isnan(target[step]).any():
                    continue
                total, count = total + np.mean((output[step] - target[step]) ** 2), count + 1
            elif target[step] >= 0:
                weight = 1 if weights is None else weights[target[step]]
                surprise = np.log(np.exp(output[step]).sum()) - output[step][target[step]]
                total, count = total + weight * surprise, count + weight
    return total / count


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "options", [{"label": "on"}, {"label": "a", "labels": ["b"], "kind": "value"}], ids=["class", "value"]
)
def test_losses_are_means_over_labelled_steps(walks, options, bidirectional):
    prepared = trainer.prepare(run(walks, bidirectional, **options))
    part, steps = prepared.splits.validation, prepared.steps
    order = plan(part.lengths, steps.buckets, 7)
    assert len(steps.buckets) > 1
    outputs = steps.predict(prepared.data["validation"], order)
    assert outputs.shape == (len(part), prepared.task.signature.timesteps, 2)
    loss, *_ = steps.test(prepared.data["validation"], order)
    assert loss == pytest.approx(mean_loss(outputs, part), rel=1e-5)
    model = steps.export(run(walks, bidirectional, **options))
    real = np.arange(part.inputs.shape[1]) < part.lengths[:, None]
    plain = model.predict([part.inputs, real] if len(model.inputs) > 1 else part.inputs, verbose=0)
    np.testing.assert_allclose(outputs[:, : part.inputs.shape[1]][real], plain[real], atol=1e-5)


def test_classes_of_equal_weight_weigh_labelled_steps(walks):
    """The loss of one step of training, before its update, with the weights of classes."""
    prepared = trainer.prepare(run(walks, label="on", class_weights="balanced"))
    part, steps = prepared.splits.train, prepared.steps
    whole = plan(part.lengths, steps.buckets, 7)
    outputs = steps.predict(prepared.data["train"], whole)
    still = np.zeros(len(whole.order), "float32")
    loss = steps.train(prepared.data["train"], whole, still)
    assert loss == pytest.approx(mean_loss(outputs, part, prepared.task.weights), rel=1e-5)
    assert abs(loss - mean_loss(outputs, part)) > 1e-4


@pytest.mark.parametrize("options", [CLASSES, VALUES, {"label": "on", "class_weights": "balanced"}])
def test_a_batch_without_any_label_teaches_nothing(walks, options):
    """Its gradient is 0, not 0 / 0: gradient descent leaves the weights as they are, and learns from the next batch."""
    one = run(walks, **options)
    prepared = trainer.prepare(one.model_copy(update={"training": TrainingSpec(**TRAINING, optimizer="sgd")}))
    part, steps = prepared.splits.train, prepared.steps
    there = part.targets >= 0 if part.targets.ndim == 2 else np.isfinite(part.targets).all(-1)
    real = np.arange(part.targets.shape[1]) < part.lengths[:, None]
    without = np.flatnonzero(~(there & real).any(1))
    assert len(without)
    plans = plan(part.lengths, steps.buckets, 7)
    batch = replace(
        plans, order=np.full_like(plans.order[:1], without[0]), valid=np.ones_like(plans.valid[:1]), bucket=plans.bucket[-1:]
    )
    before, rate = steps.weights(), np.full(1, 0.1, "float32")
    steps.train(prepared.data["train"], batch, rate)
    for new, old in zip(steps.weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)
    assert np.isfinite(steps.train(prepared.data["train"], plans, np.full(len(plans.order), 0.1, "float32")))
    assert not np.array_equal(steps.weights()[0], before[0])


def test_a_run_trains_and_is_tested_on_labelled_steps(walks):
    result = trainer.train(run(walks, label="on"))
    assert result.status == "finished"
    assert 0 <= result.test <= 1
    assert {"balanced_accuracy", "macro_f1"} <= set(result.more)
    values = trainer.train(run(walks, label="a", labels=["b"], kind="value"))
    assert values.status == "finished"
    assert np.isfinite([values.test, values.validation]).all()
    assert set(values.parts["label"]) == {"a", "b"}
    assert values.radii["80"][0] > 0


@pytest.mark.parametrize("options", [CLASSES, VALUES, {"label": "on", "measure": "macro_f1"}], ids=["class", "value", "f1"])
def test_a_run_without_validation_and_one_that_monitors(walks, options):
    """Of the first the last weights are tested; of the second another metric, of all outputs, chooses."""
    one = run(walks, validation=0, **options)
    bare = one.model_copy(update={"training": TrainingSpec(**TRAINING, validation="none", select="last")})
    result = trainer.train(bare)
    assert result.status == "finished"
    assert np.isfinite(result.test)
    if "measure" in options:
        monitored = run(walks, **options)
        training = TrainingSpec(**TRAINING, monitor="balanced_accuracy")
        assert trainer.train(monitored.model_copy(update={"training": training})).status == "finished"

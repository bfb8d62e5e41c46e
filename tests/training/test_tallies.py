"""What is recorded beside the score of examples one by one, against the saved model's own outputs."""

import keras
import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.tasks import create
from gru_tf.training import trainer
from gru_tf.training.epochs import stream


def trained(folder, task, **recipe):
    """(result, saved model, splits) of a small run."""
    recipe = {"epochs": 2, "learning_rate": 0.02, **recipe}
    run = Run.model_validate(
        {"purpose": "final", "task": task, "cell": "lstm", "seed": 0, "model": {"units": 5}, "training": recipe}
    )
    result = trainer.train(run, folder)
    splits = create(run.task.name, run.task.options).splits(stream(run.seed, run.task))
    return result, keras.models.load_model(result.model_file), splits


def right(model, examples):
    """(N, T) whether a prediction is right, False where there is no target."""
    outputs = keras.ops.convert_to_numpy(model(examples.inputs.astype("float32")))
    return (outputs.argmax(-1) == examples.targets) & (examples.targets >= 0)


def test_counting_records_to_which_n_the_language_is_accepted(tmp_path):
    counting = {"longest": 6, "held_out": 2, "test_longest": 20, "copies": 40}
    result, model, splits = trained(tmp_path, {"counting": counting}, epochs=12)
    asked = [*create("counting", counting).also_tallied(splits).values(), splits.test, splits.more["longer"]]
    accepted = [
        bool(row.sum() == (targets >= 0).sum())
        for part in asked
        for row, targets in zip(right(model, part), part.targets, strict=True)
    ]
    assert len(accepted) == 20
    assert result.more["accepted_to"] == (accepted.index(False) if False in accepted else 20)
    assert result.more["accepted"] == pytest.approx(np.mean(accepted))
    assert 0 < result.more["accepted"] < 1, "expected a network of which some strings are accepted, to compare more than 0"
    by_n = [part["accepted"] for part in result.parts["length"].values()]
    assert by_n == [float(each) for each in accepted]
    assert result.test == pytest.approx(right(model, splits.test).sum() / (splits.test.targets >= 0).sum())


def test_accuracy_by_length_is_that_of_the_saved_model(tmp_path):
    options = {
        "shortest": 2,
        "length": 6,
        "test_longest": 12,
        "examples": 200,
        "validation_examples": 40,
        "test_examples": 60,
    }
    result, model, splits = trained(tmp_path, {"reverse_string": options})
    longer = splits.more["longer"]
    lengths, hits = longer.lengths // 2, right(model, longer)
    by_length = {n: hits[lengths == n].sum() / (n * (lengths == n).sum()) for n in range(7, 13)}
    for n, expected in by_length.items():
        assert result.parts["length"][str(n)]["accuracy"] == pytest.approx(expected)
    assert result.more["longer_mean_over_lengths"] == pytest.approx(np.mean([*by_length.values()]))
    assert result.more["longer_accuracy"] == pytest.approx(hits.sum() / (longer.targets >= 0).sum())


def test_waves_with_targets_at_every_step_are_scored_at_the_last(tmp_path):
    options = {
        "length": 12,
        "horizon": 3,
        "targets": "every",
        "examples": 64,
        "validation_examples": 16,
        "test_examples": 20,
    }
    result, model, splits = trained(tmp_path, {"waves": options})
    outputs = keras.ops.convert_to_numpy(model(splits.test.inputs))
    assert outputs.shape == splits.test.targets.shape
    errors = np.square(outputs - splits.test.targets).mean(-1)
    assert result.test == pytest.approx(errors[:, -1].mean(), rel=1e-5)
    assert result.test != pytest.approx(errors.mean(), rel=1e-4), "as near: then this shows nothing"
    validated = keras.ops.convert_to_numpy(model(splits.validation.inputs))[:, -1] - splits.validation.targets[:, -1]
    assert result.validation == pytest.approx(np.square(validated).mean(), rel=1e-5)
    assert result.history["validation_loss"] == pytest.approx(result.history["validation_mse"])

"""Data that go to the device in parts give the same numbers, to the bit, as data that lie there whole."""

import numpy as np
import pytest
import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.tasks import Examples
from gru_tf.training import feeding, trainer
from gru_tf.training.batches import plan

SMALL = {"adding": {"length": 4, "examples": 90, "validation_examples": 20, "test_examples": 20}}


def examples(count=37, steps=3):
    rng = np.random.default_rng(0)
    inputs = rng.random((count, steps, 2), dtype="float32")
    return Examples(inputs, rng.integers(0, 5, count).astype("int32"), np.full(count, steps))


def gathered(data, steps):
    """What each step of a pass would read."""
    rows = []
    for inputs, targets, lengths, order, valid, bucket in data.feeds(steps):
        assert len(order) == len(valid) == len(bucket)
        rows += [(inputs.numpy()[o], targets.numpy()[o], lengths.numpy()[o], v) for o, v in zip(order, valid, strict=True)]
    return rows


@pytest.fixture
def streamed(monkeypatch):
    monkeypatch.setattr(feeding, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(feeding, "PART_BYTES", 600)


@pytest.mark.parametrize("batch_size", [1, 8, 37])
def test_parts_hold_what_the_whole_holds(batch_size, streamed):
    given = examples()
    steps = plan(given.lengths, (3,), batch_size, np.random.default_rng(1))
    data = feeding.load(given, 3)
    assert not data.resident
    assert len(list(data.feeds(steps))) > 1 or batch_size == 37
    for number, (inputs, targets, lengths, valid) in enumerate(gathered(data, steps)):
        np.testing.assert_array_equal(inputs, given.inputs[steps.order[number]])
        np.testing.assert_array_equal(targets, given.targets[steps.order[number]])
        np.testing.assert_array_equal(lengths, given.lengths[steps.order[number]])
        np.testing.assert_array_equal(valid, steps.valid[number])


def test_small_data_lie_on_the_device_and_are_fed_at_once():
    given = examples()
    data = feeding.load(given, 3)
    assert data.resident
    assert all(isinstance(array, tf.Tensor) for array in data.arrays)
    assert len(list(data.feeds(plan(given.lengths, (3,), 8)))) == 1


def trained():
    trainer._data.cache_clear()
    settings = {"model": {"units": 3}, "training": {"epochs": 2, "batch_size": 8, "jit": False}}
    return trainer.train(Run.model_validate({"purpose": "final", "task": SMALL, "cell": "gru", "seed": 5, **settings}))


def test_training_in_parts_gives_the_same_bits(monkeypatch):
    whole = trained()
    monkeypatch.setattr(feeding, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(feeding, "PART_BYTES", 1200)
    parts = trained()
    trainer._data.cache_clear()
    assert (parts.history, parts.test) == (whole.history, whole.test)


def test_parts_in_another_order_are_noticed(streamed):
    given = examples()
    steps = plan(given.lengths, (3,), 8, np.random.default_rng(1))
    rows = gathered(feeding.load(given, 3), steps)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(rows[0][0], given.inputs[steps.order[1]])

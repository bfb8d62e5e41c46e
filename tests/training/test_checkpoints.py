"""Checkpoints: exact to the bit, or not there at all."""

import math
import random
from pathlib import Path

import numpy as np
import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation import environment
from gru_tf.recurrent import kernels
from gru_tf.training import checkpoints
from gru_tf.training.checkpoints import Checkpoint

RUN = Run(
    purpose="trial",
    task=Choice(name="digits"),
    cell=Choice(name="gru"),
    seed=3,
    model=ModelSpec(units=2),
    training=TrainingSpec(epochs=9),
)


def checkpoint() -> Checkpoint:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype("float32") for shape in ((3, 2), (2,), ())]
    state = [np.int64(7), np.array([1, 2], "uint32"), *weights[:1]]
    history = {"train_loss": [0.1 + 0.2, 1e-300], "validation_accuracy": [0.25, math.pi]}
    return Checkpoint(weights, [np.asarray(s) for s in state], history, [0.5, 0.25], 1, math.pi, weights, [0.1, 0.2])


def same(one: Checkpoint, other: Checkpoint) -> bool:
    arrays = [(a, b) for name in checkpoints.LISTS for a, b in zip(getattr(one, name), getattr(other, name), strict=True)]
    equal = all(a.dtype == b.dtype and a.tobytes() == b.tobytes() and a.shape == b.shape for a, b in arrays)
    return equal and all(repr(getattr(one, name)) == repr(getattr(other, name)) for name in checkpoints.FIELDS)


def test_comes_back_to_the_bit(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "a.checkpoint", checkpoint())
    found = checkpoints.load(tmp_path / "a.checkpoint", 2)
    assert found is not None
    assert same(found, checkpoint())
    assert found.epoch == 2


def test_many_arrays_keep_their_order(tmp_path: Path) -> None:
    many = Checkpoint([np.full(1, i) for i in range(25)], [], {}, [1.0])
    checkpoints.save(tmp_path / "a.checkpoint", many)
    found = checkpoints.load(tmp_path / "a.checkpoint", 1)
    assert found is not None
    assert [int(w[0]) for w in found.weights] == list(range(25))


def test_no_best_epoch_yet(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "a.checkpoint", Checkpoint([], [], {}, [1.0]))
    found = checkpoints.load(tmp_path / "a.checkpoint", 1)
    assert found is not None
    assert found.best_epoch is None
    assert math.isnan(found.best)


def test_one_that_went_further_is_not_for_a_shorter_run(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "a.checkpoint", checkpoint())
    assert checkpoints.load(tmp_path / "a.checkpoint", 1) is None
    assert checkpoints.load(tmp_path / "absent.checkpoint", 9) is None


def test_runs_that_differ_in_epochs_alone_share_one(tmp_path: Path) -> None:
    longer = RUN.model_copy(update={"training": RUN.training.but(epochs=81)})
    other = RUN.model_copy(update={"training": RUN.training.but(learning_rate=0.5)})
    assert checkpoints.path(RUN, tmp_path) == checkpoints.path(longer, tmp_path)
    assert checkpoints.path(RUN, tmp_path) != checkpoints.path(other, tmp_path)


def test_every_truncation_and_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.checkpoint"
    checkpoints.save(file, checkpoint())
    whole, rng = file.read_bytes(), random.Random(0)
    for length in [0, 1, 31, 32, 33, len(whole) - 1, *rng.sample(range(len(whole)), 50)]:
        file.write_bytes(whole[:length])
        assert checkpoints.load(file, 9) is None, length
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :])
        assert checkpoints.load(file, 9) is None, place
    file.write_bytes(whole)
    assert checkpoints.load(file, 9) is not None


def test_one_of_other_versions_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers might be others to the bit."""
    checkpoints.save(tmp_path / "a.checkpoint", checkpoint())
    monkeypatch.setattr(environment, "source", lambda: "another")
    assert checkpoints.load(tmp_path / "a.checkpoint", 9) is None


def test_one_of_the_fused_kernels_is_not_continued_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels and TensorFlow's loop sum in another order: a run of both would be neither's."""
    file = tmp_path / "run.checkpoint"
    monkeypatch.setattr(kernels, "why_not", lambda: "")
    checkpoints.save(file, checkpoint())
    assert checkpoints.load(file, 9) is not None
    monkeypatch.setattr(kernels, "why_not", lambda: "GRU_TF_KERNELS=off")
    assert checkpoints.load(file, 9) is None

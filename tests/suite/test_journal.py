"""Results on disk until the store has them."""

import errno
from pathlib import Path

import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation import atomic_file
from gru_tf.suite import journal


def result(seed: int = 0, value: float = 0.1 + 0.2) -> RunResult:
    task, cell = Choice(name="digits", options={"reading": "rows"}), Choice(name="gru")
    run = Run(purpose="final", task=task, cell=cell, seed=seed, model=ModelSpec(units=2), training=TrainingSpec(epochs=1))
    return RunResult(run=run, status="finished", started=1e9 + 0.1, seconds=0.3, history={"train_loss": [value]}, test=value)


def test_keeps_until_confirmed(tmp_path: Path) -> None:
    assert journal.unconfirmed(tmp_path / "not there") == []
    for seed in range(3):
        assert journal.keep(tmp_path, result(seed)) == result(seed)
    assert {r.run.seed: r for r in journal.unconfirmed(tmp_path)} == {seed: result(seed) for seed in range(3)}
    journal.confirm(tmp_path, result(1))
    journal.confirm(tmp_path, result(1))
    assert sorted(r.run.seed for r in journal.unconfirmed(tmp_path)) == [0, 2]
    assert [journal.holds(tmp_path, result(seed)) for seed in range(3)] == [True, False, True]


def test_a_run_tried_again_takes_the_place_of_its_failure(tmp_path: Path) -> None:
    journal.keep(tmp_path, result().model_copy(update={"status": "failed"}))
    journal.keep(tmp_path, result())
    assert [r.status for r in journal.unconfirmed(tmp_path)] == ["finished"]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"run": {}}', b"\xff\xfe", b"null"])
def test_damaged_files_are_passed_over(tmp_path: Path, damage: bytes) -> None:
    journal.keep(tmp_path, result())
    (tmp_path / f"0123456789abcdef{journal.SUFFIX}").write_bytes(damage)
    (tmp_path / f"folder{journal.SUFFIX}").mkdir()
    assert journal.unconfirmed(tmp_path) == [result()]


def test_a_full_disk_is_a_warning_on_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_file, "write", full)
    kept = journal.keep(tmp_path, result())
    assert kept.warning == "the result could not be kept on disk: No space left on device"
    assert kept.test == result().test
    assert not journal.holds(tmp_path, kept)

"""The same experiment gives the same numbers to the bit, however many processes train it, and wherever it began again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import STEADY, Command, Reference, numbers, sqlite, until, write

from gru_tf import suite
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.yaml_file import load
from gru_tf.training import checkpoints

Start = Callable[..., Command]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_workers(start: Start, tmp_path: Path, reference: Reference, workers: str) -> None:
    """In this process, in one, or (the reference) in two."""
    command = start("run", str(write(tmp_path, "steady", STEADY)), "--workers", workers)
    assert command.ended() == 0, command.said()
    assert numbers(sqlite(tmp_path), "steady") == reference.numbers


@pytest.fixture
def epochs_trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each epoch that this process trains; the step that only compiles is none."""
    from gru_tf.training.compiled_steps import CompiledSteps

    trained: list[int] = []
    train = CompiledSteps.train

    def counting(self: Any, data: Any, steps: Any, *more: Any) -> Any:
        if len(steps.order) > 1:
            trained.append(len(trained))
        return train(self, data, steps, *more)

    monkeypatch.setattr(CompiledSteps, "train", counting)
    return trained


def test_long_run_goes_on_from_its_checkpoint(start: Start, tmp_path: Path, epochs_trained: list[int]) -> None:
    """After kill -9 only the epochs after the last checkpoint are trained, to the numbers of training in one go."""
    from gru_tf.training import trainer

    content = {**STEADY, "seeds": 1, "search": None, "training": {**STEADY["training"], "epochs": 2000}}
    file = write(tmp_path, "long", content)
    run = load(file).runs()[0]
    saved = checkpoints.path(run, tmp_path / "mlruns" / "work" / "long")
    command = start("run", str(file), "--workers", "1")

    def reached() -> int:
        found = checkpoints.load(saved, run.training.epochs)
        return found.epoch if found else 0

    until(lambda: reached() >= 200, "a checkpoint")
    command.kill()
    done = reached()
    assert 200 <= done < run.training.epochs
    shutil.copytree(saved.parent, tmp_path / "copy")

    resumed = trainer.train(run, tmp_path / "copy")
    assert len(epochs_trained) == run.training.epochs - done
    whole = trainer.train(run)
    assert len(epochs_trained) == 2 * run.training.epochs - done
    assert _numbers(resumed) == _numbers(whole)
    again = start("run", str(file), "--workers", "1")
    assert again.ended() == 0, again.said()
    stored = numbers(sqlite(tmp_path), "long")[run.fingerprint]
    assert (stored[2], stored[3]) == (repr(whole.validation), repr(whole.test))
    assert stored[-1] == {name: [repr(v) for v in values] for name, values in whole.history.items()}
    print(f"\nkilled after the checkpoint of epoch {done} of {run.training.epochs}")


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")  # MLflow, of its own types
def test_promoted_trials_go_on(tmp_path: Path, epochs_trained: list[int]) -> None:
    """Hyperband trains no epoch twice, and its trials equal ones trained from scratch."""
    from gru_tf.training import trainer

    space = {"learning_rate": {"low": 1e-3, "high": 2e-2, "sampling": "log"}}
    search = {"tuner": "hyperband", "space": space}
    sizes = {"length": 6, "examples": 64, "validation_examples": 32, "test_examples": 16}
    content = {**STEADY, "tasks": [{"adding": sizes}], "seeds": 1, "training": {"epochs": 9}, "search": search}
    found: list[RunResult] = []
    file = write(tmp_path, "bands", content)
    suite.run(file, sqlite(tmp_path), workers=0, progress=lambda result, *_: found.append(result) if result else None)

    assert {r.status for r in found} == {"finished"}
    trials = [r for r in found if r.run.purpose == "trial"]
    groups: dict[Path, list[int]] = {}
    for result in trials:
        groups.setdefault(checkpoints.path(result.run, tmp_path), []).append(result.run.training.epochs)
    assert any(len(group) == 3 for group in groups.values()), "no trial was promoted twice"
    finals = [r for r in found if r.run.purpose == "final"]
    assert len(epochs_trained) == sum(map(max, groups.values())) + sum(r.run.training.epochs for r in finals)
    assert len(epochs_trained) < sum(r.run.training.epochs for r in found)
    promoted = [r for r in trials if r.run.training.epochs > min(groups[checkpoints.path(r.run, tmp_path)])]
    for result in promoted:
        assert _numbers(trainer.train(result.run)) == _numbers(result)
    print(f"\n{len(trials)} trials, {len(promoted)} of them promoted; {len(epochs_trained)} epochs trained")


def _numbers(result: RunResult) -> tuple[Any, ...]:
    return result.status, result.best_epoch, result.validation, result.test, result.history


def test_another_run_has_other_numbers(reference: Reference) -> None:
    """The comparison can fail: no two runs of the reference agree."""
    assert len({str(numbers) for numbers in reference.numbers.values()}) == len(reference.numbers)

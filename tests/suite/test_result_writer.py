"""Results on their way to a store that refuses."""

import errno
from pathlib import Path

import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError
from gru_tf.suite import journal, result_writer
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import StoreError


def result(seed: int = 0, **changes: object) -> RunResult:
    task, cell = Choice(name="digits", options={"reading": "rows"}), Choice(name="gru")
    run = Run(purpose="final", task=task, cell=cell, seed=seed, model=ModelSpec(units=2), training=TrainingSpec(epochs=1))
    return RunResult(run=run, status="finished", started=1e9, seconds=0.3).model_copy(update=changes)


class Store:
    """A record that refuses as often as it is told to."""

    def __init__(self, refusals: int = 0):
        self.refusals, self.taken, self.asked = refusals, [], 0

    def results(self) -> dict[str, RunResult]:
        return {r.run.fingerprint: r for r in self.taken}

    def write(self, result: RunResult) -> None:
        self._ask()
        self.taken.append(result)

    def beat(self) -> bool:
        self._ask()
        return True

    def _ask(self) -> None:
        self.asked += 1
        if self.asked <= self.refusals:
            raise StoreError(f"the tracking store there does not respond: {self.asked}")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(result_writer, "time", made)
    return made


def made(store: Store, folder: Path, patience: float = 60.0) -> tuple[ResultWriter, list[str]]:
    said: list[str] = []
    return ResultWriter(store, folder, patience, said.append), said  # type: ignore[arg-type]


def test_writes_and_confirms(tmp_path: Path) -> None:
    store = Store()
    journal.keep(tmp_path, result())
    writes, said = made(store, tmp_path)
    writes.write(result())
    assert (store.taken, said, journal.unconfirmed(tmp_path)) == ([result()], [], [])


def test_a_refusal_is_said_at_once_and_tried_again(tmp_path: Path, clock: Clock) -> None:
    store = Store(refusals=4)
    writes, said = made(store, tmp_path)
    writes.write(result())
    assert said[0] == "the tracking store there does not respond: 1. Retrying; Ctrl-C stops and keeps all finished runs."
    assert said[1:] == ["the store responds again."]
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0]
    assert store.taken == [result()]
    assert journal.unconfirmed(tmp_path) == []


def test_what_the_store_was_asked_for_comes_back(tmp_path: Path) -> None:
    store = Store(refusals=2)

    def ask() -> str:
        store._ask()
        return f"answer {store.asked}"

    writes, lines = made(store, tmp_path)
    assert writes.insist(ask) == "answer 3"
    assert lines[1:] == ["the store responds again."]


def test_after_the_patience_it_waits_in_the_journal(tmp_path: Path, clock: Clock) -> None:
    store = Store(refusals=10**6)
    journal.keep(tmp_path, result(1))
    writes, _ = made(store, tmp_path)
    with pytest.raises(UserError, match=f"2 unsaved results in {tmp_path}; the same command stores them and continues"):
        writes.write(result())
    assert 60 < clock.now < 75
    assert sorted(r.run.seed for r in journal.unconfirmed(tmp_path)) == [0, 1], "also one that no worker had kept"

    store.refusals = 0
    made(store, tmp_path)[0].write_unconfirmed()
    assert sorted(r.run.seed for r in store.taken) == [0, 1]
    assert journal.unconfirmed(tmp_path) == []


def test_what_the_disk_refuses_as_well_is_never_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_file, "write", full)
    store = Store(refusals=1000)
    writes, said = made(store, tmp_path)
    writes.write(result(warning="the result could not be kept on disk: No space left on device"))
    assert clock.now > 1000
    assert said[0] == "gru on digits(reading=rows), seed 0: the result could not be kept on disk: No space left on device"
    assert len(said) == 3
    assert len(store.taken) == 1


def test_kept_results_are_written_once(tmp_path: Path) -> None:
    """One that the store had taken already is not written twice; a failure is forgotten, as its run is tried again."""
    store = Store()
    store.taken = [result(0), result(1, status="failed")]
    for kept in (result(0), result(1), result(2, status="failed"), result(3, status="diverged")):
        journal.keep(tmp_path, kept)
    stored = made(store, tmp_path)[0].write_unconfirmed()
    assert stored == store.results(), "what the coordinator knows then, without reading it again"
    assert [(r.run.seed, r.status) for r in store.taken[2:]] in (
        [(1, "finished"), (3, "diverged")],
        [(3, "diverged"), (1, "finished")],
    )
    assert journal.unconfirmed(tmp_path) == []


def test_a_kept_result_that_was_looked_into_is_written_beside_one_that_was_not(tmp_path: Path) -> None:
    store, plain = Store(), result()
    looked_into = plain.model_copy(update={"run": plain.run.but(diagnostics=True)})
    store.taken = [plain]
    journal.keep(tmp_path, looked_into)
    made(store, tmp_path)[0].write_unconfirmed()
    assert store.taken == [plain, looked_into]
    journal.keep(tmp_path, plain)
    made(store, tmp_path)[0].write_unconfirmed()
    assert store.taken == [plain, looked_into], "and not the other way round"


def test_a_sign_of_life_that_is_not_taken_is_said_once(tmp_path: Path) -> None:
    store = Store(refusals=3)
    writes, said = made(store, tmp_path)
    for _ in range(5):
        writes.beat()
    assert len(said) == 1
    assert said[0].endswith(f"Training continues; results are kept in {tmp_path}.")


def test_between_two_signs_of_life_nothing_is_known_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, not yet due, refused: said once; then taken, and refused anew: said again."""
    refused = StoreError("the tracking store there does not respond")
    told = iter([refused, False, False, refused, False, True, refused])

    def beat() -> bool:
        if isinstance(now := next(told), StoreError):
            raise now
        return now

    store = Store()
    monkeypatch.setattr(store, "beat", beat)
    writes, said = made(store, tmp_path)
    for wanted in (1, 1, 1, 1, 1, 1, 2):
        writes.beat()
        assert len(said) == wanted


def test_complains_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    result_writer.complain("no")
    assert capsys.readouterr() == ("", "gru-tf: no\n")

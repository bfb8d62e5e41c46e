"""The results of an experiment that was run before; a store in SQLite is read without MLflow."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gru_tf.analysis.results import Results
from gru_tf.experiment import timing
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import Diagnostics, RunResult
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import address, reading

if TYPE_CHECKING:
    from gru_tf.suite.tracking.record import Record


def results(name: str, store: str | None = None) -> Results:
    """The results of an experiment that was run before, from the store alone.

    Raises:
        UserError: where the store has none of that name.
    """
    stored = reading.find(name, store)
    return of_record(_record(name, store)) if stored is None else _of_stored(stored)


def finished(experiment: Experiment, store: str | None = None) -> Results | None:
    """The results of an experiment of which nothing is left to do; None where `run` is to see what there is.

    Read without MLflow, so that a finished experiment answers before anything is started for it.
    """
    file = address.file_of(address.checked(address.default_uri() if store is None else store))
    if file is None or not file.exists() or (file.parent / "work" / experiment.name).exists():  # cut short as it ended
        return None
    stored = reading.find(experiment.name, store)
    return _of_stored(stored) if stored is not None and stored.answers(experiment) else None


def expect_alone(experiment: Experiment, store: str | None = None) -> None:
    """Raise UserError where the store has an experiment of this name that is another one, by other seeds perhaps.

    A run would take its place there: answer, report, times and best models are those of the definition that was run last.
    """
    uri = address.checked(address.default_uri() if store is None else store)
    try:
        there = results(experiment.name, uri).experiment
    except UserError:  # the store has none of that name, or there is no store yet
        return
    if there.fingerprint != experiment.fingerprint:
        raise UserError(
            f"--seeds: {uri} has '{experiment.name}' by other seeds, whose place this run would take. Give a '--store' of"
            " its own, such as sqlite:///second.db"
        )


def _of_stored(stored: reading.StoredExperiment) -> Results:
    runs = tuple(stored.members.results.values())
    return Results(stored.experiment, runs, stored.members.left_out, stored, _times(stored.timing(), runs))


def of_record(record: "Record") -> Results:
    """The results that the definition of a record uses."""
    runs = tuple(record.results(members_only=True).values())
    return Results(record.experiment, runs, record.left_out, record, _times(record.timing(), runs))


def _times(timings: Iterable[timing.Timing], runs: Iterable[RunResult]) -> timing.Timings | None:
    return timing.of_runs(timings, {result.run.fingerprint for result in runs})


def _record(name: str, store: str | None) -> "Record":
    from gru_tf.suite.tracking.store import Store

    return Store(store, make=False).find(name)


def diagnostics(name: str, store: str | None = None) -> list[tuple[RunResult, Diagnostics]]:
    """The final runs of an experiment that recorded the inside of their networks, each with what it recorded.

    Raises:
        UserError: where the store has no experiment of that name, or none of its runs recorded any.
    """
    record = _record(name, store)
    results = record.results(members_only=True).values()
    recorded = [(result, inside) for result in results if (inside := record.diagnostics(result)) is not None]
    if not recorded:
        raise UserError(
            f"no run of '{name}' in {record.uri} has diagnostics. Set 'diagnostics: true' in its file and run it again"
        )
    return recorded

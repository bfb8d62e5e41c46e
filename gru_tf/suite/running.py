"""An experiment carried out: a run joins engine, coordinator, store and publishing."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gru_tf.analysis.results import Results
from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation import startup
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.suite import coordinator, journal, lock, publishing, sizes, stored_results
from gru_tf.suite.definitions import load
from gru_tf.suite.engine import Engine
from gru_tf.suite.engine.serial import SerialEngine
from gru_tf.suite.engine.worker_pool import LocalEngine
from gru_tf.suite.progress import Progress, display, phase
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record, Store, StoreError, address

ENGINES = ("local", "serial", "ray")
OURS = re.compile(r"[0-9a-f]{16}\.(checkpoint|keras|result\.json)|\.writing-[0-9a-f]{16}\.(checkpoint|keras|json)")


def engine_for(
    experiment: Experiment,
    name: str = "local",
    workers: int | None = None,
    threads: int = 1,
    time_limit: float | None = None,
    address: str | None = None,
) -> Callable[[Path], Engine]:
    """What makes the engine for an experiment, given a folder.

    Args:
        experiment: one with `model.budget: seconds` gets a single worker.
        name: "local" (worker processes on this machine), "serial" (in this process) or "ray".
        workers: processes, one per GPU or else per core if None; 0 means "serial".
        threads: threads of each worker.
        time_limit: seconds after which a run counts as hanging.
        address: of a running Ray cluster; None starts Ray on this machine.

    Raises:
        UserError: for another name, where Ray is not installed, and where runs that need a quiet machine would share it.
    """
    if name not in ENGINES:
        raise UserError(f"no engine is called '{name}'.{did_you_mean(name, ENGINES)} Engines: {', '.join(ENGINES)}")
    if experiment.one_at_a_time:
        if name == "ray" or (workers or 1) > 1:
            raise UserError(
                f"{experiment.origin}: with 'model.budget: seconds' runs train one at a time, in one local worker"
            )
        workers = 1 if workers is None else workers
    if name == "ray":
        from gru_tf.suite.engine.ray_cluster import RayEngine

        return lambda folder: RayEngine(folder, address, threads, time_limit)
    if name == "serial" or workers == 0:
        return SerialEngine
    return lambda folder: LocalEngine(folder, workers, threads, time_limit)


def run(
    given: str | Path | Experiment,
    store: str | None = None,
    workers: int | None = None,
    engine: Callable[[Path], Engine] | None = None,
    progress: Progress | bool | None = None,
) -> Results:
    """Run an experiment, or what is left of it, and return its results.

    Args:
        given: a file, a name, or an `Experiment`.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None.
        workers: processes, one per GPU or else per core if None; 0 trains in this process.
        engine: what makes the engine, see `engine_for`; worker processes on this machine if None.
        progress: what is shown meanwhile. None: a bar in a notebook, nothing elsewhere; True: also a bar on a terminal, a
            line per run where there is none; False: nothing. Or a function, called with (result, runs done, runs in all)
            after each run, and once with None at the start; of runs with `replicates`, all are those of the current look.

    Raises:
        UserError: before anything starts, for whatever in the experiment is impossible; where another process runs the same
            experiment; and where `replicates.minutes` are over before the first replicate is whole.
    """
    experiment = load(given)
    engine = engine or engine_for(experiment, workers=workers)
    with display(progress) as shown_by:
        return _run(experiment, store, engine, shown_by)


def _run(experiment: Experiment, store: str | None, engine: Callable[[Path], Engine], progress: Progress | None) -> Results:
    address.expect_writable_store(store)
    phase(progress, "opening the store")
    with startup.without_garbage_collection():
        opened = Store(store, say=getattr(progress, "note", None))
    work = (opened.folder / "work").absolute()
    folder = work / experiment.name
    with lock.held(work, experiment.name):
        record = opened.open(experiment) if opened.has(experiment.name) else None
        if record is None or not _complete(record):
            return _finish(experiment, opened, engine(folder), progress)
        results = _publish_again(record, folder, progress) if record.outdated() else stored_results.of_record(record)
        _clear(folder)  # a coordinator that was killed just after it closed the record left it
        return results


def _complete(record: Record) -> bool:
    """Whether nothing is left to train; other claims, or more minutes, may let replicates go on."""
    return record.complete() and not (record.experiment.replicates and record.outdated())


def _finish(experiment: Experiment, store: Store, engine: Engine, progress: Progress | None) -> Results:
    """Train what is missing, publish, close the record: what a kill cuts short is done by the next call."""
    record = None
    try:
        with engine:
            phase(progress, "importing TensorFlow and building the networks")
            with startup.quiet():
                sizes.of_experiment(experiment)  # before anything is stored: what is impossible leaves nothing there
                from gru_tf.training.network import model  # noqa: F401 - what is published at the end imports TensorFlow
            phase(progress, "opening the store and starting workers")
            record = store.open(experiment)
            record.begin()
            writer = ResultWriter(record, engine.folder)
            failed = coordinator.conduct(record, engine, writer, progress)
        results = _publish(record, writer, progress)
        writer.insist(lambda: record.end(failed))
    except (KeyboardInterrupt, coordinator.TimeUpError):
        if record is not None:
            with suppress(StoreError):
                record.stop()
        raise
    if not failed:
        _clear(engine.folder)
    return results


def _publish(record: Record, writer: ResultWriter, progress: Progress | None) -> Results:
    """Read the results, once, and show them in the dashboard."""
    phase(progress, "reading the results")
    results = writer.insist(lambda: stored_results.of_record(record))
    publishing.publish(results, record, writer, progress)
    return results


def _publish_again(record: Record, folder: Path, progress: Progress | None) -> Results:
    """Publish with other claims; the definition comes last: a call that is killed before is made up for by the next."""
    writer = ResultWriter(record, folder)
    results = _publish(record, writer, progress)
    writer.insist(record.define)
    return results


def _clear(folder: Path) -> None:
    """Remove what a complete experiment no longer needs; not results that wait for a store, which may be another one.

    Only files that runs leave are removed: beside a store in the user's own folder, `work/` may be the user's own too.
    """
    if journal.unconfirmed(folder):
        return
    with suppress(OSError):
        for file in [file for file in folder.iterdir() if OURS.fullmatch(file.name)]:
            file.unlink(missing_ok=True)
        folder.rmdir()

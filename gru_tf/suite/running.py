"""Experiments for Python users: `run`, `check`, `load`, `results`; a run joins engine, coordinator, store and publishing."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gru_tf.analysis.results import Results
from gru_tf.experiment import timing, yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import Diagnostics, RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.foundation import extras, startup
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.recurrent.cells import CELLS
from gru_tf.suite import coordinator, journal, lock, publishing
from gru_tf.suite.coordinator import Progress
from gru_tf.suite.engine import Engine, processes
from gru_tf.suite.engine.serial import SerialEngine
from gru_tf.suite.engine.worker_pool import LocalEngine
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record, Store, StoreError
from gru_tf.tasks import create
from gru_tf.training.network import pretrained
from gru_tf.training.network.budget import Size
from gru_tf.training.network.resolution import resolve

ENGINES = ("local", "serial", "ray")
OURS = re.compile(r"[0-9a-f]{16}\.(checkpoint|keras|result\.json)|\.writing-[0-9a-f]{16}\.(checkpoint|keras|json)")


def load(given: str | Path | Experiment) -> Experiment:
    """An experiment from a file, a name, or itself; its users' own files by the content that they have now.

    Raises:
        UserError: where the experiment, or a file that it names, cannot be read.
    """
    return _pinned(given if isinstance(given, Experiment) else yaml_file.load(yaml_file.locate(str(given))))


def _pinned(experiment: Experiment) -> Experiment:
    more = [create(task.name, task.options).pinned() for task in experiment.tasks]
    tasks = [task.but(options={**task.options, **pinned}) for task, pinned in zip(experiment.tasks, more, strict=True)]
    model = pretrained.pinned(experiment.model)
    changed = any(more) or model is not experiment.model
    return experiment.model_copy(update={"tasks": tuple(tasks), "model": model}) if changed else experiment


def results(name: str, store: str | None = None) -> Results:
    """The results of an experiment that was run before, from the store alone.

    Raises:
        UserError: where the store has none of that name.
    """
    return _results(Store(store, make=False).find(name))


def diagnostics(name: str, store: str | None = None) -> list[tuple[RunResult, Diagnostics]]:
    """The final runs of an experiment that recorded the inside of their networks, each with what it recorded.

    Raises:
        UserError: where the store has no experiment of that name, or none of its runs recorded any.
    """
    record = Store(store, make=False).find(name)
    results = record.results(members_only=True).values()
    recorded = [(result, inside) for result in results if (inside := record.diagnostics(result)) is not None]
    if not recorded:
        raise UserError(
            f"no run of '{name}' in {record.uri} has diagnostics. Set 'diagnostics: true' in its file and run it again"
        )
    return recorded


def check(given: str | Path | Experiment) -> list[tuple[Choice, Choice, Size]]:
    """Resolve everything that an experiment names; returns the size of the network of each (task, cell).

    Raises:
        UserError: for an option that a task or cell does not have, or a budget that cannot be met.
    """
    return _sizes(load(given))


def _sizes(experiment: Experiment) -> list[tuple[Choice, Choice, Size]]:
    gpu = bool(processes.gpus())
    experiment.baseline_runs()  # refuses what fits no task
    return [(task, cell, _checked(experiment, task, cell, gpu)) for task, cell in experiment.pairs()]


def _checked(experiment: Experiment, choice: Choice, cell: Choice, gpu: bool) -> Size:
    from gru_tf.training.network import model

    task, spec = create(choice.name, choice.options), CELLS.find(cell.name)
    try:
        for package in task.packages:  # before hours of training that would end without a score
            extras.expect(package, "the task")
        network = resolve(experiment.model, task.signature, spec, cell.options)
        if experiment.diagnostics:
            model.check_diagnosed(network)
        model.kernel(experiment.model, spec, cell.options, experiment.training.jit, gpu)
        return network.size
    except UserError as error:
        raise UserError(f"{experiment.origin}: {choice.title}, {cell.label}: {error}") from error


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
    progress: Progress | None = None,
) -> Results:
    """Run an experiment, or what is left of it, and return its results.

    Args:
        given: a file, a name, or an `Experiment`.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None.
        workers: processes, one per GPU or else per core if None; 0 trains in this process.
        engine: what makes the engine, see `engine_for`; worker processes on this machine if None.
        progress: called with (result, runs done, runs in all) after each run, and once with None at the start; of runs
            with `replicates`, all are those of the current look.

    Raises:
        UserError: before anything starts, for whatever in the experiment is impossible; and where another process runs
            the same experiment.
    """
    experiment = load(given)
    engine = engine or engine_for(experiment, workers=workers)
    with startup.without_garbage_collection():
        opened = Store(store)
    work = (opened.folder / "work").absolute()
    folder = work / experiment.name
    with lock.held(work, experiment.name):
        record = opened.open(experiment) if opened.has(experiment.name) else None
        if record is None or not _complete(record):
            return _finish(experiment, opened, engine(folder), progress)
        results = _publish_again(record, folder) if record.outdated() else _results(record)
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
            with startup.quiet():
                _sizes(experiment)  # before anything is stored: what is impossible leaves nothing there
            record = store.open(experiment)
            record.begin()
            writer = ResultWriter(record, engine.folder)
            failed = coordinator.conduct(record, engine, writer, progress)
        results = _publish(record, writer)
        writer.insist(lambda: record.end(failed))
    except KeyboardInterrupt:
        if record is not None:
            with suppress(StoreError):
                record.stop()
        raise
    if not failed:
        _clear(engine.folder)
    return results


def _publish(record: Record, writer: ResultWriter) -> Results:
    """Read the results, once, and show them in the dashboard."""
    results = writer.insist(lambda: _results(record))
    publishing.publish(results, record, writer)
    return results


def _publish_again(record: Record, folder: Path) -> Results:
    """Publish with other claims; the definition comes last: a call that is killed before is made up for by the next."""
    writer = ResultWriter(record, folder)
    results = _publish(record, writer)
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


def _results(record: Record) -> Results:
    runs = tuple(record.results(members_only=True).values())
    times = timing.of_runs(record.timing(), {result.run.fingerprint for result in runs})
    return Results(record.experiment, runs, record.left_out, record, times)

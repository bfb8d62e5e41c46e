"""The coordinator: searches of all (task, cell) pairs at once, then their final seeds, each result stored.

Everything follows from the results in the store, told to each search in the order of its trials: an experiment that was
stopped at any moment goes on with what is missing, and ends with the same numbers.
"""

from collections.abc import Callable
from pathlib import Path

from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Choice
from gru_tf.foundation import startup
from gru_tf.suite import publishing_libraries
from gru_tf.suite.engine import Engine
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record
from gru_tf.tasks import create

PATIENCE = 1.0  # seconds of one wait: a signal is handled after it at the latest, if it did not end the wait
ATTEMPTS = 2

Progress = Callable[[RunResult | None, int, int], None]


class CellOnTask:
    """One task and one cell: the trials of their search, then their final seeds."""

    def __init__(self, experiment: Experiment, task: Choice, cell: Choice):
        self.experiment, self.task, self.cell = experiment, task, cell
        self.direction = create(task.name, task.options).metric.direction
        self.search = None
        if experiment.search:
            with startup.quiet():
                from gru_tf.suite.tuning import Search
            self.search = Search(experiment.search, self.direction, experiment.training.epochs)
        self.trials: list[Run] = []
        self.finals: list[Run] = []
        self.results: dict[str, RunResult] = {}

    def next(self) -> list[Run]:
        """The runs that can start now, each only once."""
        if self.finals:
            return []
        if self.search and self.experiment.search:
            template = self.experiment.run(self.task, self.cell, self.experiment.search.seed, "trial")
            self._tell()
            trials = [template.tuned(settings) for settings in self.search.ask()]
            self.trials += trials
            if trials or self.search.told < len(self.trials):
                return trials
        self.finals = self._finals()
        return self.finals

    def expected(self) -> int:
        """Runs in all, as far as can be known."""
        trials = self.experiment.search.expected_trials(self.experiment.training.epochs) if self.experiment.search else 0
        return max(trials, len(self.trials)) + len(self.experiment.seeds)

    def _tell(self) -> None:
        assert self.search is not None  # noqa: S101, called only with a search
        while self.search.told < len(self.trials):
            result = self.results.get(self.trials[self.search.told].fingerprint)
            if result is None:
                return
            self.search.tell(result.validation if result.status == "finished" else None)

    def _finals(self) -> list[Run]:
        best = self.best([self.results[trial.fingerprint] for trial in self.trials])
        finals = [self.experiment.run(self.task, self.cell, seed) for seed in self.experiment.seeds]
        if best is None:
            return finals  # no search, or none of its trials finished: the experiment's own settings
        training = best.run.training
        if self.search and self.search.search.tuner == "hyperband":  # a short trial's settings, trained in full
            training = training.but(epochs=self.experiment.training.epochs)
        return [f.model_copy(update={"model": best.run.model, "training": training}) for f in finals]

    def best(self, results: list[RunResult]) -> RunResult | None:
        """The finished result with the best validation metric, the first of equals."""
        finished = [r for r in results if r.status == "finished" and r.validation is not None]
        return max(finished, key=lambda r: sign(self.direction) * (r.validation or 0.0), default=None)

    def done(self) -> bool:
        """Whether every final seed has its result."""
        return bool(self.finals) and all(run.fingerprint in self.results for run in self.finals)


def conduct(record: Record, engine: Engine, writer: ResultWriter, progress: Progress | None = None) -> bool:
    """Run what the record of an experiment lacks; returns whether any run failed.

    Args:
        record: of the experiment; it is left open.
        engine: what trains.
        writer: to that record.
        progress: called with (result, runs done, runs in all) after each run, and once with None at the start.

    Raises:
        UserError: where the store stays out of reach; results that it did not take are in the journal then.
    """
    return _Coordinator(record, engine, writer, progress).run()


class _Coordinator:
    """The state of one `conduct`."""

    def __init__(self, record: Record, engine: Engine, writer: ResultWriter, progress: Progress | None):
        self.record, self.engine, self.writer, self.progress = record, engine, writer, progress
        experiment = record.experiment
        self.pairs = {(task.label, cell.label): CellOnTask(experiment, task, cell) for task, cell in experiment.pairs()}
        self.known = {f: r for f, r in writer.write_unconfirmed().items() if r.status != "failed"}
        self.tried: dict[str, int] = {}
        self.submitted: set[str] = set()
        self.waiting: list[Run] = []
        self.done = self.flying = 0

    def run(self) -> bool:
        for pair in self.pairs.values():
            self._advance(pair)
        self._submit()
        self._show(None)
        while self.flying:
            if self.flying == 1:
                publishing_libraries.load()  # a run that trains alone leaves a core to spare
            for result in self.engine.completed(timeout=PATIENCE):
                self._receive(result)
                self._submit()
            self.writer.beat()
        return any(r.status == "failed" for pair in self.pairs.values() for r in pair.results.values())

    def _receive(self, result: RunResult) -> None:
        self.flying -= 1
        fingerprint = result.run.fingerprint
        attempts = self.tried[fingerprint] = self.tried.get(fingerprint, 0) + 1
        if result.status == "failed" and result.passing and attempts < ATTEMPTS:
            self.waiting.append(result.run)
            return
        result = result.model_copy(update={"attempts": attempts})
        self.writer.write(result)
        self._show(result)
        pair = self.pairs[result.run.task.label, result.run.cell.label]
        pair.results[fingerprint] = self.known[fingerprint] = result
        self._advance(pair)

    def _advance(self, pair: CellOnTask) -> None:
        """Submit what the pair can do now; it gets the results that are known already at once."""
        while runs := pair.next():
            for run in runs:
                if self._knows(run):
                    pair.results[run.fingerprint] = self.known[run.fingerprint]
                    self._adopt(self.known[run.fingerprint])
                    self.done += 1
            # a search over few values may ask for the same run twice: it is trained once
            new = {run.fingerprint: run for run in runs if not self._knows(run)}
            self.waiting += [run for fingerprint, run in new.items() if fingerprint not in self.submitted]
            self.submitted |= set(new)
        if pair.done():
            self._keep_best_model(pair)

    def _knows(self, run: Run) -> bool:
        """Whether there is a result of the run; one without the diagnostics that it now asks for does not count."""
        return run.fingerprint in self.known and self.known[run.fingerprint].answers(run)

    def _adopt(self, result: RunResult) -> None:
        self.writer.insist(lambda: self.record.adopt(result))

    def _submit(self) -> None:
        """All pairs' runs at once, so that the engine can give each worker a network of its own to compile."""
        self.engine.submit(self.waiting)
        self.flying += len(self.waiting)
        self.waiting = []

    def _keep_best_model(self, pair: CellOnTask) -> None:
        best = pair.best([pair.results[run.fingerprint] for run in pair.finals])
        if best is not None and best.model_file and Path(best.model_file).is_file():
            self.writer.insist(lambda: self.record.log_model(best))

    def _show(self, result: RunResult | None) -> None:
        self.done += result is not None
        if self.progress:
            self.progress(result, self.done, max(self.done, sum(pair.expected() for pair in self.pairs.values())))

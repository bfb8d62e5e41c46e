"""Conducts an experiment: searches of all (task, cell) pairs at once, then their final seeds, each result stored.

Everything follows from the results in the store, told in the order of the trials: an experiment that was stopped
at any moment goes on with what is missing, and ends with the same numbers.
"""

from collections.abc import Callable
from pathlib import Path

from gru_tf import silence
from gru_tf.engine import Engine
from gru_tf.experiment import Experiment, Run
from gru_tf.results import RunResult
from gru_tf.specs import Choice
from gru_tf.tasks import create
from gru_tf.tracking import Record

Progress = Callable[[RunResult | None, int, int], None]


class Pair:
    """One task and one cell: the trials of their search, then their final seeds."""

    def __init__(self, experiment: Experiment, task: Choice, cell: Choice):
        self.experiment, self.task, self.cell = experiment, task, cell
        self.direction = create(task.name, task.options).metric.direction
        self.search = None
        if experiment.search:
            with silence.startup():
                from gru_tf.tuning import Search
            self.search = Search(experiment.search, self.direction)
        self.trials: list[Run] = []
        self.finals: list[Run] = []
        self.results: dict[str, RunResult] = {}

    def next(self) -> list[Run]:
        """The runs that can start now and were not given before."""
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

    def _tell(self) -> None:
        assert self.search is not None  # noqa: S101, asked only with a search
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
        return [f.model_copy(update={"model": best.run.model, "training": best.run.training}) for f in finals]

    def best(self, results: list[RunResult]) -> RunResult | None:
        """The finished result with the best validation metric, the first of equals."""
        finished = [r for r in results if r.status == "finished" and r.validation is not None]
        sign = 1 if self.direction == "max" else -1
        return max(finished, key=lambda r: sign * (r.validation or 0.0), default=None)

    def done(self) -> bool:
        """Whether every final seed has its result."""
        return bool(self.finals) and all(run.fingerprint in self.results for run in self.finals)


def conduct(experiment: Experiment, record: Record, engine: Engine, progress: Progress | None = None) -> bool:
    """Run what the record lacks; returns whether any run failed."""
    pairs = {(task.label, cell.label): Pair(experiment, task, cell) for task, cell in experiment.pairs()}
    known = {f: r for f, r in record.results().items() if r.status != "failed"}
    total = len(pairs) * (len(experiment.seeds) + (experiment.search.trials if experiment.search else 0))
    count = _Count(progress, total)
    flying = sum(_advance(pair, known, record, engine, count) for pair in pairs.values())
    count.show(None)
    while flying:
        for result in engine.completed():
            record.write(result)
            count.show(result)
            pair = pairs[result.run.task.label, result.run.cell.label]
            pair.results[result.run.fingerprint] = result
            flying += _advance(pair, known, record, engine, count) - 1
    return any(r.status == "failed" for pair in pairs.values() for r in pair.results.values())


class _Count:
    """Runs done, of all that are expected."""

    def __init__(self, progress: Progress | None, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def show(self, result: RunResult | None) -> None:
        self.done += result is not None
        if self.progress:
            self.progress(result, self.done, self.total)


def _advance(pair: Pair, known: dict[str, RunResult], record: Record, engine: Engine, count: _Count) -> int:
    """Submit what the pair can do now; results that are known already are told to it at once."""
    submitted = 0
    while runs := pair.next():
        new = [run for run in runs if run.fingerprint not in known]
        for run in runs:
            if run.fingerprint in known:
                pair.results[run.fingerprint] = known[run.fingerprint]
                record.adopt(known[run.fingerprint])
                count.done += 1
        engine.submit(new)
        submitted += len(new)
    if pair.done():
        _keep_best_model(pair, record)
    return submitted


def _keep_best_model(pair: Pair, record: Record) -> None:
    best = pair.best([pair.results[run.fingerprint] for run in pair.finals])
    if best is not None and best.model_file and Path(best.model_file).is_file():
        record.log_model(best)

"""The coordinator: the searches of all (task, cell) pairs at once, then their final seeds, each result stored.

With `replicates` the pairs go on together from look to look, in the same workers, each as long as it is needed.

Everything follows from the results in the store, told to each search in the order of its trials: an experiment that was
stopped at any moment goes on with what is missing, and ends with the same numbers.
"""

import os
from pathlib import Path

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.suite import publishing_libraries, timing
from gru_tf.suite.engine import Engine
from gru_tf.suite.looks import Looks
from gru_tf.suite.pipeline import CellOnTask
from gru_tf.suite.progress import Progress
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record
from gru_tf.suite.widening import TaskRanges

PATIENCE = 1.0  # seconds of one wait: a signal is handled after it at the latest, if it did not end the wait
ATTEMPTS = 2
SWITCH = "GRU_TF_BASELINES"  # "no" leaves baselines out


def conduct(record: Record, engine: Engine, writer: ResultWriter, progress: Progress | None = None) -> bool:
    """Run what the record of an experiment lacks, then time the networks; returns whether any run failed.

    Args:
        record: of the experiment; it is left open.
        engine: what trains.
        writer: to that record.
        progress: called with (result, runs done, runs in all) after each run, and once with None at the start; its method
            `look`, if it has one, with a line at the beginning of each look, whose runs are then all; `note` with one on
            each range that is widened; see also `gru_tf.suite.timing.phase`.

    Raises:
        UserError: where the store stays out of reach; results that it did not take are in the journal then.
    """
    runs = _Coordinator(record, engine, writer, progress)
    failed = runs.run()
    timing.phase(record, engine, writer, runs.chosen(), progress)
    return failed


class _Coordinator:
    """The state of one `conduct`."""

    def __init__(self, record: Record, engine: Engine, writer: ResultWriter, progress: Progress | None):
        self.record, self.engine, self.writer, self.progress = record, engine, writer, progress
        experiment = record.experiment
        self.looks = Looks(experiment, experiment.replicates) if experiment.replicates else None
        first = self.looks.wanted if self.looks else None
        self.ranges = {task.label: TaskRanges(experiment.search) for task in experiment.tasks}
        self.pairs = {
            (task.label, cell.label): CellOnTask(experiment, task, cell, first, self.ranges[task.label])
            for task, cell in experiment.pairs()
        }
        self.with_baselines = os.environ.get(SWITCH) != "no"
        self.baselines: list[Run] = []
        self.known = {f: r for f, r in writer.write_unconfirmed().items() if r.status != "failed"}
        self.open = list(self.pairs)
        self.tried: dict[str, int] = {}
        self.submitted: set[str] = set()
        self.waiting: list[Run] = []
        self.done = self.flying = 0

    def run(self) -> bool:
        for pair in self.pairs.values():
            self._advance(pair)
        self._add_baselines(self.record.experiment.baseline_runs(self.looks.wanted if self.looks else None))
        self._submit()
        self._look()
        self._show_look()
        self._show(None)
        while self.flying:
            if self.flying == 1:  # a run that trains alone leaves a core to spare
                self._prepare()
            for result in self.engine.completed(timeout=PATIENCE):
                self._receive(result)
                self._submit()
            if not self.flying and self._look():
                self._show_look()
            self.writer.beat()
        return any(result.status == "failed" for result in self._results())

    def _prepare(self) -> None:
        if self.looks:
            self.looks.prepare()
        publishing_libraries.load()

    def _look(self) -> bool:
        """Take the looks whose results are all there; returns whether there was one."""
        taken = False
        while self.looks and not self.flying:
            taken = True
            further = self.looks.take(self._results())
            for pair in further:
                self.pairs[pair].want(self.looks.wanted)
                self._advance(self.pairs[pair])
            if further and self.looks:  # as many as the cells that they are compared with, split by split
                tasks = {task for task, _ in further}
                self._add_baselines(self.record.experiment.baseline_runs(self.looks.wanted, tasks))
            self._submit()
            for pair in self.open:
                if pair not in further:  # it needs no further replicate
                    self._keep_best_model(self.pairs[pair])
            self.open, self.looks = further, self.looks if further else None
        return taken

    def _results(self) -> list[RunResult]:
        """Of all runs that were wanted, as far as they have ended."""
        ended = [self.known[run.fingerprint] for run in self.baselines if run.fingerprint in self.known]
        return [*ended, *(result for pair in self.pairs.values() for result in pair.results.values())]

    def chosen(self) -> dict[str, list[RunResult]]:
        """Task label → the first final seed that finished of each cell."""
        chosen: dict[str, list[RunResult]] = {}
        for (task, _), pair in self.pairs.items():
            finals = pair.finals()
            chosen.setdefault(task, []).extend([result for result in finals if result.status == "finished"][:1])
        return chosen

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
        if result.run.purpose == "baseline":
            self.known[fingerprint] = result
            return
        pair = self.pairs[result.run.task.label, result.run.cell.label]
        pair.results[fingerprint] = self.known[fingerprint] = result
        self._advance(pair)

    def _add_baselines(self, runs: list[Run]) -> None:
        """Those that are new; of these, those without a result stand behind the first trials: a free worker fits them."""
        there = {run.fingerprint for run in self.baselines}
        new = [run for run in runs if self.with_baselines and run.fingerprint not in there]
        self.baselines += new
        for run in new:
            if self._knows(run):
                self._adopt(self.known[run.fingerprint])
                self.done += 1
            else:
                self.waiting.append(run)

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
        if not pair.ranges.settled:
            self._widen(pair.task)
        elif pair.done() and not self.looks:
            self._keep_best_model(pair)

    def _widen(self, task: Choice) -> None:
        """Once all trials of a task are there: widen its ranges, or let its final seeds begin."""
        cells = {cell: pair for (label, cell), pair in self.pairs.items() if label == task.label}
        if not all(pair.searched() for pair in cells.values()):
            return
        note = getattr(self.progress, "note", None)
        for text in self.ranges[task.label].decide({cell: pair.chosen() for cell, pair in cells.items()}):
            if note:
                note(text if len(self.record.experiment.tasks) == 1 else f"{task.title}: {text}")
        for pair in cells.values():
            self._advance(pair)

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
        best = pair.best()
        if best is not None and best.model_file and Path(best.model_file).is_file():
            self.writer.insist(lambda: self.record.log_model(best))

    def _show_look(self) -> None:
        show = getattr(self.progress, "look", None)
        if self.looks and show:
            show(str(self.looks))

    def _show(self, result: RunResult | None) -> None:
        self.done += result is not None
        if self.progress:
            expected = sum(pair.expected() for pair in self.pairs.values()) + len(self.baselines)
            self.progress(result, self.done, max(self.done, expected))

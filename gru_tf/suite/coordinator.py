"""The coordinator: the searches of all (task, cell) pairs at once, then their final seeds, each result stored.

With `replicates` the pairs go on together from look to look, in the same workers, each as long as it is needed.

Everything follows from the results in the store, told to each search in the order of its trials: an experiment that was
stopped at any moment goes on with what is missing, and ends with the same numbers.

With `replicates.minutes` replicates come one after the other (`time_limit.RunOrder`). When half of the time is used and no
final seed could begin, the search of the first replicate is cut: of its trials those count that have a result by then, the
others are stopped and asked for no more, of no cell and task; ranges stay as they are. That holds for good, also for a call
with more time: whatever was trained with a search's choice keeps it. A call that goes on sees it from the store: the final
seeds that follow say that their search was cut. While the store has none of them nothing rests on the cut, and a call that
goes on searches until half of its time is used, which does not count what was stopped. When all of the time is used nothing
is begun, and what goes on is stopped and leaves no result. Results of an earlier definition took no time of this one, and a
search that was cut there is one of its cell alone.
"""

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from gru_tf.analysis.table_text import cut_search, minutes_option
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.foundation.errors import UserError, counted
from gru_tf.suite import publishing_libraries, timing
from gru_tf.suite.engine import Engine
from gru_tf.suite.looks import Looks
from gru_tf.suite.pipeline import CellOnTask
from gru_tf.suite.progress import Progress
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.time_limit import RunOrder, TimeLimit
from gru_tf.suite.tracking import Record
from gru_tf.suite.widening import TaskRanges

PATIENCE = 1.0  # seconds of one wait: a signal is handled after it at the latest, if it did not end the wait
ATTEMPTS = 2
TIMED = 0.1  # of a limit, beside it, for timing the networks side by side
SWITCH = "GRU_TF_BASELINES"  # "no" leaves baselines out


class TimeUpError(UserError):
    """The time of an experiment ended before its first replicate was whole: there is no answer yet."""


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
        TimeUpError: where `replicates.minutes` are over before the first replicate is whole; the store has what has ended.
        UserError: where the store stays out of reach; results that it did not take are in the journal then.
    """
    runs = _Coordinator(record, engine, writer, progress)
    failed = runs.run()
    seconds = min(timing.SECONDS, TIMED * runs.limit.seconds) if runs.limit else timing.SECONDS
    timing.phase(record, engine, writer, runs.chosen(), progress, seconds)
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
        stored = writer.write_unconfirmed()
        self.known = {f: r for f, r in stored.items() if r.status != "failed"}
        self.members = frozenset(f for f in stored if f in record.members)  # results of this definition, also failed ones
        finals = [stored[f].run for f in self.members if stored[f].run.purpose == "final"]
        here = any(stored[f].run.cut_search for f in self.members & record.trained)  # a cut is one of all cells
        cut = {(run.task.label, run.cell.label) for run in finals if run.cut_search}
        self.cut = set(self.pairs) if here else cut
        self.begun = {run.task.label for run in finals} if self.looks else set()  # tasks whose final seeds have begun
        minutes = experiment.replicates.minutes if experiment.replicates else None
        self.limit = TimeLimit(minutes) if minutes else None
        self.order = RunOrder(experiment)
        self.half_used = self.over = False
        self.open = list(self.pairs)
        self.tried: dict[str, int] = {}
        self.submitted: set[str] = set()
        self.waiting: list[Run] = []
        self.flying: dict[str, Run] = {}
        self.done = 0

    def run(self) -> bool:
        for pair in self.pairs.values():
            self._advance(pair)
        self._add_baselines(self.record.experiment.baseline_runs(self.looks.wanted if self.looks else None))
        if self.cut:  # by a call before this one
            self._cut_search([pair for place, pair in self.pairs.items() if place in self.cut])
        self._submit()
        self._look()
        self._show_look()
        self._show(None)
        while self.flying:
            if len(self.flying) == 1:  # a run that trains alone leaves a core to spare
                self._prepare()
            for result in self.engine.completed(timeout=PATIENCE):
                self._receive(result)
                if not self.limit:  # else what has come counts before it is decided what is cut
                    self._submit()
            self._submit()
            if not self.flying and self._look():
                self._show_look()
            self.writer.beat()
        if self.over and self.looks:
            self._end_early()
        return any(result.status == "failed" for result in self._results())

    def _prepare(self) -> None:
        if self.looks:
            self.looks.prepare()
        publishing_libraries.load()

    def _look(self) -> bool:
        """Take the looks whose results are all there; returns whether there was one."""
        taken = False
        while self.looks and not self.flying and not (self.over and self._incomplete()):
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
        fingerprint = result.run.fingerprint
        del self.flying[fingerprint]
        attempts = self.tried[fingerprint] = self.tried.get(fingerprint, 0) + 1
        if result.status == "failed" and result.passing and attempts < ATTEMPTS:
            self.waiting.append(result.run)
            return
        self._keep(result.model_copy(update={"attempts": attempts}))
        if result.run.purpose != "baseline":
            self._advance(self.pairs[result.run.task.label, result.run.cell.label])

    def _keep(self, result: RunResult) -> None:
        self.writer.write(result)
        self._count(result)
        self._show(result)
        self.known[result.run.fingerprint] = result
        if result.run.purpose != "baseline":
            self.pairs[result.run.task.label, result.run.cell.label].results[result.run.fingerprint] = result

    def _add_baselines(self, runs: list[Run]) -> None:
        """Those that are new; of these, those without a result stand behind the first trials: a free worker fits them."""
        there = {run.fingerprint for run in self.baselines}
        new = [run for run in runs if self.with_baselines and run.fingerprint not in there]
        self.baselines += new
        if self.limit:
            self.order.add(new)
        for run in new:
            if self._knows(run):
                self._adopt(self.known[run.fingerprint])
                self.done += 1
            else:
                self.waiting.append(run)

    def _advance(self, pair: CellOnTask) -> None:
        """Submit what the pair can do now; it gets the results that are known already at once."""
        while runs := pair.next():
            if self.limit:
                self.order.add(runs)
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
        ranges, chosen = self.ranges[task.label], {cell: pair.chosen() for cell, pair in cells.items()}
        if task.label in self.begun and not self._has_drawn(cells.values(), ranges.widened(chosen)):
            ranges.settle()
        for text in [] if ranges.settled else ranges.decide(chosen):
            self._note(text, task)
        for pair in cells.values():
            self._advance(pair)

    def _has_drawn(self, pairs: Iterable[CellOnTask], ranges: TaskRanges) -> bool:
        """Whether the store has a trial that is asked for in these ranges and not in those of now."""
        drawn = (run for pair in pairs for pipeline in pair.pipelines for run in pipeline.drawn(ranges))
        return any(run.fingerprint in self.members for run in drawn)

    def _knows(self, run: Run) -> bool:
        """Whether there is a result of the run; one without the diagnostics that it now asks for does not count."""
        return run.fingerprint in self.known and self.known[run.fingerprint].answers(run)

    def _adopt(self, result: RunResult) -> None:
        self.writer.insist(lambda: self.record.adopt(result))
        if result.run.fingerprint in self.record.trained:  # what an earlier definition took is no time of this one
            self._count(result)

    def _count(self, result: RunResult) -> None:
        if self.limit is not None:
            self.limit.add(result)

    def _submit(self) -> None:
        """All pairs' runs at once, so that the engine can give each worker a network of its own to compile.

        None of an experiment whose time is over.
        """
        self._keep_time()
        waiting, self.waiting = self.waiting, []
        if self.over or not waiting:
            return
        if self.limit is None:
            self.engine.submit(waiting)
        else:
            if not self.flying:
                self.limit.begin()
            for rank, runs in groupby(sorted(waiting, key=self.order.rank), self.order.rank):
                self.engine.submit(list(runs), rank)
        self.flying |= {run.fingerprint: run for run in waiting}

    def _keep_time(self) -> None:
        """Cut the search when half of the time is used, stop everything when all of it is."""
        if self.limit is None or self.over:
            return
        if not self.flying:
            self.limit.pause()
        if (used := self.limit.used) >= 1:
            self.over = True
            self._stop(list(self.flying.values()))
        elif used >= 0.5 and not self.half_used:
            self.half_used = True
            self._cut_search(list(self.pairs.values()))

    def _cut_search(self, pairs: list[CellOnTask]) -> None:
        """End the searches of the first replicate of these, and widen their ranges no further; final seeds begin."""
        unwanted = [run for pair in pairs for run in pair.cut()]
        names = {run.fingerprint for run in unwanted}
        self.waiting = [run for run in self.waiting if run.fingerprint not in names]
        self._stop([run for run in unwanted if run.fingerprint in self.flying])
        for task in {pair.task.label for pair in pairs}:
            self.ranges[task].settle()
        for pair in self.pairs.values():
            self._advance(pair)
        for pair in pairs:
            if cut := pair.pipelines[0].cut_after:
                self._note(cut_search(pair.cell.label, cut), pair.task)

    def _stop(self, runs: list[Run]) -> None:
        """Stop these runs; what has a result by now keeps it, but for a failure, which would have another try."""
        ended = self.engine.cancel(runs) if runs else []
        if self.limit is not None and len(runs) == len(self.flying):
            self.limit.pause()  # what is stopped has taken time, too
        for run in runs:
            self.flying.pop(run.fingerprint, None)
        for result in ended:
            if result.status != "failed":
                self._keep(result)

    def _incomplete(self) -> bool:
        """Whether anything is missing of the look."""
        return not all(self.pairs[pair].done() for pair in self.open) or any(
            run.fingerprint not in self.known for run in self.baselines
        )

    def _end_early(self) -> None:
        """Keep the models of what is there.

        Raises:
            TimeUpError: where not even the first replicate is whole.
        """
        experiment = self.record.experiment
        first = [run for run in self.baselines if run.seed == experiment.seeds[0]]
        fitted = sum(run.fingerprint in self.known for run in first)
        finals = sum(pair.whole() > 0 for pair in self.pairs.values())
        if fitted < len(first) or finals < len(self.pairs):
            raise TimeUpError(self._received(finals, fitted, len(first)))
        for pair in self.open:
            self._keep_best_model(self.pairs[pair])

    def _received(self, finals: int, fitted: int, baselines: int) -> str:
        """What there is of the first replicate, and how to go on, in a line."""
        experiment, ended = self.record.experiment, self._results()
        trials = sum(result.run.purpose == "trial" for result in ended)
        parts = [counted(trials, "trial")] if experiment.search else []
        parts += [f"{finals} of {counted(len(self.pairs), 'final run')}"]
        parts += [f"{fitted} of {counted(baselines, 'baseline')}"] if baselines else []
        within = f"within {self.limit.minutes:g} minutes" if self.limit else "in time"
        more = f"What has ended is kept: with a larger {minutes_option(experiment)} the same call goes on from there"
        return f"{experiment.origin}: expected a whole replicate {within}. Received: {', '.join(parts)}. {more}"

    def _note(self, text: str, task: Choice) -> None:
        note = getattr(self.progress, "note", None)
        if note:
            note(text if len(self.record.experiment.tasks) == 1 else f"{task.title}: {text}")

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

"""What a page and its figures are made from: the evidence, and the runs that it rests on."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.statistics.importance import Importance, importance, standings
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Range

Axis = Range | tuple[Any, ...]


class ResultSource(Protocol):
    """What a report asks of the results that it is made from; `analysis.results.Results` has it."""

    @property
    def experiment(self) -> Experiment:
        """The question."""

    @property
    def runs(self) -> tuple[RunResult, ...]:
        """Every trial and every final seed."""

    @property
    def earlier(self) -> int:
        """Runs in the store that belong to an earlier definition."""

    @property
    def evidence(self) -> Evidence:
        """What the runs say."""

    def in_full(self) -> Self:
        """The same with the histories and diagnostics that the store keeps apart."""


@dataclass(frozen=True)
class Findings:
    """Evidence and runs.

    Args:
        evidence: what the results say.
        runs: every trial and every final seed.
        earlier: runs in the store that belong to an earlier definition.
    """

    evidence: Evidence
    runs: tuple[RunResult, ...]
    earlier: int = 0

    @classmethod
    def from_results(cls, results: ResultSource) -> "Findings":
        """Those of an experiment's results, also of one that is not finished."""
        return cls(results.evidence, tuple(results.in_full().runs), results.earlier)

    @property
    def experiment(self) -> Experiment:
        """The question."""
        return self.evidence.experiment

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str, str], list[RunResult]]:
        runs: dict[tuple[str, str, str], list[RunResult]] = defaultdict(list)
        for result in sorted(self.runs, key=lambda r: r.run.seed):
            runs[result.run.purpose, result.run.task.label, result.run.cell.label].append(result)
        return runs

    def finals(self, task: str, cell: str) -> list[RunResult]:
        """The finished final runs of one (task, cell) that have a test metric, by seed."""
        runs = self._by_pair.get(("final", task, cell), [])
        return [r for r in runs if r.status == "finished" and r.test is not None and math.isfinite(r.test)]

    def trials(self, task: str, cell: str) -> list[RunResult]:
        """The trials of one (task, cell), also those that failed."""
        return self._by_pair.get(("trial", task, cell), [])

    def finished_trials(self, task: str, cell: str) -> list[RunResult]:
        """The trials of one (task, cell) that have a validation metric."""
        runs = self.trials(task, cell)
        return [r for r in runs if r.status == "finished" and r.validation is not None and math.isfinite(r.validation)]

    @cached_property
    def importance(self) -> Importance | None:
        """Of each hyperparameter over all trials, each by its standing among those of its task and cell.

        None where there were too few.
        """
        search = self.experiment.search
        settings: dict[str, list[float]] = {name: [] for name in search.axes} if search else {}
        standing: list[float] = []
        for task in self.evidence.tasks:
            for cell in task.cells:
                runs = self.finished_trials(task.task, cell.cell)
                standing += standings([sign(r.direction) * (r.validation or 0.0) for r in runs])
                for name in settings:
                    settings[name] += [number(search.axes[name], setting(r, name)) for r in runs]  # type: ignore[union-attr]
        return importance(settings, standing)

    @property
    def lost_trials(self) -> Counter[str]:
        """How many trials of each cell diverged or failed."""
        return Counter(r.run.cell.label for r in self.runs if r.run.purpose == "trial" and r.status != "finished")


def setting(result: RunResult, name: str) -> Any:
    """A hyperparameter's value in a run."""
    run = result.run
    return getattr(run.model if hasattr(run.model, name) else run.training, name)


def number(axis: Axis, value: Any) -> float:
    """A setting as a number that a forest can split: a range's value, or the place in a list."""
    return float(value) if isinstance(axis, Range) else float(axis.index(value))


def training_seconds(result: RunResult) -> float | None:
    """Wall time of a run's training epochs."""
    return result.speed.train_seconds if result.speed else None


def latency(result: RunResult) -> float | None:
    """Milliseconds of a batch without updates; None where it was not recorded, as by older versions."""
    return result.speed.predict_ms if result.speed else None


def middle(values: Sequence[float | None]) -> float | None:
    """The median of what was recorded; None where nothing was."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return statistics.median(known) if known else None

"""What a page and its figures are made from: the evidence, and the runs that it rests on."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.report import trials
from gru_tf.analysis.statistics.importance import Importance
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult


class Results(Protocol):
    """What is reported: `gru_tf.suite.Results` is one."""

    @property
    def experiment(self) -> Experiment:
        """The question."""

    @property
    def runs(self) -> Sequence[RunResult]:
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
    def of(cls, results: Results) -> "Findings":
        """Those of an experiment's results, also of one that is not finished."""
        return cls(results.evidence, tuple(results.in_full().runs), results.earlier)

    @property
    def experiment(self) -> Experiment:
        """The question."""
        return self.evidence.experiment

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str, str], list[RunResult]]:
        found: dict[tuple[str, str, str], list[RunResult]] = defaultdict(list)
        for result in sorted(self.runs, key=lambda r: r.run.seed):
            found[result.run.purpose, result.run.task.label, result.run.cell.label].append(result)
        return found

    def finals(self, task: str, cell: str) -> list[RunResult]:
        """The finished final runs of one (task, cell) that have a test metric, by seed."""
        found = self._by_pair.get(("final", task, cell), [])
        return [r for r in found if r.status == "finished" and r.test is not None and math.isfinite(r.test)]

    def trials(self, task: str, cell: str) -> list[RunResult]:
        """The trials of one (task, cell), also those that failed."""
        return self._by_pair.get(("trial", task, cell), [])

    @cached_property
    def importance(self) -> Importance | None:
        """Of each hyperparameter over all trials; None where there were too few."""
        return trials.weigh(self)


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

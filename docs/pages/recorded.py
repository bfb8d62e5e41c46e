"""What is recorded of one experiment in experiments/results, for pages and their figures."""

import csv
import json
import math
import statistics
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.intervals import mean_interval

RESULTS = Path(__file__).resolve().parents[2] / "experiments" / "results"
SPEED = Path(__file__).resolve().parents[1] / "explanation" / "speed.json"
GRADIENTS = SPEED.with_name("gradients.json")
SOLVED = 0.9  # of the way from the trivial answer to a perfect one
Line = dict[str, str]


class Recorded:
    """The folder of an experiment.

    Args:
        folder: of the record.
    """

    def __init__(self, folder: Path):
        self.folder, self.name = folder, folder.name

    def _lines(self, part: str) -> list[Line]:
        file = self.folder / f"{part}.csv"
        return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines())) if file.is_file() else []

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Definition, machine, time."""
        return _json(self.folder / "record.json")

    @cached_property
    def table(self) -> list[Line]:
        """A row for each task and cell."""
        return self._lines("table")

    @cached_property
    def runs(self) -> list[Line]:
        """A row for each run."""
        return self._lines("runs")

    @cached_property
    def pairs(self) -> list[Line]:
        """A row for each comparison."""
        return self._lines("pairs")

    @cached_property
    def published(self) -> list[Line]:
        """A row for each published number."""
        return self._lines("published")

    @cached_property
    def second(self) -> list[Line]:
        """A row for each mean of a second run by other seeds."""
        return self._lines("second")

    @cached_property
    def further(self) -> dict[str, Any] | None:
        """The facts of the second run; None where there is none."""
        file = self.folder / "second.json"
        return _json(file) if file.is_file() else None

    @cached_property
    def claims(self) -> dict[str, Line]:
        """Claim → what came of it."""
        return {line["claim"]: line for line in self._lines("claims")}

    @property
    def tasks(self) -> list[str]:
        """Labels, in the experiment's order."""
        return list(dict.fromkeys(row["task"] for row in self.table))

    @property
    def cells(self) -> list[str]:
        """Labels, in the experiment's order, without models that are no networks."""
        return list(dict.fromkeys(row["cell"] for row in self.table if row["baseline"] == "False"))

    def task(self, begins: str) -> str:
        """The label that begins so; KeyError where none or several do."""
        found = [label for label in self.tasks if label == begins] or [t for t in self.tasks if t.startswith(begins)]
        if len(found) != 1:
            raise KeyError(f"{self.name}: {len(found)} tasks begin with {begins}: {self.tasks}")
        return found[0]

    def row(self, task: str, cell: str) -> Line:
        """Of a task, by how its label begins, and a cell or baseline."""
        label = self.task(task)
        return next(row for row in self.table if (row["task"], row["cell"]) == (label, cell))

    def test(self, task: str, cell: str) -> Interval:
        """The mean of the test metric with its interval; the median of a cell that is unreliable."""
        row = self.row(task, cell)
        names = ("median", "median_low", "median_high") if row["median"] else ("mean", "low", "high")
        return Interval(*(number(row[name]) for name in names))

    def seeds(self, task: str, cell: str) -> list[float]:
        """The test metric of each finished seed."""
        return [number(run["test"]) for run in self.of_cell(task, cell) if run["test"]]

    def of_cell(self, task: str, cell: str) -> list[Line]:
        """The final runs."""
        wanted = self.task(task), cell, "final"
        return [run for run in self.runs if (run["task"], run["cell"], run["purpose"]) == wanted]

    def mean(self, task: str, cell: str, column: str) -> float:
        """Of a column of its final runs; NaN where none has it."""
        values = [number(run[column]) for run in self.of_cell(task, cell) if run[column]]
        return statistics.mean(values) if values else math.nan

    def solved(self, task: str, cell: str) -> tuple[int, int]:
        """How many of its final runs solve the task, and how many there are."""
        ended = self.of_cell(task, cell)
        return sum(number(run["score"]) > SOLVED for run in ended), len(ended)

    def score(self, task: str, cell: str) -> Interval:
        """The mean of the score with its interval: 0 is the trivial answer, 1 a perfect one."""
        label, purposes = self.task(task), ("final", "baseline")
        runs = [run for run in self.runs if (run["task"], run["cell"]) == (label, cell) and run["purpose"] in purposes]
        return mean_interval([number(run["score"]) for run in runs if run["score"]])

    def pair(self, task: str, first: str, second: str) -> Line:
        """What came of the comparison of two, whichever is first."""
        label, names = self.task(task), {first, second}
        return next(pair for pair in self.pairs if pair["task"] == label and {pair["first"], pair["second"]} == names)

    def best(self, task: str) -> str:
        """The cell with the best mean, or median of one that is unreliable."""
        sign = -1 if self.row(task, self.cells[0])["direction"] == "min" else 1
        return max(self.cells, key=lambda cell: sign * self.test(task, cell).mean)

    def best_baseline(self, task: str) -> str | None:
        """The model without a recurrent network that has the best metric; None where there is none."""
        label = self.task(task)
        rows = [row for row in self.table if row["task"] == label and row["baseline"] == "True" and row["mean"]]
        sign = -1 if rows and rows[0]["direction"] == "min" else 1
        return max(rows, key=lambda row: sign * number(row["mean"]))["cell"] if rows else None


def _json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def every(folder: Path = RESULTS) -> list[Recorded]:
    """All records, by name."""
    return [Recorded(file.parent) for file in sorted(folder.glob("*/record.json"))]


def number(text: str) -> float:
    """NaN for nothing."""
    return float(text) if text else math.nan


@cache
def of(name: str) -> Recorded:
    """The record of an experiment; FileNotFoundError where it has none."""
    folder = RESULTS / name
    if not (folder / "record.json").is_file():
        raise FileNotFoundError(f"experiments/results/{name}: nothing is recorded: 'gru-tf record {name}'")
    return Recorded(folder)


@cache
def speed() -> dict[str, Any]:
    """What `docs/measuring_speed.py` measured."""
    return _json(SPEED)


def timed(cell: str, path: str, equal: str) -> dict[str, Any]:
    """One case of it: units, parameters, and the milliseconds of a training step in each round."""
    wanted = {"cell": cell, "path": path, "equal": equal}
    return next(case for case in speed()["cases"] if wanted.items() <= case.items())


@cache
def gradients() -> dict[str, dict[str, list[float]]]:
    """What `docs/looking_inside.py` wrote: cell → before and after training → of each seed, what is left of the gradient."""
    return _json(GRADIENTS)

"""The tables of a record as CSV: a row a (task, cell), a row a run, a row a published number, all with every digit."""

import csv
import io
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gru_tf.analysis.evidence import CellEvidence
from gru_tf.analysis.published import Beside
from gru_tf.analysis.recorded.paths import without_paths
from gru_tf.analysis.results import Results
from gru_tf.experiment.result import RunResult

PURPOSES = ("final", "baseline", "trial")
Line = Mapping[str, Any]


def text(lines: Sequence[Line]) -> str:
    """Lines as CSV, the names of the first one's columns above; numbers with every digit, nothing for None and NaN."""
    with io.StringIO(newline="") as out:
        writer = csv.DictWriter(out, list(lines[0]) if lines else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: None if value != value else value for name, value in line.items()} for line in lines)
        return out.getvalue()


def table(results: Results) -> list[Line]:
    """A row for each (task, cell), and for each model without a recurrent network."""
    return [_row(cell, _spent(results, cell)) for task in results.evidence.tasks for cell in (*task.cells, *task.baselines)]


def _row(cell: CellEvidence, spent: Sequence[RunResult]) -> Line:
    row = cell.row
    mean, low, high = row.test or (None, None, None)
    median = row.middle if row.is_median and row.middle else (None, None, None)
    training = list(cell.training_seconds.values())
    return {
        "task": row.task,
        "cell": row.cell,
        "baseline": row.baseline,
        "metric": row.metric,
        "direction": row.direction,
        "mean": mean,
        "low": low,
        "high": high,
        **dict(zip(("median", "median_low", "median_high"), median, strict=True)),
        "chance": row.chance,
        "score": row.score,
        "seeds": row.seeds,
        "wanted": row.wanted,
        "failures": len(row.failures),
        "units": row.units,
        "parameters": row.parameters,
        "recurrent_parameters": row.recurrent_parameters,
        "step_ms": row.step_ms,
        "training_seconds": statistics.median(training) if training else None,
        "all_seconds": sum(r.seconds for r in spent),
        "settings": json.dumps(row.settings, sort_keys=True) if row.settings else None,
    }


def _spent(results: Results, cell: CellEvidence) -> list[RunResult]:
    """All runs of a (task, cell), trials among them."""
    pair = cell.row.task, cell.row.cell
    return [r for r in results.runs if (r.run.task.label, r.run.cell.label) == pair]


def runs(results: Results) -> list[Line]:
    """A row for each run, in the experiment's order: task, cell, final runs before baselines and trials, seed."""
    experiment = results.experiment
    tasks, cells = ([choice.label for choice in choices] for choices in (experiment.tasks, experiment.cells))
    metrics = sorted({name for r in results.runs for name in r.more})

    def place(result: RunResult) -> tuple[Any, ...]:
        label = result.run.cell.label
        known = cells.index(label) if label in cells else len(cells)
        purpose = PURPOSES.index(result.run.purpose)
        return tasks.index(result.run.task.label), purpose == 1, known, label, purpose, result.run.seed, result.started

    return [_run(result, metrics) for result in sorted(results.runs, key=place)]


def _run(result: RunResult, metrics: Iterable[str]) -> Line:
    speed = result.speed
    return {
        "task": result.run.task.label,
        "cell": result.run.cell.label,
        "purpose": result.run.purpose,
        "seed": result.run.seed,
        "status": result.status,
        "metric": result.metric,
        "test": result.test,
        "score": result.score,
        "chance": result.chance,
        "validation": result.validation,
        "test_examples": result.test_examples,
        "epochs": max(map(len, result.history.values()), default=None),
        "best_epoch": result.best_epoch,
        **_losses(result),
        "units": result.units,
        "parameters": result.parameters,
        "seconds": result.seconds,
        "training_seconds": speed.train_seconds if speed else None,
        "started": f"{datetime.fromtimestamp(result.started, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "fingerprint": result.run.fingerprint,
        "error": without_paths(result.error or result.warning) or None,
        **{f"test {name}": result.more.get(name) for name in metrics},
    }


def _losses(result: RunResult) -> Line:
    """The mean losses of a target on training and validation split, in the epoch that is tested and in the last one."""
    place = result.best_epoch or 0
    series = {name: result.history.get(name, []) for name in ("train_loss", "validation_loss")}
    tested = {name: values[place] if len(values) > place else None for name, values in series.items()}
    return tested | {f"last_{name}": values[-1] if values else None for name, values in series.items()}


def published(numbers: Iterable[Beside]) -> list[Line]:
    """A row for each published number."""
    return [_number(one) for one in numbers]


def _number(one: Beside) -> Line:
    number, (mean, low, high) = one.published, one.ours or (None, None, None)
    return {
        "task": one.task,
        "cell": one.cell,
        "metric": one.metric,
        "direction": one.direction,
        "published": number.printed,
        "least": one.theirs.low,
        "most": one.theirs.high,
        "tag": number.tag,
        "statistic": number.statistic,
        "runs": number.runs,
        "source": number.source,
        "differs": number.differs,
        "ours": mean,
        "low": low,
        "high": high,
        "seeds": len(one.values),
        "verdict": one.verdict.word,
        "marks": ", ".join(one.verdict.marks) or None,
        "why": one.verdict.why,
    }

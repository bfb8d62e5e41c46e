"""All that is known of an experiment as one JSON document, whose keys stay: `docs/reference/results.md` has them.

Keys are added and never renamed; a change that breaks this raises `VERSION`. What is missing or not a number is null, what
is infinite "Infinity", times are in seconds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Any

from gru_tf.analysis.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.analysis.formats.frame import baselines, categories, frame, from_records, plain, records
from gru_tf.analysis.published import Beside, beside
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.ratios import ratio
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.table import Row
from gru_tf.analysis.table_text import task_names
from gru_tf.analysis.verdicts import judge
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.timing import NetworkTimes

if TYPE_CHECKING:
    import pandas as pd

FORMAT, VERSION = "gru_tf.results", 2
COPIED = ("units", "parameters", "recurrent_parameters", "metric", "direction", "test", "chance", "score")
COUNTED = (
    "compile_seconds",
    "peak_memory_mb",
    "model_bytes",
    "kernel_path",
    "settings",
    "seeds",
    "wanted",
    "failures",
    "more",
    "parts",
)


def document(evidence: Evidence, results: Sequence[RunResult], earlier: int = 0) -> dict[str, Any]:
    """The document as Python has it, ready for `json.dumps`.

    Args:
        evidence: of the experiment.
        results: its runs.
        earlier: runs of earlier definitions that are not in it.
    """
    experiment, names = evidence.experiment, task_names(evidence.experiment)
    known = categories(experiment)
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": experiment.name,
        "question": experiment.question,
        "tasks": known["task"],
        "cells": known["cell"],
        "baselines": baselines(results),
        "experiment": experiment.model_dump(mode="json"),
        "earlier": earlier,
        "table": [_row(names[task.task], cell) for task in evidence.tasks for cell in task.cells],
        "other_models": [_row(names[task.task], model) for task in evidence.tasks for model in task.baselines],
        "comparisons": [pair for task in evidence.tasks for pair in _pairs(names[task.task], task)],
        "timing": [_timing(names[task.task], task) for task in evidence.tasks if task.timed],
        "ranks": _plain(asdict(evidence.ranks)) if evidence.ranks else None,
        "signed_ranks": [_plain(asdict(pair)) for pair in evidence.signed],
        "middle": _plain(evidence.middle),
        "claims": [_plain(asdict(verdict)) for verdict in judge(evidence, results)],
        "published": [_beside(names[one.task], one) for one in beside(experiment, results)],
        "runs": records(frame(experiment, results)),
    }


def dumps(content: Mapping[str, Any]) -> str:
    """The document as text."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read_json(text: str) -> "pd.DataFrame":
    """The frame of the runs in a document that `gru-tf results NAME --format json` printed."""
    content = json.loads(text)
    cells = [*content["cells"], *content.get("baselines", [])]  # older documents have no baselines
    return from_records(content["runs"], {"task": content["tasks"], "cell": cells})


def _row(task: str, cell: CellEvidence) -> dict[str, Any]:
    row = cell.row
    entry = {"task": task, "cell": row.cell} | {name: getattr(row, name) for name in COPIED}
    entry["beats_chance"] = cell.beats_chance
    entry["marks"] = [mark._asdict() for mark in cell.marks]
    entry["reliability"] = _reliability(row)
    entry["seconds_per_step"] = None if row.step_ms is None else row.step_ms / 1000
    entry["predict_seconds"] = None if row.predict_ms is None else row.predict_ms / 1000
    return {name: _plain(value) for name, value in (entry | {name: getattr(row, name) for name in COUNTED}).items()}


def _reliability(row: Row) -> dict[str, Any] | None:
    """Whether a cell sometimes fails, how often it learned, and its median; null where that is not known."""
    if row.modes is None:
        return None
    modes = row.modes
    return {
        "unreliable": modes.unreliable,
        "successes": modes.successes,
        "runs": modes.runs,
        "rate": modes.rate,
        "failure_bound": modes.failure_bound,
        "median": row.middle if row.is_median else None,
    }


def _timing(name: str, task: TaskEvidence) -> dict[str, Any]:
    """The phase of a task in medians, and the ratio of every two cells, training and without updates."""
    timing = task.cells[0].row.timing
    assert timing is not None  # noqa: S101, of a task that was timed
    ratios = [
        {
            "first": first,
            "second": second,
            "train": ratio(a.train_ms, b.train_ms),
            "predict": ratio(a.predict_ms, b.predict_ms),
        }
        for (first, a), (second, b) in combinations(timing.timed.items(), 2)
    ]
    circumstances = timing.model_dump(exclude={"task", "networks", "started"})
    cells = [{"cell": cell} | _network(network) for cell, network in timing.networks.items()]
    whole = {"task": name, "rounds": timing.rounds, **circumstances, "cells": cells, "ratios": ratios}
    return {key: _plain(value) for key, value in whole.items()}


def _network(network: NetworkTimes) -> dict[str, Any]:
    series = {
        "seconds_per_step": network.train_ms,
        "cpu_seconds_per_step": network.train_cpu_ms,
        "predict_seconds": network.predict_ms,
        "cpu_predict_seconds": network.predict_cpu_ms,
    }
    medians = {name: median(values) / 1000 if values else None for name, values in series.items()}
    return medians | network.model_dump(include={"batch_size", "parameters", "model_bytes", "kernel_path", "error"})


def _pairs(name: str, task: TaskEvidence) -> list[dict[str, Any]]:
    """Every two cells, and every cell with every model without a recurrent network."""
    return [{"task": name} | _pair(task, pair) for pair in (*task.pairs, *task.against)]


def _pair(task: TaskEvidence, pair: SampleComparison) -> dict[str, Any]:
    judged = {"verdict": task.verdict(pair), "better": task.better(pair), "margin": task.margin}
    return {name: _plain(value) for name, value in {**vars(pair), **judged}.items()}


def _beside(name: str, one: Beside) -> dict[str, Any]:
    theirs = one.published.model_dump(exclude={"task", "cell", "metric", "direction"})
    judged = {"verdict": one.verdict.word, "marks": one.verdict.marks, "why": one.verdict.why}
    ours = {"ours": one.ours, "seeds": len(one.values), "difference": one.difference, "theirs": one.theirs[1:]}
    compared = {"direction": one.direction, **theirs, **ours, "predicted": one.predicted, **judged}
    return {"task": name, "cell": one.cell, "metric": one.metric} | {key: _plain(value) for key, value in compared.items()}


def _plain(value: Any) -> Any:
    """The value with all that is in it as JSON can have it; an interval by the names of its parts."""
    if isinstance(value, Interval):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else plain(value)

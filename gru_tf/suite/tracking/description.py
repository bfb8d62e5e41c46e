"""What the dashboard shows of an experiment as a whole: a description, the data with their checksums, files."""

import json
import math
import re
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Protocol

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, RunTag
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_RUN_NOTE

from gru_tf.analysis.answer import Line
from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.table_text import task_names
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.digest import sha256_of_text
from gru_tf.suite.tracking import dashboard_links, fields
from gru_tf.suite.tracking.errors import answering
from gru_tf.suite.tracking.tags import NOTE
from gru_tf.tasks import TASKS

ANSWER = "answer."
PART = 100  # characters of a task's or a cell's name
LONGEST, BATCH = 5_000, 100  # characters of a tag, tags or metrics in one request: what every store of MLflow takes


class ExperimentInStore(Protocol):
    """Where in the store an experiment is; a `Record` is one."""

    client: MlflowClient
    uri: str
    experiment_id: str
    parent: str


def note(record: ExperimentInStore, text: str) -> None:
    """Show a text, Markdown, with an experiment and with its parent run; a description that a person wrote stays.

    Raises:
        StoreError: where the store refuses; likewise the others.
    """
    with answering(record.uri):
        tags = record.client.get_experiment(record.experiment_id).tags
        current, of_run = tags.get(MLFLOW_RUN_NOTE), record.client.get_run(record.parent).data.tags.get(MLFLOW_RUN_NOTE)
        # else another program's experiment of this name, or written in the dashboard
        if current in (None, "", of_run, text) or sha256_of_text(current) == tags.get(NOTE):
            # killed in between, the next knows both
            for name, value in ((NOTE, sha256_of_text(text)), (MLFLOW_RUN_NOTE, text)):
                record.client.set_experiment_tag(record.experiment_id, name, value)
        record.client.set_tag(record.parent, MLFLOW_RUN_NOTE, text)


def answer(record: ExperimentInStore, evidence: Evidence, lines: Iterable[Line]) -> None:
    """Show with the parent run what its children say: each line of the answer as a tag, means by task and cell as metrics.

    A metric's name is "task/cell/test_accuracy", a tag's "answer.task"; what MLflow takes in no name is "-". Tags of an
    answer of before that has none of this name are removed.
    """
    now, titles = int(time.time() * 1000), task_names(evidence.experiment)
    means = [
        Metric(f"{_name(titles[task.task])}/{_name(cell.cell)}/test_{task.metric}", cell.row.middle.mean, now, 0)
        for task in evidence.tasks
        for cell in (*task.cells, *task.baselines)
        if cell.row.middle is not None and math.isfinite(cell.row.middle.mean)
    ]
    tags = [RunTag(ANSWER + _name(line.task or str(number)), line.text[:LONGEST]) for number, line in enumerate(lines)]
    with answering(record.uri):
        forget_answer(record, {tag.key for tag in tags})
        for first in range(0, max(len(means), len(tags)), BATCH):
            batch = slice(first, first + BATCH)
            record.client.log_batch(record.parent, metrics=means[batch], tags=tags[batch])


def forget_answer(record: ExperimentInStore, but: Collection[str] = ()) -> None:
    """Remove the lines of an answer from the parent run, but for these."""
    for name in record.client.get_run(record.parent).data.tags:
        if name.startswith(ANSWER) and name not in but:
            record.client.delete_tag(record.parent, name)


def _name(text: str) -> str:
    """What MLflow takes for a part of a name, short enough for three of them; a digest tells apart what is cut."""
    plain = re.sub(r"[^\w.: -]+", "-", text, flags=re.ASCII).strip("-. ") or "-"
    return plain if len(plain) <= PART else f"{plain[: PART - 9]}-{sha256_of_text(text)[:8]}"


def view(record: ExperimentInStore) -> None:
    """Give an experiment the view in which its cells are compared in the dashboard's own charts."""
    with answering(record.uri):
        record.client.set_experiment_tag(record.experiment_id, dashboard_links.SHARED, dashboard_links.view())


def data(record: ExperimentInStore, results: Iterable[RunResult]) -> None:
    """Name the data of these results on the parent run."""
    with answering(record.uri):
        inputs(record.client, record.parent, results)


def file(record: ExperimentInStore, path: Path) -> None:
    """Keep a file with the parent run, in place of one of the same name."""
    with answering(record.uri):
        record.client.log_artifact(record.parent, str(path))


def folder(record: ExperimentInStore, path: Path, name: str, only: str | None = None) -> None:
    """Keep a folder's files, or one, with the parent run, under this name, in place of those of the same names."""
    with answering(record.uri):
        if only is None:
            record.client.log_artifacts(record.parent, str(path), name)
        else:
            record.client.log_artifact(record.parent, str(path / only), name)


def fetched(record: ExperimentInStore, name: str, into: Path) -> Path | None:
    """A folder or file that is kept with the parent run under this name, copied into another; None where there is none."""
    above = name.rpartition("/")[0] or None
    with answering(record.uri):
        if name not in [entry.path for entry in record.client.list_artifacts(record.parent, above)]:
            return None
        return Path(record.client.download_artifacts(record.parent, name, str(into)))


def inputs(client: Any, run_id: str, results: Iterable[RunResult]) -> None:
    """Log the data of these results as inputs of a run; a set that the run has already is there once."""
    datasets = {(entry.dataset.name, entry.dataset.digest): entry for entry in map(_input, _most_last(results))}
    if datasets:
        client.log_inputs(run_id, datasets=list(datasets.values()))


def _most_last(results: Iterable[RunResult]) -> list[RunResult]:
    """Final runs behind trials, which read less: the parts named with a data set are then all that were read."""
    return sorted(results, key=lambda result: result.run.purpose != "trial")


def _input(result: RunResult) -> DatasetInput:
    data, task = result.data, result.run.task
    source: dict[str, Any]
    if data.files:
        kind, source = "local", {"uri": next(iter(data.files))}
    else:
        commit = {"mlflow.source.git.commit": str(result.environment.get("commit", ""))}
        kind, source = "code", {"tags": {"mlflow.source.name": TASKS.address(task.name), **commit}}
    profile = json.dumps({"files": data.files} if data.files else {"drawn_from": "options and seed"})
    dataset = Dataset(data.name[:500], data.digest, kind, json.dumps(source), profile=profile)
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, fields.READ[result.run.purpose])])

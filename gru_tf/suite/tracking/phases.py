"""Timing phases with an experiment's parent run: all of them in one file, and each median step as a metric."""

import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.timing import Timing
from gru_tf.foundation.digest import sha256_of_text
from gru_tf.suite.tracking.tags import TIMED

if TYPE_CHECKING:  # a store in SQLite is read without MLflow
    from mlflow.tracking import MlflowClient

FILE = "timing.json"
LONGEST = 250  # characters of a metric's name
ALL = TypeAdapter(tuple[Timing, ...])


def write(client: "MlflowClient", parent: str, experiment: Experiment, timings: Sequence[Timing]) -> None:
    """Keep them in place of those that are there; the tag last, without which they are not read."""
    from mlflow.entities import Metric

    now = int(1000 * time.time())
    client.log_text(parent, ALL.dump_json(tuple(timings), indent=1).decode(), FILE)
    metrics = [Metric(name, value, now, 0) for name, value in numbers(experiment, timings).items()]
    for start in range(0, len(metrics), 1000):
        client.log_batch(parent, metrics=metrics[start : start + 1000])
    client.set_tag(parent, TIMED, str(len(timings)))


def read(client: "MlflowClient", parent: str) -> tuple[Timing, ...]:
    """Those that are kept; none where the file is gone, or is of another version of this package."""
    if TIMED not in client.get_run(parent).data.tags:
        return ()
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as folder:
        try:
            return in_file(Path(client.download_artifacts(parent, FILE, folder)))
        except (MlflowException, OSError):
            return ()  # the table then has the times of training, and says so


def in_file(file: Path) -> tuple[Timing, ...]:
    """Those of a file; none where it is of another version of this package.

    Raises:
        OSError: where it cannot be read.
    """
    try:
        return ALL.validate_json(file.read_bytes())
    except ValidationError:
        return ()


def numbers(experiment: Experiment, timings: Sequence[Timing]) -> dict[str, float]:
    """Names such as "digits.gru.step_ms" → the median over rounds; what MLflow allows in no name is "-"."""
    titles = {task.label: task.title for task in experiment.tasks}
    return {
        _name(titles.get(timing.task, timing.task), cell): network.step_ms
        for timing in timings
        for cell, network in timing.timed.items()
        if network.step_ms is not None
    }


def _name(task: str, cell: str) -> str:
    plain = [re.sub(r"[^\w.-]+", "-", part, flags=re.ASCII).strip("-") for part in (task, cell)]
    name = f"{plain[0]}.{plain[1]}.step_ms"
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}-{sha256_of_text(f'{task} {cell}')[:8]}.step_ms"

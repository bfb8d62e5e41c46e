"""A run's losses by test example, in a file of the run's own: they are too many for a tag, and few readers want them."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.utils.file_utils import local_file_uri_to_path

from gru_tf.experiment import losses
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError

FILE = "losses.npy"


def write(client: Any, run_id: str, result: RunResult) -> None:
    """Keep the losses of a result with its run, where it has any."""
    if not result.losses:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        np.save(file, losses.array(result.losses), allow_pickle=False)
        client.log_artifact(run_id, str(file))


def read(client: Any, run_id: str, result: RunResult, place: str = "") -> Array:
    """(N,) float32, those of a result read from the store.

    Args:
        client: MLflow's.
        run_id: of the result.
        result: whose losses.
        place: URI of the run's files, where it is known: one on this machine is read without asking the client, which takes
            30 ms a file.

    Raises:
        UserError: where the file holds something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        local = Path(local_file_uri_to_path(place)) / FILE if place.startswith("file:") else None
        file = local if local and local.is_file() else client.download_artifacts(run_id, FILE, folder)
        try:
            each = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise _damaged(run_id, result, "no array") from error
    if each.dtype != np.float32 or each.shape != (result.losses_kept,):
        raise _damaged(run_id, result, f"{each.dtype} of the shape {each.shape}")
    return np.asarray(each)


def _damaged(run_id: str, result: RunResult, received: str) -> UserError:
    expected = f"{result.losses_kept:,} losses of {result.run.cell.label} on {result.run.task.title}"
    return UserError(f"run {run_id}, {FILE}: expected {expected}. Received: {received}")

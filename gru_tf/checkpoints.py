"""A run's state after an epoch, on disk: enough to go on to the same numbers, to the bit."""

import io
import json
import math
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf import durable
from gru_tf.experiment import Run


@dataclass
class Checkpoint:
    """What training has reached.

    Attributes:
        weights, state: of the network, and of optimiser and dropout.
        history: metric name → one value an epoch; seconds: training time of each epoch.
        best_epoch, best, best_weights: the best epoch by the validation metric.
    """

    weights: list[Any]
    state: list[Any]
    history: dict[str, list[float]]
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    best: float = math.nan
    best_weights: list[Any] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return len(self.seconds)


LISTS = ("weights", "state", "best_weights")
FIELDS = ("history", "seconds", "best_epoch", "best")


def path(run: Run, folder: Path) -> Path:
    """Where the checkpoint of `run` lies: the same file for runs that differ only in how many epochs they go on.

    Epochs do not depend on how many follow, so a promoted trial goes on from where the shorter one ended.
    """
    longest = run.model_copy(update={"training": run.training.but(epochs=1)})
    return folder / f"{longest.fingerprint}.checkpoint.npz"


def save(file: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in one step.

    Raises:
        OSError: where it cannot be written; the previous one is then untouched.
    """
    arrays = {f"{name}_{i}": a for name in LISTS for i, a in enumerate(getattr(checkpoint, name))}
    fields = json.dumps({name: getattr(checkpoint, name) for name in FIELDS})
    buffer = io.BytesIO()
    np.savez(buffer, fields=np.frombuffer(fields.encode(), np.uint8), **arrays)
    durable.write(file, buffer.getvalue())


def load(file: Path, epochs: int) -> Checkpoint | None:
    """The checkpoint at `file`; None where there is none of at most `epochs` epochs, or none that can be read.

    A run without its checkpoint starts again and reaches the same numbers, so an unreadable one costs time only.
    """
    try:
        with np.load(file) as stored:
            content: dict[str, Any] = json.loads(stored["fields"].tobytes())
            content |= {name: _numbered(stored, name) for name in LISTS}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    checkpoint = Checkpoint(**content)
    return checkpoint if checkpoint.epoch <= epochs else None


def _numbered(stored: Any, name: str) -> list[Any]:
    count = sum(key.startswith(f"{name}_") and key.removeprefix(f"{name}_").isdigit() for key in stored.files)
    return [stored[f"{name}_{i}"] for i in range(count)]

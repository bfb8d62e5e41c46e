"""A run's state after an epoch, on disk: enough to continue to the same numbers, bit for bit."""

import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.foundation import atomic_file, digest, environment
from gru_tf.recurrent import kernels


@dataclass
class Checkpoint:
    """The state that training has reached.

    Attributes:
        weights, state: of the network, and of optimiser and dropout.
        history: metric name → one value an epoch; seconds: training time of each epoch.
        best_epoch, best, best_weights: the best epoch by the validation metric.
        predicting: seconds of each epoch's pass over the validation split.
    """

    weights: list[Any]
    state: list[Any]
    history: dict[str, list[float]]
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    best: float = math.nan
    best_weights: list[Any] = field(default_factory=list)
    predicting: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return len(self.seconds)


LISTS = ("weights", "state", "best_weights")
FIELDS = ("history", "seconds", "predicting", "best_epoch", "best")


def path(run: Run, folder: Path) -> Path:
    """Where the checkpoint of `run` lies: the same file for runs that differ only in their number of epochs.

    Epochs do not depend on how many follow, so a promoted trial continues where the shorter one ended; but for those of a
    schedule of the learning rate or of teacher forcing that is over all of them. By `steps` the last stretch may be cut
    short, so that each number has a file of its own.
    """
    alone = run.training.over_all_epochs or run.training.steps is not None
    canonical = run if alone else run.model_copy(update={"training": run.training.but(epochs=1)})
    return folder / f"{canonical.fingerprint}.checkpoint"


def save(file: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in one step: the digest of its content, then the content, an `.npz`.

    Raises:
        OSError: where it cannot be written; the previous one is then untouched.
    """
    arrays = {f"{name}_{i}": a for name in LISTS for i, a in enumerate(getattr(checkpoint, name))}
    fields = json.dumps({name: getattr(checkpoint, name) for name in FIELDS} | {"source": _source()})
    buffer = io.BytesIO()
    np.savez(buffer, fields=np.frombuffer(fields.encode(), np.uint8), **arrays)
    content = buffer.getvalue()
    atomic_file.write(file, digest.sha256_of_bytes(content) + content)


def load(file: Path, epochs: int) -> Checkpoint | None:
    """The checkpoint at `file`; None where there is none of at most `epochs` epochs, or none that can be trusted.

    A run without its checkpoint starts again and reaches the same numbers, so a damaged checkpoint, or one from another
    version of this package or of those that it builds on, only costs time.
    """
    try:
        stored = file.read_bytes()
    except OSError:
        return None
    content = stored[digest.SIZE :]
    if digest.sha256_of_bytes(content) != stored[: digest.SIZE]:
        return None
    with np.load(io.BytesIO(content)) as arrays:
        fields: dict[str, Any] = json.loads(arrays["fields"].tobytes())
        if fields.pop("source", "") != _source():
            return None
        fields |= {name: _numbered(arrays, name) for name in LISTS}
        checkpoint = Checkpoint(**fields)
    return checkpoint if checkpoint.epoch <= epochs else None


def _source() -> str:
    """What computes the numbers: the packages, and whether the fused kernels do; all of their builds give the same bits."""
    return environment.source() + (" fused" if not kernels.why_not() else "")


def _numbered(arrays: Any, name: str) -> list[Any]:
    count = sum(key.startswith(f"{name}_") and key.removeprefix(f"{name}_").isdigit() for key in arrays.files)
    return [arrays[f"{name}_{i}"] for i in range(count)]

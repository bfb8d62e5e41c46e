"""What a worker process does. The coordinator imports this too, so TensorFlow is imported inside the functions."""

import signal
from pathlib import Path

from gru_tf.experiment import Run
from gru_tf.results import RunResult


def begin(threads: int) -> None:
    """Prepare a new worker: its threads, and Ctrl-C left to the coordinator."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from gru_tf import training

    training.configure(threads)


def work(run: Run, folder: Path) -> RunResult:
    """Train one run; an exception becomes a failed result."""
    from gru_tf import training

    return training.attempt(run, folder)

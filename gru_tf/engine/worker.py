"""What a worker process does. The coordinator imports this too, so TensorFlow is imported inside the functions."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

from gru_tf.experiment import Run
from gru_tf.results import RunResult


def begin(threads: int) -> None:
    """Prepare a new worker: its threads, Ctrl-C left to the coordinator, and an end with the coordinator's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from gru_tf import training

    training.configure(threads)


def _end_with_parent() -> None:
    """End this process when the coordinator is gone: nobody would take the result of what it trains."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work(run: Run, folder: Path) -> RunResult:
    """Train one run; an exception becomes a failed result."""
    from gru_tf import training

    return training.attempt(run, folder)

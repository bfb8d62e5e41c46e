"""What a worker process does. The coordinator imports this too, so TensorFlow is imported inside the functions."""

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.timing import Timing
from gru_tf.suite import journal


def begin(threads: int, device: str | None = None) -> None:
    """Prepare a new worker: its GPU, its threads, Ctrl-C left to the coordinator, and its own end with that one.

    Args:
        threads: threads of TensorFlow's operations.
        device: the GPU that it may see, as in CUDA_VISIBLE_DEVICES; None leaves that alone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    coordinator = multiprocessing.parent_process()
    if coordinator is not None:
        threading.Thread(target=_end_with, args=[coordinator], daemon=True).start()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    from gru_tf.training import trainer

    trainer.configure(threads)


def _end_with(coordinator: multiprocessing.process.BaseProcess) -> None:
    """End this process when the coordinator is gone, also by kill -9: an orphan competes with the next workers."""
    coordinator.join()
    os._exit(1)  # at once, also in the middle of a compiled loop: every file is whole or absent


def work(run: Run, folder: Path) -> tuple[RunResult, float]:
    """Train one run and keep its result on disk; returns it with the process's memory in MiB."""
    from gru_tf.training import trainer

    result = trainer.attempt(run, folder)
    memory = psutil.Process().memory_info().rss / 1024**2
    return journal.keep(folder, result), memory


def measure(runs: Sequence[Run], seconds: float) -> Timing:
    """Time the networks of these runs, which are of one task."""
    from gru_tf.training import timing

    return timing.measure(runs, seconds)

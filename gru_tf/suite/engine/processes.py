"""How worker processes start: forked from a server that has imported TensorFlow once, without the caller's script."""

import multiprocessing
import multiprocessing.context
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

from pebble import ProcessPool

from gru_tf.foundation import environment
from gru_tf.suite.engine.worker import begin


class _WorkerProcess(multiprocessing.context.ForkServerProcess):
    """A process that does not run the caller's script again.

    multiprocessing imports the main script in each child; one without `if __name__ == "__main__"` would start the
    experiment again in there. A worker needs nothing of it.
    """

    _hiding = threading.Lock()

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802, multiprocessing's name
        main = sys.modules["__main__"]
        with _WorkerProcess._hiding:
            hidden: dict[str, Any] = {n: vars(main).pop(n) for n in ("__file__", "__spec__") if n in vars(main)}
            main.__spec__ = None
            try:
                return multiprocessing.context.ForkServerProcess._Popen(process_obj)
            finally:
                vars(main).update(hidden)


class _Context(multiprocessing.context.ForkServerContext):
    Process = _WorkerProcess


def context() -> multiprocessing.context.BaseContext:
    """The context that workers start in; its fork server holds its arithmetic, then imports TensorFlow."""
    forking = _Context()
    forking.set_forkserver_preload(["gru_tf.foundation.held_arithmetic", "gru_tf.suite.engine.preload"])
    return forking


def start_server() -> None:
    """Start the fork server ahead of the first pool: it imports TensorFlow while this process opens the store."""
    context()
    with _without_ctrl_c():
        forkserver.ensure_running()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """What is started inside leaves Ctrl-C to this process: the server would end its imports in a traceback of its own."""
    if threading.current_thread() is not threading.main_thread():  # nor is it ours to set there
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def pool(threads: int, device: str | None) -> ProcessPool:
    """A pool of one worker process."""
    return ProcessPool(max_workers=1, context=context(), initializer=begin, initargs=[threads, device])


def gpus() -> list[str]:
    """The GPUs that this process may use, as in CUDA_VISIBLE_DEVICES; by the driver, not by TensorFlow."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(i) for i, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU ")]


def devices(workers: int | None) -> list[str | None]:
    """The GPU of each worker: workers spread over the GPUs, one a GPU or a core if `workers` is None; None without a GPU."""
    names = gpus()
    count = workers or len(names) or environment.cores()
    return [names[i % len(names)] if names else None for i in range(count)]

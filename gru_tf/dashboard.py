"""MLflow's own dashboard, started on the right store."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from gru_tf.errors import UserError
from gru_tf.tracking import Store

PATIENCE = 10  # seconds for the server to end by itself


def serve(store: str | None, port: int, browser: bool, say: Callable[[str], None]) -> int:
    """Serve the dashboard on the loopback address until Ctrl-C; returns the exit status.

    Raises:
        UserError: where the port is taken, the store does not answer or MLflow does not start.
    """
    if _answers(port):
        raise UserError(f"port {port} is taken; choose another with --port")
    uri, address = Store(store).uri, f"http://127.0.0.1:{port}"
    if uri.startswith("http"):
        say(f"The store is a server with a dashboard of its own: {uri}")
        return 0 if not browser or webbrowser.open(uri) else 1
    with tempfile.TemporaryFile("w+") as log, _server(uri, port, log) as process:
        while process.poll() is None and not _answers(port):
            time.sleep(0.2)
        if process.poll() is None:
            say(f"Dashboard: {address}  (Ctrl-C stops it)")
            if browser:
                webbrowser.open(address)
        process.wait()
        log.seek(0)
        reason = log.read().strip().splitlines() or ["no reason given"]
    raise UserError(f"the dashboard ended by itself: {reason[-1]}")


@contextmanager
def _server(uri: str, port: int, log: IO[str]) -> "Iterator[subprocess.Popen[str]]":
    """MLflow's server with all its processes, which end with the block, with Ctrl-C or with this process."""
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # seven processes that nothing here needs
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    # A session of its own: Ctrl-C reaches us alone, and whatever the server started is in its group.
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=log, text=True, start_new_session=True
    )
    try:
        yield process
    except KeyboardInterrupt:
        raise SystemExit(0) from None
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(PATIENCE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

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
from typing import IO, Any

from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import BEAT, KIND, Store, address, answering, dashboard_links
from gru_tf.suite.tracking.paging import every

LOOPBACK = "127.0.0.1"
PATIENCE = 10  # seconds for the server to end by itself


def serve(store: str | None, port: int, browser: bool, say: Callable[[str], None], name: str | None = None) -> int:
    """Serve the dashboard on the loopback address until Ctrl-C; returns the exit status.

    Args:
        store: tracking URI of MLflow; a server's own dashboard is opened where it is one.
        port: on this machine.
        browser: whether to open one, at the experiment.
        say: prints a line, such as the address of the experiment.
        name: of the experiment; the one that was run last if None.

    Raises:
        UserError: where the port is taken, the store does not answer or has no such experiment, or MLflow does not start.
    """
    if _answers(port):
        raise UserError(f"port {port} is already in use; choose another with --port")
    opened = Store(store)
    uri, page = opened.uri, _page(opened, name)
    if uri.startswith("http"):
        address = f"{uri.rstrip('/')}{page}"
        say(f"The store is a server with its own dashboard: {address}")
        return 0 if not browser or webbrowser.open(address) else 1
    address = f"http://{LOOPBACK}:{port}{page}"
    with (
        tempfile.TemporaryFile("w+") as log,
        tempfile.TemporaryDirectory() as empty,
        _server(uri, port, log, empty) as process,
    ):
        while process.poll() is None and not _answers(port):
            time.sleep(0.2)
        if process.poll() is None:
            say(f"Dashboard: {address}  (Ctrl-C stops it)")
            if browser:
                webbrowser.open(address)
        process.wait()
        log.seek(0)
        reason = log.read().strip().splitlines() or ["no reason given"]
    raise UserError(f"the dashboard exited unexpectedly: {reason[-1]}")


def _page(store: Store, name: str | None) -> str:
    """Where in the dashboard an experiment's parent run is, which has the answer; the front page where nothing was run."""
    with answering(store.uri):
        within = None if name is None else _named(store, name)
        parent = _last(store, [within] if within else [e.experiment_id for e in every(store.client.search_experiments)])
    if parent is None:
        return f"/{dashboard_links.runs(within)}" if within else ""
    return f"/{dashboard_links.run(parent.info.experiment_id, parent.info.run_id)}"


def _last(store: Store, experiments: list[str]) -> Any:
    """The parent run whose coordinator gave the latest sign of life, of these experiments; None without one."""
    parents = every(store.client.search_runs, experiment_ids=experiments, filter_string=f"tags.`{KIND}` = 'experiment'")
    return max(parents, key=lambda parent: float(parent.data.tags.get(BEAT, "0")), default=None)


def _named(store: Store, name: str) -> str:
    experiment = store.client.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage != "active":
        raise UserError(address.no_results(name, store.uri, store.names()))
    return str(experiment.experiment_id)


@contextmanager
def _server(uri: str, port: int, log: IO[str], folder: str) -> "Iterator[subprocess.Popen[str]]":
    """MLflow's server with all its processes, which end with the block, with Ctrl-C or with this process.

    In an empty folder: uvicorn imports from the one that it is started in, where a user's own random.py would be taken for
    Python's.
    """
    place = ["--backend-store-uri", uri, "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-P", "-m", "mlflow", "ui", *place]
    # without job execution, seven processes that nothing here needs
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONSAFEPATH": "1"}
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    # A session of its own: Ctrl-C reaches us alone, and whatever the server started is in its group.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=log,
        text=True,
        start_new_session=True,
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
        return probe.connect_ex((LOOPBACK, port)) == 0

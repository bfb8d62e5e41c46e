"""MLflow's own dashboard, started on the right store."""

import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable

from gru_tf.errors import UserError
from gru_tf.tracking import default_uri


def serve(store: str | None, port: int, browser: bool, say: Callable[[str], None]) -> int:
    """Serve the dashboard on the loopback address until it is stopped; returns MLflow's exit status.

    Raises:
        UserError: where the port is taken.
    """
    uri, address = store or default_uri(), f"http://127.0.0.1:{port}"
    if uri.startswith("http"):
        say(f"The store is a server with a dashboard of its own: {uri}")
        return 0 if not browser or webbrowser.open(uri) else 1
    if _answers(port):
        raise UserError(f"port {port} is taken; choose another with --port")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--port", str(port), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not _answers(port):
            time.sleep(0.2)
        if process.poll() is None:
            say(f"Dashboard: {address}  (Ctrl-C stops it)")
            if browser:
                webbrowser.open(address)
        _, error = process.communicate()
    if process.returncode > 0:
        raise UserError(
            f"the dashboard did not start: {error.strip().splitlines()[-1] if error.strip() else 'no reason given'}"
        )
    return 0


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""MLflow's tracking server and PostgreSQL on this machine's loopback, to be stopped and killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from running import PATIENCE, until

USER = "postgres"  # PostgreSQL refuses to serve as root


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mlflow:
    """`mlflow server` on one port, started and ended any number of times."""

    def __init__(self, folder: Path, backend: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.backend, self.port = folder, backend, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--workers",
            "1",
        ]
        command += ["--backend-store-uri", self.backend, "--artifacts-destination", (self.folder / "artifacts").as_uri()]
        env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        log = self.folder / "server.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=out, stderr=out, env=env, start_new_session=True
            )
        until(lambda: self.answers() or self.process.poll() is not None, "the tracking server")
        assert self.process.poll() is None, log.read_text(encoding="utf-8")

    def answers(self) -> bool:
        """Whether it is there."""
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5) as answer:
            return answer.status == 200
        return False

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to all its processes and wait for their end."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            self.process.wait(PATIENCE)
            until(lambda: not listens(self.port), "the tracking server's end")
            self.process = None


class Postgres:
    """A PostgreSQL cluster in a temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gru-tf-postgres-"))
        self.port, self.process = free_port(), None
        self.drop: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []} if os.getuid() == 0 else {}
        if self.drop:
            shutil.chown(self.folder, USER, USER)

    @property
    def uri(self) -> str:
        """As SQLAlchemy reads it."""
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Make the cluster and serve it."""
        data = str(self.folder / "data")
        self._run([_binary("initdb"), "-D", data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"])
        command = [_binary("postgres"), "-D", data, "-p", str(self.port), "-k", str(self.folder)]
        command += ["-c", "listen_addresses=127.0.0.1"]
        with (self.folder / "server.log").open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder, **self.drop)
        until(lambda: listens(self.port), "PostgreSQL", patience=60)

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False, **self.drop)
        assert done.returncode == 0, done.stderr

    def end(self) -> None:
        """Stop it and remove its folder."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # its fast way: open connections are cut
            self.process.wait(PATIENCE)
        shutil.rmtree(self.folder)


def _binary(name: str) -> str:
    """Debian keeps PostgreSQL's server programs off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"PostgreSQL's {name} is not installed: apt-get install postgresql")
    return found

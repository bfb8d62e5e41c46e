"""The command in its own process group, to be killed; and the numbers that must come out whatever happens."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

import gru_tf
from gru_tf.experiment.result import RunResult
from gru_tf.suite.tracking import FINGERPRINT, RESULT, Store

HERE = Path(__file__).parent
sys.path.append(str(HERE / "site"))
import_module("with_faulty")  # the store's experiments name it
PATIENCE = 240.0  # seconds that a busy machine may need for anything waited for here
SERIES = ("train_loss", "validation_loss", "validation_accuracy", "validation_mse")
STEADY: dict[str, Any] = {
    "question": "Are the numbers the same whatever happens?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": ["gru"],
    "seeds": 8,
    "model": {"units": 4, "dropout": 0.2},
    "training": {"epochs": 60, "batch_size": 64, "clip_norm": 1.0},
    "search": {
        "tuner": "random",
        "trials": 6,
        "shared": True,
        "space": {"learning_rate": {"low": 1e-3, "high": 2e-2, "sampling": "log"}},
    },
}
_numbered = count()
Numbers = dict[str, tuple[Any, ...]]


def write(folder: Path, name: str, content: dict[str, Any]) -> Path:
    """An experiment file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def until(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Poll until something is true; what it is."""
    end = time.monotonic() + patience
    while not (value := true()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:g} s in vain for {what}")
        time.sleep(0.05)
    return value


def _heed_interrupts() -> None:
    """Ctrl-C is for the command also where a shell started the tests in the background, which ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """One `gru-tf …` in a process group of its own, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str, **environment: str):
        folder.mkdir(parents=True, exist_ok=True)
        paths = [str(HERE / "site"), str(Path(gru_tf.__file__).parent.parent)]
        more = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1", **environment}
        self.folder, self.began = folder, time.monotonic()
        number = next(_numbered)
        self.out, self.err = folder / f"{number}.out", folder / f"{number}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            command = [sys.executable, "-m", "gru_tf.commands.main", *arguments]
            env = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | more
            options: dict[str, Any] = {"cwd": folder, "env": env, "start_new_session": True, "preexec_fn": _heed_interrupts}
            self.process = subprocess.Popen(command, stdout=out, stderr=err, **options)
        self.group = self.process.pid

    def members(self) -> list[psutil.Process]:
        """Its processes that still run: coordinator, fork server, workers."""
        found = []
        for process in psutil.process_iter(["pid"]):
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) == self.group and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """Those that train: the fork server's children."""
        found = []
        for process in self.members():
            with suppress(psutil.Error):  # one that ends just now hides none of the others
                if process.pid != self.group and process.ppid() == self.group:
                    found += process.children()
        return found

    def signal(self, number: int) -> None:
        """Send a signal to the whole group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.group, number)

    def kill(self) -> None:
        """kill -9 of all its processes at once: the nearest to a power cut that a test can have."""
        self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        until(lambda: not self.members(), "killed processes to be gone")

    def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running after {seconds:g} s:\n{self.said()}") from error

    def done(self) -> int:
        """Runs that it has said are done."""
        said = self.out.read_text(encoding="utf-8", errors="replace")  # its last letter may be half written
        return len(re.findall(r"^ *\d+/\d+ ", said, re.MULTILINE))

    def errors(self) -> str:
        """What it has written to stderr."""
        return self.err.read_text(encoding="utf-8", errors="replace")

    def complains(self, times: int = 1) -> None:
        """Wait until it has said, that often, that the store does not take a result."""
        until(lambda: self.errors().count("Retrying") >= times, "a complaint")

    def said(self) -> str:
        """All it has written."""
        return self.out.read_text(encoding="utf-8", errors="replace") + self.errors()


def sqlite(folder: Path) -> str:
    """The store that a command makes in its folder."""
    return f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"


def children(uri: str, name: str) -> list[Any]:
    """The children of an experiment as the store has them, also those half told; none of the others twice."""
    found = Store(uri).find(name).children.find()
    whole = [child for child in found if RESULT in child.data.tags]
    fingerprints = [child.data.tags[FINGERPRINT] for child in whole]
    assert len(set(fingerprints)) == len(fingerprints), "a run stands in the store twice"
    return found


def stored(uri: str, name: str) -> set[str]:
    """Fingerprints of the runs that the store has whole; of one that was being written when a process died it has a part."""
    return {child.data.tags[FINGERPRINT] for child in children(uri, name) if RESULT in child.data.tags}


def numbers(uri: str, name: str) -> Numbers:
    """Fingerprint → every number of a run that must not depend on how it came about, histories included."""
    client, found = Store(uri).client, {}
    for child in children(uri, name):
        if RESULT in child.data.tags:
            histories = {
                key: client.get_metric_history(child.info.run_id, key) for key in SERIES if key in child.data.metrics
            }
            series = {key: [repr(m.value) for m in sorted(h, key=lambda m: m.step)] for key, h in histories.items()}
            found[child.data.tags[FINGERPRINT]] = (*_result_of(child), series)
    return found


def _result_of(child: Any) -> tuple[Any, ...]:
    result = RunResult.model_validate_json(child.data.tags[RESULT])
    return result.status, result.best_epoch, repr(result.validation), repr(result.test), result.units, result.parameters


def all_closed(uri: str, name: str) -> bool:
    """Whether no child is left running or half told, and the experiment's own run is closed."""
    store = Store(uri)
    parent = store.client.get_run(store.find(name).parent)
    whole = all(RESULT in c.data.tags and c.info.status != "RUNNING" for c in children(uri, name))
    return whole and parent.info.status in ("FINISHED", "FAILED")


def sound(folder: Path) -> None:
    """Check that SQLite finds its file whole."""
    with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


class Reference(NamedTuple):
    """One run of an experiment that nothing disturbed."""

    numbers: Numbers
    first: float
    whole: float

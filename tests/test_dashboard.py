"""`gru-tf ui`: MLflow's dashboard on our store, with our runs, and nothing left of it after Ctrl-C."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace
from urllib.parse import urlsplit

import psutil
import pytest

from gru_tf.experiment_file import validate
from gru_tf.run_result import RunResult
from gru_tf.tracking import Store

# MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

CONTENT = {
    "name": "shown",
    "question": "Is it shown?",
    "tasks": ["digits"],
    "cells": ["rnn", "gru"],
    "seeds": 2,
    "model": {"units": 5},
}
# Ctrl-C is heard, also where pytest itself was started with it ignored
COMMAND = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from gru_tf.cli import main; main()"


def fill(uri):
    """An experiment of finished runs, without training them; returns its identifier."""
    experiment = validate(CONTENT, "shown")
    record = Store(uri).open(experiment)
    record.begin()
    for number, run in enumerate(experiment.runs()):
        values = {"metric": "accuracy", "validation": 0.5, "test": 0.4 + number / 100, "history": {"train_loss": [2.0, 1.0]}}
        record.write(RunResult(run=run, status="finished", started=time.time(), seconds=1.0, **values))
    record.end(failed=False)
    return record.experiment_id


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition, seconds):
    """Wait for the condition; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def start(uri, folder):
    """`gru-tf ui`, once it says where it serves."""
    port, said = free_port(), folder / "said.txt"
    command = [sys.executable, "-c", COMMAND, "ui", "--no-browser", "--port", str(port), "--store", uri]
    with said.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, process_group=0)
    until(lambda: "Dashboard: " in said.read_text() or process.poll() is not None, 180)
    return SimpleNamespace(process=process, port=port, said=said, address=f"http://127.0.0.1:{port}")


def stop(ui, number):
    """Send the signal to the command's group, as a terminal does; returns (its exit code, processes that it had)."""
    family = [ui.process, *psutil.Process(ui.process.pid).children(recursive=True)]
    os.killpg(ui.process.pid, number)
    return ui.process.wait(60), family[1:]


def alive(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def ui(tmp_path_factory):
    """The dashboard on a store with four runs, ended by Ctrl-C."""
    folder = tmp_path_factory.mktemp("ui")
    uri = f"sqlite:///{folder}/mlflow.db"
    experiment = fill(uri)
    started = start(uri, folder)
    assert started.process.poll() is None, started.said.read_text()
    yield SimpleNamespace(**vars(started), experiment=experiment)
    ends(started, signal.SIGINT, 0)


def ends(ui, number, code):
    """Fails unless the signal ends the command with that code and leaves no process and no port behind."""
    ended, family = stop(ui, number)
    try:
        assert (ended, len(family) > 0) == (code, True)
        until(lambda: not alive(family), 10)
        assert not answers(ui.port)
        assert "Traceback" not in ui.said.read_text()
    finally:
        for process in alive(family):
            process.kill()


def test_it_says_where_it_serves_and_nothing_else(ui):
    assert ui.said.read_text() == f"Dashboard: {ui.address}  (Ctrl-C stops it)\n"


def test_it_serves_our_runs_on_the_loopback_address(ui):
    body = json.dumps({"experiment_ids": [ui.experiment]}).encode()
    request = urllib.request.Request(
        f"{ui.address}/api/2.0/mlflow/runs/search", body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        names = {run["info"]["run_name"] for run in json.load(answer)["runs"]}
    assert "shown" in names
    assert len([name for name in names if "seed" in name]) == 4
    listening = [c.laddr for p in psutil.Process(ui.process.pid).children(recursive=True) for c in p.net_connections()]
    assert {address.ip for address in listening if address.port == ui.port} == {"127.0.0.1"}


@pytest.mark.browser
def test_a_person_sees_the_runs_in_a_browser(ui):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *quiet])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.route(lambda address: urlsplit(address).hostname != "127.0.0.1", lambda route: route.abort())
        page.goto(f"{ui.address}/#/experiments/{ui.experiment}/runs", timeout=30_000)
        parent = page.get_by_role("gridcell").filter(has=page.get_by_role("link", name="shown", exact=True))
        parent.get_by_role("button").first.click(timeout=30_000)  # unfolds its children
        for run in validate(CONTENT, "shown").runs():
            parts = (rf"(?=.*\b{part}\b)" for part in (run.cell.name, "digits", f"seed {run.seed}"))
            page.get_by_role("link", name=re.compile("".join(parts))).first.wait_for(timeout=30_000)
        browser.close()


def test_in_an_empty_folder_it_serves_an_empty_store_until_it_is_terminated(tmp_path):
    started = start(f"sqlite:///{tmp_path}/new/mlflow.db", tmp_path)
    assert started.process.poll() is None, started.said.read_text()
    ends(started, signal.SIGTERM, 128 + signal.SIGTERM)


def test_a_store_that_is_none_is_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("these are notes\n" * 100)
    ended = start("sqlite:///notes.txt", tmp_path)
    assert ended.process.wait(60) == 2
    (line,) = ended.said.read_text().splitlines()
    assert line.startswith("gru-tf: the tracking store sqlite:///notes.txt does not answer: ")

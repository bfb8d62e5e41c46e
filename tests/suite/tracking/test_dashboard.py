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
import webbrowser
from types import SimpleNamespace
from urllib.parse import urlsplit

import psutil
import pytest

from gru_tf.experiment.result import RunResult
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation import palette
from gru_tf.foundation.errors import UserError
from gru_tf.suite import publishing, stored_results
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Store, dashboard, description
from gru_tf.suite.tracking.tags import MODEL

# MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
]

CONTENT = {
    "name": "shown",
    "question": "Is it shown?",
    "tasks": ["digits"],
    "cells": ["rnn", "gru"],
    "seeds": 2,
    "model": {"units": 5},
}
# Ctrl-C is heard, also where pytest itself was started with it ignored
LISTENS = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
COMMAND = f"{LISTENS}; from gru_tf.commands.main import main; main()"


def fill(uri, folder):
    """An experiment of finished runs, without training them, and one that was run before it; returns its record."""
    Store(uri).open(validate({**CONTENT, "name": "older"}, "older")).begin()
    experiment = validate(CONTENT, "shown")
    record = Store(uri).open(experiment)
    record.begin()
    for number, run in enumerate(experiment.runs()):
        values = {"metric": "accuracy", "validation": 0.5, "test": 0.4 + number / 100, "history": {"train_loss": [2.0, 1.0]}}
        result = RunResult(run=run, status="finished", started=time.time(), seconds=1.0, **values)
        record.write(result)
        if run.seed == 0:  # the first of equals
            give_model(record, result)
    publishing.publish(stored_results.of_record(record), record, ResultWriter(record, folder))
    report = folder / "report.html"  # of the name that the real one has
    report.write_text("<!doctype html><h1>What was found</h1><svg><text y='20'>drawn</text></svg>", encoding="utf-8")
    description.file(record, report)
    record.end(failed=False)
    return record


def give_model(record, result):
    """A model in the store, empty: what a registry knows of it is its address."""
    run_id = record.ids[result.run.fingerprint]
    logged = record.client.create_logged_model(record.experiment_id, name="model", source_run_id=run_id)
    record.client.set_tag(run_id, MODEL, f"models:/{logged.model_id}")


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


def start(uri, folder, *arguments):
    """`gru-tf ui`, once it says where it serves; the browser that it opens is a file with the address."""
    port, said = free_port(), folder / "said.txt"
    command = [sys.executable, "-P", "-c", COMMAND, "ui", *arguments, "--port", str(port), "--store", uri]
    opening = folder / "browser"
    opening.write_text(f'#!/bin/sh\necho "$1" >> {folder}/opened.txt\n')
    opening.chmod(0o755)
    environment = {**os.environ, "BROWSER": str(opening)}
    with said.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, process_group=0, env=environment
        )
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
    record = fill(uri, folder)
    for name in ("timeit.py", "uvicorn.py", "random.py"):  # modules that the server imports, in the user's folder
        (folder / name).write_text(f"open({str(folder / 'executed.txt')!r}, 'a').write({name!r})")
    started = start(uri, folder)
    assert started.process.poll() is None, started.said.read_text()
    names = {"experiment": record.experiment_id, "parent": record.parent, "uri": uri, "folder": folder}
    opened = folder / "opened.txt"  # the browser, which is started after the address is said
    until(lambda: opened.is_file() and opened.read_text(), 60)
    yield SimpleNamespace(**vars(started), **names)
    ends(started, signal.SIGINT, 0)


def ends(ui, number, code):
    """Fails unless the signal ends the command with that code and leaves no process and no port behind."""
    ended, family = stop(ui, number)
    try:
        assert (ended, len(family) > 0) == (code, True)
        until(lambda: not alive(family), 60)
        assert not answers(ui.port)
        assert "Traceback" not in ui.said.read_text()
    finally:
        for process in alive(family):
            process.kill()


def test_it_opens_at_the_experiment_that_was_run_last_and_says_where(ui):
    address = f"{ui.address}/#/experiments/{ui.experiment}/runs/{ui.parent}?workflowType=machine_learning"
    first, said = ui.said.read_text().splitlines()
    assert first == "Starting the dashboard; the first time takes up to a minute."
    assert said == f"Dashboard: {address}  (Ctrl-C stops it)"
    assert (ui.folder / "opened.txt").read_text() == f"{address}\n"


def test_no_module_in_the_users_folder_is_taken_for_pythons(ui):
    assert (ui.folder / "timeit.py").is_file()
    assert not (ui.folder / "executed.txt").exists()


def test_an_experiment_by_name(ui):
    older = int(ui.experiment) - 1
    (parent,) = (run for run in Store(ui.uri).client.search_runs([str(older)]) if run.info.run_name == "older")
    found = dashboard._page(Store(ui.uri), "older")
    assert found == f"/#/experiments/{older}/runs/{parent.info.run_id}?workflowType=machine_learning"
    with pytest.raises(UserError, match=r"no results of 'shwon' in sqlite:.*mlflow\.db\. Did you mean 'shown'\?"):
        dashboard._page(Store(ui.uri), "shwon")


def test_of_a_server_its_own_dashboard_is_opened(ui, monkeypatch):
    opened, said = [], []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert dashboard.serve(ui.address, free_port(), True, said.append, "shown") == 0
    assert opened == [f"{ui.address}/#/experiments/{ui.experiment}/runs/{ui.parent}?workflowType=machine_learning"]
    assert said == [f"The store is a server with its own dashboard: {opened[0]}"]


def test_it_serves_our_runs_on_the_loopback_address(ui):
    body = json.dumps({"experiment_ids": [ui.experiment]}).encode()
    request = urllib.request.Request(
        f"{ui.address}/api/2.0/mlflow/runs/search", body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        names = {run["info"]["run_name"] for run in json.load(answer)["runs"]}
    assert "shown" in names
    assert len([name for name in names if "seed" in name]) == 4
    listening = [c.laddr for p in psutil.Process(ui.process.pid).children(recursive=True) for c in p.net_connections()]
    assert {address.ip for address in listening if address.port == ui.port} == {"127.0.0.1"}


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, without a network."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *quiet])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """A tab that has seen nothing yet."""
    tab = browser.new_page(viewport={"width": 1600, "height": 1000})
    tab.set_default_timeout(60_000)
    tab.route(lambda address: urlsplit(address).hostname != "127.0.0.1", lambda route: route.abort())
    yield tab
    tab.close()


@pytest.mark.browser
def test_a_person_sees_the_runs_in_a_browser(ui, page):
    """At the address that the command opens: the question, and the children under their parent."""
    page.goto((ui.folder / "opened.txt").read_text().strip())
    page.get_by_text(CONTENT["question"]).first.wait_for()
    page.get_by_text("digits/gru/test_accuracy").first.wait_for()  # a mean
    for run in validate(CONTENT, "shown").runs():
        parts = (rf"(?=.*\b{part}\b)" for part in (run.cell.name, "digits", f"seed {run.seed}"))
        page.get_by_role("link", name=re.compile("".join(parts))).first.wait_for()


@pytest.mark.browser
def test_from_the_parent_a_person_reaches_charts_of_seeds_and_the_report(ui, page):
    """Description with its table, a chart with a bar a seed, the report as it is, all by links."""
    parent = f"{ui.address}/#/experiments/{ui.experiment}/runs/{ui.parent}?workflowType=machine_learning"
    page.goto(parent)
    page.get_by_text("Show more").click()
    page.get_by_role("row", name=re.compile(r"gru .* 0\.425 \[")).wait_for()
    page.get_by_text("Train, Validation, Test").first.wait_for()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Charts, one bar per seed").click()
    charts = opened.value
    charts.get_by_text("test_accuracy", exact=True).first.wait_for(timeout=60_000)
    bars = charts.locator(".js-plotly-plot").first.locator(".bars path")
    bars.first.wait_for(timeout=60_000)
    filled = bars.evaluate_all("bars => bars.map(bar => getComputedStyle(bar).fill)")  # at once: a chart may be drawn anew
    expected = [colour.lstrip("#") for colour in (palette.colour("gru"), palette.colour("rnn"))]
    drawn = ["".join(f"{int(part):02X}" for part in re.findall(r"\d+", colour)[:3]) for colour in filled]
    assert sorted(drawn) == sorted(expected * 2), "of each cell two seeds, in its colour"
    charts.close()
    page.goto(f"{ui.address}/#/experiments/{ui.experiment}/runs/{ui.parent}/artifacts/report.html")
    page.frame_locator("iframe").get_by_role("heading", name="What was found").wait_for()


@pytest.mark.browser
def test_a_person_finds_the_best_models(ui, page):
    page.goto(f"{ui.address}/#/models/gru-tf.shown.digits.gru?workflowType=machine_learning")
    page.get_by_role("row").filter(has_text="Version 1").filter(has_text=re.compile("@.best")).wait_for()


def test_in_an_empty_folder_it_serves_an_empty_store_until_it_is_terminated(tmp_path):
    started = start(f"sqlite:///{tmp_path}/new/mlflow.db", tmp_path)
    assert started.process.poll() is None, started.said.read_text()
    ends(started, signal.SIGTERM, 128 + signal.SIGTERM)


def test_a_store_that_is_none_is_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("these are notes\n" * 100)
    ended = start("sqlite:///notes.txt", tmp_path)
    assert ended.process.wait(60) == 2
    _, line = ended.said.read_text().splitlines()
    assert line.startswith(f"gru-tf: the tracking store sqlite:///{tmp_path}/notes.txt does not respond: ")

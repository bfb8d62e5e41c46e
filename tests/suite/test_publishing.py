"""What the dashboard shows when an experiment's runs are done: written once, whatever happens, and no result is lost."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from gru_tf import suite
from gru_tf.analysis.answer import Line
from gru_tf.analysis.report import page
from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.suite import Results, coordinator, publishing, publishing_libraries, result_writer, sizes
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record, Store, StoreError, description, registry
from gru_tf.suite.tracking.tags import MODEL

FILES = {"/somewhere/a.csv": "0" * 60 + "aaaa", "/somewhere/b.csv": "1" * 64}
VALIDATION = {"rnn": [0.5, 0.7, 0.7], "gru": [0.9, 0.8, 0.6]}  # cell → of each seed; the best seeds are 1 and 0


def experiment(**fields: Any) -> Experiment:
    usual = {"name": "shown", "question": "Is a_b shown?", "tasks": ["digits", {"adding": {"length": 5}}]}
    return Experiment.model_validate({**usual, "cells": ["rnn", "gru"], "seeds": 3, "model": {"units": 4}, **fields})


def result(run: Run, **changes: Any) -> RunResult:
    """A result without training; on adding, where less is better, validation and test are turned round."""
    value = VALIDATION[run.cell.name][run.seed]
    kind = {"metric": "accuracy", "direction": "max", "validation": value, "test": value - 0.1}
    if run.task.name == "adding":
        kind = {"metric": "mse", "direction": "min", "validation": 1 - value, "test": 1.1 - value}
    data = {"data": FILES} if run.task.name == "digits" else {}
    values = {"status": "finished", "started": time.time(), "seconds": 1.0, "environment": data, "chance": 0.1, **kind}
    return RunResult(run=run, **{**values, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """An empty store, and one with all final runs, of which the best on validation have models: to be copied."""
    folder = tmp_path_factory.mktemp("made")
    blank, kept = folder / "blank.db", folder / "kept.db"
    Store(f"sqlite:///{blank}")
    shutil.copy(blank, kept)
    record, results = Store(f"sqlite:///{kept}").open(experiment()), [result(run) for run in experiment().runs()]
    record.begin()
    for each in results:
        record.write(each)
    pairs = [(task, cell, seed) for task in ("digits", "adding") for cell, seed in (("rnn", 1), ("gru", 0))]
    models = {pair[:2]: give_model(record, one_of(results, *pair)) for pair in pairs}
    return SimpleNamespace(blank=blank, kept=kept, models=models)


def give_model(record: Record, of: RunResult) -> str:
    """A model in the store, empty: what a registry knows of it is its address."""
    run_id = record.ids[of.run.fingerprint]
    logged = record.client.create_logged_model(record.experiment_id, name="model", source_run_id=run_id)
    uri = record.models[of.run.fingerprint] = f"models:/{logged.model_id}"
    record.client.set_tag(run_id, MODEL, uri)
    return uri


def one_of(results: Iterable[RunResult], task: str, cell: str, seed: int) -> RunResult:
    return next(r for r in results if (r.run.task.name, r.run.cell.name, r.run.seed) == (task, cell, seed))


@pytest.fixture
def store(tmp_path: Path, made: SimpleNamespace) -> Store:
    """An empty one."""
    shutil.copy(made.blank, tmp_path / "mlflow.db")
    return Store(f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture
def full(tmp_path: Path, made: SimpleNamespace) -> SimpleNamespace:
    """A record with all results, and a writer that keeps what it says."""
    shutil.copy(made.kept, tmp_path / "full.db")
    store, said = Store(f"sqlite:///{tmp_path}/full.db"), []
    record = store.find("shown")
    results = tuple(record.results().values())
    return SimpleNamespace(
        store=store,
        record=record,
        results=results,
        models=made.models,
        found=Results(record.experiment, results),
        said=said,
        writer=ResultWriter(record, tmp_path, say=said.append),
    )


NAMES = {
    ("digits", "rnn"): "gru-tf.shown.digits.rnn",
    ("digits", "gru"): "gru-tf.shown.digits.gru",
    ("adding", "rnn"): "gru-tf.shown.adding-length-5.rnn",
    ("adding", "gru"): "gru-tf.shown.adding-length-5.gru",
}


def registered(client: MlflowClient) -> dict[str, tuple[int, str]]:
    """Name → (how many versions, the model that the alias is on)."""
    names = [entry.name for entry in client.search_registered_models()]
    versions = {name: client.search_model_versions(f"name = '{name}'") for name in names}
    return {name: (len(versions[name]), client.get_model_version_by_alias(name, "best").source) for name in names}


def test_the_best_seed_by_validation_of_each_cell_is_registered(full: SimpleNamespace) -> None:
    publishing.publish(full.found, full.record, full.writer)
    client = full.record.client
    assert registered(client) == {NAMES[pair]: (1, uri) for pair, uri in full.models.items()}
    version = client.get_model_version_by_alias(NAMES["adding", "gru"], "best")
    best = one_of(full.results, "adding", "gru", 0)
    assert version.run_id == full.record.ids[best.run.fingerprint]
    expected = {"experiment": "shown", "task": "adding(length=5)", "cell": "gru", "seed": "0"}
    assert version.tags == {**expected, "validation_mse": str(best.validation), "test_mse": str(best.test)}
    linked = json.loads(
        client.get_logged_model(full.models["adding", "gru"].removeprefix("models:/")).tags[registry.VERSIONS]
    )
    assert linked == [{"name": NAMES["adding", "gru"], "version": version.version}]
    assert full.said == []


def test_done_again_nothing_is_registered_twice(full: SimpleNamespace) -> None:
    for _ in range(2):
        publishing.publish(full.found, full.record, full.writer)
    again = Store(full.store.uri).find("shown")  # another process, later
    results = tuple(again.results().values())
    publishing.publish(Results(again.experiment, tuple(results)), again, full.writer)
    assert registered(again.client) == {NAMES[pair]: (1, uri) for pair, uri in full.models.items()}
    assert [len(again.client.get_run(run).inputs.dataset_inputs) for run in (again.parent, *again.ids.values())] == [2] + [
        1
    ] * 12


def test_the_alias_goes_to_a_better_seed_and_back(full: SimpleNamespace) -> None:
    publishing.publish(full.found, full.record, full.writer)
    fewer = experiment(seeds=[1, 2])  # seed 0 was the best gru
    runs = tuple(r for r in full.results if r.run.seed)
    better = give_model(full.record, one_of(full.results, "digits", "gru", 1))
    full.record.experiment = fewer
    publishing.publish(Results(fewer, tuple(runs)), full.record, full.writer)
    assert registered(full.record.client)[NAMES["digits", "gru"]] == (2, better)
    full.record.experiment = experiment()
    publishing.publish(full.found, full.record, full.writer)
    assert registered(full.record.client)[NAMES["digits", "gru"]] == (2, full.models["digits", "gru"])


def test_a_best_run_without_a_model_leaves_the_registry_alone(full: SimpleNamespace) -> None:
    """Of gru only seed 0 has one, which is not asked for here."""
    full.record.experiment = experiment(seeds=[1, 2], cells=["gru"])
    assert registry.register(full.record, [r for r in full.results if r.run.seed]) == ""
    assert registered(full.record.client) == {}


def test_of_equals_the_first_seed_and_no_run_that_did_not_finish() -> None:
    one = experiment(seeds=[2, 1, 0], tasks=["digits"], cells=["rnn"])
    results = [result(run) for run in one.runs()]
    assert [r.run.seed for r in registry.best(one, results[::-1])] == [2], "0.7 twice; seeds are 2, 1, 0"
    diverged = [r.model_copy(update={"status": "diverged"}) if r.run.seed == 2 else r for r in results]
    assert [r.run.seed for r in registry.best(one, diverged)] == [1]


def test_names_that_mlflow_takes() -> None:
    here, there = [{"texts": {"path": f"/home/a b/{folder}/C:D.csv", "text": "t", "label": "m"}} for folder in ("x", "y")]
    gru, lstm = Choice(name="gru"), Choice(name="lstm")
    one = experiment(name="a", tasks=["digits", here])
    assert registry.name(one, one.tasks[1], gru) == "gru-tf.a.texts-label-m-path-C-D.csv-text-t.gru"
    ours = [registry.name(experiment(name=own), one.tasks[0], gru) for own in ("my-test", "my test", "my_test")]
    assert ours[0] == "gru-tf.my-test.digits.gru"
    assert len(set(ours)) == 3, "else the alias of one experiment goes to the model of another"
    both = experiment(name="a", tasks=[here, there, "digits"])
    names = [registry.name(both, task, cell) for task in both.tasks for cell in (gru, lstm)]
    assert len(set(names)) == 6, "files of one name in two folders are two tasks"
    assert re.fullmatch(r"gru-tf\.a\.texts-label-m-path-C-D\.csv-text-t-[0-9a-f]{8}\.gru", names[0])
    assert names[4] == "gru-tf.a.digits.gru"
    alike = experiment(
        name="a", tasks=[{"texts": {"path": f"{file}.csv", "text": "t", "label": "m"}} for file in ("x y", "x-y")]
    )
    assert len({registry.name(alike, task, gru) for task in alike.tasks}) == 2
    long = experiment(name="a" * 200, tasks=[{"texts": {"path": f"{'y' * 100}.csv", "text": "t", "label": "m"}}])
    names = [registry.name(long, long.tasks[0], cell) for cell in (gru, lstm)]
    assert [len(name) for name in names] == [registry.LONGEST] * 2
    assert len(set(names)) == 2


class TornError(Exception):
    """The process ended here."""


@pytest.mark.parametrize("calls", range(8))
def test_torn_at_any_call_it_is_registered_once_by_the_next(
    full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Of each model: its name, its version, the link, the alias; torn before or after each of the first ones."""
    left = [calls // 2]
    writing = ("create_registered_model", "create_model_version", "set_logged_model_tags", "set_registered_model_alias")
    with monkeypatch.context() as patch:
        for name in writing:
            patch.setattr(MlflowClient, name, _tearing(getattr(MlflowClient, name), left, before=calls % 2 == 0))
        with pytest.raises(TornError):
            publishing.publish(full.found, full.record, full.writer)
    publishing.publish(full.found, full.record, full.writer)
    assert registered(full.record.client) == {NAMES[pair]: (1, uri) for pair, uri in full.models.items()}
    for uri in full.models.values():
        assert full.record.client.get_logged_model(uri.removeprefix("models:/")).tags[registry.VERSIONS].count("name") == 1


def _tearing(method: Any, left: list[int], before: bool) -> Any:
    def torn(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] < 0 and before:
            raise TornError
        done = method(*args, **kwargs)
        if left[0] < 0:
            raise TornError
        return done

    return torn


def test_a_registry_out_of_reach_is_one_line_and_nothing_is_lost(
    full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    full.record.client = MlflowClient(full.store.uri, registry_uri=address)
    publishing.publish(full.found, full.record, full.writer)
    (line,) = full.said
    assert line.startswith("the best models of shown were not registered: ")
    assert line.endswith("Results are not affected")
    assert "\n" not in line
    found = Store(full.store.uri).find("shown")
    assert len(found.results()) == 12
    assert "| **gru** |" in found.client.get_run(found.parent).data.tags["mlflow.note.content"]
    full.record.client = full.store.client
    assert registry.register(full.record, full.results) == ""
    assert len(registered(full.store.client)) == 4, "and later they are"


def test_a_store_out_of_reach_is_tried_again(full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """For half a minute every call of the registry fails, and every other of the store."""
    down, pauses = [True], []

    def refused(*_: Any, **__: Any) -> Any:
        raise MlflowException("no route to host")

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            down[0] = False

    monkeypatch.setattr(result_writer, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: sum(pauses)))
    for name in ("search_model_versions", "get_run"):
        method = getattr(MlflowClient, name)
        monkeypatch.setattr(MlflowClient, name, lambda *a, _m=method, **k: (refused if down[0] else _m)(*a, **k))
    publishing.publish(full.found, full.record, full.writer)
    assert len(pauses) == 3
    assert [line[:60] for line in full.said][-1:] == ["the store responds again."]
    monkeypatch.undo()
    assert len(registered(full.store.client)) == 4


def test_the_data_are_inputs_of_every_run(full: SimpleNamespace) -> None:
    from mlflow.data import get_source

    publishing.publish(full.found, full.record, full.writer)
    client = full.record.client
    parent = {entry.dataset.name: entry for entry in client.get_run(full.record.parent).inputs.dataset_inputs}
    assert set(parent) == {"digits", "adding(length=5)"}
    for each in full.results:
        (entry,) = client.get_run(full.record.ids[each.run.fingerprint]).inputs.dataset_inputs
        assert entry.dataset == parent[each.run.task.title].dataset
        assert [(tag.key, tag.value) for tag in entry.tags] == [("mlflow.data.context", "train, validation, test")]
    files, drawn = parent["digits"].dataset, parent["adding(length=5)"].dataset
    assert get_source(files).to_dict() == {"uri": "/somewhere/a.csv"}
    assert all(f'"{path}": "{digest}"' in files.profile for path, digest in FILES.items())
    assert get_source(drawn).to_dict()["tags"]["mlflow.source.name"] == "gru_tf.tasks.memory.adding"
    rows = client.search_runs([full.record.experiment_id], f"dataset.digest = '{files.digest}'")
    assert len(rows) == 1 + 6


def test_question_answer_table_and_report(full: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []

    def write(results: Any, path: Path) -> Path:
        assert results is full.found
        pages.append(path)
        path.write_text(f"<h1>page {len(pages)}</h1>", encoding="utf-8")
        return path

    monkeypatch.delenv(publishing_libraries.REPORT_SWITCH)
    monkeypatch.setattr(page, "write", write)
    monkeypatch.setattr(publishing, "answer", lambda found: (Line("digits", f"{found.tasks[0].best} leads", "by far"),))
    for number in (1, 2):
        publishing.publish(full.found, full.record, full.writer)
        client = full.record.client
        kept = Path(client.download_artifacts(full.record.parent, "report.html", str(tmp_path)))
        assert kept.read_text() == f"<h1>page {number}</h1>"
        assert [entry.path for entry in client.list_artifacts(full.record.parent)] == ["report.html"]
    text = client.get_run(full.record.parent).data.tags["mlflow.note.content"]
    assert client.get_experiment(full.record.experiment_id).tags["mlflow.note.content"] == text
    assert text.startswith("**Is a\\_b shown?**\n\n**digits**: gru leads; by far\n\n[The report](#/experiments/")
    assert f"/runs/{full.record.parent}/artifacts/report.html" in text
    shown = client.get_run(full.record.parent).data
    assert shown.tags["answer.digits"] == "gru leads; by far"
    means = {cell.cell: cell.row.test.mean for cell in full.found.evidence.tasks[0].cells}
    assert {name: value for name, value in shown.metrics.items() if name.startswith("digits")} == {
        f"digits/{cell}/test_accuracy": pytest.approx(mean) for cell, mean in means.items()
    }
    assert not any(path.exists() for path in pages), "nothing is left on disk"
    assert full.said == []


def test_a_report_that_cannot_be_written_is_one_line(full: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: Any) -> Path:
        raise ZeroDivisionError("no\nseeds")

    monkeypatch.setattr(page, "write", write)
    publishing.publish(full.found, full.record, full.writer)
    assert full.said == [], "it is switched off"
    monkeypatch.delenv(publishing_libraries.REPORT_SWITCH)
    publishing.publish(full.found, full.record, full.writer)
    assert full.said == [
        "the report was not written: ZeroDivisionError: no seeds. The results are stored; to try again: gru-tf report shown"
    ]
    text = full.record.client.get_run(full.record.parent).data.tags["mlflow.note.content"]
    assert "| **gru** |" in text
    assert "The report" not in text
    assert len(registered(full.record.client)) == 4


def test_until_the_runs_are_done_the_question_stands_alone(store: Store) -> None:
    record = store.open(experiment())
    record.begin()
    text = record.client.get_run(record.parent).data.tags["mlflow.note.content"]
    assert text == "**Is a_b shown?**\n\nNot finished; the answer appears after the last run."
    assert record.client.get_experiment(record.experiment_id).tags["mlflow.note.content"] == text


class Engine:
    """Gives every result at once."""

    def __init__(self, folder: Path):
        self.folder, self.runs, self.submitted = folder, [], 0

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *failure: object) -> None:
        assert not self.runs

    def submit(self, runs: list[Run]) -> None:
        self.runs += runs
        self.submitted += len(runs)

    def completed(self, timeout: float) -> list[RunResult]:
        done, self.runs = self.runs, []
        return [result(run) for run in done]


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is built to see whether it is possible."""
    monkeypatch.setattr(sizes, "of_experiment", lambda _: [])


def run(store: Store) -> tuple[Results, int]:
    """Run the experiment; its results, and how many runs were trained for them."""
    engines: list[Engine] = []

    def engine(folder: Path) -> Engine:
        engines.append(Engine(folder))
        return engines[0]

    results = suite.run(experiment(), store.uri, engine=engine)
    return results, sum(engine.submitted for engine in engines)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("end", "status"), [(TornError, "RUNNING"), (KeyboardInterrupt, "KILLED")])
def test_cut_short_while_it_is_shown_it_is_shown_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch, end: type[BaseException], status: str
) -> None:
    """The record is closed after that, so the same command goes on there, and trains nothing; Ctrl-C marks it as stopped."""
    published: list[Results] = []

    def show(results: Results, record: Record, writer: ResultWriter, progress: object) -> None:
        assert not record.complete()
        published.append(results)
        if len(published) == 1:
            raise end

    monkeypatch.setattr(publishing, "publish", show)
    with pytest.raises(end):
        run(store)
    record = store.open(experiment())
    assert record.client.get_run(record.parent).info.status == status
    assert len(record.results()) == 12
    results, trained = run(store)
    assert (trained, len(results.runs), len(published)) == (0, 12, 2)
    assert record.complete()
    assert run(store)[0].runs == results.runs
    assert len(published) == 2, "and then no more"


@pytest.mark.usefixtures("unchecked")
def test_the_store_is_read_once_before_training_and_once_after_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published, and what is returned, are one reading; of a finished experiment there is no other."""
    reads: list[bool] = []
    published: list[Results] = []
    read = Record.results

    def counted(record: Record, members_only: bool = False) -> dict[str, RunResult]:
        reads.append(members_only)
        return read(record, members_only)

    monkeypatch.setattr(Record, "results", counted)
    monkeypatch.setattr(publishing, "publish", lambda results, *_: published.append(results))
    results, trained = run(store)
    assert (trained, reads) == (12, [False, True])
    assert published[0] is results
    run(store)
    assert reads == [False, True, True]


@pytest.mark.usefixtures("unchecked")
def test_a_store_out_of_reach_after_the_last_run_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the results are read, and when the record is closed."""
    refusals = {"results": 2, "end": 2}
    pauses: list[float] = []
    monkeypatch.setattr(result_writer, "time", SimpleNamespace(sleep=pauses.append, monotonic=lambda: sum(pauses)))
    for name in refusals:
        method = getattr(Record, name)

        def refusing(record: Record, *args: Any, _name: str = name, _method: Any = method, **kwargs: Any) -> Any:
            if (kwargs or args) and refusals[_name]:  # not the reading before the runs, which takes no argument
                refusals[_name] -= 1
                raise StoreError("the tracking store there does not respond")
            return _method(record, *args, **kwargs)

        monkeypatch.setattr(Record, name, refusing)
    results, _ = run(store)
    assert (len(results.runs), refusals, pauses) == (12, {"results": 0, "end": 0}, [0.5, 1.0] * 2)
    assert capsys.readouterr().err.count("the store responds again.") == 2
    assert store.open(experiment()).complete()


class InTurn(Engine):
    """Gives one result after the other."""

    def completed(self, timeout: float) -> list[RunResult]:
        return [result(self.runs.pop())]


def test_what_publishing_needs_is_imported_once_while_the_last_run_trains(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    record, engine = store.open(experiment()), InTurn(tmp_path)
    record.begin()
    monkeypatch.setattr(publishing_libraries, "load", lambda: left.append(len(engine.runs)))
    assert coordinator.conduct(record, engine, ResultWriter(record, tmp_path)) is False
    assert left == [1]
    assert not record.complete(), "it is published before it is closed"


def test_when_ready_a_report_imports_none_of_the_large_libraries() -> None:
    """What is imported for the first time while it is drawn is this project's own, or small."""
    code = """
        import sys
        from gru_tf.suite import publishing_libraries; from gru_tf import suite
        publishing_libraries.load()
        large = {"scipy.stats", "matplotlib.figure", "matplotlib.backends.backend_svg", "sklearn.ensemble", "jinja2"}
        assert large <= set(sys.modules), large - set(sys.modules)
    """
    env = {name: value for name, value in os.environ.items() if name != publishing_libraries.REPORT_SWITCH}
    done = subprocess.run([sys.executable, "-c", dedent(code)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_that_the_store_refuses_is_a_store_error(full: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not respond"):
        description.file(full.record, tmp_path / "absent.html")

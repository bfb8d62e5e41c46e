"""Results in other forms: one row a run with the right types, exact through CSV and JSON, equal numbers in every form."""

import csv
import json
import math
import os
import random
import re
import statistics
import struct
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import site_sources
from made_results import SEARCH, experiment, result
from markdown_it import MarkdownIt
from pandas.testing import assert_frame_equal
from places import ROOT
from scipy import stats

from gru_tf.analysis import claim_tests, table_text, verdicts
from gru_tf.analysis import results as forms
from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.formats import columns, frame, markup
from gru_tf.analysis.formats import json_document as documents
from gru_tf.analysis.formats.json_document import document, read_json
from gru_tf.analysis.pairwise import CORRECTED
from gru_tf.analysis.report import figures, page
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.wording import interval
from gru_tf.commands import main, screen
from gru_tf.experiment import claim
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.suite import Results
from gru_tf.suite.tracking import fields as logged

# MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

TESTS = {  # (task, cell) → test metric of each seed, by their places; no seed of the last has finished
    (0, 0): (0.031, 0.024, 0.0402),
    (0, 1): (0.00012, 0.00031, 0.00019),
    (1, 0): (0.91, 0.93, 0.925),
    (1, 1): (),
}
NASTY = [
    "NA",
    "nan",
    "null",
    "None",
    'he said "no", twice',
    " padded ",
    "=1+1",
    "a,b;c\td",
    "two\nlines",
    "two\r\nlines\r",
    "Größe 𝄞 ‖x‖",
    "'",
    "True",
    "0012",
    r"C:\new|x",
]


def found(**fields: Any) -> Results:
    """Two tasks, two cells, three seeds, a search: finished, failed and diverged runs, and trials."""
    one = experiment(search=SEARCH, **fields)
    runs = []
    for (task, cell), tests in TESTS.items():
        kind = {"metric": "accuracy", "direction": "max", "chance": 0.1} if task else {"chance": 0.17}
        for seed, test in enumerate(tests):
            more = {"more": {"mae": test / 3}, "chances": {"mae": 0.4}} if task == 0 else {}
            score = (test - 0.1) / 0.9 if task else 1 - test / 0.17
            runs.append(result(one, task, cell, seed, test=test, score=score, validation=test / 2, **kind, **more))
        for started in (1.5, 0.5):
            trial = result(one, task, cell, 1000, "trial", validation=0.25 + started, started=started, **kind)
            runs.append(trial.model_copy(update={"run": trial.run.tuned({"learning_rate": started / 10})}))
    lost = {
        "speed": None,
        "units": None,
        "parameters": None,
        "recurrent_parameters": None,
        "kernel_path": "",
        "chance": None,
    }
    runs.append(
        result(one, 1, 1, 0, status="failed", error="OSError: |no_ [memory]* {50 %} $left$ & <b>", metric="", **lost)
    )
    runs.append(result(one, 1, 1, 1, status="diverged", error="the loss was not finite", validation=math.inf))
    return Results(one, tuple(runs), earlier=2)


@pytest.fixture(scope="module")
def results() -> Results:
    return found()


# --- the frame ---


def test_a_row_by_hand():
    one = experiment()
    measured = {"test": 0.031, "validation": 0.02, "chance": 0.17, "score": 0.8, "best_epoch": 7, "jit": True, "attempts": 2}
    measured |= {"peak_memory_mb": 512.5, "started": 1.7e9 + 0.125, "warning": "slow", "more": {"mae": 0.1}, "seconds": 9.0}
    where = {"device": "AMD EPYC", "threads": 1, "commit": "4f9d"}
    run = result(one, cell=1, seed=2, environment=where, **measured)
    (row,) = Results(one, (run,)).frame.to_dict("records")
    expected = {"task": "adding", "cell": "lstm", "purpose": "final", "seed": 2, "status": "finished", "metric": "mse"}
    expected |= {"direction": "min", "test": 0.031, "validation": 0.02, "chance": 0.17, "score": 0.8, "best_epoch": 7}
    expected |= {"units": 4, "parameters": 93, "recurrent_parameters": 88, "kernel_path": "while-loop", "resolved_jit": True}
    expected |= {"seconds_per_step": 0.002, "seconds_per_step_low": 0.002, "seconds_per_step_high": 0.002}
    expected |= {"samples_per_second": 1000.0, "compile_seconds": 1.0, "train_seconds": 2.0, "run_seconds": 9.0}
    expected |= {"peak_memory_mb": 512.5, "budget_units": 4, "budget": "size", "layers": 1, "bidirectional": False}
    expected |= {"dropout": 0.0, "implementation": "stock", "frozen": False}
    expected |= {"epochs": 10, "batch_size": 32, "learning_rate": 1e-3, "warmup": 0.0, "decay": "none", "refit": False}
    expected |= {"weight_decay": 0.0, "weight_noise": 0.0, "momentum": 0.0, "nesterov": False, "centered": False}
    expected |= {"fresh": False, "select": "best", "validation_split": "split", "attention": "general"}
    expected |= {"counted": "whole"}
    expected |= {"teacher_forcing": 1.0, "teacher_forcing_decay": "none", "teacher_forcing_per": "token"}
    expected |= {"scaling": "none", "linear_path": 0, "quantiles": False}
    expected |= {"initial": "keras", "keep_biases": False, "input_dropout": 0.0, "embedding_dropout": 0.0}
    expected |= {"variational": False, "tied": False, "residual": False, "layer_norm": False}
    expected |= {"clip_norm": 1.0, "clip": "global", "optimizer": "adam", "jit": "auto", "deterministic": True}
    expected |= {"warning": "slow", "attempts": 2, "device": "AMD EPYC", "threads": 1, "commit": "4f9d", "test_mae": 0.1}
    expected |= {"started": pd.Timestamp("2023-11-14T22:13:20.125Z"), "fingerprint": run.run.fingerprint}
    assert {name: value for name, value in row.items() if not pd.isna(value)} == expected
    missing = {
        "steps",
        "evaluate_every",
        "monitor",
        "stop_at",
        "truncate",
        "updates",
        "solved",
        "teacher_forcing_end",
        "model_bytes",
        "from",
        "from_sha256",
        "predict_seconds",
        "budget_parameters",
        "budget_seconds",
        "initial_scale",
        "patience",
        "error",
        "decay_start",
        "decay_every",
        "decay_factor",
        "clip_value",
        "beta_1",
        "beta_2",
        "rho",
        "epsilon",
    }
    assert row.keys() - expected.keys() == missing


def test_the_time_of_a_prediction_where_it_was_measured():
    """Results from before it was measured have none."""
    one = experiment()
    run = result(one)
    timed = run.model_copy(update={"speed": SimpleNamespace(**{**run.speed.model_dump(), "predict_ms": 3.0})})
    assert list(Results(one, (timed,)).frame["predict_seconds"]) == [0.003]


def test_one_row_a_run_in_the_experiment_s_order_trials_first(results):
    rows = results.frame
    assert len(rows) == len(results.runs)
    shuffled = random.Random(0).sample(results.runs, len(results.runs))
    assert_frame_equal(frame.frame(results.experiment, shuffled), rows)
    order = [(t, c, p) for t in ("adding", "digits") for c in ("gru", "lstm") for p in ("trial", "final")]
    assert list(dict.fromkeys(zip(rows["task"], rows["cell"], rows["purpose"], strict=True))) == order
    finals = rows[(rows["task"] == "adding") & (rows["purpose"] == "final")]
    assert list(finals["seed"]) == [0, 1, 2, 0, 1, 2]
    assert list(rows[rows["purpose"] == "trial"]["learning_rate"])[:2] == [0.05, 0.15], "in the order of their starts"


def test_types(results):
    rows = results.frame
    for column in columns.COLUMNS:
        if isinstance(column.kind, str):
            assert str(rows[column.name].dtype) == column.kind
        else:
            assert isinstance(rows[column.name].dtype, pd.CategoricalDtype)
    assert list(rows["task"].cat.categories) == ["adding", "digits"]
    assert list(rows["cell"].cat.categories) == ["gru", "lstm"]
    assert list(rows["status"].cat.categories) == ["finished", "diverged", "failed"]
    failed = rows[rows["status"] == "failed"].iloc[0]
    assert failed["units"] is pd.NA, "and the other whole numbers stay whole"
    assert rows["units"].dropna().map(type).unique().tolist() == [int]
    assert failed["metric"] is pd.NA
    assert pd.isna(failed["direction"]), "what is only a default is not shown as found"


def test_every_hyperparameter_has_a_column_of_its_type():
    kinds = {column.name: column.kind for column in columns.COLUMNS}
    asked = {columns.ASKED.get(name, name) for spec in (ModelSpec, TrainingSpec) for name in spec.model_fields}
    assert asked <= kinds.keys()
    whole = ("budget_units", "budget_parameters", "layers", "linear_path", "epochs", "batch_size", "patience")
    whole = (*whole, "decay_start", "decay_every", "steps", "evaluate_every", "truncate")
    real = ("dropout", "input_dropout", "embedding_dropout", "initial_scale")
    real = (*real, "learning_rate", "warmup", "weight_decay", "clip_norm", "budget_seconds")
    real = (*real, "decay_factor", "clip_value", "weight_noise", "momentum", "beta_1", "beta_2", "rho", "epsilon")
    truth = ("bidirectional", "frozen", "refit", "deterministic", "quantiles", "nesterov", "centered", "keep_biases")
    truth += ("variational", "tied", "residual", "layer_norm", "fresh")
    real = (*real, "stop_at", "teacher_forcing", "teacher_forcing_end")
    text = ("budget", "implementation", "initial", "scaling", "from", "from_sha256", "decay", "clip", "optimizer", "jit")
    text += ("monitor", "select", "validation_split", "teacher_forcing_decay", "teacher_forcing_per", "attention", "counted")
    assert asked == {*whole, *real, *truth, *text}
    for names, kind in ((whole, "Int64"), (real, "float64"), (truth, "boolean"), (text, "string")):
        assert {kinds[name] for name in names} == {kind}


@pytest.mark.parametrize(("jit", "shown"), [("auto", "auto"), (True, "true"), (False, "false")])
def test_a_word_or_a_truth_is_a_word(jit, shown):
    one = experiment(training={"jit": jit})
    assert list(Results(one, (result(one),)).frame["jit"]) == [shown]


def test_names_are_distinct_and_documented():
    names = [column.name for column in columns.COLUMNS]
    assert len(set(names)) == len(names)
    page = site_sources.module("pages.columns").page()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (.+) \|$", page, re.MULTILINE)
    assert [(name, meaning) for name, _, meaning in rows] == [(c.name, c.meaning) for c in columns.COLUMNS]
    kinds = {name: kind for name, kind, _ in rows}
    assert (kinds["seed"], kinds["test"], kinds["frozen"]) == ("whole number", "number", "true or false")
    assert (kinds["metric"], kinds["started"], kinds["task"]) == ("text", "time, UTC", "category")
    assert kinds["status"] == "finished, diverged, failed"


def measured() -> RunResult:
    """A result of which no two quantities have one value."""
    speed = {"compile_seconds": 3.0, "train_seconds": 5.0, "step_ms": 7.0, "step_ms_low": 11.0, "step_ms_high": 13.0}
    speed |= {"samples_per_second": 17.0, "predict_ms": 19.0}
    numbers = {"validation": 0.23, "test": 0.29, "chance": 0.31, "score": 0.37, "units": 41, "parameters": 43, "seconds": 47}
    made = result(experiment(), **numbers, recurrent_parameters=53, speed=speed, peak_memory_mb=59.0, best_epoch=61)
    model = made.run.model.model_copy(update={"start": "a.keras", "sha256": "67"})
    training = made.run.training.model_copy(update={"seconds": 71.0})
    return made.model_copy(update={"run": made.run.model_copy(update={"model": model, "training": training})})


def test_the_names_of_one_quantity_are_those_of_the_code():
    """Each line of the table holds one value under all its names, and no name of MLflow that differs is left out."""
    one = measured()
    stored = {**logged.params(one), **logged.numbers(one)}
    framed = {column.name: column.read(one) for column in columns.COLUMNS}
    page = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    part = page.partition("## One quantity, several names")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| [^|`]+ \| `(\w+)` \| `(\w+)` \| (?:`(\w+)`|–) \|$", part, re.MULTILINE)
    assert len(lines) == part.count("\n| ") - 1, "every line but the heading is read"
    read = verdicts.COUNTS | claim_tests.MEASURED
    named = {mlflow.replace("METRIC", one.metric): (column, claimed) for mlflow, column, claimed in lines}
    for mlflow, (column, claimed) in named.items():
        unit = 1000 if re.search(r"_ms(_|$)", mlflow) else 1
        same = [framed[column], *([read[claimed](one)] if claimed in read else [])]
        expected = stored[mlflow] if isinstance(stored[mlflow], str) else pytest.approx(stored[mlflow] / unit)
        assert same == [expected] * len(same), mlflow
    assert {claimed for _, claimed in named.values() if claimed} == set(claim.KINDS)
    for name in stored.keys() - named.keys():
        assert name in framed, f"{name} has another name in the frame, or none"
        assert name in ("task", "cell") or str(stored[name]) == str(framed[name]), name


def test_the_frame_is_the_reader_s_own(results):
    mine = results.frame
    mine["test"] = 0.0
    del mine["cell"]
    assert results.frame["test"].max() == 0.93
    assert "0.93" in results.text("csv")


def test_two_files_of_one_name_stay_apart(tmp_path):
    tasks = []
    for folder in ("north", "south"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sales.csv").write_text("y\n" + "\n".join(map(str, range(99))))
        tasks.append(
            {"forecast": {"path": str(tmp_path / folder / "sales.csv"), "target": ["y"], "window": 2, "horizon": 1}}
        )
    one = experiment(tasks=tasks)
    assert one.tasks[0].title == one.tasks[1].title
    runs = [result(one, 0, seed=0, test=1.0), result(one, 1, seed=0, test=2.0)]
    assert list(frame.frame(one, runs)["task"]) == [task.label for task in one.tasks]
    alone = one.model_copy(update={"tasks": one.tasks[:1]})
    assert list(frame.frame(alone, runs)["task"]) == [one.tasks[0].title], "and runs of another experiment are left out"


# --- there and back ---


def every_way(rows: pd.DataFrame, one: Experiment, tmp_path: Path) -> list[pd.DataFrame]:
    """The frame read again from each form."""
    (tmp_path / "runs.csv").write_text(frame.csv(rows), encoding="utf-8", newline="")
    rows.to_csv(tmp_path / "own.csv", index=False)
    records = json.loads(json.dumps(frame.records(rows), allow_nan=False))
    from_csv = [
        frame.read_csv(source, one) for source in (frame.csv(rows), tmp_path / "runs.csv", str(tmp_path / "own.csv"))
    ]
    return [*from_csv, frame.from_records(records, frame.categories(one))]


def test_exact_through_csv_and_json(results, tmp_path):
    for again in every_way(results.frame, results.experiment, tmp_path):
        assert_frame_equal(again, results.frame, check_exact=True)
    assert_frame_equal(read_json(results.text("json")), results.frame, check_exact=True)


def test_exact_for_any_text_number_and_time(tmp_path):
    one, rng = experiment(seeds=200), random.Random(0)
    runs = []
    for seed in range(200):
        anything = struct.unpack("<d", rng.randbytes(8))[0]
        edge = (5e-324, 0.1 + 0.2, -0.0, math.inf, -math.inf, 1.7976931348623157e308, math.nan, 1e22)[seed % 8]
        values = {"test": anything, "validation": edge, "best_epoch": 2**53 + 1 + seed, "parameters": 2**62 + seed}
        values |= {"error": NASTY[seed % len(NASTY)], "started": rng.uniform(0, 4e9) if seed % 3 else 1e9}
        runs.append(result(one, seed=seed, status="diverged", **values))
    rows = frame.frame(one, runs)
    assert rows["parameters"].max() == 2**62 + 199, "no whole number went through a float"
    for again in every_way(rows, one, tmp_path):
        assert_frame_equal(again, rows, check_exact=True)


def test_categories_without_a_definition_are_those_of_the_file(results):
    again = frame.read_csv(results.text("csv"))
    assert list(again["cell"].cat.categories) == ["gru", "lstm"]
    assert_frame_equal(again.astype({"task": str, "cell": str}), results.frame.astype({"task": str, "cell": str}))


def test_a_part_of_the_columns_and_more_of_one_s_own(results):
    mine = results.frame[["cell", "units", "test"]].assign(note="x")
    again = frame.read_csv(frame.csv(mine), results.experiment)
    assert_frame_equal(again[["cell", "units", "test"]], mine[["cell", "units", "test"]], check_exact=True)
    assert set(again["note"]) == {"x"}


def test_a_file_of_another_experiment_is_said_to_be(results):
    with pytest.raises(UserError, match=r"a run is of 'lstm', which the experiment does not name. It names: gru"):
        frame.read_csv(results.text("csv"), experiment(cells=["gru"]))


def test_nothing_yet(tmp_path):
    empty = Results(experiment(), ())
    assert len(empty.frame) == 0
    for again in [*every_way(empty.frame, empty.experiment, tmp_path), read_json(empty.text("json"))]:
        assert_frame_equal(again, empty.frame)
    assert json.loads(empty.text("json"))["table"][0]["test"] is None
    assert "–" in empty.text("markdown")


# --- the same numbers in every form ---


class Cells(HTMLParser):
    """The text of every cell of a page's tables, row by row."""

    def __init__(self, page: str):
        super().__init__()
        self.rows: list[list[str]] = []
        self.within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.within = tag in ("td", "th") or (self.within and tag in ("b", "strong", "em", "code"))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.within = self.within and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.within:
            self.rows[-1][-1] += data


def of_markdown(text: str) -> list[list[str]]:
    return Cells(MarkdownIt("commonmark").enable("table").render(text)).rows


def of_latex(text: str) -> list[list[str]]:
    lines = re.findall(r"^(.*) \\\\$", text, re.MULTILINE)
    return [[readable(cell) for cell in re.split(r"(?<!\\)&", line)] for line in lines]


def of_terminal(results: Results) -> list[list[str]]:
    """The columns of rich's tables."""
    found = []
    for table in screen.tables(results.experiment, results.table()):
        found.append([str(column.header) for column in table.columns])
        found += [list(row) for row in zip(*([str(cell) for cell in c.cells] for c in table.columns), strict=True)]
    return found


def readable(escaped: str) -> str:
    """What LaTeX prints of a cell, for what can be in one."""
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    text = re.sub(r"\\textbf\{(?:\\boldmath )?(.*)\}", r"\1", escaped.strip())
    text = re.sub(r"\$\^\{(.*?)\}\$", lambda power: power[1].translate(raised), text)
    return text.replace(r"$\cdot$", "·").replace("--", "–").replace(r"\%", "%").replace(r"\_", "_")


def test_every_form_has_the_same_table(results):
    expected = []
    for block in table_text.blocks(results.table()):
        columns = len(table_text.COLUMNS) - (not any(row.failures for row in block))
        expected += [list(table_text.COLUMNS)[:columns], *(table_text.cells(row)[:columns] for row in block)]
    assert of_terminal(results) == expected
    assert of_markdown(results.text("markdown")) == expected
    assert Cells(markup.html(results.experiment, results.table())).rows == expected
    assert of_latex(results.text("latex")) == expected


def test_every_form_has_the_same_numbers(results):
    """CSV read by the standard library, means and intervals computed anew: they are those of JSON and of the tables."""
    runs = list(csv.DictReader(results.text("csv").splitlines()))
    given = {(row["task"], row["cell"]): row for row in json.loads(results.text("json"))["table"]}
    shown = {(task, row[0]): row for task, rows in by_task(of_markdown(results.text("markdown"))) for row in rows}
    assert len(given) == len(shown) == 4
    for pair, row in given.items():
        finals = [r for r in runs if (r["task"], r["cell"]) == pair and (r["purpose"], r["status"]) == ("final", "finished")]
        tests = [float(r["test"]) for r in finals]
        if not tests:
            assert row["test"] is None
            assert shown[pair][3] == "–"
            continue
        mean = statistics.fmean(tests)
        shares = pair[0] == "digits"
        if len(tests) > 1:  # Student's on the logit of a share, on the logarithm of an error, by the slope at the mean
            half = stats.t.ppf(0.975, len(tests) - 1) * stats.sem(tests) / (mean * (1 - mean) if shares else mean)
            centre = math.log(mean / (1 - mean)) if shares else math.log(mean)
            ends = [1 / (1 + math.exp(-x)) if shares else math.exp(x) for x in (centre - half, centre + half)]
            near = {"mean": mean, "low": ends[0], "high": min(ends[1], mean * (1 + (math.e - 1) * half))}
            assert row["test"] == pytest.approx(near, rel=1e-9 if not shares else 0.05)
        assert row["score"] == pytest.approx(statistics.fmean(float(r["score"]) for r in finals))
        assert row["seconds_per_step"] == statistics.median(float(r["seconds_per_step"]) for r in finals)
        assert {row["parameters"]} == {int(r["parameters"]) for r in finals}
        assert shown[pair][3] == interval(Interval(**row["test"]))
        assert shown[pair][1:3] == [str(row["units"]), str(row["parameters"])]


def by_task(rows: list[list[str]]) -> list[tuple[str, list[list[str]]]]:
    """The tables one below the other, with their tasks."""
    tables: list[list[list[str]]] = []
    for row in rows:
        if row[:4] == list(table_text.COLUMNS)[:4]:
            tables.append([])
        else:
            tables[-1].append(row)
    return list(zip(("adding", "digits"), tables, strict=True))


def test_json_is_json_proper_and_says_what_evidence_does(results):
    given = json.loads(results.text("json"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert next(run for run in given["runs"] if run["status"] == "diverged")["validation"] == "Infinity"
    assert (given["format"], given["version"], given["earlier"]) == ("gru_tf.results", 2, 2)
    assert Experiment.model_validate(given["experiment"]) == results.experiment
    pair = next(pair for pair in given["comparisons"] if pair["task"] == "adding")
    known = results.evidence.task("adding").pairs[0]
    assert pair["difference"] == known.difference._asdict()
    assert (pair["task"], pair["first"], pair["second"], pair["counts"]) == ("adding", "gru", "lstm", [3, 3])
    assert (pair["p"], pair["p_holm"], pair["test"]) == (known.p, known.p_holm, "paired")
    assert pair["difference"]["mean"] < 0, "the lstm's error is smaller"
    assert (pair["verdict"], pair["better"]) == (results.evidence.tasks[0].verdict(known), known.better)


def test_the_keys_of_json_stay_as_documented(results):
    """A key that goes, or gets another name, breaks programs: then `VERSION` rises."""
    given = document(results.evidence, results.runs)
    page = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
    section = page[page.index("## JSON") : page.index("## LaTeX")]
    rows = dict(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.+) \|$", section, re.MULTILINE))
    assert list(given) == re.findall(r"`(\w+)`", " ".join(rows))
    for name, parts in (("table", given["table"]), ("comparisons", given["comparisons"])):
        told = set(re.findall(r"`(\w+)`", rows[f"`{name}`"]))
        assert parts[0].keys() <= told, f"{name}: keys that are not documented"
    assert given["runs"][0].keys() == set(results.frame)


NUMBER = {"task": "adding", "cell": "lstm", "metric": "mse", "value": 0.0003, "tag": "quoted", "differs": "T = 600"}
NUMBER |= {"source": "Chung & others 2014", "runs": 1}


@dataclass(frozen=True)
class Verdict:
    """What the judge says of a claim."""

    text: str
    verdict: str
    difference: Interval
    p: float
    why: str


@pytest.fixture
def claimed(results, monkeypatch) -> Results:
    """The results beside a published number, their claim judged by a stand-in that sees what it is given."""

    def judge(evidence: Evidence, runs: Any) -> tuple[Verdict, ...]:
        tests = [r.test for r in runs if r.test is not None]
        return tuple(
            Verdict(text, "inconclusive", Interval(max(tests), 0.0, math.nan), math.nan, "Why")
            for text in evidence.experiment.claims
        )

    for module in (documents, forms):
        monkeypatch.setattr(module, "judge", judge)
    changed = {"claims": ("gru.score > lstm.score",), "published": (NUMBER,)}
    return Results(Experiment.model_validate({**results.experiment.model_dump(), **changed}), results.runs)


def test_verdicts_and_published_numbers_are_in_every_form(claimed, results):
    given = json.loads(claimed.text("json"))
    difference = {"mean": 0.93, "low": 0.0, "high": None}
    verdict = {
        "text": "gru.score > lstm.score",
        "verdict": "inconclusive",
        "difference": difference,
        "p": None,
        "why": "Why",
    }
    assert given["claims"] == [verdict]
    (number,) = given["published"]
    (one,) = claimed.published
    assert {key: number[key] for key in NUMBER} == NUMBER
    assert number["ours"] == {name: pytest.approx(bound) for name, bound in one.ours._asdict().items()}
    assert number["ours"]["mean"] == pytest.approx(statistics.fmean(TESTS[0, 1]))
    assert number["difference"] == pytest.approx(number["ours"]["mean"] - 0.0003)
    assert number["theirs"] == pytest.approx([0.00025, 0.00035])
    assert (number["statistic"], number["decimals"], number["seeds"]) == ("mean", None, len(TESTS[0, 1]))
    assert (number["verdict"], number["marks"]) == (one.verdict.word, list(one.verdict.marks))
    assert number["why"] == one.verdict.why
    assert "a single run" in number["why"]
    provenance = "quoted in another text; Chung {} others 2014; their protocol: T = 600"
    told = f"adding, lstm: published mse 0.0003 ({provenance}); ours "
    assert f"- {told.format(chr(92) + '&')}" in claimed.text("markdown")
    assert f": {one.verdict}. Theirs is 0.0003" in claimed.text("markdown")
    assert "- Claim gru.score \\> lstm.score: inconclusive. Why\n" in claimed.text("markdown")
    latex = claimed.text("latex")
    parse(latex)
    assert latex.count(told.format(r"\&").partition("; ours")[0]) == 1, "with its own task alone"
    assert latex.count("inconclusive. Why") == 2
    none = json.loads(results.text("json"))
    assert (none["claims"], none["published"]) == ([], [])
    assert "laim" not in results.text("markdown")


# --- typeset ---

QUESTION = "Is a|b *c* _d_ <e> `f` 100 % [g](h) {i} $j$ ^k ~~l~~ #m n\\o & p_q --r \"s\" 't' 8 × 8 – σ?"


def test_markdown_shows_names_as_they_are():
    one = found(question=QUESTION, name="my_own")
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(one.text("markdown"))
    text = re.sub("<[^>]+>", "", page)
    for entity, mark in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, mark)
    assert f"my_own: {QUESTION}" in text
    assert "digits, lstm: seed 0 failed: OSError: |no_ [memory]* {50 %} $left$ & <b>" in text
    assert not re.findall("<(?:em|a|code|s|del)[ >]", page)


ALLOWED = {
    "begin",
    "end",
    "small",
    "smallskip",
    "setlength",
    "tabcolsep",
    "centering",
    "caption",
    "textbf",
    "boldmath",
    "hline",
    "cdot",
    "uparrow",
    "downarrow",
    "times",
}
ALLOWED |= {
    "textbackslash",
    "textasciitilde",
    "textasciicircum",
    "textless",
    "textgreater",
    "textbar",
    "textasciigrave",
    "char",
}
TOKEN = re.compile(
    r"(?P<comment>%.*\n)|\\(?P<word>[A-Za-z]+)|\\(?P<symbol>.)|(?P<mark>[{}$&#^_~])|(?P<text>[^\\%{}$&#^_~]+)"
)


def parse(source: str) -> None:
    """A grammar of what is written: AssertionError where LaTeX would stop, or print another sign than the one meant."""
    stack: list[str] = []
    columns, seen, position = 0, 0, 0
    while position < len(source):
        token = TOKEN.match(source, position)
        assert token, f"cannot be read: {source[position : position + 20]!r}"
        position = token.end()
        if token["word"] in ("begin", "end"):
            name = re.match(r"\{(\w+)\}(?:\{(\w+)\})?" if token["word"] == "begin" else r"\{(\w+)\}", source[position:])
            assert name, "an environment without a name"
            position += name.end()
            if token["word"] == "begin":
                stack.append(name[1])
                columns, seen = len(name[2] or "") if name[1] == "tabular" else columns, 0
            else:
                assert stack.pop() == name[1]
        elif token["word"]:
            assert token["word"] in ALLOWED, f"a command that needs a package: {token['word']}"
        elif token["symbol"] == "\\":
            assert stack[-1] == "tabular", "a line ends within braces"
            assert seen == columns - 1, f"{seen + 1} cells, and {columns} columns"
            assert not re.match(r"\s*[\[*]", source[position:]), "an option of the line's end"
            seen = 0
        elif token["symbol"]:
            assert token["symbol"] in "{}$&#%_", f"\\{token['symbol']}"
        elif token["mark"] == "{":
            stack.append("{")
        elif token["mark"] == "}":
            assert stack.pop() == "{"
        elif token["mark"] == "$":
            stack.pop() if stack and stack[-1] == "$" else stack.append("$")
        elif token["mark"] == "&":
            assert stack[-1] == "tabular", "& within a cell"
            seen += 1
        elif token["mark"] == "^":
            assert "$" in stack, "a power outside of mathematics"
        elif token["mark"]:
            raise AssertionError(f"{token['mark']} as it is")
        elif token["text"]:
            assert not re.search('[<>|"`]|[⁰-₉↑↓·−]', token["text"]), f"a sign that the font has not: {token['text']!r}"
    assert stack == []


def test_latex_can_be_read(results):
    for one in (results, found(question=QUESTION, name="my_own 100 % {end} #1 & $x^2$ ~"), Results(experiment(), ())):
        text = one.text("latex")
        parse(text)
        assert text.count(r"\begin{table}") == 2


BROKEN = [
    ("{}", "{"),
    (r" \\", r" & \\"),
    (r"\%", "%"),
    (r"\end{tabular}", ""),
    (r"$\uparrow$", "↑"),
    (r"\hline" + "\ngru", r"\hline" + "\n\\toprule gru"),
    ("gru &", "gru # &"),
    ("gru &", "g_u &"),
    (r" \\" + "\n", r" \\" + "\n["),
]


@pytest.mark.parametrize(("right", "wrong"), BROKEN)
def test_the_grammar_is_able_to_fail(right, wrong):
    text = found(question="Is it {} <better>?").text("latex")
    assert right in text or right == "{}"
    planted = text.replace(right, wrong, 1) if right in text else text.replace("{", "{{", 1)
    with pytest.raises(AssertionError):
        parse(planted)


@pytest.mark.parametrize(("text", "escaped"), [("[a]*", "{}[a]*"), ("a[b]", "a[b]"), ("a--b", "a-{}-b"), ("---", "-{}-{}-")])
def test_latex_takes_no_name_for_an_option_or_a_dash(text, escaped):
    assert markup._latex(text) == escaped


# --- two cells ---


def test_two_cells_by_hand(results):
    pair = results.compare("lstm", "gru")
    assert list(pair) == ["adding", "digits"]
    differences = [gru - lstm for gru, lstm in zip(TESTS[0, 0], TESTS[0, 1], strict=True)]  # an error: less is better
    assert pair["adding"].difference.mean == pytest.approx(statistics.fmean(differences))
    logs = [math.log(gru / lstm) for gru, lstm in zip(TESTS[0, 0], TESTS[0, 1], strict=True)]
    assert pair["adding"].p == pytest.approx(stats.ttest_1samp(logs, 0).pvalue)
    lines = repr(pair).splitlines()
    assert lines[0] == f"lstm against gru (paired t-test and Fisher's exact test; {CORRECTED}):"
    shown = (
        rf"  adding, test mse ↓: lstm is better by {re.escape(interval(pair['adding'].difference))}, p [=<] 0\.0\d+, 3 seeds"
    )
    assert re.fullmatch(shown, lines[1])
    assert lines[2].endswith("unreliable: neither learns more often, or is better, significantly"), "of both one diverged"
    nothing = Results(results.experiment, ()).compare("lstm", "gru")
    assert repr(nothing).splitlines()[0] == f"lstm against gru (no test; {CORRECTED}):"
    assert repr(nothing).splitlines()[2] == "  digits, no metric yet: no seed has finished with both"
    with pytest.raises(KeyError):
        nothing["digits"]


def test_seen_from_the_other_it_says_the_same(results):
    here, there = results.compare("lstm", "gru"), results.compare("gru", "lstm")
    assert here["adding"].difference.mean == -there["adding"].difference.mean
    assert repr(here).splitlines()[1] == repr(there).splitlines()[1]
    cells = Cells(there._repr_html_()).rows
    assert cells[1][2].startswith("-0.032 ["), "gru − lstm, below 0"
    assert cells[1][5] == "lstm is better"


def test_what_is_open_is_said_to_be():
    one = experiment(tasks=["adding"], seeds=5)
    runs = [result(one, 0, 0, seed, test=test) for seed, test in enumerate((0.10, 0.12, 0.11, 0.13, 0.10))]
    runs += [result(one, 0, 1, seed, test=test) for seed, test in enumerate((0.11, 0.11, 0.13, 0.12, 0.12))]
    pair = Results(one, tuple(runs)).compare("gru", "lstm")
    assert re.search(r"gru ahead by 0\.006 .*, p = 0\.\d+, 5 seeds, inconclusive$", repr(pair))
    single = Results(one, (runs[0], runs[5])).compare("gru", "lstm")
    assert repr(single).endswith("gru ahead by 0.01 [one seed], 1 seed, inconclusive")
    same = Results(one, (*runs[:5], *(r.model_copy(update={"run": x.run}) for r, x in zip(runs[:5], runs[5:], strict=True))))
    assert ": equal, 0.000 [0.000, 0.000], p = 1, 5 seeds, inconclusive" in repr(same.compare("gru", "lstm"))


def test_what_is_the_same_within_the_margin_is_equivalent():
    """1 % of the way from an error of 0.2 to one of 0: 0.002."""
    one = experiment(tasks=["adding"], seeds=5)
    near = {0: (0.1, 0.1001, 0.1002, 0.1001, 0.1), 1: (0.1001, 0.1, 0.1001, 0.1003, 0.1001)}
    runs = [
        result(one, 0, cell, seed, test=test, score=1 - test / 0.2) for cell in near for seed, test in enumerate(near[cell])
    ]
    pair = Results(one, tuple(runs)).compare("gru", "lstm")
    assert repr(pair).endswith(", 5 seeds, equivalent within 0.002")


MISTAKES = {
    ("grru", "lstm"): "the experiment has no cell 'grru'. Did you mean 'gru'? Cells: gru, lstm",
    ("gru", "gru"): "compare: expected two cells. Received: 'gru' and 'gru'",
}


@pytest.mark.parametrize("pair", MISTAKES)
def test_a_cell_that_is_not_there(results, pair):
    with pytest.raises(UserError, match=re.escape(MISTAKES[pair])):
        results.compare(*pair)


def test_a_cell_by_its_name_where_that_is_clear():
    one = experiment(cells=["lstm", {"gru": {"reset_after": False}}])
    assert Results(one, ()).compare("gru", "lstm").first == "gru(reset_after=False)"
    both = experiment(cells=["lstm", {"gru": {"reset_after": False}}, {"gru": {"convention": "write"}}])
    with pytest.raises(
        UserError, match=r"several cells are called 'gru': gru\(reset_after=False\); gru\(convention=write\)"
    ):
        Results(both, ()).compare("gru", "lstm")


# --- figures, report, notebook ---


def test_figures_are_those_of_the_report_by_name(results, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []

    def draw(name: str, given: Any) -> Figure:
        drawn.append((name, given))
        return Figure()

    monkeypatch.setattr(figures, "NAMES", ("pareto", "curves"))
    monkeypatch.setattr(figures, "draw", draw)
    assert {"pareto", "curves"} <= set(dir(results.plot))
    figure = results.plot.pareto()
    assert drawn == [("pareto", results)]
    assert "<svg" in figure._repr_svg_(), "a notebook shows it"
    with pytest.raises(
        AttributeError, match=r"no figure is called 'paretto'. Did you mean 'pareto'\? Figures: pareto, curves"
    ):
        _ = results.plot.paretto
    said = r"plot.pareto: expected no argument, it draws every task \(.*adding.*\). Received: 'digts', name=1"
    with pytest.raises(UserError, match=said):
        results.plot.pareto("digts", name=1)
    assert not hasattr(results.plot, "_repr_html_")


def test_the_report_is_written_where_asked(results, monkeypatch, tmp_path):
    def write(given: Results, path: Path) -> Path:
        path.write_text(given.experiment.name)
        return path

    monkeypatch.setattr(page, "write", write)
    assert results.report(str(tmp_path / "page.html")).read_text() == "mine"


def test_in_a_notebook_question_answer_and_table(monkeypatch):
    monkeypatch.setattr(forms, "answer", lambda found: ("adding: <lstm> leads", f"{len(found.tasks)} tasks"))
    one = found(question="Is <b>x</b> better?")
    page = one._repr_html_()
    assert "Is &lt;b&gt;x&lt;/b&gt; better?" in page
    assert ">adding: &lt;lstm&gt; leads</p>" in page
    assert ">2 tasks</p>" in page
    assert ["gru", "4", "93"] in [row[:3] for row in Cells(page).rows]
    assert repr(one) == "<gru_tf results of 'mine': 2 tasks, 2 cells, 19 runs>"


def test_no_other_format(results):
    with pytest.raises(UserError, match=r"no format is called 'markdow'. Did you mean 'markdown'\? Formats: csv, json, "):
        results.text("markdow")


# --- the command ---


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> SimpleNamespace:
    """A store with the results above."""
    from gru_tf.suite.tracking import Store

    folder, one = tmp_path_factory.mktemp("stored"), found(name="mine", question="Größer – oder |nicht|?")
    record = Store(f"sqlite:///{folder}/mlflow.db").open(one.experiment)
    record.begin()
    runs = (*one.runs[:4], *one.runs[-2:])
    for run in runs:
        record.write(run)
    record.end(failed=True)
    return SimpleNamespace(uri=f"sqlite:///{folder}/mlflow.db", results=Results(one.experiment, runs))


@pytest.mark.parametrize("form", ["csv", "json", "markdown", "latex"])
def test_the_command_prints_the_form_and_nothing_else(stored, form, monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "argv", ["gru-tf", "results", "mine", "--store", stored.uri, "--format", form])
    with pytest.raises(SystemExit) as ended:
        main.main()
    said = capsysbinary.readouterr()
    assert (ended.value.code or 0, said.err) == (0, b"")
    assert said.out.decode() == stored.results.text(form)


def shell(command: str, stored: SimpleNamespace, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    start = f"{sys.executable} -m gru_tf.commands.main results mine --store {stored.uri} --format csv"
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", command.format(start)], env=known, capture_output=True, check=False)


def test_into_a_file_in_any_locale(stored, tmp_path):
    done = shell(f"{{}} > {tmp_path}/runs.csv", stored, LC_ALL="C", PYTHONIOENCODING="ascii", FORCE_COLOR="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "runs.csv").read_bytes().decode() == stored.results.text("csv")
    assert_frame_equal(
        frame.read_csv(tmp_path / "runs.csv", stored.results.experiment), stored.results.frame, check_exact=True
    )


def test_a_reader_that_has_seen_enough(stored):
    """Nobody reads any more: no traceback."""
    done = shell("{} | true; exit ${{PIPESTATUS[0]}}", stored)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_a_format_that_there_is_not(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gru-tf", "results", "mine", "--format", "xml"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert "--format: received 'xml', expected one of 'table', 'csv', 'json', 'markdown', 'latex'. Try" in said.err

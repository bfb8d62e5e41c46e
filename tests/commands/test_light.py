"""Light commands are light by what they do not import, and heavy ones say at once what they wait for."""

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_results import experiment, result
from places import ROOT
from rich.console import Console

from gru_tf.commands import waiting
from gru_tf.suite.tracking import Store

TRAINING = {"tensorflow", "keras", "keras_tuner", "tensorboard", "sklearn", "statsmodels", "ray", "pebble"}
TRACKING = {"mlflow", "sqlalchemy", "alembic", "pandas", "pyarrow", "matplotlib", "scipy.stats", "sacrebleu", "jinja2"}
HEAVY = TRAINING | TRACKING
PROGRAM = """
import sys
from gru_tf.commands import start
sys.argv = ["gru-tf", *sys.argv[1:]]
try:
    start.main()
except SystemExit as end:
    print(end.code or 0, sorted(sys.modules), file=sys.stderr)
"""
LIGHT = {
    "--help": HEAVY | {"numpy", "scipy", "pydantic", "yaml", "rich.progress"},
    "--version": HEAVY | {"numpy", "scipy", "pydantic", "yaml", "rich.progress"},
    "run --help": HEAVY | {"numpy", "scipy", "yaml", "rich.progress"},
    "compare --help": HEAVY | {"numpy", "scipy", "yaml", "rich.progress"},
    "list cells": HEAVY | {"scipy", "yaml", "rich.progress"},
    "list experiments": HEAVY | {"numpy", "scipy", "rich.progress"},
    "list tasks": HEAVY | {"scipy", "rich.progress"},
    "list baselines": HEAVY | {"scipy", "rich.progress"},
    "list": HEAVY | {"scipy", "rich.progress"},
    "check quickstart": HEAVY | {"scipy", "rich.progress"},
    "results mine": HEAVY | {"rich.progress"},
    "results mine --format json": HEAVY - {"pandas", "pyarrow"},
    "results mine --format csv": HEAVY - {"pandas", "pyarrow"},
    "results mien": set(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a store in which an experiment is finished."""
    folder = tmp_path_factory.mktemp("light")
    record = Store(f"sqlite:///{folder}/mlruns/mlflow.db").open(mine := experiment())
    for task in (0, 1):
        for cell in (0, 1):
            for seed in (0, 1, 2):
                record.write(result(mine, task, cell, seed, started=1e9 + seed, test=0.1 * cell + seed / 100))
    return folder


def imported(folder, *arguments):
    """The exit code of a command, what it printed, and the modules that it imported."""
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    code, _, modules = done.stderr.splitlines()[-1].partition(" ")
    return int(code), done.stdout, set(ast.literal_eval(modules))


@pytest.mark.parametrize("command", LIGHT)
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_a_light_command_imports_nothing_heavy(command, folder):
    code, printed, modules = imported(folder, *command.split())
    assert (code, bool(printed)) == ((2, False) if command == "results mien" else (0, True))
    assert modules & LIGHT[command] == set()
    if command == "results mien":  # the look is able to fail: the client is asked for its words
        assert modules >= {"mlflow", "sqlalchemy", "pandas"}


def test_what_is_waited_for_is_on_the_terminal_before_the_wait_and_gone_after_it():
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    with waiting.waiting("reading [a] file", screen):
        during = screen.file.getvalue()
    assert "reading [a] file" in during
    assert screen.file.getvalue().endswith("\x1b[2K"), "the line is taken away"


def test_nothing_is_said_of_waiting_where_there_is_no_terminal(capsys):
    with waiting.waiting("reading", Console(file=io.StringIO())), waiting.waiting("reading"):
        pass
    assert capsys.readouterr() == ("", "")


WAITS = {
    "compare.py": "comparison.plan(",
    "predict.py": "_predictor(",
    "import_export.py": "exporting.export_model(",
    "machine.py": "doctor.examine(",
}


@pytest.mark.parametrize("module", WAITS)
def test_what_takes_seconds_is_done_inside_of_a_wait(module):
    """Each call of these stands in a `with waiting(…)` of its command."""
    tree = ast.parse((Path(waiting.__file__).parent / module).read_text())
    blocks = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.With)]
    assert any("waiting(" in block.partition(":\n")[0] and WAITS[module] in block for block in blocks)


def test_version_and_both_helps(folder):
    from importlib.metadata import version

    assert imported(folder, "--version")[1] == f"gru-tf {version('gru-tf')}\n"
    assert imported(folder, "-h")[1] == imported(folder, "--help")[1]
    assert imported(folder, "run", "-h")[1] == imported(folder, "run", "--help")[1]

"""A shell completes experiments, results, cells and models; every command's help ends with an example that it takes."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from made_results import experiment
from typer.main import get_command
from typer.testing import CliRunner

from gru_tf.commands import arguments
from gru_tf.commands import main as cli
from gru_tf.suite.tracking import Store


def completed(words, folder):
    """What bash is offered for the last of the words."""
    count = str(len(words.split(" ")) - 1)
    variables = {"_GRU_TF_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
    command = [str(Path(sys.executable).with_name("gru-tf"))]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_experiments_and_cells_are_completed_in_a_shell(tmp_path):
    assert completed("gru-tf run quick", tmp_path) == ["quickstart"]
    assert completed("gru-tf speed --cells rnn,gr", tmp_path) == ["rnn,gru", "rnn,gru_reset_before"]


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_names_in_the_store_are_completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert arguments.finished("") == []
    Store().open(experiment(name="sales"))
    assert arguments.finished("") == arguments.finished("sa") == ["sales"]
    assert arguments.finished("x") == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert arguments.finished("") == []


def test_models_are_cells_and_baselines():
    assert arguments.models("r") == ["rnn", "ridge", "rocket"]
    assert arguments.cells("gru,") == [f"gru,{name}" for name in arguments.CELLS.names() if name != "gru"]


@pytest.mark.parametrize("name", get_command(cli.app).commands)
def test_help_ends_with_an_example_that_the_command_takes(name):
    command = get_command(cli.app).commands[name]
    example = shlex.split(command.epilog.removeprefix("Example: ").partition(" > ")[0])
    assert example[:2] == ["gru-tf", name]
    command.make_context(name, example[2:])  # refuses what it does not take
    shown = CliRunner().invoke(cli.app, [name, "-h"])
    assert " ".join(example[:3]) in " ".join(shown.output.split())

"""Notebooks have no outputs in git; the one that needs PyTorch runs whole, the others do where the site is built."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from places import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# jupyter_client and ipykernel warn of their own internals on some versions; the notebooks' code is not affected
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]


def execute(notebook, folder):
    return NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.torch
def test_runs_whole(tmp_path):
    pytest.importorskip("torch")
    done = execute(nbformat.read(FOLDER / "03_bring_a_pytorch_model.ipynb", as_version=4), tmp_path)
    printed = "".join(o.get("text", "") for cell in done.cells for o in cell.get("outputs", ()))
    assert "Traceback" not in printed
    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_kept_without_outputs(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def test_a_broken_notebook_fails(tmp_path):
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import gru_tf\ngru_tf.no_such_name")])
    with pytest.raises(CellExecutionError, match="no_such_name"):
        execute(broken, tmp_path)


CELLS = (
    """
import tempfile
import gru_tf

store = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
tasks = [{"adding": {"length": 8, "examples": 500}}]
fields = {"name": "tiny", "question": "Which?", "tasks": tasks, "cells": ["rnn", "gru"]}
tiny = gru_tf.Experiment.model_validate({**fields, "seeds": 1, "model": {"units": 4}, "training": {"epochs": 2}})
results = gru_tf.run(tiny, store=store, workers=0)""",
    """
texts = {"said": [f"a {'good' if i % 2 else 'bad'} day {i}" for i in range(60)], "mood": ["ab"[i % 2] for i in range(60)]}
import pandas
protocol = {"cells": ["rnn", "gru"], "units": 4, "trials": 0, "seeds": 1, "epochs": 2}
comparison = gru_tf.compare(pandas.DataFrame(texts), label="mood", name="moods", store=store, workers=0, **protocol)""",
    "again = gru_tf.run(tiny, store=store, workers=0, progress=False)",
)


def test_progress_is_shown_while_a_cell_runs_and_leaves_one_line(tmp_path, monkeypatch):
    """And no library's messages: TensorFlow's on devices, tqdm's on widgets."""
    monkeypatch.setenv("GRU_TF_TIMING", "no")
    seen = []

    class Client(NotebookClient):
        def process_message(self, message, cell, cell_index):
            content = message["content"]
            if message["msg_type"] in ("display_data", "update_display_data"):
                seen.append((cell_index, message["msg_type"], content["data"]["text/plain"]))
            return super().process_message(message, cell, cell_index)

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    done = Client(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    run, compared = ([text for index, _, text in seen if index == number] for number in (0, 1))
    assert [kind for index, kind, _ in seen if index == 0].count("display_data") == 1, "one output, written over"
    for phase in ("opening the store", "importing TensorFlow", "training", "1/2 runs", "best", "writing the report"):
        assert any(phase in text for text in run), phase
    assert any("reading the data" in text for text in compared)
    outputs = [[(o.output_type, o.get("text") or o["data"]["text/plain"]) for o in cell.outputs] for cell in done.cells]
    (first,), (second,), third = outputs
    assert first[0] == second[0] == "display_data"
    assert re.fullmatch(r"2 runs, 2 of them new, in \d+:\d\d\.", first[1])
    assert re.fullmatch(r"\d runs, \d of them new, in \d+:\d\d\.", second[1])
    assert third == []


def test_there_are_notebooks():
    assert NOTEBOOKS

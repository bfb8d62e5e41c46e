"""Notebooks have no outputs in git; the one that needs PyTorch runs whole, the others do where the site is built."""

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


def test_there_are_notebooks():
    assert NOTEBOOKS

"""The catalogue finds the modules of a folder by name, imports only what is asked for and helps with misspelt names."""

import os
import subprocess
import sys

import pytest
from places import ROOT

from gru_tf.foundation.catalogue import Catalogue
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.tasks import TASKS

CELLS = Catalogue(kind="cell", package="gru_tf.recurrent.cells", attribute="CELL")


def without_tensorflow(code):
    """What the code prints in a new process; the process fails if TensorFlow or Keras came with it."""
    code += "; import sys; loaded = {'tensorflow', 'keras'} & set(sys.modules); assert not loaded, loaded"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_are_the_public_modules_sorted():
    files = {file.name for file in (ROOT / "gru_tf" / "recurrent" / "cells").glob("*.py")}
    assert {"__init__.py", "_cell.py"} <= files
    assert CELLS.names() == sorted(name.removesuffix(".py") for name in files if not name.startswith("_"))
    assert {"rnn", "lstm", "gru"} <= set(CELLS.names())


@pytest.mark.parametrize("name", CELLS.names())
def test_find_returns_the_entry_of_that_name(name):
    assert CELLS.find(name).name == name


@pytest.mark.parametrize("name", CELLS.names())
def test_every_entry_says_what_it_is_in_one_line(name):
    assert CELLS.summary(name).endswith(".")


def test_a_new_file_is_an_entry_and_is_imported_only_when_found(tmp_path, monkeypatch):
    package = tmp_path / "shelf"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_private.py").write_text("")
    (package / "book.py").write_text('"""A book.\n\nMore of it."""\nITEM = "pages"\n')
    (package / "torn.py").write_text('raise RuntimeError("imported")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(Catalogue, "folder", package)
    shelf = Catalogue(kind="item", package="shelf", attribute="ITEM")
    assert shelf.names() == ["book", "torn"]
    assert (shelf.summary("book"), shelf.summary("torn")) == ("A book.", "")
    assert shelf.find("book") == "pages"
    with pytest.raises(RuntimeError, match="imported"):
        shelf.find("torn")


@pytest.mark.parametrize("look", [CELLS.check, CELLS.find, CELLS.summary])
def test_an_unknown_name_is_refused_with_the_nearest_and_all_valid_names(look):
    with pytest.raises(UserError) as refused:
        look("GRUU")
    assert str(refused.value).startswith("no cell is called 'GRUU'. Did you mean 'gru'? Cells: ")
    assert all(name in str(refused.value) for name in CELLS.names())


def test_a_name_near_to_none_gets_no_suggestion():
    with pytest.raises(UserError, match=r"^no cell is called 'transformer'\. Cells: "):
        CELLS.check("transformer")


@pytest.mark.parametrize("name", ["", "_recurrent", "__init__", "../errors", "gru.py", "GRU"])
def test_only_exact_public_names_are_valid(name):
    with pytest.raises(UserError):
        CELLS.check(name)


def test_did_you_mean():
    assert did_you_mean("epoch", ["epochs", "seeds"]) == " Did you mean 'epochs'?"
    assert did_you_mean("LSTM", ["lstm", "gru"]) == " Did you mean 'lstm'?"
    assert did_you_mean("zebra", ["epochs", "seeds"]) == ""
    assert did_you_mean("anything", []) == ""


def test_names_and_summaries_leave_tensorflow_alone():
    printed = without_tensorflow(
        "from gru_tf.recurrent.cells import CELLS;"
        " print(*(name + ': ' + CELLS.summary(name) for name in CELLS.names()), sep='\\n')"
    )
    assert "gru: Gated recurrent unit" in printed
    assert len(printed.splitlines()) == len(CELLS.names())


def test_the_look_for_tensorflow_is_able_to_fail():
    with pytest.raises(AssertionError, match="tensorflow"):
        without_tensorflow("import sys; sys.modules['tensorflow'] = None")


def test_tasks_lie_in_folders_by_kind_and_no_two_are_called_the_same():
    files = [f for f in (ROOT / "gru_tf" / "tasks").glob("*/*.py") if not f.stem.startswith("_")]
    assert sorted(f.stem for f in files) == TASKS.names()
    assert TASKS.address("adding") == "gru_tf.tasks.memory.adding"
    assert TASKS.find("adding").__module__ == "gru_tf.tasks.memory.adding"
    assert not [f for f in (ROOT / "gru_tf" / "tasks").glob("*.py") if "\nTASK = " in f.read_text(encoding="utf-8")]

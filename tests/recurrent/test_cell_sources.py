"""What is read off a cell's source is what the imported cell has."""

import subprocess
import sys

import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import cell_sources
from gru_tf.recurrent.cells import CELLS

READ = ("name", "gates", "states", "reference", "options", "unfused")


@pytest.mark.parametrize("name", CELLS.names())
def test_a_cell_read_off_its_source_is_the_cell(name):
    described, cell = cell_sources.described(name), CELLS.find(name)
    assert {key: getattr(described, key) for key in READ} == {key: getattr(cell, key) for key in READ}
    for option, values in {None: (None,), **cell.options}.items():
        for value in values if option is None else cell.examples(option):
            options = {} if option is None else {option: value}
            counts = [
                (i, h, spec.count(i, h, options), spec.state_sizes(h, options))
                for spec in (described, cell)
                for i in (1, 7)
                for h in (1, 20)
            ]
            assert counts[:4] == counts[4:]
            assert described.has_fused(options) == cell.has_fused(options)
    assert (described.kept is None, described.ordinary is None) == (cell.kept is None, cell.ordinary is None)


@pytest.mark.parametrize("name", CELLS.names())
def test_its_layers_are_those_of_the_cell(name):
    layer = cell_sources.described(name).build(3)
    layer.build((None, 2))
    assert layer.count_params() == cell_sources.described(name).parameters(2, 3)


def test_no_cell_is_imported_for_it():
    code = (
        "import sys; from gru_tf.recurrent import cell_sources; from gru_tf.recurrent.cells import CELLS\n"
        "print(sum(cell_sources.described(name).parameters(2, 3) for name in CELLS.names()))\n"
        "print({'keras', 'tensorflow', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    total = sum(CELLS.find(name).parameters(2, 3) for name in CELLS.names())
    assert done.stdout.split() == [str(total), "set()"], done.stderr


def test_a_cell_that_is_written_otherwise_is_imported(monkeypatch):
    monkeypatch.setattr(cell_sources, "CALLED", {})
    assert cell_sources.described("janet") is CELLS.find("janet")


def test_a_misspelt_cell_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="no cell is called 'gruu'. Did you mean 'gru'"):
        cell_sources.described("gruu")

"""Messages name options as whoever reads them writes them: `target` in Python, `--target` on the command line."""

import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison
from gru_tf.suite.comparison import spelling
from gru_tf.suite.comparison.options import OPTIONS

ROWS = "\n".join(f"2020-01-{day:02},{day * day % 17},{day % 5}.5" for day in range(1, 29))
MISTAKES = {
    "two columns": ({}, "specify the column to predict ({target})"),
    "of another kind": ({"target": ["load"], "label": "load"}, "{label}: this option is for sequences and texts"),
    "unknown kind": ({"kind": "forcast"}, "{kind}: received 'forcast'"),
    "text for a number": ({"target": ["load"], "batch_size": "many"}, "{batch_size}: expected a whole number"),
}


@pytest.fixture
def data(tmp_path):
    (tmp_path / "two.csv").write_text(f"date,load,heat\n{ROWS}\n")
    return str(tmp_path / "two.csv")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_option_is_named_as_it_is_written(mistake, data):
    options, words = MISTAKES[mistake]
    names = {name: f"--{name.replace('_', '-')}" for name in OPTIONS}
    with pytest.raises(UserError) as in_python:
        comparison.plan(data, **options)
    with pytest.raises(UserError) as of_command, spelling.of_commands():
        comparison.plan(data, **options)
    assert words.format(**{name: name for name in names}) in str(in_python.value)
    assert words.format(**names) in str(of_command.value)
    assert str(of_command.value) != str(in_python.value)


def test_of_a_switch_the_name_is_one_that_the_command_has():
    assert spelling.spelled("relative") == "relative"
    with spelling.of_commands():
        assert spelling.spelled("relative") == "--relative"
    assert spelling.spelled("batch_size") == "batch_size"

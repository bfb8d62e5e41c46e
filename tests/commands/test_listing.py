"""What is listed of cells and tasks is what they have."""

import pytest

from gru_tf.baselines.baseline import BASELINES
from gru_tf.commands import listing
from gru_tf.experiment.specs import PINNED
from gru_tf.recurrent.cells import CELLS, Real, Share, Whole
from gru_tf.tasks import TASKS

WORDS = {True: "true", False: "false", None: "null", (): "[]"}


def words(value):
    """A value as the listing writes it."""
    if isinstance(value, Share):
        return "0–1"
    if isinstance(value, Real):
        return "a number"
    if isinstance(value, Whole):
        return f"{value.low:,}–{value.high:,}"
    return WORDS[value] if value in (None, ()) or isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", CELLS.names())
def test_a_cells_options_read_off_its_source_are_those_of_the_cell(name):
    spec = CELLS.find(name)
    expected = [f"{option}: {' | '.join(map(words, values))}" for option, values in spec.options.items()]
    assert listing.cell_options(name) == "; ".join(expected)


@pytest.mark.parametrize("name", TASKS.names())
def test_a_tasks_options_are_its_fields_the_default_first(name):
    fields = {option: field for option, field in TASKS.find(name).model_fields.items() if option != PINNED}
    shown = dict(part.split(": ", 1) for part in listing.task_options(name).split("; ")) if fields else {}
    assert list(shown) == list(fields)
    for option, field in fields.items():
        assert shown[option].split(" | ")[0] == ("required" if field.is_required() else words(field.default))


def test_a_baseline_is_listed_with_the_tasks_that_it_fits():
    assert listing.baseline_tasks("ets") == "tasks: airline | ett | sunspots | temperatures"
    listed = {name: set(listing.baseline_tasks(name)[len("tasks: ") :].split(" | ")) for name in BASELINES.names()}
    assert {name for name, tasks in listed.items() if "digits" in tasks} == set(TASKS.find("digits")().baselines)


def test_all_values_of_a_choice_are_listed():
    assert "reading: pixels | rows" in listing.task_options("digits")

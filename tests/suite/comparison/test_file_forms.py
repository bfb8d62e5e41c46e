"""Forms of files that people have: what is guessed of each, what is read, and the page that says so."""

import file_forms
import numpy as np
import pytest
from file_forms import FORMS, Form
from places import ROOT

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import create

pytestmark = pytest.mark.filterwarnings("ignore:.*openpyxl.*:DeprecationWarning")
TITLES = [form.title for form in FORMS]


@pytest.mark.parametrize("form", FORMS, ids=TITLES)
def test_a_form_is_read_as_what_it_is(form: Form, tmp_path):
    if form.file.endswith(".xlsx"):
        pytest.importorskip("openpyxl")
    if not form.task:
        with pytest.raises(UserError, match=form.words):
            file_forms.planned(form, tmp_path)
        return
    plan = file_forms.planned(form, tmp_path)
    assert plan.guess.task == form.task
    assert {name: plan.guess.options.get(name) for name in form.options} == dict(form.options)
    assert form.words in " | ".join(file_forms.settings(plan))
    task = create(plan.guess.task, plan.guess.options)
    examples, steps, features = form.shape
    if form.task == "forecast":
        assert f"({examples:,} rows" in plan.guess.summary
    else:
        parts = task.splits(np.random.default_rng(0))
        assert len(parts.train) + len(parts.validation) + len(parts.test) == examples
    assert (task.signature.timesteps, task.signature.features) == (steps, features)


def test_the_split_is_stated_for_every_form(tmp_path):
    for number, form in enumerate(form for form in FORMS if form.task and not form.file.endswith(".xlsx")):
        folder = tmp_path / str(number)
        folder.mkdir()
        lines = [text for text, options in file_forms.planned(form, folder).inferences if options == ("split",)]
        assert len(lines) == 1, form.title
        assert lines[0].startswith(("split by time: ", "split by group: ", "split at random: ")), form.title


def test_there_are_forty_forms_of_different_titles():
    assert len(set(TITLES)) == len(FORMS) >= 40


def test_the_page_says_what_comes_of_each():
    """As `python tests/support/file_forms.py` writes it."""
    pytest.importorskip("openpyxl")
    assert (ROOT / "docs" / "reference" / "file_forms.md").read_text(encoding="utf-8") == file_forms.page()

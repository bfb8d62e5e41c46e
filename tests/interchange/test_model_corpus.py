"""The corpus of model files: each read with its own program's numbers, or refused with the reason."""

import json

import model_corpus
import pytest
from places import ROOT
from refusals import refused

import gru_tf

CASES = [pytest.param(case, id=case.name, marks=[pytest.mark.torch] * case.torch) for case in model_corpus.cases()]


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_read_with_its_own_numbers_or_refused_with_the_reason(case, tmp_path):
    made = case.make(tmp_path)
    if case.refusal:
        refused(lambda: gru_tf.import_model(made.path, **case.options), *case.refusal)
        return
    case.check(gru_tf.import_model(made.path, **case.options), made)


def test_names_are_unique():
    names = [case.name for case in model_corpus.cases()]
    assert len(names) == len(set(names))


def test_the_page_counts_these_files():
    measured = json.loads((ROOT / "docs" / "explanation" / "models.json").read_text("utf-8"))
    cases = model_corpus.cases()
    expected = {case.name: "refused" if case.refusal else "read" for case in cases}
    assert {name: outcome for name, (outcome, _) in measured["now"].items() if name in expected} == expected
    assert set(measured["before"]) == set(measured["now"])

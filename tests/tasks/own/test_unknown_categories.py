"""A category that training did not have is unknown: none of its column's inputs, and a sentence that says so."""

import warnings

import numpy as np
import pandas
import pytest

from gru_tf.data.own.encoding import Encoding
from gru_tf.tasks import create

RNG = np.random.default_rng(0)
DAYS = pandas.date_range("2024-01-01", periods=100)
FRAME = pandas.DataFrame({"day": DAYS, "sold": RNG.normal(size=100).round(3), "sky": ["dry", "rain"] * 45 + ["fog"] * 10})
OPTIONS = {"target": ("sold",), "time": "day", "covariates": ("sky",), "window": 5}


@pytest.fixture
def task(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    return create("forecast", {"path": str(tmp_path / "a.csv"), **OPTIONS})


def test_what_only_later_rows_have_is_unknown_and_noted(task):
    assert task.encodings()["inputs"] == ["sold", "sky=dry", "sky=rain"]
    assert "'sky': 10 rows have a category that training did not have, unknown to it: 'fog'." in task.notes()
    test = np.asarray(task.splits(np.random.default_rng(0)).test.inputs)
    assert test[-1, :, 1:].tolist() == [[0, 0]] * 5
    assert np.asarray(task.splits(np.random.default_rng(0)).train.inputs)[0, :, 1:].tolist() == [[1, 0], [0, 1]] * 2 + [
        [1, 0]
    ]


def test_new_rows_with_one_new_category_are_predicted_with_a_warning(task):
    new = FRAME[80:90].assign(sky="snow")
    with pytest.warns(UserWarning, match="'sky': 10 rows have a category that training did not have, unknown to it: 'snow'"):
        prepared = task.prepare(new)
    assert np.asarray(prepared.inputs)[0, :, 1:].tolist() == [[0, 0]] * 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = np.asarray(task.prepare(FRAME[80:90]).inputs)
    assert np.array_equal(known[..., 0], np.asarray(prepared.inputs)[..., 0])


def test_steps_of_sequences_likewise(tmp_path):
    trip, place = np.repeat(np.arange(30), 4), np.resize(["path", "street"], 120)
    frame = pandas.DataFrame({"id": trip, "speed": RNG.normal(size=120), "place": place, "label": trip % 2})
    frame.to_csv(tmp_path / "a.csv", index=False)
    task = create("sequences", {"path": str(tmp_path / "a.csv"), "id": "id", "label": "label"})
    assert task.notes() == ()
    new = frame[:4].assign(place=["path", "moon", "street", " path"])
    with pytest.warns(UserWarning, match="'place': 1 row has a category that training did not have, unknown to it: 'moon'"):
        inputs = np.asarray(task.prepare(new).inputs)[0, :, 1:]
    assert inputs.tolist() == [[1, 0], [0, 0], [0, 1], [1, 0]]


def test_a_missing_category_is_not_unknown_but_refused(task):
    encoding = Encoding.model_validate({"columns": [{"name": "sky", "kind": "category", "categories": ["dry", "rain"]}]})
    assert encoding.unknown(pandas.DataFrame({"sky": ["dry", None, ""]})) == ()
    with pytest.raises(ValueError, match="row 2, column 'sky': expected a category. Received: nothing"):
        encoding.apply(pandas.DataFrame({"sky": ["dry", None, "new"]}))

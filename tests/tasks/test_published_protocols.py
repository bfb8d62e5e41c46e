"""Data as published protocols have them: their splits, scales and windows, against the files read in another way."""

import csv
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gru_tf.baselines.baseline import ModelInputs, TrainingData
from gru_tf.baselines.sequences.dtw import BASELINE
from gru_tf.data.datasets import locate
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Task, create
from gru_tf.tasks.forecasting.airline import FILE
from gru_tf.tasks.forecasting.ett import FILE as ETTH1

Needs = Callable[[Task], None]
BROWNLEE = {"train": 0.67, "scale": "minmax", "windows": "published", "window": 1, "relative": False}


def passengers() -> Any:
    with locate(FILE).open(newline="") as stream:
        return np.array([float(row[1]) for row in list(csv.reader(stream))[1:]])


def rmse(rows: Any, before: int) -> float:
    """Of repeating the value so many months before."""
    values = passengers()
    return float(np.sqrt(np.mean([(values[row] - values[row - before]) ** 2 for row in rows])))


def test_brownlees_windows_are_those_of_his_loop(needs_files: Needs) -> None:
    task = create("airline", BROWNLEE)
    needs_files(task)
    values = passengers()
    scaled = (values - values.min()) / (values.max() - values.min())  # of all months, as he has it
    splits, train = task.splits(np.random.default_rng(0)), int(len(values) * 0.67)
    assert splits.validation is None
    for part, rows in ((splits.train, scaled[:train]), (splits.test, scaled[train:])):
        expected = [(rows[i], rows[i + 1]) for i in range(len(rows) - 1 - 1)]
        received = np.column_stack([np.asarray(part.inputs).ravel(), np.asarray(part.targets).ravel()])
        np.testing.assert_allclose(received, expected, atol=1e-6)
    assert (len(splits.train), len(splits.test)) == (94, 46)
    assert task.metric.scale == values.max() - values.min() == 518


@pytest.mark.parametrize(
    ("windows", "rows", "persistence", "seasonal"),
    [
        ("published", range(97, 143), 48.664, 42.322),
        ("inside", range(97, 144), 48.532, 42.054),
        ("reach_back", range(96, 144), 48.041, 41.854),
    ],
)
@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_naive_forecasts_of_the_last_third(
    windows: str, rows: range, persistence: float, seasonal: float, scale: str, needs_files: Needs
) -> None:
    task: Any = create("airline", {**BROWNLEE, "windows": windows, "scale": scale})
    needs_files(task)
    scores = task.naive_scores()
    assert scores["last value"] == pytest.approx(rmse(rows, 1), rel=1e-5) == pytest.approx(persistence, abs=1e-3)
    assert scores["seasonal naive"] == pytest.approx(rmse(rows, 12), rel=1e-5) == pytest.approx(seasonal, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"train": 0.01}, "expected at most 1 together: the training rows"),
        ({"train": 0.67, "window": 50, "windows": "published"}, "the test part has room for none"),
        ({"window": 24, "windows": "inside"}, "the validation part has room for none"),
        ({"train": 1.0}, "airline.train: received 1"),
    ],
)
def test_an_impossible_split_is_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        create("airline", options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_window_of_the_ett_test_is_scored(needs_files: Needs) -> None:
    """96 → 96 of seven variables at the papers' borders; without the last batch the number would be another one."""
    task: Any = create("ett", {})
    needs_files(task)
    with locate(ETTH1).open(newline="") as stream:
        rows = np.array([row[1:] for row in list(csv.reader(stream))[1:]], float)
    month = 30 * 24
    scaled = (rows - rows[: 12 * month].mean(0)) / rows[: 12 * month].std(0)
    starts = range(16 * month, 20 * month - 96 + 1)
    errors = [np.mean((scaled[start : start + 96] - scaled[start - 1]) ** 2) for start in starts]
    splits = task.splits(np.random.default_rng(0))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (8449, 2785, 2785)
    assert task.naive_scores()["last value"] == pytest.approx(np.mean(errors), rel=1e-6) == pytest.approx(1.2944, abs=5e-5)
    assert np.mean(errors[:2752]) == pytest.approx(1.2994, abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "published"), [("ArrowHead", 0.7029), ("GunPoint", 0.9067), ("ItalyPowerDemand", 0.9504)])
def test_nearest_neighbours_by_dtw_score_as_the_archive_says(name: str, published: float, needs_files: Needs) -> None:
    """1-NN DTW without a window on the whole training file: errors 0.2971, 0.0933 and 0.0496."""
    task = create("ucr", {"name": name, "validation": 0})
    needs_files(task)
    splits = task.splits(np.random.default_rng(0))
    assert splits.validation is None
    neighbours = BASELINE.fit(task.signature, TrainingData(splits.train), {"band": "none"}, 0)
    predicted = neighbours.predict(ModelInputs(splits.test.inputs, splits.test.lengths)).argmax(1)
    assert np.mean(predicted == splits.test.targets) == pytest.approx(published, abs=5e-5)


def test_all_series_train_where_none_validates(needs_files: Needs) -> None:
    whole, part = (create("ucr", {"name": "GunPoint", **options}) for options in ({"validation": 0}, {}))
    needs_files(whole)
    every, some = (task.splits(np.random.default_rng(0)) for task in (whole, part))
    assert len(every.train) == 50 == len(some.train) + len(some.validated)
    rows = np.asarray(every.train.inputs)
    assert rows.mean() == pytest.approx(0, abs=1e-5)
    assert rows.std() == pytest.approx(1, abs=1e-5)
    assert "dtw" in whole.baselines


@pytest.mark.slow
def test_all_reviews_train_and_their_last_words_are_read(needs_files: Needs) -> None:
    task: Any = create("imdb", {"validation": 0, "read": "last", "vocabulary": 20_000})
    needs_files(task)
    splits = task.splits(np.random.default_rng(0))
    assert splits.validation is None
    assert np.bincount(splits.train.targets).tolist() == np.bincount(splits.test.targets).tolist() == [12_500, 12_500]
    arrays = task.arrays()
    lengths = np.asarray(arrays["lengths"]).astype(np.int64)
    ends = np.cumsum(lengths)
    for review in (0, 1, 12_500, 24_999):
        words = np.array(arrays["words"][ends[review] - lengths[review] : ends[review]])[-200:]
        words[words >= 20_000] = 1
        assert splits.train.inputs[review, : len(words)].tolist() == words.tolist()
    numbers = np.asarray(arrays["words"][: ends[24_999]])
    counts = np.bincount(numbers)[2:]
    assert (np.diff(counts) <= 0).all()  # numbered by how often all 25,000 have them


@pytest.mark.parametrize("share", [1e-5, 0.99999])
def test_a_share_of_no_review_is_refused(share: float) -> None:
    with pytest.raises(UserError, match="expected some in training and, but for 0, in validation"):
        create("imdb", {"validation": share})

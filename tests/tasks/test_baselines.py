"""The majority class and the naive forecasts, against arithmetic by hand."""

import numpy as np
import pytest

from gru_tf.tasks import _baselines
from gru_tf.tasks._baselines import best_naive, constant_accuracy, majority_class, naive_errors

ROWS = np.array([[0.0], [3.0], [1.0], [4.0], [2.0], [2.0]], np.float32)


def test_the_majority_is_of_training_and_its_share_of_the_test() -> None:
    assert majority_class(np.array([2, 0, 2, 1]), np.array([0, 2, 1, 1])) == (2, 0.25)
    assert majority_class(np.array([1, 0, 1, 0]), np.array([0, 0, 1])) == (0, 2 / 3)  # the first of equals


def test_chance_is_never_below_guessing() -> None:
    """The majority of training has 1/4 of the test split, of two classes less than a guess, of five more."""
    train, test = np.array([1, 1, 0]), np.array([0, 1, 0, 0])
    assert constant_accuracy(train, test, 2) == (0.5, "a uniform guess")
    assert constant_accuracy(train, test, 5) == (0.25, "the majority class")
    assert constant_accuracy(train, test, 4, ["a", "b"]) == (0.25, "the majority class ('b')")


@pytest.mark.parametrize("chunk", [1, 2, 1 << 16])
def test_naive_errors_are_those_by_hand(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Windows start at rows 2, 3 and 4, two rows to forecast, a season of two rows."""
    monkeypatch.setattr(_baselines, "CHUNK", chunk)
    errors = naive_errors(ROWS, np.array([2, 3, 4]), horizon=2, season=2)
    truth, count = [(1, 4), (4, 2), (2, 2)], 6
    last, seasonal = [(3, 3), (1, 1), (4, 4)], [(0, 3), (3, 1), (1, 4)]

    def mse(forecasts: list[tuple[int, int]]) -> float:
        return (
            sum((y - f) ** 2 for ys, fs in zip(truth, forecasts, strict=True) for y, f in zip(ys, fs, strict=True)) / count
        )

    assert errors == {
        "last value": pytest.approx(mse(last)),
        "seasonal naive": pytest.approx(mse(seasonal)),
        "training mean": pytest.approx(mse([(0, 0)] * 3)),
    }


def test_a_season_that_the_series_does_not_have_yet_is_the_last_value() -> None:
    errors = naive_errors(ROWS, np.array([3]), horizon=1, season=3, begins=np.array([1]))
    assert errors["seasonal naive"] == errors["last value"] == pytest.approx((4 - 1) ** 2)
    assert naive_errors(ROWS, np.array([3]), horizon=1, season=3)["seasonal naive"] == pytest.approx(4**2)
    assert "seasonal naive" not in naive_errors(ROWS, np.array([3]), horizon=1, season=0)


def test_the_best_naive_forecast_has_a_name_for_people() -> None:
    assert best_naive({"last value": 2.0, "seasonal naive": 1.0}, 12) == (
        "seasonal naive",
        "the seasonal naive forecast (12 steps before)",
    )
    assert best_naive({"last value": 1.0, "training mean": 1.0}, 0) == ("last value", "the last value (naive forecast)")

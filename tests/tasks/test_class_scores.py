"""Metrics of classes against counts by hand, and where they are not defined."""

import numpy as np
import pytest

from gru_tf.tasks import _class_scores

TARGETS = np.array([0, 0, 0, 0, 0, 0, 1, 1])
SCORES = np.array([2.0, 1.5, 3.0, 1.0, -0.5, 0.5, -1.0, 0.25])  # of class 0 above 0


def outputs() -> np.ndarray:
    return np.stack([SCORES, np.zeros(8)], axis=1)


def test_two_classes_by_hand() -> None:
    values = _class_scores.scores(TARGETS, outputs())
    assert values["accuracy"] == 6 / 8
    assert values["balanced_accuracy"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert values["macro_f1"] == pytest.approx((2 * (5 / 6) * (5 / 6) / (5 / 6 + 5 / 6) + 2 * 0.5 * 0.5 / (0.5 + 0.5)) / 2)
    pairs = [(SCORES[positive] < SCORES[negative]) for positive in (6, 7) for negative in range(6)]
    assert values["roc_auc"] == pytest.approx(np.mean(pairs))


def test_the_area_is_left_out_where_a_class_is_missing() -> None:
    three = np.concatenate([outputs(), np.full((8, 1), -9.0)], axis=1)
    values = _class_scores.scores(TARGETS, three)
    assert "roc_auc" not in values
    assert values["macro_f1"] == pytest.approx(_class_scores.scores(TARGETS, outputs())["macro_f1"] * 2 / 3)


def test_scores_that_are_impossible_are_no_obstacle() -> None:
    scores = outputs()
    scores[0, 1] = -np.inf
    assert _class_scores.probabilities(scores)[0].tolist() == [1.0, 0.0]


def test_the_confusion_counts_true_classes_in_rows() -> None:
    counts = _class_scores.confusion(TARGETS, outputs(), ["no", "yes"])["class"]
    assert counts == {"no": {"no": 5, "yes": 1}, "yes": {"no": 1, "yes": 1}}


def test_the_majority_alone_is_half_balanced() -> None:
    values = _class_scores.constant(np.array([0, 0, 1]), TARGETS, 2)
    assert (values["accuracy"], values["balanced_accuracy"], values["roc_auc"]) == (6 / 8, 0.5, 0.5)

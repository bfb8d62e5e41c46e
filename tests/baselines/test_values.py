"""Ridge regression and boosted trees, against closed forms and a walk through the trees."""

from typing import Any

import made_splits
import numpy as np
import pytest

from gru_tf.baselines.baseline import BASELINES, TrainingData
from gru_tf.tasks import Examples, Signature


@pytest.mark.parametrize("alpha", [0.01, 10.0])
def test_ridge_is_the_closed_form(alpha: float) -> None:
    """On centred columns w = (XᵀX + αI)⁻¹ XᵀY; the intercept is not penalised."""
    task = made_splits.valued()
    train, test = task.data.train, task.data.test
    model = BASELINES.find("ridge").fit(task.signature, made_splits.training(task), {"alpha": alpha}, 0)
    vectors, targets = train.inputs.reshape(50, 6).astype(float), train.targets.astype(float)
    mean, middle = vectors.mean(0), targets.mean(0)
    centred = vectors - mean
    weights = np.linalg.inv(centred.T @ centred + alpha * np.eye(6)) @ centred.T @ (targets - middle)
    expected = (test.inputs.reshape(30, 6) - mean) @ weights + middle
    assert np.allclose(model.predict(made_splits.asked(test)), expected, atol=1e-9)
    assert model.size == 6 * 2 + 2


def test_ridge_scales_bytes_as_the_network_does() -> None:
    task = made_splits.valued()
    scaled = Signature(3, 2, 2, "value", scale=1 / 255)
    train = task.data.train
    larger = Examples(train.inputs * 255, train.targets, train.lengths)
    one = BASELINES.find("ridge").fit(task.signature, TrainingData(train), {"alpha": 1.0}, 0)
    other = BASELINES.find("ridge").fit(scaled, TrainingData(larger), {"alpha": 1.0}, 0)
    assert np.allclose(one.coefficients, other.coefficients, atol=1e-5)


def leaf_value(nodes: Any, vector: Any) -> float:
    """What a tree says of a vector, node by node from the root; features are compared as they are."""
    node = nodes[0]
    while not node["is_leaf"]:
        left = vector[node["feature_idx"]] <= node["num_threshold"]
        node = nodes[node["left"] if left else node["right"]]
    return float(node["value"])


def test_boosted_values_are_the_sums_of_their_trees() -> None:
    task = made_splits.valued()
    model: Any = BASELINES.find("boosting").fit(
        task.signature, made_splits.training(task), {"leaves": 4, "learning_rate": 0.2}, 0
    )
    vectors = task.data.test.inputs.reshape(30, 6).astype(float)
    predicted = model.predict(made_splits.asked(task.data.test))
    nodes = 0
    for output, each in enumerate(model.models):
        trees = [tree.nodes for iteration in each._predictors for tree in iteration]
        assert len(trees) == 100
        nodes += sum(map(len, trees))
        start = task.data.train.targets[:, output].mean(dtype=float)
        expected = [start + sum(leaf_value(tree, vector) for tree in trees) for vector in vectors]
        assert np.allclose(predicted[:, output], expected, atol=1e-5)
    assert model.size == 5 * nodes


def test_few_sequences_make_trees_as_well() -> None:
    task = made_splits.classified(classes=2, count=20, vary=False)
    model = BASELINES.find("boosting").fit(
        task.signature, made_splits.training(task), {"leaves": 4, "learning_rate": 0.2}, 0
    )
    assert len(np.unique(model.predict(made_splits.asked(task.data.test))[:, 0])) > 1


def test_boosted_classes_are_probabilities_and_a_class_unseen_has_none() -> None:
    task = made_splits.classified(classes=3)
    signature = Signature(20, 2, 5, "class", varying=True)
    train = task.data.train
    moved = Examples(train.inputs, train.targets + (train.targets > 0), train.lengths)  # 0, 2, 3
    model = BASELINES.find("boosting").fit(signature, TrainingData(moved), {"leaves": 4, "learning_rate": 0.2}, 0)
    probabilities = np.exp(model.predict(made_splits.asked(task.data.test)))
    assert np.allclose(probabilities.sum(1), 1)
    assert (probabilities[:, [1, 4]] == 0).all()
    moved_test = task.data.test.targets + (task.data.test.targets > 0)
    assert (probabilities.argmax(1) == moved_test).mean() > 0.6

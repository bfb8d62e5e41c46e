"""Scores in NumPy are those of the trainer in TensorFlow, on random predictions."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.baselines.scoring import score
from gru_tf.tasks import Examples, Metric, Signature

LENGTHS = np.array([5, 2, 4, 1, 5, 3, 5], np.int32)


@dataclass(frozen=True)
class Given(FittedBaseline):
    """Predictions that were made elsewhere; an example's number is its first input."""

    predictions: Any
    size: int = 0

    def predict(self, inputs: ModelInputs) -> Any:
        return self.predictions[inputs.values[:, 0, 0].astype(int)]


def drawn(signature: Signature) -> tuple[Examples, Any]:
    """Examples with targets of every kind of absence, and a network's outputs (N[, T], outputs)."""
    rng, count = np.random.default_rng(0), len(LENGTHS)
    inputs = np.zeros((count, signature.timesteps, signature.features), np.float32)
    inputs[:, 0, 0] = np.arange(count)
    steps = (signature.timesteps,) if signature.per_step else ()
    outputs = rng.normal(size=(count, *steps, signature.outputs)).astype(np.float32)
    if signature.target == "class":
        targets = rng.integers(0, signature.outputs, (count, *steps)).astype(np.int32)
        if signature.per_step:
            targets[rng.random(targets.shape) < 0.3] = -1
            targets[np.arange(signature.timesteps) >= LENGTHS[:, None]] = -1
            targets[3] = -1  # no target at all
    elif signature.target == "binary":
        targets = rng.integers(0, 2, outputs.shape).astype(np.uint8)
    else:
        targets = rng.normal(size=outputs.shape).astype(np.float32)
    return Examples(inputs, targets, LENGTHS), outputs


def predictions(signature: Signature, outputs: Any) -> Any:
    outputs = outputs.astype(np.float64)
    if signature.target == "class":
        return outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))
    return 1 / (1 + np.exp(-outputs)) if signature.target == "binary" else outputs


def by_trainer(signature: Signature, metric: Metric, examples: Examples, outputs: Any) -> dict[str, float]:
    import tensorflow as tf

    from gru_tf.training import feeding
    from gru_tf.training.network import model

    data = feeding.load(examples, signature.span, signature.targets_over_time)
    everyone = tf.range(len(examples))
    _, targets, weight = feeding.batch(signature, False, data.arrays, everyone, tf.ones(len(examples)), signature.span)
    means = {}
    for name in metric.means:
        each = model.metric(name, signature, targets, tf.constant(outputs))
        means[name] = float(tf.reduce_sum(each * weight) / tf.reduce_sum(weight))
    return {name: metric.value(mean, name) for name, mean in means.items()}


CLASS = Signature(5, 1, 4, "class")
EACH = Signature(5, 1, 4, "class", per_step=True)
CASES: dict[str, tuple[Signature, Metric]] = {
    "class": (CLASS, Metric("accuracy", "max", 0.25, 1.0, also=("nll", "bpc", "perplexity"))),
    "class at every step": (EACH, Metric("nll", "min", 1.4, 0.0, also=("accuracy", "bpc", "perplexity"))),
    "values": (Signature(5, 1, 3, "value"), Metric("rmse", "min", 1.0, 0.0, scale=7.5, also=("mae", "mse"))),
    "notes": (Signature(5, 1, 6, "binary", per_step=True), Metric("nll", "min", 4.0, 0.0)),
}


@pytest.mark.parametrize("block", [1, 1 << 22])
@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_the_trainer(case: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gru_tf.baselines.scoring.BLOCK", block)
    signature, metric = CASES[case]
    examples, outputs = drawn(signature)
    inputs = ModelInputs(examples.inputs, examples.lengths)
    scores = score(signature, metric, examples, inputs, Given(predictions(signature, outputs)))
    assert scores.values == pytest.approx(by_trainer(signature, metric, examples, outputs), rel=1e-5)
    assert scores.losses.shape == scores.weights.shape == (len(examples),)
    mean = (scores.losses * scores.weights).sum() / scores.weights.sum()
    assert metric.value(float(mean)) == pytest.approx(scores.values[metric.name], rel=1e-12)


def test_a_probability_of_zero_costs_infinitely_much() -> None:
    signature, metric = CASES["notes"]
    examples, outputs = drawn(signature)
    certain = np.ones_like(outputs, np.float64)
    inputs = ModelInputs(examples.inputs, examples.lengths)
    assert score(signature, metric, examples, inputs, Given(certain)).values == {"nll": math.inf}

"""A linear model of each step and the steps before it: logistic regression of classes, ridge regression of values.

    x_t  = (inputs of step t, of step t − 1, … of step t − window + 1), zeros before the first step

No step after t is read, so that its answer could be given as the sequence comes.
"""

from dataclasses import dataclass

import numpy as np

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.scoring import counted
from gru_tf.baselines.sequences import _linear
from gru_tf.baselines.vectors import Standard
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

STRENGTHS = (1e-2, 1.0, 100.0)  # C of classes
ALPHAS = (1e-2, 1.0, 100.0, 1e4)  # of values
WORK = 3e7  # steps times columns times outputs


@dataclass(frozen=True)
class StepModel(FittedBaseline):
    """A linear function of standardised steps.

    Args:
        window: steps that are read: the current one, and those before it.
        classes: whether it gives the logarithms of probabilities; else values.
        standard: of the columns.
        weights: (columns + 1, outputs).
    """

    window: int
    classes: bool
    standard: Standard
    weights: Array

    @property
    def size(self) -> int:  # type: ignore[override]
        """Coefficients, and the means and deviations of the columns."""
        return self.weights.size + 2 * self.standard.mean.size

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, T, outputs); what stands after the end of a sequence means nothing."""
        vectors = of_steps(np.asarray(inputs.values), self.window)
        flat = self.standard(vectors.reshape(-1, vectors.shape[-1]))
        if self.classes:
            answers = _linear.log_probabilities(flat, self.weights)
        else:
            answers = flat @ self.weights[:-1] + self.weights[-1]
        return answers.reshape(*vectors.shape[:2], -1)


def of_steps(values: Array, window: int) -> Array:
    """(N, T, window · features) float64 of sequences (N, T, features): the current step first, then those before it."""
    count, steps, features = values.shape
    before = np.zeros((count, window - 1, features))
    longer = np.concatenate([before, values], axis=1)
    return np.concatenate([longer[:, window - 1 - back :][:, :steps] for back in range(window)], axis=2)


def grid(signature: Signature, training: TrainingData, windows: tuple[int, ...]) -> tuple[Settings, ...]:
    """Each window with each strength, the smallest first."""
    steps = int(counted(signature, training.examples).sum())
    name, strengths = ("C", STRENGTHS) if signature.target == "class" else ("alpha", ALPHAS[::-1])
    return tuple(
        {"window": window, name: strength, **limited(steps, _most(signature, window))}
        for window in windows
        for strength in strengths
    )


def fitted(signature: Signature, training: TrainingData, settings: Settings, seed: int) -> StepModel:
    """On the drawn labelled steps of training, where there are too many."""
    from sklearn.linear_model import Ridge

    examples, window = training.examples, int(settings["window"])
    places = np.argwhere(counted(signature, examples))
    places = places[chosen(len(places), _most(signature, window), seed)]
    vectors = _at(np.asarray(examples.inputs), places, window)
    targets = np.asarray(examples.targets)[places[:, 0], places[:, 1]]
    standard = Standard.fit(vectors)
    if signature.target == "class":
        weights = _linear.coefficients(standard(vectors), targets, signature.outputs, float(settings["C"]))
        return StepModel(window, True, standard, weights)
    model = Ridge(alpha=float(settings["alpha"]), solver="cholesky").fit(standard(vectors), targets.astype(np.float64))
    coefficients = np.reshape(model.coef_, (signature.outputs, -1)).T
    weights = np.concatenate([coefficients, np.reshape(model.intercept_, (1, -1))])
    return StepModel(window, False, standard, weights)


def _at(inputs: Array, places: Array, window: int) -> Array:
    """The vectors of `of_steps` at some places (count, 2) alone."""
    row, step = places.T
    columns = []
    for back in range(window):
        there = step >= back
        columns.append(np.where(there[:, None], inputs[row, np.maximum(step - back, 0)].astype(np.float64), 0.0))
    return np.concatenate(columns, axis=1)


def _most(signature: Signature, window: int) -> int:
    return max(1000, int(WORK / (window * signature.features * signature.outputs)))

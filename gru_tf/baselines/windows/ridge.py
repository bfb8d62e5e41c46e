"""Ridge regression on the flattened sequence: a linear model with squared coefficients penalised.

min over w, b of Σ_n (y_n − w·x_n − b)² + α |w|², for each output
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.vectors import flattened
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

ALPHAS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 1e2, 1e3, 1e4)
WORK = 1e10  # multiplications of a fit
LEAST = 100  # training sequences


@dataclass(frozen=True)
class LinearValues(FittedBaseline):
    """A linear function of the flattened sequence.

    Args:
        signature: of the task.
        coefficients: (timesteps · features, outputs).
        intercept: (outputs,).
    """

    signature: Signature
    coefficients: Array
    intercept: Array

    @property
    def size(self) -> int:  # type: ignore[override]
        """Coefficients and intercepts."""
        return self.coefficients.size + self.intercept.size

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, outputs)."""
        values: Array = flattened(self.signature, inputs) @ self.coefficients + self.intercept
        return values


class Ridge(Baseline):
    """Ridge regression by scikit-learn, on inputs and targets as the networks have them."""

    reference: ClassVar[str] = "A. E. Hoerl, R. W. Kennard, Technometrics 12(1), 1970"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The penalty, by factors of ten."""
        some = limited(len(training.examples), _most(signature))
        return tuple({"alpha": alpha, **some} for alpha in ALPHAS)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> LinearValues:
        """By the normal equations, or their dual where there are more columns than sequences."""
        from sklearn.linear_model import Ridge as LinearRidge

        rows = chosen(len(training.examples), _most(signature), seed)
        examples = training.examples
        vectors = flattened(signature, ModelInputs(examples.inputs[rows], examples.lengths[rows]))
        model = LinearRidge(alpha=float(settings["alpha"]), solver="cholesky")
        model.fit(vectors, np.asarray(examples.targets[rows], np.float64))
        coefficients = np.atleast_2d(model.coef_).T
        return LinearValues(signature, np.ascontiguousarray(coefficients), np.atleast_1d(model.intercept_))

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where a sequence is too long for one vector."""
        width = signature.timesteps * signature.features
        if _most(signature) >= min(LEAST, len(training.examples)):
            return ""
        return f"{width:,} columns, steps times features, are too many for a linear model in the time that there is"


def _most(signature: Signature) -> int:
    """Training sequences that are used: for `WORK` by the normal equations or, of wide vectors, by the dual ones."""
    width = signature.timesteps * signature.features
    many = int(WORK / (width * (width + signature.outputs)))
    return max(many, min(width, int((WORK / width) ** 0.5)))


BASELINE = Ridge()

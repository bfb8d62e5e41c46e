"""The same answer for every input: what has to be beaten, as a model."""

from dataclasses import dataclass

import numpy as np

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.baselines.forecasts._repeated import as_targets
from gru_tf.foundation.array import Array


@dataclass(frozen=True)
class ConstantAnswer(FittedBaseline):
    """One answer.

    Args:
        outputs: (outputs,) values, or logarithms of the probabilities of classes; of a forecast on the scale of its rows.
        per_step: whether it is the answer at every step.
    """

    outputs: Array
    per_step: bool = False

    @property
    def size(self) -> int:  # type: ignore[override]
        """Numbers of the answer."""
        return self.outputs.size

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, outputs), or (N, T, outputs)."""
        if self.per_step:
            return np.tile(np.asarray(self.outputs, np.float64), (len(inputs), inputs.values.shape[1], 1))
        answers = np.tile(np.asarray(self.outputs, np.float64), (len(inputs), 1))
        if inputs.rows is None or inputs.starts is None:
            return answers
        return as_targets(inputs.rows, inputs.starts, answers.reshape(len(inputs), inputs.rows.horizon, -1))

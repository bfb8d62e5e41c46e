"""The chain of notes, against counts by hand and by loops."""

from typing import Any

import made_splits
import numpy as np
import pytest

from gru_tf.baselines.baseline import BASELINES, ModelInputs, TrainingData
from gru_tf.tasks import Examples, Signature


def test_one_note_by_hand() -> None:
    """0 1 1 0 1: after 0 comes 1 twice of two; after 1 comes 1 once of two. p_0 = (3 + 1)/(4 + 2), m = 1."""
    roll = np.array([0, 1, 1, 0, 1], np.uint8)[None, :, None]
    train = Examples.unpadded(roll[:, :-1], roll[:, 1:])
    signature = Signature(4, 1, 1, "binary", per_step=True, causal=True)
    model: Any = BASELINES.find("markov").fit(signature, TrainingData(train), {"steps": 1, "weight": 1.0}, 0)
    assert model.probabilities.ravel() == pytest.approx([(2 + 2 / 3) / 3, (1 + 2 / 3) / 3])


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_probabilities_are_those_of_loops(steps: int) -> None:
    task = made_splits.music()
    train, test = task.data.train, task.data.test
    model: Any = BASELINES.find("markov").fit(task.signature, TrainingData(train), {"steps": steps, "weight": 10.0}, 0)
    pairs = [
        (
            [int(train.inputs[row, step - back, 2]) if step >= back else 0 for back in range(steps)],
            train.targets[row, step, 2],
        )
        for row, length in enumerate(train.lengths)
        for step in range(length)
    ]
    predicted = model.predict(ModelInputs(test.inputs, test.lengths))
    piece = int(np.argmax(test.lengths))
    for step in range(6):
        last = [int(test.inputs[piece, step - back, 2]) if step >= back else 0 for back in range(steps)]
        expected = (sum(int(y) for _, y in pairs) + 1) / (len(pairs) + 2)
        for k in range(1, steps + 1):
            after = [int(y) for history, y in pairs if history[:k] == last[:k]]
            expected = (sum(after) + 10 * expected) / (len(after) + 10)
        assert predicted[piece, step, 2] == pytest.approx(expected)
    assert model.size == 4 * 2**steps

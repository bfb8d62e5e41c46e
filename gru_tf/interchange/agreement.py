"""Whether what was written answers as the Keras model does, whatever runs it.

`gru_tf.interchange.verification` says what a difference is, b being the Keras model's, judges it and has the words for it;
inputs are those of `random_inputs`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import random_inputs
from gru_tf.interchange.streaming import OneStep
from gru_tf.interchange.verification import TOLERANCE, Differences, Verified

STEPS = 7


class Agreement:
    """What comparisons of a written file with its model have found so far.

    Args:
        path: the file.
        by: what ran it, e.g. "LiteRT 2.3.0".
        tolerance: the largest relative difference that is no error.
    """

    def __init__(self, path: Path, by: str, tolerance: float = TOLERANCE):
        self.path, self.by, self.tolerance = path, by, tolerance
        self.differences, self.cases = Differences(), 0

    def compare(self, case: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        """Compare outputs by name; `judged` says what came of it, when all have been seen.

        Raises:
            UserError: where names or shapes differ, with output and case.
        """
        self.cases += 1
        if set(found) != set(expected):
            raise UserError(f"{self.path}: expected the outputs {', '.join(expected)}. Received: {', '.join(found)}")
        for name, value in expected.items():
            there, here = np.asarray(found[name]), np.asarray(value)
            if there.shape != here.shape:
                raise UserError(f"{self.path}: {name}, {case}: expected shape {here.shape}. Received: {there.shape}")
            self.differences.add(name, there, here, case)

    def judged(self) -> Verified:
        """What came of it; raises UserError where a difference is above the tolerance, with where it is and figure."""
        try:
            return self.differences.judged(self.by, self.tolerance, self.cases, source="Keras")
        except UserError as error:
            raise UserError(f"{self.path}: {self.by}: {error}") from None


def answer(model: Any, given: Mapping[str, Array]) -> Any:
    """What the model makes of inputs by name, in the order of its inputs."""
    return model(list(given.values()) if len(given) > 1 else next(iter(given.values())), training=False)


def compare_steps(
    found: Agreement, model: Any, call: Callable[[dict[str, Array]], Mapping[str, Any]], batch: int = 1
) -> None:
    """Compare steps taken one by one, states carried by hand, with the model's answer to the whole sequence.

    Args:
        found: where it is noted.
        model: what `call` is one step of.
        call: "input" and states by name → "output" and the states after it.
        batch: sequences that it takes.
    """
    step = OneStep(model)
    given = random_inputs.of_model(model, batch, STEPS, np.random.default_rng(1), padded=False)
    whole = np.asarray(answer(model, given))
    sequence = given[model.inputs[0].name].astype(step.dtype)  # tokens are int32 here, whatever the whole model takes
    states = {name: np.zeros((batch, units), step.state_dtype) for name, units in step.states}
    for t in range(STEPS):
        after = call({"input": sequence[:, t], **states})
        states = {name: np.asarray(after[name]) for name in states}
        if whole.ndim == 3 or t == STEPS - 1:
            expected = whole[:, t] if whole.ndim == 3 else whole
            found.compare(f"step {t + 1} of {STEPS}", {"output": after["output"]}, {"output": expected})

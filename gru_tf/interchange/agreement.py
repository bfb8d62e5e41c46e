"""Whether a written file gives the outputs of its Keras model, whatever runtime computes it.

`gru_tf.interchange.differences` defines the difference, with b from the Keras model, and the tolerance; inputs come from
`random_inputs`.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import random_inputs
from gru_tf.interchange.differences import TOLERANCE, Differences, Verified
from gru_tf.interchange.streaming import OneStep

STEPS = 7


class Agreement:
    """The comparisons of a written file with its model.

    Args:
        path: the file.
        by: the runtime, e.g. "LiteRT 2.3.0".
        tolerance: the largest relative difference that passes.
    """

    def __init__(self, path: Path, by: str, tolerance: float = TOLERANCE):
        self.path, self.by, self.tolerance = path, by, tolerance
        self.differences, self.cases = Differences(), 0

    def compare(self, case: str, received: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        """Compare outputs by name; `judged` returns the result after the last comparison.

        Raises:
            UserError: where names or shapes differ, naming the output and the case.
        """
        self.cases += 1
        if set(received) != set(expected):
            raise UserError(f"{self.path}: expected the outputs {', '.join(expected)}. Received: {', '.join(received)}")
        for name, value in expected.items():
            output, own = np.asarray(received[name]), np.asarray(value)
            if output.shape != own.shape:
                raise UserError(f"{self.path}: {name}, {case}: expected shape {own.shape}. Received: {output.shape}")
            self.differences.add(name, output, own, case)

    def judged(self) -> Verified:
        """The result; raises UserError with the place and the number where a difference is above the tolerance."""
        try:
            return self.differences.judged(self.by, self.tolerance, self.cases, source="Keras")
        except UserError as error:
            raise UserError(f"{self.path}: {self.by}: {error}") from None


def answer(model: Any, inputs: Mapping[str, Array]) -> Any:
    """The model's output for inputs by name, in the order of its inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras' advice on axes of one step, and on names in a dict
        return model(random_inputs.called_with(model, list(inputs.values())), training=False)


def compare_steps(
    agreement: Agreement, model: Any, call: Callable[[dict[str, Array]], Mapping[str, Any]], batch: int = 1
) -> None:
    """Compare steps computed one by one, with states passed on by hand, with the model's output for the whole sequence.

    Args:
        agreement: collects the comparisons.
        model: whose single step `call` is.
        call: "input" and states by name → "output" and the states after it.
        batch: how many sequences it takes.
    """
    step = OneStep(model)
    inputs = random_inputs.of_model(model, batch, STEPS, np.random.default_rng(1), padded=False)
    whole = np.asarray(answer(model, inputs))
    sequence = inputs[model.inputs[0].name].astype(step.dtype)  # tokens are int32 here, whatever the whole model takes
    states = {name: np.zeros((batch, units), step.state_dtype) for name, units in step.states}
    steps = sequence.shape[1]  # others where the model's length is fixed
    for t in range(steps):
        after = call({"input": sequence[:, t], **states})
        states = {name: np.asarray(after[name]) for name in states}
        if whole.ndim == 3 or t == steps - 1:
            expected = whole[:, t] if whole.ndim == 3 else whole
            agreement.compare(f"step {t + 1} of {steps}", {"output": after["output"]}, {"output": expected})

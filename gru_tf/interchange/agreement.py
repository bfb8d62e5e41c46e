"""Whether what was written answers as the Keras model does: random inputs for any model, and the largest difference.

A difference is what `gru_tf.interchange.verification` says, b being the Keras model's.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gru_tf.errors import UserError
from gru_tf.interchange.streaming import OneStep
from gru_tf.interchange.verification import TOLERANCE, Differences

Array = np.ndarray[Any, np.dtype[Any]]
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
        """Compare outputs by name; `largest` judges them, when all have been seen.

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

    def largest(self) -> float:
        """The largest relative difference; raises UserError where it is above the tolerance, with where it is and figure."""
        off, where = self.differences.worst()
        if not off <= self.tolerance:
            expected = f"{self.by} to answer as the model within {self.tolerance:g}"
            raise UserError(f"{self.path}: {where}: expected {expected}. Received: {off:.2g} off")
        return off

    def line(self) -> str:
        """What came of it, in a line; raises UserError as `largest`."""
        return f"verified with {self.by}: largest relative difference {self.largest():.1e} in {self.cases} cases"


def inputs(model: Any, batch: int, timesteps: int, rng: np.random.Generator) -> dict[str, Array]:
    """Random inputs for a model by name: normal numbers, token numbers that it knows, masks that pad on the right.

    Raises:
        UserError: for an input of a type that is none of these.
    """
    return {tensor.name: _input(model, tensor, batch, timesteps, rng) for tensor in model.inputs}


def _input(model: Any, tensor: Any, batch: int, timesteps: int, rng: np.random.Generator) -> Array:
    shape = (batch, *(timesteps if size is None else size for size in tensor.shape[1:]))
    kind = np.dtype(tensor.dtype).kind
    if kind == "b":
        lengths = rng.integers(1, shape[1], size=batch, endpoint=True)
        lengths[0] = shape[1]
        return np.asarray(np.arange(shape[1]) < lengths[:, None])
    if kind in "iu":
        return rng.integers(0, min(_tokens(model), default=2), size=shape).astype(tensor.dtype)
    if kind == "f":
        return rng.normal(size=shape).astype(tensor.dtype)
    raise UserError(f"input '{tensor.name}': expected numbers, token numbers or a mask. Received: {tensor.dtype}")


def _tokens(model: Any) -> Iterator[int]:
    layers = model._flatten_layers()
    return (int(layer.input_dim) for layer in layers if isinstance(layer, keras.layers.Embedding))


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
    given = inputs(model, batch, STEPS, np.random.default_rng(1))
    given = {name: np.ones_like(value) if value.dtype == bool else value for name, value in given.items()}
    sequence, whole = given[model.inputs[0].name], np.asarray(answer(model, given))
    states = {name: np.zeros((batch, units), step.state_dtype) for name, units in step.states}
    for t in range(STEPS):
        after = call({"input": sequence[:, t], **states})
        states = {name: np.asarray(after[name]) for name in states}
        if whole.ndim == 3 or t == STEPS - 1:
            expected = whole[:, t] if whole.ndim == 3 else whole
            found.compare(f"step {t + 1} of {STEPS}", {"output": after["output"]}, {"output": expected})

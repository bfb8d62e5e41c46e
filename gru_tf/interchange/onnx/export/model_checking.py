"""The file of a whole model before it is kept: onnxruntime's outputs compared with Keras', all of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line
from gru_tf.interchange.agreement import Agreement, answer
from gru_tf.interchange.differences import TOLERANCE, Verified
from gru_tf.interchange.onnx.checking import UNVERIFIED
from gru_tf.interchange.onnx.export.exported_tensor import kind_of
from gru_tf.interchange.onnx.export.random_cases import cases
from gru_tf.interchange.onnx.running import session
from gru_tf.interchange.source import LENGTHS

LONGER = (64, 200)  # where the model takes none of the usual lengths
TYPES = {"float": "float32", "int": "int64", "bool": "bool"}


class _NotComputedError(Exception):
    """Keras cannot compute the model, whatever the sizes of its inputs; the message says what it raised."""


def verify(
    model: Any,
    content: bytes,
    path: Path,
    outputs: Sequence[str],
    tokens: Collection[str] = (),
    tolerance: float = TOLERANCE,
) -> Verified | str:
    """How far onnxruntime's outputs differ from Keras', or why that is not known.

    Args:
        model: what was written.
        content: the file's bytes.
        path: what messages call it.
        outputs: names of the file's outputs, in the model's order.
        tokens: names of the inputs that embeddings read.
        tolerance: the largest relative difference that passes.

    Raises:
        UserError: where an output differs by more than the tolerance, naming it, and where Keras itself computes no
            finite numbers for random inputs, or raises what is no matter of their sizes.
    """
    runtime = session(content, path)
    if runtime is None:
        return UNVERIFIED
    by, run = runtime
    agreement, refusal = Agreement(path, by, tolerance), ""
    expected_model = f"{path}: expected a model that Keras computes for random inputs"
    compared: set[int] = set()
    for steps, case, drawn in chain(cases(model, LENGTHS, tokens), cases(model, LONGER, tokens)):
        if steps in LONGER and len(compared) > 1:
            break
        try:
            inputs, expected = _finite(model, drawn, tokens)
        except _refusals() as error:  # too short for a convolution, or of unequal lengths
            refusal = one_line(error)
            continue
        except _NotComputedError as error:
            raise UserError(f"{expected_model}. Received: {error}") from None
        feed = {name: array.astype(TYPES[kind_of(array.dtype)]) for name, array in inputs.items()}
        received = run(list(outputs), feed)
        agreement.compare(case, dict(zip(outputs, received, strict=True)), dict(zip(outputs, expected, strict=True)))
        compared.add(steps)
    if not agreement.cases:
        raise UserError(f"{expected_model}. Received: {refusal}")
    return replace(agreement.judged(), states=False)


def _finite(model: Any, inputs: dict[str, Array], tokens: Collection[str]) -> tuple[dict[str, Array], list[Array]]:
    """Inputs and Keras' outputs: of positive numbers where those of any are not finite, as a logarithm's.

    Raises:
        ValueError: where there is nothing to compare: no steps are left of such short inputs, or nothing is finite.
    """
    expected = _answer(model, inputs)
    if not all(output.size for output in expected):
        raise ValueError("an output without steps")
    if all(np.isfinite(output).all() for output in expected):
        return inputs, expected
    signed = [name for name, array in inputs.items() if array.dtype.kind == "f" and name not in tokens]
    inputs = inputs | {name: np.abs(inputs[name]) + 0.1 for name in signed}
    expected = _answer(model, inputs)
    if not all(np.isfinite(output).all() for output in expected):
        raise ValueError("numbers that are not finite")
    return inputs, expected


def _answer(model: Any, inputs: dict[str, Array]) -> list[Array]:
    tensors = {name: keras.ops.convert_to_tensor(array) for name, array in inputs.items()}
    try:
        return [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(answer(model, tensors))]
    except Exception as error:  # the model's layers may raise anything, as where a bound of whole numbers is a fraction
        if isinstance(error, _refusals()):
            raise
        raise _NotComputedError(f"{type(error).__name__}: {one_line(error)}") from None


def _refusals() -> tuple[type[Exception], ...]:
    """What Keras raises for inputs of sizes that a model does not take."""
    if keras.backend.backend() != "tensorflow":
        return (ValueError, TypeError, RuntimeError)
    import tensorflow as tf

    return (ValueError, tf.errors.OpError)

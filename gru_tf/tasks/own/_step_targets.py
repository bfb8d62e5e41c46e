"""Targets at every step of a user's sequences: made, padded, chosen from outputs, and answered row by row.

Worked example, two sequences of 3 and 2 steps, classes a and b, one step without a label:

    labels  b – a | a b     targets  1 −1  0      outputs that count: 0.0, 0.2 | 1.0, 1.1
                                     0  1 −1
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import splits, step_labels
from gru_tf.data.own.labels import Labelled
from gru_tf.data.own.sequences import GatheredSequences
from gru_tf.foundation.errors import UserError, several
from gru_tf.tasks import Array, _class_scores

PARTS = {splits.TRAIN: "training", splits.VALIDATION: "validation", splits.TEST: "test"}


def firsts(whole: GatheredSequences) -> Labelled:
    """The labels of the first step of each sequence, for the groups beside them."""
    assert whole.labelled is not None  # noqa: S101, of data to learn from
    return step_labels.at_steps(whole.labelled, np.cumsum(whole.lengths) - whole.lengths)


def targets(kind: str, files: Sequence[Labelled], parts: Array) -> tuple[Array, dict[str, Any]]:
    """Targets of all steps, (steps,) int32 or (steps, labels) float32, and what they are.

    Values are standardised by those of training.

    Args:
        kind: "class" or "value".
        files: labels of each step.
        parts: (steps,) int8, the split of each step's sequence.

    Raises:
        DatasetError: where a split has no label, the test split one class alone, or training no two values.
    """
    if kind == "class":
        of_files, names = step_labels.classes(files)
        numbers = np.concatenate(of_files)
        _expect_labels(numbers != step_labels.NONE, parts, files)
        trained, tested = (np.unique(numbers[(parts == p) & (numbers >= 0)]) for p in (splits.TRAIN, splits.TEST))
        if len(tested) < 2:
            raise DatasetError(
                f"{files[-1].where}: expected two classes or more to test on. Received: '{names[tested[0]]}' alone at every"
                " step"
            )
        unseen = [names[number] for number in np.setdiff1d(np.arange(len(names)), trained)]
        return numbers, {"classes": names, "labels": [files[0].label], "unseen": unseen}
    values = np.concatenate(step_labels.values(files))
    there = ~np.isnan(values).any(1)
    _expect_labels(there, parts, files)
    training = values[(parts == splits.TRAIN) & there]
    names = step_labels.label_columns(files[0])
    for name, column in zip(names, training.T, strict=True):
        if column.min() == column.max():
            raise DatasetError(
                f"{files[0].where}: column '{name}': expected labels that differ. Received: {column[0]:g} at every step of"
                " training"
            )
    mean, deviation = training.mean(0), training.std(0)
    about = {"labels": names, "mean": mean.tolist(), "deviation": deviation.tolist()}
    return ((values - mean) / deviation).astype(np.float32), about


def _expect_labels(there: Array, parts: Array, files: Sequence[Labelled]) -> None:
    for number, name in PARTS.items():
        if (parts == number).any() and not there[parts == number].any():
            raise DatasetError(f"{files[-1].where}: expected a label at one step of the {name} split. Received: none")


def padded(of_steps: Array, lengths: Array, chosen: Array) -> Array:
    """(N, T) or (N, T, labels) of the chosen sequences; after the end of each −1, or 0."""
    steps = lengths[chosen]
    real = np.arange(steps.max()) < steps[:, None]
    filler = step_labels.NONE if of_steps.ndim == 1 else 0
    made = np.full((*real.shape, *of_steps.shape[1:]), filler, of_steps.dtype)
    made[real] = of_steps[np.repeat(chosen, lengths)]
    return made


def there(of_steps: Array) -> Array:
    """(steps,) whether a step has a target."""
    return np.asarray(of_steps >= 0 if of_steps.ndim == 1 else np.isfinite(of_steps).all(1))


def of_real_steps(outputs: Array, lengths: Array) -> Array:
    """(steps, outputs) of outputs (N, T, outputs), one sequence after another, without those after the end of each."""
    outputs = outputs[:, : int(lengths.max())]
    return np.asarray(outputs[np.arange(outputs.shape[1]) < lengths[:, None]])


def answers(about: Mapping[str, Any], outputs: Array) -> dict[str, Array]:
    """Column → (steps,) of outputs (steps, outputs): the class and the probability of each, or the values."""
    scores = np.asarray(outputs, np.float64)
    if "classes" not in about:
        values = scores * about["deviation"] + about["mean"]
        return {name: values[:, place] for place, name in enumerate(about["labels"])}
    probabilities = _class_scores.probabilities(scores)
    made = {about["labels"][0]: np.array(about["classes"])[probabilities.argmax(1)]}
    return made | {f"probability of {name}": probabilities[:, n] for n, name in enumerate(about["classes"])}


def expect_outputs(outputs: Array, lengths: Array, size: int) -> None:
    """Raise UserError for outputs that are not (N, T, size) of sequences of these lengths."""
    if outputs.ndim != 3 or len(outputs) != len(lengths) or outputs.shape[1] < lengths.max() or outputs.shape[2] != size:
        expected = (len(lengths), int(lengths.max()), size)
        raise UserError(f"answer: expected outputs of the shape {expected}. Received: {outputs.shape}")


def note_of_unseen(about: Mapping[str, Any]) -> str:
    """Which classes no training sequence has; "" where all are there."""
    unseen = about.get("unseen", [])
    return f"No training sequence has {several(unseen)}: no model can learn to predict it." if unseen else ""

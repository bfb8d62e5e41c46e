"""Whether every step of a sequence has a label of its own: a part of speech of each word, an activity of each second.

trip  second  speed  on
7     0       4.0    path
7     1       6.1    street      the label changes within the sequence: one at every step
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.data.own import columns
from gru_tf.data.own.sequences import parts
from gru_tf.foundation.array import Array
from gru_tf.suite.comparison.guess import lifetimes
from gru_tf.suite.comparison.guess.columns import Inference

Options = Mapping[str, Any]


def of_table(path: str, head: Any, options: Options, inferences: list[Inference]) -> dict[str, Any]:
    """The option `per_step`, or `window` and `stride`, of a table with a row a step.

    A label that counts down is one of windows: what remains is told from the last steps. So is one with a `window`.
    """
    chosen = options.get("per_step")
    if chosen:
        return {}
    counts_down = lifetimes.lifetimes(head, [options["label"]], options["id"]) is not None
    if chosen is False or counts_down or "window" in options or not lifetimes.changes(path, options):
        return lifetimes.windows(path, options, inferences)
    words = f"'{options['label']}' changes within sequences: a label at every step, predicted at every step"
    inferences.append(Inference(words, ("per_step",)))
    return {"per_step": True}


def of_arrays(arrays: Mapping[str, Array], options: Options, inferences: list[Inference]) -> dict[str, Any]:
    """The option `per_step` of arrays, which the shape of the labels tells."""
    inputs, labels = arrays.get((options.get("features") or ("X",))[0]), arrays.get(options.get("label", "y"))
    if "per_step" in options or inputs is None or labels is None:
        return {}
    one_hot_or_single = labels.ndim == 2 and (labels.shape[1] == 1 or parts.flat_labels(labels)[1])
    if labels.ndim < 2 or one_hot_or_single or labels.shape[:2] != inputs.shape[:2]:
        return {}
    words = f"labels have the shape {labels.shape}: a label at every step, predicted at every step"
    inferences.append(Inference(words, ("per_step",)))
    return {"per_step": True}


def real(arrays: Mapping[str, Array], options: Options, labels: Array) -> tuple[Array, str]:
    """The labels that are there, (steps,) or (steps, labels), and what was done as `parts.flat_labels` has it."""
    import pandas

    labels = np.asarray(labels)
    lengths = arrays.get("lengths")
    if labels.ndim > 1 and lengths is not None and lengths.shape == labels.shape[:1]:
        labels = labels[np.arange(labels.shape[1]) < lengths[:, None]]
    elif labels.ndim > 1:
        labels = labels.reshape(-1, *labels.shape[2:])
    flat, words = parts.flat_labels(labels)
    return there(pandas.Series(flat)).to_numpy() if flat.ndim == 1 else flat, words


def there(labels: Any) -> Any:
    """The labels of a column without those that are missing."""
    return labels[~columns.absent(labels)]

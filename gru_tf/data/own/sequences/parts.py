"""Arrays of a file that names them by part, such as X_train, y_train, X_test and y_test, and labels in other shapes."""

import re
from collections.abc import Mapping

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.foundation.array import Array

Arrays = Mapping[str, Array]
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
NAMES = {"x": "X", "data": "X", "inputs": "X", "images": "X", "y": "y", "labels": "y", "targets": "y"}
NAME = re.compile(
    rf"(?:(?P<part>{'|'.join(PARTS)})_?(?P<name>\w+)|(?P<base>\w+?)_?(?P<end>{'|'.join(PARTS)}))", re.IGNORECASE
)


def by_part(arrays: Arrays) -> dict[str, dict[str, Array]]:
    """Part, "train" or "test" → the arrays by their usual names; validation arrays join those to train on.

    Arrays whose names do not say a part are those to train on, as they are.

    Raises:
        DatasetError: where the arrays of validation have another shape than those of training.
    """
    parts: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        match = NAME.fullmatch(name)
        if match:
            part = PARTS[(match["part"] or match["end"]).lower()]
            base = (match["name"] or match["base"]).lower()
            parts.setdefault(part, {})[NAMES.get(base, base)] = array
    if "X" not in parts.get("train", {}) or "X" in arrays:
        return {"train": dict(arrays)}
    for name, array in parts.pop("val", {}).items():
        before = parts["train"].get(name)
        if before is None or before.shape[1:] != array.shape[1:]:
            raise DatasetError(f"array '{name}' of validation: expected the shape of training's. Received: {array.shape}")
        parts["train"][name] = np.concatenate([before, array])
    return parts


def flat_labels(labels: Array) -> tuple[Array, str]:
    """(labels (N,), what was done, "" for nothing): of (N, 1) the one value of each, of one-hot ones its place."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        return labels[:, 0], "labels have the shape (N, 1): the one value of each"
    if labels.ndim == 2 and labels.dtype.kind in "iufb" and labels.size:
        ones = labels == 1
        if ((labels == 0) | ones).all() and (ones.sum(1) == 1).all():
            return ones.argmax(1), f"labels are one-hot: {labels.shape[1]} classes, by the number of the place, from 0"
    return labels, ""

"""Which rows or sequences train, validate and test: by time, the last ones; by group, none in two parts."""

from typing import Any

import numpy as np

from gru_tf.datasets import DatasetError

Array = np.ndarray[Any, np.dtype[Any]]
TRAIN, VALIDATION, TEST = 0, 1, 2


def by_time(times: Array, validation: float, test: float, where: str = "the data") -> Array:
    """(rows,) int8, 0 to train, 1 to validate, 2 to test: the last moments test, those before them validate.

    Shares are of the moments that there are, each counted once, and the cuts are the same for all groups.

    Args:
        times: (rows,) moments, in any order.
        validation: share of the moments; above 0 it is one moment at least.
        test: the same, of the last ones.
        where: what messages call the file.

    Raises:
        DatasetError: where there are too few moments for the three parts.
    """
    ordered = len(times) < 2 or bool((times[1:] > times[:-1]).all())
    moments = times if ordered else np.unique(times)
    tested, validated = (max(1, round(share * len(moments))) if share > 0 else 0 for share in (test, validation))
    train = len(moments) - validated - tested
    if train < 1:
        raise DatasetError(
            f"{where}: expected at least {1 + validated + tested} moments for training, validation and test."
            f" Received: {len(moments)}"
        )
    number = np.full(len(times), TRAIN, np.int8)
    if validated:
        number[times >= moments[train]] = VALIDATION
    if tested:
        number[times >= moments[train + validated]] = TEST
    return number

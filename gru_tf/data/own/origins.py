"""Rolling origins: parts in order of time, as `splits.by_time` cuts them, that end earlier than the last moment.

The moment at which the test part ends is the origin (L. J. Tashman, Out-of-sample tests of forecasting accuracy, 2000,
calls the last moment of training so; the parts have the same lengths at each, so that one follows from the other). Training
is all that lies before the validation part: it grows with the origin, and keeps at least half of the moments where the
shares leave as much. What lies after the test part belongs to no part.

Worked example, ten moments 0 to 9, validation 0.2, test 0.2. Training needs five, so the test part may end after 9, 10:

    0 1 2 3 4 | 5 6 | 7 8 |         0 1 2 3 4 5 | 6 7 | 8 9
"""

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.splits import TEST, TRAIN, UNUSED, VALIDATION, by_time
from gru_tf.foundation.array import Array

LEAST_TRAINING = 0.5  # share of the moments


def ends(moments: int, validation: float, test: float) -> range:
    """Of how many moments, from the first one on, the parts may be made; the last of these is all of them.

    Args:
        moments: how many different ones there are.
        validation: share of them; 0 for no such part.
        test: share of them.
    """
    held_out = sum(max(1, round(share * moments)) if share > 0 else 0 for share in (validation, test))
    return range(min(moments, held_out + -(-moments // 2)), moments + 1)


def last_moments(times: Array, validation: float, test: float) -> Array:
    """The last moment of the test part at each origin, rising.

    Args:
        times: (rows,) moments, in any order.
        validation: share of the moments.
        test: the same, of those up to the origin's.
    """
    moments = np.unique(times)
    possible = ends(len(moments), validation, test)
    return moments[possible.start - 1 : possible.stop - 1]


def by_origin(times: Array, validation: float, test: float, draw: int, where: str = "the data") -> Array:
    """(rows,) int8: as `splits.by_time` has it at draw 0; at others with the end of the test part drawn from that number.

    Each origin is as likely as another. Validation and test have as many moments at each of them. Rows after the test part
    are `UNUSED`.

    Args:
        times: (rows,) moments, in any order.
        validation: share of the moments.
        test: share of the moments.
        draw: its number.
        where: what messages call the file.

    Raises:
        DatasetError: where there are too few moments for the three parts.
    """
    part = by_time(times, validation, test, where)
    if not draw:
        return part
    moments = np.unique(times)
    possible = ends(len(moments), validation, test)
    back = len(moments) - int(np.random.default_rng(draw).choice(possible))
    place = np.searchsorted(moments, times) + back
    of_moment = np.append(by_time(moments, validation, test, where), np.full(back, UNUSED, np.int8))
    return of_moment[place]


def by_cutoff(times: Array, validation: float, test: float, cutoffs: int, number: int, where: str = "the data") -> Array:
    """(rows,) int8: the parts of one of several cut-offs, whose test parts follow each other and are the last moments.

    The test share is cut into as many parts of equal length. At a cut-off the part after it tests, the moments of the
    validation share before it validate, and all before these train: each part is forecast from what was known by then.

    Worked example, ten moments, validation 0.1, test 0.4, two cut-offs, numbers 0 and 1:

        0 1 2 3 4 5 6 | 7 | 8 9        0 1 2 3 4 | 5 | 6 7 | unused

    Args:
        times: (rows,) moments, in any order.
        validation: share of the moments.
        test: share of the moments, of all cut-offs together.
        cutoffs: how many there are.
        number: of the cut-off, 0 for the last one.
        where: what messages call the file.

    Raises:
        DatasetError: where there are too few moments.
    """
    moments = np.unique(times)
    tested = max(1, round(test * len(moments)) // cutoffs)
    validated = max(1, round(validation * len(moments))) if validation > 0 else 0
    end = len(moments) - number * tested
    first = end - tested - validated
    if first < 1:
        needed = cutoffs * tested + validated + 1
        raise DatasetError(f"{where}: expected at least {needed} moments for {cutoffs} cut-offs. Received: {len(moments)}")
    of_moment = np.full(len(moments), TRAIN, np.int8)
    of_moment[first : end - tested], of_moment[end - tested : end], of_moment[end:] = VALIDATION, TEST, UNUSED
    return np.asarray(of_moment[np.searchsorted(moments, times)])

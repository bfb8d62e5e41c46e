"""Sequences of a wide table: a row a sequence, a column a step, as a long table has them.

Empty fields at the end of a row belong to no step, so that rows may be of different lengths.

    label  t1   t2   t3           row  label  value
    walk   0.1  0.4               1    walk   0.1
    run    1.2  0.9  0.3          1    walk   0.4
                                  2    run    1.2   …
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns
from gru_tf.data.own.other_tables import ROW

VALUE = "value"  # the column of the numbers


def to_long(frame: Any, keep: Sequence[str], where: str, steps: Sequence[str] = ()) -> Any:
    """A row a step, in the order of the columns, with the columns that are kept, `ROW` and `VALUE`.

    Its index names the rows of the wide table.

    Args:
        frame: the wide table.
        keep: columns that are no steps, such as the label.
        where: what messages call the file.
        steps: the columns of the steps; all others if ().

    Raises:
        DatasetError: naming row and column where a value is no number, or a row has none.
    """
    import pandas

    columns.have(frame, [*keep, *steps], where)
    names = list(steps) or [str(name) for name in frame.columns if str(name) not in keep]
    if not names:
        raise DatasetError(f"{where}: expected columns of steps beside {', '.join(keep)}. Received: none")
    values = np.stack([columns.numbers(frame, name, where) for name in names], axis=1)
    present = ~np.isnan(values)
    lengths = np.where(present.any(1), len(names) - present[:, ::-1].argmax(1), 0)
    if not lengths.all():
        row = columns.row(where, frame.index[int(lengths.argmin())])
        raise DatasetError(f"{where}: {row}: expected a number at least. Received: none in {len(names)} columns")
    real = np.arange(len(names)) < lengths[:, None]
    index = frame.index.repeat(lengths)
    kept = {name: frame[name].repeat(lengths) for name in keep}
    rows = np.repeat(np.arange(1, len(frame) + 1), lengths)
    return pandas.DataFrame({ROW: rows, **kept, VALUE: values[real]}, index=index)

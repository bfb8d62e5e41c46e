"""Sequences of a `.ts` file, the form of the UCR and UEA archives: a line a sequence, its label at the end."""

from pathlib import Path

import numpy as np

from gru_tf.data import ts_file
from gru_tf.data.own.labels import Labelled
from gru_tf.data.own.sequences.gathered import GatheredSequences


def of_series(path: str) -> GatheredSequences:
    """The sequences of the file at `path`, each channel a feature; raises DatasetError naming file and line."""
    import pandas

    series = ts_file.read(Path(path))
    names = [f"channel {number}" for number in range(1, series.values.shape[1] + 1)]
    labels = pandas.DataFrame({"label": series.labels})

    def row(number: int) -> str:
        return f"line {series.lines[number]}"

    numbers = np.arange(len(series.lengths))
    steps = pandas.DataFrame(series.values, columns=names)
    labelled = Labelled(path, labels, "label", None, row)
    return GatheredSequences(path, steps, series.lengths, labelled, numbers + 1, numbers)

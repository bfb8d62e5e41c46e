"""Sequences of a long table: a row a step, and a column that says which rows are one sequence.

Rows of a sequence need not lie together, and come in the order of a column where one is named.

    id  time  x   label
    a   2     20  walk      a: steps 10, 20 → walk
    b   1     70  run       b: step 70 → run
    a   1     10  walk
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, missing_values, timestamps
from gru_tf.data.own.labels import Labelled
from gru_tf.data.own.missing_values import Missing
from gru_tf.data.own.sequences.gathered import Columns, GatheredSequences
from gru_tf.foundation.array import Array
from gru_tf.foundation.option_spelling import quoted, spelled


def of_table(frame: Any, where: str, wanted: Columns, missing: Missing, labels: bool = True) -> GatheredSequences:
    """The sequences of a long table; see `read`. Where `labels` is false, those and groups are not looked at."""
    import pandas

    identity = str(wanted.id)
    constant = [name for name in (wanted.label, wanted.group) if labels and name is not None]
    more = list(wanted.more) if labels else []
    needed = [name for name in (wanted.id, wanted.order, *constant, *more, *wanted.features) if name is not None]
    frame = columns.joined(frame, needed)
    columns.have(frame, needed, where)
    group = None if wanted.every and wanted.group == wanted.id else wanted.group  # windows of one sequence are a group
    distinct = {"id": wanted.id, "order": wanted.order, "label": wanted.label, "group": group}
    _distinct(where, distinct | {f"labels ({name})": name for name in more})
    _no_inputs(where, wanted)
    features = _features(frame, where, wanted, needed)
    frame, moments = _in_order(frame, where, identity, wanted.order)
    codes = pandas.factorize(frame[identity])[0]
    if labels and wanted.label is not None and not wanted.every:
        frame = _label_of_last(frame, wanted.label, codes)
    for name in constant if not wanted.every else constant[1:]:
        _constant(frame, where, name, identity, codes, is_label=name == wanted.label)
    frame = frame if missing == "mean" else missing_values.complete(frame, features, missing, where, series=codes)
    codes, names = pandas.factorize(frame[identity])  # rows, and with them sequences, may have been dropped
    lengths = np.bincount(codes)
    firsts = frame if wanted.every else frame.iloc[np.cumsum(lengths) - lengths]
    when = np.arange(len(lengths)) if moments is None else moments.loc[frame.index].to_numpy()[np.cumsum(lengths) - lengths]

    def row(number: int) -> str:
        return f"{columns.row(where, firsts.index[number])}, column '{wanted.label}'"

    kept = [*constant, *more]
    labelled = Labelled(where, firsts[kept], str(wanted.label), wanted.group, row) if labels else None
    return GatheredSequences(where, frame[features], lengths, labelled, np.asarray(names), when)


def _distinct(where: str, options: Mapping[str, str | None]) -> None:
    """One column has one meaning."""
    before: dict[str, str] = {}
    for option, name in options.items():
        if name is not None and name in before:
            raise DatasetError(
                f"{where}: expected two columns for {quoted(before[name])} and {quoted(option)}. Received: '{name}'"
            )
        if name is not None:
            before[name] = option


def _no_inputs(where: str, wanted: Columns) -> None:
    """Label, id and group of a sequence are none of its inputs."""
    named = [("label", wanted.label), *(("labels", name) for name in wanted.more)]
    for option, name in (*named, ("id", wanted.id), ("group", wanted.group)):
        if name is not None and name in wanted.features:
            raise DatasetError(
                f"{where}: expected inputs beside the column of {quoted(option)}."
                f" Received: '{name}' among {spelled('features')}"
            )


def _features(frame: Any, where: str, wanted: Columns, needed: Sequence[str]) -> list[str]:
    """The columns of the inputs: those that are named, or all that are nothing else."""
    others = {wanted.id, wanted.order, wanted.label, wanted.group, *wanted.more}
    features = list(wanted.features) or [str(name) for name in frame.columns if name not in others]
    if not features:
        raise DatasetError(f"{where}: expected a column of features beside {', '.join(needed)}. Received: none")
    return features


def _in_order(frame: Any, where: str, identity: str, order: str | None) -> tuple[Any, Any]:
    """(rows, sequence by sequence as these begin in the file, each in its order; their moments where they have dates)."""
    import pandas

    absent = columns.missing(frame, [identity])[:, 0]
    if absent.any():
        place = columns.row(where, frame.index[int(absent.argmax())])
        raise DatasetError(f"{where}: {place}, column '{identity}': expected the name of a sequence. Received: nothing")
    codes = columns.groups(frame, identity, where)[0]
    rows, moments = np.argsort(codes, kind="stable"), None
    if order is not None:
        times = timestamps.times(frame, order, where, identity)
        rows = np.lexsort((times, codes))
        moments = pandas.Series(times, frame.index) if times.dtype.kind == "M" else None
    return frame if (rows[1:] > rows[:-1]).all() else frame.iloc[rows], moments


def _label_of_last(frame: Any, name: str, codes: Array) -> Any:
    """The frame with the label in every row where the last row of each sequence has it and no other row."""
    gone = columns.absent(frame[name])
    last = np.append(codes[1:] != codes[:-1], True)
    if not gone.any() or not (gone == ~last).all():
        return frame
    labels = frame[name].to_numpy()[last]
    return frame.assign(**{name: labels[codes]})


def _constant(frame: Any, where: str, name: str, identity: str, codes: Array, is_label: bool) -> None:
    """One label, and one group, a sequence."""
    import pandas

    values = pandas.factorize(frame[name])[0]  # -1 where missing
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    other = values != np.repeat(values[first], np.diff(first, append=len(codes)))
    if other.any():
        place = int(other.argmax())
        begin = int(first[codes[place]])
        received, before = (frame[name].iloc[number] for number in (place, begin))
        hint = f"; for a label at every step, specify {spelled('per_step')}" if is_label else ""
        raise DatasetError(
            f"{where}: {columns.row(where, frame.index[place])}, column '{name}': expected the same in every row of"
            f" {identity} '{frame[identity].iloc[place]}': '{before}', as in {columns.row(where, frame.index[begin])}."
            f" Received: '{received}'{hint}"
        )

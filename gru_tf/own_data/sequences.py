"""Sequences of three forms of file, gathered into one: their steps one after another, and a label of each.

A long table has a row a step and a column that says which rows are one sequence; NPZ has arrays; `.ts` is that of the UCR
and UEA archives. Rows of a sequence need not lie together, and come in the order of a column where one is named.

    id  time  x   label
    a   2     20  walk      a: steps 10, 20 → walk
    b   1     70  run       b: step 70 → run
    a   1     10  walk
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gru_tf import ts_file
from gru_tf.datasets import DatasetError
from gru_tf.errors import did_you_mean
from gru_tf.own_data import columns, files, filling, timestamps
from gru_tf.own_data.filling import Missing
from gru_tf.own_data.labels import Labelled

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Columns:
    """Which columns, or arrays, hold what; None where there is none.

    Args:
        label: of the labels, the same in every row of a sequence; arrays: (N,) `y`.
        id: which rows are one sequence.
        order: by which its rows are ordered; None for the order of the file.
        features: of the inputs; none for all others. Arrays: (N, T, features) or (N, T), `X`.
        group: whose sequence it is; arrays: (N,).
    """

    label: str | None
    id: str | None
    order: str | None
    features: tuple[str, ...]
    group: str | None


@dataclass(frozen=True)
class Sequences:
    """The sequences of one file, in the order in which they begin.

    Args:
        where: the file's path, as messages call it.
        steps: frame of the features, a row a step, one sequence after another.
        lengths: (N,) int64 steps of each.
        labelled: labels and groups; None where the labels are what is asked for.
        names: (N,) what `id` calls them; their numbers from 1 where there is no such column.
    """

    where: str
    steps: Any
    lengths: Array
    labelled: Labelled | None
    names: Array

    @property
    def series(self) -> Array:
        """(steps,) int64 number of the sequence."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def content(self) -> Array:
        """(N,) uint64, equal where sequences have equal values at every step."""
        import pandas

        of_rows = pandas.util.hash_pandas_object(self.steps, index=False).to_numpy()
        starts = np.cumsum(self.lengths) - self.lengths
        place = np.arange(len(of_rows), dtype=np.uint64) - np.repeat(starts, self.lengths).astype(np.uint64)
        with np.errstate(over="ignore"):  # modulo 2^64, as hashes are
            mixed = (of_rows ^ (place * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
            of_sequences: Array = np.add.reduceat(mixed, starts)
        return of_sequences


def read(path: str, wanted: Columns, missing: Missing) -> Sequences:
    """The sequences of the file at `path`.

    Args:
        path: of a table, NPZ or `.ts` file.
        wanted: which column or array holds what.
        missing: what happens to missing values of features; "mean" leaves them, since it needs the split.

    Raises:
        UserError: one line naming file, row and column where there is anything else than what was asked for.
    """
    form = files.form(path)
    _applies(path, form, wanted, missing)
    if form == "series":
        return _series(path)
    if form == "arrays":
        return of_arrays(files.read_arrays(path), path, wanted, missing)
    needed = [wanted.id, wanted.order, wanted.label, wanted.group, *wanted.features]
    names = [name for name in dict.fromkeys(needed) if name is not None]
    return of_table(files.read_table(path, names if wanted.features else None), path, wanted, missing)


def as_many(found: Sequences, features: Sequence[str]) -> None:
    """Raise DatasetError where sequences have another number of features than those that a network learns from."""
    there = list(found.steps.columns)
    if len(there) != len(features):
        raise DatasetError(
            f"{found.where}: expected {len(features)} features, as in training: {', '.join(features)}. Received:"
            f" {len(there)}: {', '.join(there)}"
        )


def _applies(path: str, form: Literal["table", "arrays", "series"], wanted: Columns, missing: str) -> None:
    """Refuse options that a form of file does not have, and ask for those that it needs."""
    if form == "table":
        for option, name in (("id", wanted.id), ("label", wanted.label)):
            if name is None:
                what = "which rows are one sequence" if option == "id" else "what is foretold"
                raise DatasetError(f"{path}: expected the option '{option}', the column that says {what}. Received: none")
        return
    given: dict[str, Any] = {"id": wanted.id, "order": wanted.order}
    if form == "series":
        given |= {"label": wanted.label, "features": wanted.features or None, "group": wanted.group}
        given["missing"] = missing if missing != "refuse" else None
    for option, value in given.items():
        if value is not None:
            kind = "an .npz" if form == "arrays" else "a .ts"
            raise DatasetError(f"{path}: expected no option '{option}' for {kind} file. Received: {value}")


# ------------------------------------------------------------------------------------------------------------- tables


def of_table(frame: Any, where: str, wanted: Columns, missing: Missing, labels: bool = True) -> Sequences:
    """The sequences of a long table; see `read`. Where `labels` is false, those and groups are not looked at."""
    import pandas

    identity = str(wanted.id)
    kept = [name for name in (wanted.label, wanted.group) if labels and name is not None]
    needed = [name for name in (wanted.id, wanted.order, *kept, *wanted.features) if name is not None]
    columns.have(frame, needed, where)
    _distinct(where, {"id": wanted.id, "order": wanted.order, "label": wanted.label, "group": wanted.group})
    _no_inputs(where, wanted)
    others = {wanted.id, wanted.order, wanted.label, wanted.group}
    features = list(wanted.features) or [str(name) for name in frame.columns if name not in others]
    if not features:
        raise DatasetError(f"{where}: expected a column of features beside {', '.join(needed)}. Received: none")
    frame = _in_order(frame, where, identity, wanted.order)
    codes = pandas.Series(pandas.factorize(frame[identity])[0], frame.index)
    for name in kept:
        _constant(frame, where, name, identity, codes.to_numpy())
    frame = frame if missing == "mean" else filling.complete(frame, features, missing, where, series=codes.to_numpy())
    codes, names = pandas.factorize(frame[identity])  # rows, and with them sequences, may have been dropped
    lengths = np.bincount(codes)
    firsts = frame.iloc[np.cumsum(lengths) - lengths]

    def row(number: int) -> str:
        return f"{columns.row(where, firsts.index[number])}, column '{wanted.label}'"

    labelled = Labelled(where, firsts[kept], str(wanted.label), wanted.group, row) if labels else None
    return Sequences(where, frame[features], lengths, labelled, np.asarray(names))


def _distinct(where: str, options: Mapping[str, str | None]) -> None:
    """One column has one meaning."""
    before: dict[str, str] = {}
    for option, name in options.items():
        if name is not None and name in before:
            raise DatasetError(f"{where}: expected two columns for '{before[name]}' and '{option}'. Received: '{name}'")
        if name is not None:
            before[name] = option


def _no_inputs(where: str, wanted: Columns) -> None:
    """What is said of a sequence is none of its inputs."""
    for option, name in (("label", wanted.label), ("id", wanted.id), ("group", wanted.group)):
        if name is not None and name in wanted.features:
            raise DatasetError(
                f"{where}: expected inputs beside the column of '{option}'. Received: '{name}' among features"
            )


def _in_order(frame: Any, where: str, identity: str, order: str | None) -> Any:
    """The rows, sequence by sequence as these begin in the file, each in its order."""
    absent = columns.missing(frame, [identity])[:, 0]
    if absent.any():
        place = columns.row(where, frame.index[int(absent.argmax())])
        raise DatasetError(f"{where}: {place}, column '{identity}': expected the name of a sequence. Received: nothing")
    codes = columns.groups(frame, identity, where)[0]
    rows = np.argsort(codes, kind="stable")
    if order is not None:
        rows = np.lexsort((timestamps.times(frame, order, where, identity), codes))
    return frame if (rows[1:] > rows[:-1]).all() else frame.iloc[rows]


def _constant(frame: Any, where: str, name: str, identity: str, codes: Array) -> None:
    """One label, and one group, a sequence."""
    import pandas

    values = pandas.factorize(frame[name])[0]  # -1 where missing
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    other = values != np.repeat(values[first], np.diff(first, append=len(codes)))
    if other.any():
        place = int(other.argmax())
        begin = int(first[codes[place]])
        received, before = (frame[name].iloc[number] for number in (place, begin))
        raise DatasetError(
            f"{where}: {columns.row(where, frame.index[place])}, column '{name}': expected the same in every row of"
            f" {identity} '{frame[identity].iloc[place]}': '{before}', as in {columns.row(where, frame.index[begin])}."
            f" Received: '{received}'"
        )


# ------------------------------------------------------------------------------------------------------------- arrays


def of_arrays(arrays: Arrays, where: str, wanted: Columns, missing: Missing, labels: bool = True) -> Sequences:
    """The sequences of arrays by name; see `read`."""
    import pandas

    name, label = wanted.features[0] if wanted.features else "X", wanted.label or "y"
    if len(wanted.features) > 1:
        raise DatasetError(f"{where}: expected one array of features. Received: {', '.join(wanted.features)}")
    inputs = _found(arrays, name, where)
    if inputs.ndim not in (2, 3) or inputs.dtype.kind not in "fiub" or not inputs.size:
        raise DatasetError(
            f"{where}: array '{name}': expected numbers (sequences, steps) or (sequences, steps, features), at least one."
            f" Received: {inputs.dtype} {inputs.shape}"
        )
    inputs = inputs.reshape(*inputs.shape[:2], -1)
    inputs = inputs.astype(np.float64) if inputs.dtype.kind == "f" and inputs.dtype.itemsize > 8 else inputs
    lengths = _lengths(arrays, name, where, inputs)
    of_each = {key: _each(arrays, key, where, name, len(inputs)) for key in (label, wanted.group) if key} if labels else {}
    real = np.arange(inputs.shape[1]) < lengths[:, None]
    _finite(inputs, real, lengths, where, name, missing)
    features = [f"{name}[{number}]" for number in range(inputs.shape[2])] if inputs.shape[2] > 1 else [name]
    steps = pandas.DataFrame(inputs[real], columns=features)
    series = pandas.Series(np.repeat(np.arange(len(inputs)), lengths), steps.index)
    if missing != "mean":
        steps = filling.complete(steps, features, missing, where, series=series.to_numpy())
    found, lengths = np.unique(series[steps.index], return_counts=True)  # without what was dropped
    firsts = pandas.DataFrame(of_each).iloc[found] if labels else None

    def row(number: int) -> str:
        return f"row {found[number] + 1} of array '{label}'"

    labelled = Labelled(where, firsts, label, wanted.group, row) if labels else None
    return Sequences(where, steps, lengths, labelled, found + 1)


def _found(arrays: Arrays, name: str, where: str) -> Array:
    if name not in arrays:
        near = did_you_mean(name, arrays)
        raise DatasetError(f"{where}: no array is called '{name}'.{near} Arrays: {', '.join(arrays)}")
    return np.asarray(arrays[name])


def _each(arrays: Arrays, name: str, where: str, inputs: str, count: int) -> Array:
    """An array (N,), one value a sequence."""
    found = _found(arrays, name, where)
    if found.shape != (count,):
        raise DatasetError(
            f"{where}: array '{name}': expected one value for each of the {count:,} sequences of '{inputs}', ({count},)."
            f" Received: {found.shape}"
        )
    if found.dtype.kind not in "fiubUSM":
        raise DatasetError(f"{where}: array '{name}': expected numbers or text. Received: {found.dtype}")
    return found.astype(np.str_) if found.dtype.kind == "S" else found


def _lengths(arrays: Arrays, name: str, where: str, inputs: Array) -> Array:
    """(N,) steps of each sequence, all of them where there is no array of lengths."""
    count, steps = inputs.shape[:2]
    if "lengths" not in arrays:
        _no_tails(inputs, name, where)
        return np.full(count, steps)
    lengths = _each(arrays, "lengths", where, name, count)
    wrong = (lengths < 1) | (lengths > steps) if lengths.dtype.kind in "iu" else np.ones(count, bool)
    if wrong.any():
        first = int(wrong.argmax())
        raise DatasetError(
            f"{where}: row {first + 1} of array 'lengths': expected a whole number from 1 to {steps}, the steps of '{name}'."
            f" Received: {lengths[first]}"
        )
    return lengths.astype(np.int64)


def _no_tails(inputs: Array, name: str, where: str) -> None:
    """Refuse steps of NaN at the end of a sequence: whether they are padding must be said."""
    if inputs.dtype.kind != "f":
        return
    tails = np.isnan(inputs[:, -1]).all(-1)
    if tails.any():
        row = int(tails.argmax())
        real = ~np.isnan(inputs[row]).all(-1)
        last = int(np.flatnonzero(real)[-1]) + 1 if real.any() else 0
        raise DatasetError(
            f"{where}: row {row + 1} of array '{name}': expected numbers up to step {inputs.shape[1]}, its last. Received:"
            f" NaN from step {last + 1} on; if that is padding, add an array 'lengths' ({len(inputs)},) with {last} here"
        )


def _finite(inputs: Array, real: Array, lengths: Array, where: str, name: str, missing: str) -> None:
    """Refuse infinite numbers; NaN where it is refused, or where there is nothing that it could be filled with."""
    if inputs.dtype.kind != "f":
        return
    wrong = np.abs(inputs) > inputs.dtype.type(min(columns.LARGEST, np.finfo(inputs.dtype).max))
    if missing == "refuse":
        wrong |= np.isnan(inputs)
    if missing in ("forward", "interpolate"):
        wrong[:, 0] |= np.isnan(inputs[:, 0])
    if missing == "interpolate":
        last = np.arange(len(inputs)), lengths - 1
        wrong[last] |= np.isnan(inputs[last])
    wrong &= real[..., None]
    if wrong.any():
        row, step, feature = (int(place) for place in np.argwhere(wrong)[0])
        at = f"step {step + 1}" + (f", feature {feature + 1}" if inputs.shape[2] > 1 else "")
        how = "say what to do: missing: drop, forward, interpolate or mean"
        how = how if missing == "refuse" else f"there is nothing in its place for missing: {missing}"
        more = f"; {how}" if np.isnan(inputs[row, step, feature]) else ""
        raise DatasetError(
            f"{where}: row {row + 1} of array '{name}', {at}: expected a finite number"
            f"{f' of at most {columns.LARGEST:g}' if np.isfinite(inputs[row, step, feature]) else ''}."
            f" Received: {inputs[row, step, feature]}{more}"
        )


# ------------------------------------------------------------------------------------------------------------- series


def _series(path: str) -> Sequences:
    import pandas

    found = ts_file.read(Path(path))
    names = [f"channel {number}" for number in range(1, found.values.shape[1] + 1)]
    labels = pandas.DataFrame({"label": found.labels})

    def row(number: int) -> str:
        return f"line {found.lines[number]}"

    steps = pandas.DataFrame(found.values, columns=names)
    labelled = Labelled(path, labels, "label", None, row)
    return Sequences(path, steps, found.lengths, labelled, np.arange(1, len(found.lengths) + 1))

"""Sequences of arrays by name: inputs padded to one length, a label of each, and their lengths where these differ."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, missing_values
from gru_tf.data.own.labels import Labelled
from gru_tf.data.own.missing_values import Missing
from gru_tf.data.own.sequences import parts
from gru_tf.data.own.sequences.gathered import Columns, GatheredSequences
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import did_you_mean
from gru_tf.foundation.option_spelling import setting, spelled

Arrays = Mapping[str, Array]


def of_arrays(arrays: Arrays, where: str, wanted: Columns, missing: Missing, labels: bool = True) -> GatheredSequences:
    """The sequences of arrays by name; see `read`."""
    import pandas

    name, label = wanted.features[0] if wanted.features else "X", wanted.label or "y"
    if len(wanted.features) > 1:
        raise DatasetError(f"{where}: expected one array of {spelled('features')}. Received: {', '.join(wanted.features)}")
    inputs = _inputs(arrays, name, where)
    lengths = _lengths(arrays, name, where, inputs)
    one_each = (wanted.group,) if wanted.every else (label, wanted.group)
    keys = [key for key in one_each if key] if labels else []
    one = labels and label in arrays and not wanted.every
    flat = {**arrays, label: parts.flat_labels(np.asarray(arrays[label]))[0]} if one else arrays
    of_each = {key: _each(flat, key, where, name, len(inputs)) for key in keys}
    real = np.arange(inputs.shape[1]) < lengths[:, None]
    _finite(inputs, real, lengths, where, name, missing)
    features = [f"{name}[{number}]" for number in range(inputs.shape[2])] if inputs.shape[2] > 1 else [name]
    steps = pandas.DataFrame(inputs[real], columns=features)
    series = pandas.Series(np.repeat(np.arange(len(inputs)), lengths), steps.index)
    if missing != "mean":
        steps = missing_values.complete(steps, features, missing, where, series=series.to_numpy())
    numbers, lengths = np.unique(series[steps.index], return_counts=True)  # without what was dropped
    firsts = pandas.DataFrame(of_each, index=range(len(inputs))).iloc[numbers] if labels else None

    def row(number: int) -> str:
        return f"row {numbers[number] + 1} of array '{label}'"

    labelled = Labelled(where, firsts, label, wanted.group, row) if labels else None
    if labels and wanted.every:
        labelled = _of_steps(_array(arrays, label, where), real, label, wanted, where, firsts, steps.index.to_numpy())
    return GatheredSequences(where, steps, lengths, labelled, numbers + 1, numbers)


def _of_steps(array: Array, real: Array, label: str, wanted: Columns, where: str, groups: Any, kept: Array) -> Labelled:
    """The labels of an array (N, T) or (N, T, labels) at each step that is kept, and whose each is.

    Args:
        array: of labels; what stands after the end of a sequence is not read.
        real: (N, T) whether a step is there.
        label: name of the array.
        wanted: as in `of_arrays`.
        where: the file, for errors.
        groups: frame of the groups of the sequences that are kept.
        kept: (steps,) numbers of the steps that are kept, of all that are there.
    """
    import pandas

    if array.shape[:2] != real.shape or array.ndim not in (2, 3) or not array.size:
        raise DatasetError(
            f"{where}: array '{label}': expected a label for each step of the inputs, {real.shape}, or several of each, the"
            f" number of them last. Received: {array.shape}"
        )
    if array.dtype.kind not in "fiubUSO":
        raise DatasetError(f"{where}: array '{label}': expected numbers or text. Received: {array.dtype}")
    array = array.astype(np.str_) if array.dtype.kind == "S" else array
    flat = parts.flat_labels(array[real])[0]
    names = [label] if flat.ndim == 1 else [f"{label}[{number}]" for number in range(flat.shape[1])]
    sequence, step = (places[kept] for places in np.nonzero(real))
    frame = pandas.DataFrame(flat[kept].reshape(len(kept), -1), columns=names)
    if wanted.group is not None:
        frame[wanted.group] = groups[wanted.group].loc[sequence].to_numpy()

    def row(number: int) -> str:
        return f"row {sequence[number] + 1} of array '{label}', step {step[number] + 1}"

    return Labelled(where, frame, names[0], wanted.group, row)


def _inputs(arrays: Arrays, name: str, where: str) -> Array:
    """(sequences, steps, features) numbers, of 64 bits at most."""
    inputs = _array(arrays, name, where)
    if inputs.ndim not in (2, 3) or inputs.dtype.kind not in "fiub" or not inputs.size:
        raise DatasetError(
            f"{where}: array '{name}': expected numbers (sequences, steps) or (sequences, steps, features), at least one."
            f" Received: {inputs.dtype} {inputs.shape}"
        )
    inputs = inputs.reshape(*inputs.shape[:2], -1)
    return inputs.astype(np.float64) if inputs.dtype.kind == "f" and inputs.dtype.itemsize > 8 else inputs


def _array(arrays: Arrays, name: str, where: str) -> Array:
    if name not in arrays:
        near = did_you_mean(name, arrays)
        raise DatasetError(f"{where}: no array is called '{name}'.{near} Arrays: {', '.join(arrays)}")
    return np.asarray(arrays[name])


def _each(arrays: Arrays, name: str, where: str, inputs: str, count: int) -> Array:
    """An array (N,), one value a sequence."""
    array = _array(arrays, name, where)
    if array.shape != (count,):
        raise DatasetError(
            f"{where}: array '{name}': expected one value for each of the {count:,} sequences of '{inputs}', ({count},)."
            f" Received: {array.shape}"
        )
    if array.dtype.kind not in "fiubUSM":
        raise DatasetError(f"{where}: array '{name}': expected numbers or text. Received: {array.dtype}")
    return array.astype(np.str_) if array.dtype.kind == "S" else array


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
    """Refuse steps of NaN at the end of a sequence: an array of lengths has to mark padding."""
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
    wrong = np.abs(inputs) > inputs.dtype.type(min(columns.LARGEST, float(np.finfo(inputs.dtype).max)))
    if missing == "refuse":
        wrong |= np.isnan(inputs)
    if missing in ("forward", "interpolate"):
        wrong[:, 0] |= np.isnan(inputs[:, 0])
    if missing == "interpolate":
        last = np.arange(len(inputs)), lengths - 1
        wrong[last] |= np.isnan(inputs[last])
    wrong &= real[..., None]
    if wrong.any():
        raise _not_finite(inputs, wrong, where, name, missing)


def _not_finite(inputs: Array, wrong: Array, where: str, name: str, missing: str) -> DatasetError:
    """The error for the first number that is wrong."""
    row, step, feature = (int(place) for place in np.argwhere(wrong)[0])
    value = inputs[row, step, feature]
    at = f"step {step + 1}" + (f", feature {feature + 1}" if inputs.shape[2] > 1 else "")
    how = f"set {spelled('missing')} to drop, forward, interpolate or mean"
    how = how if missing == "refuse" else f"there is no value to fill it with for {setting('missing', missing)}"
    return DatasetError(
        f"{where}: row {row + 1} of array '{name}', {at}: expected a finite number"
        f"{f' of at most {columns.LARGEST:g}' if np.isfinite(value) else ''}."
        f" Received: {value}{f'; {how}' if np.isnan(value) else ''}"
    )

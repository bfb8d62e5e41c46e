"""Runs to failure: many machines in one table, a row a cycle, and a column that counts down to the end of each machine.

unit  cycle  heat  RUL
1     1      20.1  2        RUL counts down within each unit: a value at every step, units kept whole
1     2      24.0  1
1     3      31.7  0
2     1      19.5  1
2     2      27.0  0
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gru_tf.data.own import files
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess.columns import Inference, is_number, numeric
from gru_tf.suite.comparison.guess.groups import called_group

REGULAR = 0.8  # share of the steps by which a countdown falls by the same
RUNS = 2  # at least, in the first rows
WINDOW = 30  # steps, at most
WINDOWS = 50_000  # of all sequences, about


class Lifetimes(NamedTuple):
    """Which columns hold what."""

    id: str
    label: str
    order: str | None


def lifetimes(head: Any, labels: Sequence[str] = (), identity: str | None = None) -> Lifetimes | None:
    """The columns of runs to failure; None where no column counts down in runs that another one tells apart.

    Args:
        head: first rows of the table, run by run.
        labels: the columns that may count down; all of numbers if ().
        identity: the column that tells runs apart, where that is known.
    """
    for label in labels or numeric(head):
        ends = _ends(head[label].to_numpy()) if label in head.columns and is_number(head[label]) else None
        if ends is None:
            continue
        whole = [str(n) for n in head.columns if n != label and head[n].dtype.kind != "f" and not head[n].isna().any()]
        names = [n for n in whole if np.array_equal(_changes(head[n]), ends)]
        names = [n for n in names if n == identity] if identity else sorted(names, key=lambda n: not called_group(n))
        if names:
            return Lifetimes(names[0], label, _order(head, ends, {label, names[0]}))
    return None


def counted(head: Any) -> tuple[str, str] | None:
    """(column that tells runs apart, column that counts their rows); None where there are none in the first rows."""
    for name in numeric(head):
        values = head[name].to_numpy().astype(float)
        ends = np.flatnonzero(np.diff(values) < 0)
        if not RUNS - 1 <= len(ends) <= len(values) // 3 or _order(head[[name]], ends, set()) is None:
            continue
        whole = [str(n) for n in head.columns if n != name and head[n].dtype.kind != "f" and not head[n].isna().any()]
        names = [n for n in whole if np.array_equal(_changes(head[n]), ends)]
        if names:
            return min(names, key=lambda n: not called_group(n)), name
    return None


def _ends(values: Array) -> Array | None:
    """The rows after which a countdown begins anew; None where it is none."""
    if np.isnan(values.astype(float)).any():
        return None
    steps = np.diff(values.astype(float))
    falls, ends = steps[steps < 0], np.flatnonzero(steps > 0)
    if len(ends) < RUNS - 1 or len(ends) > len(values) // 3 or not len(falls):
        return None
    usual = np.unique(falls, return_counts=True)[1].max() / len(falls)
    return ends if usual >= REGULAR else None


def _changes(column: Any) -> Array:
    values = column.to_numpy()
    return np.flatnonzero(values[1:] != values[:-1])


def _order(head: Any, ends: Array, taken: set[str]) -> str | None:
    """A column that rises by the same from row to row in each run, and begins anew in the next."""
    for name in (name for name in numeric(head) if name not in taken):
        steps = np.diff(head[name].to_numpy().astype(float))
        within = np.delete(steps, ends)
        if len(within) and (within > 0).all() and (within == within[0]).all() and (steps[ends] < 0).all():
            return name
    return None


def expect_no_forecast(path: str, head: Any, targets: Sequence[str]) -> None:
    """Refuse to forecast a countdown: where each run ends is then known from the rows before.

    Raises:
        UserError: with the options of sequences.
    """
    runs = lifetimes(head, targets) if targets else None
    if runs is not None:
        options = f"{spelled('label')} {runs.label}, {spelled('id')} {runs.id}"
        raise UserError(
            f"{path}: column '{runs.label}' counts down to the end of each '{runs.id}', so that each value tells the next."
            f" Predict it from the other columns ({options}), or set {spelled('kind')} to forecast"
        )


def changes(path: str, options: Mapping[str, Any]) -> bool:
    """Whether labels change within most sequences."""
    if options["id"] == options["label"]:  # which the task refuses
        return False
    frame = files.read_table(path, [options["id"], options["label"]])
    parts = frame.groupby(options["id"], sort=False)[options["label"]]
    return bool(2 * int((parts.nunique() > 1).sum()) > parts.ngroups)


def windows(path: str, options: Mapping[str, Any], inferences: list[Inference]) -> dict[str, int]:
    """Options `window` and `stride` where labels change within most sequences; none where a sequence has one label."""
    if not changes(path, options):
        return {}
    frame = files.read_table(path, [options["id"], options["label"]])
    parts = frame.groupby(options["id"], sort=False)[options["label"]]
    lengths = parts.size()
    window = int(options.get("window") or min(WINDOW, lengths.min()))
    count = int(np.maximum(lengths - window + 1, 1).sum())
    stride = int(options.get("stride") or max(1, -(-count // WINDOWS)))
    if "window" not in options:
        inferences.append(Inference(f"each step has a label: predicted from the last {window} steps", ("window",)))
    if "stride" not in options and stride > 1:
        text = f"trains on 1 in {stride} of {count:,} windows, to have at most {WINDOWS:,}"
        inferences.append(Inference(text, ("stride",)))
    return {"window": window, "stride": stride}

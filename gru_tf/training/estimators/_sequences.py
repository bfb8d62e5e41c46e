"""What users give as sequences, a table, an array or a list of arrays, read into steps and lengths."""
# ruff: noqa: N803  (X is scikit-learn's name of the data)

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.tasks import Array
from gru_tf.tasks._padding import right_padded


@dataclass(frozen=True)
class JoinedSequences:
    """Sequences one after another.

    Args:
        steps: (steps of all, features) floats.
        lengths: (N,) int32, steps of each.
        form: "table" of one feature (N, T), "array" (N, T, features), or "list" of N arrays (T_i, features).
    """

    steps: Array
    lengths: Array
    form: str

    @property
    def features(self) -> int:
        """Numbers of a step."""
        return int(self.steps.shape[1])

    @property
    def columns(self) -> int:
        """scikit-learn's number of features: of a table its columns, which are steps; else the numbers of a step."""
        return int(self.lengths[0]) if self.form == "table" else self.features

    def part(self, chosen: Array) -> "JoinedSequences":
        """Those at these places, in rising order, or where a mask (N,) is true."""
        mask = np.zeros(len(self.lengths), bool)
        mask[chosen] = True
        return JoinedSequences(self.steps[np.repeat(mask, self.lengths)], self.lengths[mask], self.form)

    def padded(self, centre: Array, spread: Array) -> Array:
        """(N, T, features) float32, (steps − centre) / spread, with zeros after the end of each."""
        return right_padded((self.steps - centre) / spread, self.lengths, np.float32)


def read(estimator: Any, X: Any, reset: bool) -> JoinedSequences:
    """The sequences of `X`; a fit, with `reset`, notes the number and names of features on the estimator.

    Raises:
        UserError: naming the sequence where a list's arrays are not numbers (T, features).
        ValueError: as scikit-learn's for tables and arrays, and where features are others than those of the fit.
    """
    least = 2 if reset else 1
    if _is_list(X):
        sequences = _of_list(X)
        if len(X) < least:
            raise ValueError(f"Found array with {len(X)} sample(s) while a minimum of {least} is required.")
    elif getattr(X, "ndim", None) == 3:
        array = check_array(X, dtype=(np.float64, np.float32), allow_nd=True, estimator=estimator, ensure_min_samples=least)
        count, timesteps, features = array.shape
        sequences = JoinedSequences(array.reshape(-1, features), np.full(count, timesteps, np.int32), "array")
    else:
        options = {"dtype": (np.float64, np.float32), "ensure_min_samples": least}
        table = validate_data(estimator, X, reset=reset, **options)
        return JoinedSequences(table.reshape(-1, 1), np.full(len(table), table.shape[1], np.int32), "table")
    if reset:
        estimator.n_features_in_ = sequences.columns
    return sequences


def expect_like(estimator: Any, name: str, form: str, features: int, received: JoinedSequences) -> None:
    """Raise ValueError where sequences to predict are not as those of the fit.

    Args:
        estimator: that is fitted.
        name: of its class.
        form: of the fit's sequences.
        features: of a step, then.
        received: what is to be predicted.
    """
    if received.columns != estimator.n_features_in_ or received.features != features:
        columns = f"X has {received.columns} features, but {name} is expecting {estimator.n_features_in_} features as input"
        raise ValueError(columns)
    if form != "list" and received.form == "list" and len(np.unique(received.lengths)) > 1:
        lengths = f"lengths from {received.lengths.min()} to {received.lengths.max()}"
        raise UserError(f"X: expected sequences of one length, as {name} was not fitted on a list. Received: {lengths}")


def _is_list(X: Any) -> bool:
    """Whether it is a list of arrays (T_i, features), or of vectors (T_i,) of several lengths."""
    if not isinstance(X, (list, tuple)) and not (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return False
    sizes = [np.shape(each) if hasattr(each, "shape") else _nested(each) for each in X]
    dimensions = {len(size) for size in sizes}
    return 2 in dimensions or (dimensions == {1} and len(set(sizes)) > 1)


def _nested(each: Any) -> tuple[int, ...]:
    """The shape of nested lists by their first entries, so that ragged ones have one as well."""
    shape: tuple[int, ...] = ()
    while isinstance(each, (list, tuple)):
        shape = (*shape, len(each))
        each = each[0] if each else None
    return shape


def _of_list(X: Any) -> JoinedSequences:
    arrays = [_steps(each, place) for place, each in enumerate(X)]
    features = arrays[0].shape[1]
    for place, each in enumerate(arrays):
        if each.shape[1] != features:
            expected = f"{features} features a step, as in X[0]"
            raise UserError(f"X[{place}]: expected {expected}. Received: {each.shape[1]}")
    return JoinedSequences(np.concatenate(arrays), np.array([len(each) for each in arrays], np.int32), "list")


def _steps(each: Any, place: int) -> Array:
    """One sequence (T, features)."""
    try:
        array = np.asarray(each, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"X[{place}]: expected an array (T, features) of numbers. Received: {one_line(error)}") from error
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.size:
        raise UserError(f"X[{place}]: expected an array (T, features), T at least 1. Received: the shape {array.shape}")
    if not np.isfinite(array).all():
        step = int(np.flatnonzero(~np.isfinite(array).all(1))[0])
        raise UserError(f"X[{place}]: expected finite numbers. Received: NaN or infinity in step {step}")
    return array

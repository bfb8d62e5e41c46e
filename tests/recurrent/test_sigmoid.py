"""NumPy's sigmoid against SciPy's, in either type, at ends where e^a overflows or vanishes."""

import warnings

import numpy as np
import pytest
from scipy.special import expit

from gru_tf.recurrent.sigmoid import sigmoid


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("end", [1, 20, 80])
def test_it_is_scipy_s_within_a_few_roundings(dtype, end):
    a = np.linspace(-end, end, 10_001).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        actual = sigmoid(a)
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, expit(a.astype("longdouble")), rtol=4 * np.finfo(dtype).eps, atol=0)


def test_ends_and_numbers_that_are_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        actual = sigmoid(np.array([-np.inf, -1e4, 0, 1e4, np.inf, np.nan]))
    np.testing.assert_array_equal(actual, [0, 0, 0.5, 1, 1, np.nan])


def test_the_usual_formula_would_overflow():
    """That the warnings above could be raised."""
    with pytest.warns(RuntimeWarning, match="overflow"):
        1 / (1 + np.exp(np.array([1e4])))

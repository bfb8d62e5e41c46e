"""What the cells of xLSTM share: gates that are exponentials, kept within range by a state m, the stabiliser.

    m_t = max(log f_t + m_{t−1}, ĩ_t)                (Beck et al. 2024, arXiv 2405.04517, eq. 15)
    i'_t = exp(ĩ_t − m_t)                            (eq. 16)
    f'_t = exp(log f_t + m_{t−1} − m_t)              (eq. 17)

A memory that is written with i' and f' is the one of i = exp(ĩ) and f, times exp(−m); what divides it as well, so that in
exact arithmetic m says nothing but in which measure the states are written, and any m would do. Therefore m_t = ĩ_t where
nothing is stored yet, the normaliser being zero: an empty memory has no measure, and of an input whose ĩ is far below
m_{t−1} nothing would be left in floating point. With it the first input always has i' = 1.

Gradients go through m: what a layer returns is then differentiated as it is computed, the states too. In the output they
cancel, so that it has the same gradient where m counts as a constant.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells._cell import HALF

FORGETS = ("sigmoid", "exp")
FORGET_BIAS = (3.0, 6.0)  # from the first to the last, as in the authors' code for mLSTM


def in_range(compute_dtype: str) -> tuple[str, float]:
    """The type in which exponentials are computed, float32 for half precision, and the greatest exponent: half its range."""
    dtype = "float32" if compute_dtype in HALF else compute_dtype
    return dtype, 354.0 if dtype == "float64" else 44.0


def log_forget(a: Any, forget: str) -> Any:
    """The logarithm of the forget gate, of what is before its activation."""
    return a if forget == "exp" else ops.log_sigmoid(a)


def stabilised(a_i: Any, log_f: Any, m: Any, empty: Any, state_dtype: str) -> tuple[Any, Any, Any]:
    """(i', f', m') by the equations above.

    Args:
        a_i: ĩ.
        log_f: log f.
        m: m_{t−1}.
        empty: where nothing is stored yet.
        state_dtype: in which m' is stored. What is stored must be what the states were written with.
    """
    dtype, most = in_range(keras.backend.standardize_dtype(a_i.dtype))
    new = ops.where(empty, a_i, ops.maximum(log_f + m, a_i))
    if state_dtype != dtype:
        new = ops.cast(ops.cast(new, state_dtype), dtype)
    return ops.exp(a_i - new), ops.exp(ops.minimum(log_f + m - new, most)), new  # above only where nothing is stored


def spread_bias(count: int, dtype: Any) -> Any:
    """(count,) biases of forget gates at the start, at equal distances."""
    return ops.linspace(*FORGET_BIAS, count, dtype=dtype)


def stabilised_by_numpy(a_i: Array, log_f: Array, m: Array, empty: Array) -> tuple[Array, Array, Array]:
    """`stabilised` in NumPy float64."""
    new = np.where(empty, a_i, np.maximum(log_f + m, a_i))
    with np.errstate(over="ignore"):  # where nothing is stored
        return np.exp(a_i - new), np.where(empty, np.exp(np.minimum(log_f + m - new, 354.0)), np.exp(log_f + m - new)), new


def log_forget_by_numpy(a: Array, forget: str) -> Array:
    """`log_forget` in NumPy float64."""
    return a if forget == "exp" else -np.logaddexp(0.0, -a)

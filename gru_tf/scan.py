"""The linear recurrence h_t = a_t ∘ h_{t−1} + b_t of all steps at once, in O(log T) depth.

Two neighbouring steps are one step of a recurrence of half the length,

    h_{2k} = (a_{2k} ∘ a_{2k−1}) ∘ h_{2k−2} + (a_{2k} ∘ b_{2k−1} + b_{2k})                     (Blelloch 1990, sec. 1.4)

so that the states at every second step come from a shorter recurrence, and those between them from one step each: about
five operations an element in 2·log2(T) rounds. The gradient is the same recurrence backwards,

    λ_t = ∂L/∂h_t + a_{t+1} ∘ λ_{t+1},    ∂L/∂b_t = λ_t,    ∂L/∂a_t = λ_t ∘ h_{t−1}

and is written down as that, so that nothing but a and h is kept for it.

Why not in logarithms: h_t = exp(Σ log a) · Σ exp(log b − Σ log a), the form in arXiv 2410.01201, needs them because it
divides by the product of all a before t, and loses float32's digits to the size of that sum. Here nothing is divided: for a
in [0, 1] every product and partial state is one that the step-by-step form could hold, a product too small for the type
is rightly zero, b may have any sign, and no logarithm or exponential is taken.

Reference: G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190, 1990.
"""

from typing import Any

import keras
from keras import ops

SCOPE = "parallel_scan"  # in the names of its operations, so that a graph shows that the scan is in it


def linear_recurrence(a: Any, b: Any) -> Any:
    """All states h_t = a_t ∘ h_{t−1} + b_t from h_0 = 0; another start h is b_1 + a_1 ∘ h in the place of b_1.

    Args:
        a: factors, (batch, T, units); stable for values in [−1, 1].
        b: terms, of the same shape and type.

    Returns:
        h, of the same shape and type. Where T is not known while a graph is traced, in log2(T) rounds of a loop.
    """
    with keras.name_scope(SCOPE):
        return _recurrence(a, b)


@ops.custom_gradient
def _recurrence(a: Any, b: Any) -> Any:
    h = _solve(a, b)

    def gradient(*arguments: Any, upstream: Any = None) -> Any:
        last = arguments[-1] if upstream is None else upstream  # PyTorch gives it by name, TensorFlow and JAX do not
        with keras.name_scope(SCOPE):
            ahead = _shifted(ops.flip(a, 1))
            adjoint = ops.flip(_solve(ahead, ops.flip(last, 1)), 1)
            return adjoint * _shifted(h), adjoint

    return h, gradient


def _solve(a: Any, b: Any) -> Any:
    length = b.shape[1]
    if length is None:
        return _doubling(a, b)
    if length == 1:
        return b
    if length % 2:
        rest = ((0, 0), (0, 1), (0, 0))
        return _solve(ops.pad(a, rest), ops.pad(b, rest))[:, :-1]
    (a_odd, b_odd), (a_even, b_even) = ((a[:, i::2], b[:, i::2]) for i in (0, 1))  # steps are counted from 1
    even = _solve(a_even * a_odd, a_even * b_odd + b_even)
    odd = a_odd * _shifted(even) + b_odd
    return ops.reshape(ops.stack([odd, even], axis=2), (-1, length, b.shape[2]))


def _shifted(values: Any) -> Any:
    """One step later, with a zero at the first."""
    return ops.concatenate([ops.zeros_like(values[:, :1]), values[:, :-1]], axis=1)


def _doubling(a: Any, b: Any) -> Any:
    """For a length that only the running graph knows: each round joins every step with what lies 1, 2, 4, … before it."""
    length = ops.shape(b)[1]
    steps = ops.arange(length, dtype="int32")

    def join(distance: Any, a: Any, b: Any) -> Any:
        source = steps - distance
        there = ops.cast(source >= 0, b.dtype)[:, None]
        a_before, b_before = (ops.take(v, ops.maximum(source, 0), axis=1) * there for v in (a, b))
        return 2 * distance, a * a_before, a * b_before + b

    return ops.while_loop(lambda distance, *_: distance < length, join, (ops.ones((), "int32"), a, b))[2]

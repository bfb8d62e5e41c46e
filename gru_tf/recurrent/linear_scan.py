"""The linear recurrence h_t = a_t ∘ h_{t−1} + b_t of all steps at once, in O(log T) depth.

k neighbouring steps are one step of a recurrence of a k-th of the length, with the factor a_k ∘ … ∘ a_1 and the term that
they make of a zero state                                                                      (Blelloch 1990, sec. 1.4)

So the states at the ends of all blocks of k = 4 steps come from a shorter recurrence, and those within the blocks from k
steps of all blocks side by side: about five operations an element, in some 4k rounds for each of the log_k(T) levels.
The gradient is the same recurrence backwards,

    λ_t = ∂L/∂h_t + a_{t+1} ∘ λ_{t+1},    ∂L/∂b_t = λ_t,    ∂L/∂a_t = λ_t ∘ h_{t−1}

and is written down as that, so that nothing but a and h is kept for it.

Why not in logarithms: h_t = exp(Σ log a) · Σ exp(log b − Σ log a), the form in arXiv 2410.01201, needs them because it
divides by the product of all a before t, and loses float32's digits to the size of that sum. Here nothing is divided: for a
in [0, 1] every product and partial state is one that the step-by-step form could hold, a product too small for the type
is rightly zero, b may have any sign, and no logarithm or exponential is taken. `keras.ops.associative_scan` is not used
because in Keras 3.15 XLA cannot compile it on TensorFlow.

Reference: G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190, 1990.
"""

from typing import Any

import keras
from keras import ops

SCOPE = "parallel_scan"  # in the names of its operations, so that a graph shows that the scan is in it
BLOCK = 4  # steps: with 2 more passes go through memory, with 16 XLA's code for a block gets slower again


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
    h = _solve(a, b, 1)

    def gradient(*arguments: Any, upstream: Any = None) -> Any:
        last = arguments[-1] if upstream is None else upstream  # PyTorch gives it by name, TensorFlow and JAX do not
        with keras.name_scope(SCOPE):
            adjoint = _solve(_shifted(a, -1), last, -1)
            return adjoint * _shifted(h, 1), adjoint

    return h, gradient


def _solve(a: Any, b: Any, way: int) -> Any:
    """The states, read from the first step to the last (`way` 1) or from the last to the first (−1)."""
    length = b.shape[1]
    if length is None:
        return _doubling(a, b) if way > 0 else ops.flip(_doubling(ops.flip(a, 1), ops.flip(b, 1)), 1)
    if length <= BLOCK:
        return ops.stack(_steps(ops.unstack(a, length, 1), ops.unstack(b, length, 1), None, way), axis=1)
    blocks = -(-length // BLOCK)
    rest = ((0, 0), (0, blocks * BLOCK - length), (0, 0))
    shape = (-1, blocks, BLOCK, b.shape[2])
    a, b = (ops.unstack(ops.reshape(ops.pad(v, rest) if rest[1][1] else v, shape), BLOCK, 2) for v in (a, b))
    factor, term = a[::way][0], b[::way][0]
    for a_i, b_i in list(zip(a, b, strict=True))[::way][1:]:
        factor, term = a_i * factor, a_i * term + b_i
    before = _shifted(_solve(factor, term, way), way)
    states = ops.stack(_steps(a, b, before, way), axis=2)
    return ops.reshape(states, (-1, blocks * BLOCK, shape[3]))[:, :length]


def _steps(a: list[Any], b: list[Any], h: Any, way: int) -> list[Any]:
    """One step after the other from h, or from zero."""
    states = []
    for a_i, b_i in list(zip(a, b, strict=True))[::way]:
        h = b_i if h is None else a_i * h + b_i
        states.append(h)
    return states[::way]


def _shifted(values: Any, way: int) -> Any:
    """One step later (`way` 1) or earlier (−1), with a zero in the place that is left."""
    zero = ops.zeros_like(values[:, :1])
    return ops.concatenate([zero, values[:, :-1]] if way > 0 else [values[:, 1:], zero], axis=1)


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

"""The linear recurrence h_t = a_t ∘ h_{t−1} + b_t of all steps at once, in O(log T) depth.

k neighbouring steps are one step of a recurrence of a k-th of the length, with the factor a_k ∘ … ∘ a_1 and the term that
they make of a zero state                                                                      (Blelloch 1990, sec. 1.4)

So the states at the ends of all blocks of k = 4 steps come from a shorter recurrence, and those within the blocks from k
steps of all blocks side by side: about five operations an element, in some 4k rounds for each of the log_k(T) levels.
The gradient is the same recurrence backwards,

    λ_t = ∂L/∂h_t + a_{t+1} ∘ λ_{t+1},    ∂L/∂b_t = λ_t,    ∂L/∂a_t = λ_t ∘ h_{t−1}

and is written down as that, so that nothing but a and h is kept for it. Complex numbers are pairs of real arrays, since
few operations of Keras take complex ones; of a real L(h) with λ = ∂L/∂Re h + i ∂L/∂Im h the same lines hold with

    λ_t = ∂L/∂h_t + ā_{t+1} ∘ λ_{t+1},    ∂L/∂b_t = λ_t,    ∂L/∂a_t = λ_t ∘ h̄_{t−1}

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

Parts = tuple[Any, ...]  # of a number: itself, or real and imaginary part


def linear_recurrence(a: Any, b: Any) -> Any:
    """All states h_t = a_t ∘ h_{t−1} + b_t from h_0 = 0; another start h is b_1 + a_1 ∘ h in the place of b_1.

    Args:
        a: factors, (batch, T, units), or (1, 1, units) for the same at all steps; stable for values in [−1, 1].
        b: terms, (batch, T, units), of the same type.

    Returns:
        h, of the shape and type of b. Where T is not known while a graph is traced, in log2(T) rounds of a loop.
    """
    with keras.name_scope(SCOPE):
        return _real(a, b)


def complex_recurrence(a: Parts, b: Parts) -> Parts:
    """The same of complex numbers, each a pair of real and imaginary part; stable for |a| ≤ 1.

    Args:
        a: factors, two arrays (batch, T, units), or (1, 1, units) for the same at all steps.
        b: terms, two arrays (batch, T, units).

    Returns:
        The real and the imaginary parts of h.
    """
    with keras.name_scope(SCOPE):
        return tuple(ops.split(_complex(_joined(a), _joined(b)), 2, axis=-1))


def times(x: Parts, y: Parts) -> Parts:
    """The product of two numbers in parts."""
    if len(x) == 1:
        return (x[0] * y[0],)
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def plus(x: Parts, y: Parts) -> Parts:
    """The sum of two numbers in parts."""
    return tuple(one + other for one, other in zip(x, y, strict=True))


def _recurrence(parts: int) -> Any:
    """The recurrence with its gradient, of numbers with so many parts, which lie side by side in the last axis."""

    def apart(values: Any) -> Parts:
        return tuple(ops.split(values, parts, axis=-1)) if parts > 1 else (values,)

    @ops.custom_gradient
    def recurrence(a: Any, b: Any) -> Any:
        h = _solve(apart(a), apart(b), 1)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            last = arguments[-1] if upstream is None else upstream  # PyTorch gives it by name, TensorFlow and JAX do not
            with keras.name_scope(SCOPE):
                factors = _conjugate(apart(a))
                adjoint = _solve(factors if _constant(a, last) else _each(_shifted, factors, -1), apart(last), -1)
                by_a = _joined(times(adjoint, _conjugate(_each(_shifted, h, 1))))
                return ops.sum(by_a, axis=(0, 1), keepdims=True) if _constant(a, last) else by_a, _joined(adjoint)

        return _joined(h), gradient

    return recurrence


_real, _complex = _recurrence(1), _recurrence(2)


def _constant(a: Any, b: Any) -> bool:
    """Whether the factors are the same at all steps, so that they need no array of the length of the sequence."""
    return tuple(a.shape[:2]) == (1, 1) != tuple(b.shape[:2])


def _joined(values: Parts) -> Any:
    return ops.concatenate(values, axis=-1) if len(values) > 1 else values[0]


def _conjugate(values: Parts) -> Parts:
    return (values[0], *(-imaginary for imaginary in values[1:]))


def _each(function: Any, values: Parts, *options: Any) -> Any:
    return tuple(function(value, *options) for value in values)


def _solve(a: Parts, b: Parts, way: int) -> Parts:
    """The states, read from the first step to the last (`way` 1) or from the last to the first (−1)."""
    (length, width), constant = b[0].shape[1:], _constant(a[0], b[0])
    if length is None:
        a = tuple(part + ops.zeros_like(b[0]) for part in a) if constant else a
        return _doubling(a, b) if way > 0 else _each(ops.flip, _doubling(_each(ops.flip, a, 1), _each(ops.flip, b, 1)), 1)
    if length <= BLOCK:
        b_in = _unstacked(b, length, 1)
        return _stacked(
            _by_powers(_each(ops.squeeze, a, 1), b_in, None, way)
            if constant
            else _steps(_unstacked(a, length, 1), b_in, None, way),
            1,
        )
    blocks = -(-length // BLOCK)
    rest = ((0, 0), (0, blocks * BLOCK - length), (0, 0))
    shape = (-1, blocks, BLOCK, width)
    cut = lambda v: ops.reshape(ops.pad(v, rest) if rest[1][1] else v, shape)  # noqa: E731, of these blocks
    b_in = _unstacked(_each(cut, b), BLOCK, 2)
    if constant:
        term = _by_powers(a, b_in, None, way)[::way][-1]
        factor = _powers(a, BLOCK)[-1]
        states = _stacked(_by_powers(a, b_in, _each(_shifted, _solve(factor, term, way), way), way), 2)
        return tuple(ops.reshape(part, (-1, blocks * BLOCK, width))[:, :length] for part in states)
    a_in = _unstacked(_each(cut, a), BLOCK, 2)
    factor, term = a_in[::way][0], b_in[::way][0]
    for a_i, b_i in list(zip(a_in, b_in, strict=True))[::way][1:]:
        factor, term = times(a_i, factor), plus(times(a_i, term), b_i)
    before = _each(_shifted, _solve(factor, term, way), way)
    states = _stacked(_steps(a_in, b_in, before, way), 2)
    return tuple(ops.reshape(part, (-1, blocks * BLOCK, width))[:, :length] for part in states)


def _unstacked(values: Parts, count: int, axis: int) -> list[Parts]:
    """One number in parts for each place along an axis."""
    return list(zip(*(ops.unstack(part, count, axis) for part in values), strict=True))


def _stacked(numbers: list[Parts], axis: int) -> Parts:
    return tuple(ops.stack(list(part), axis=axis) for part in zip(*numbers, strict=True))


def _steps(a: list[Parts], b: list[Parts], h: Parts | None, way: int) -> list[Parts]:
    """One step after the other from h, or from zero."""
    states = []
    for a_i, b_i in list(zip(a, b, strict=True))[::way]:
        h = b_i if h is None else plus(times(a_i, h), b_i)
        states.append(h)
    return states[::way]


def _powers(a: Parts, count: int) -> list[Parts]:
    powers = [a]
    while len(powers) < count:
        powers.append(times(a, powers[-1]))
    return powers


def _by_powers(a: Parts, b: list[Parts], h: Parts | None, way: int) -> list[Parts]:
    """`_steps` for one factor, each state a sum over the terms before it instead of a step from the state before it.

    A compiler that fuses operations computes a state again wherever it is used, and of complex numbers each step uses the
    one before it twice: it would compute the fourth step's eight times.
    """
    powers, states = _powers(a, len(b)), []
    for n in range(len(b)):
        terms = b[::way]
        state = terms[n]
        for earlier in range(n):
            state = plus(state, times(powers[n - earlier - 1], terms[earlier]))
        states.append(state if h is None else plus(state, times(powers[n], h)))
    return states[::way]


def _shifted(values: Any, way: int) -> Any:
    """One step later (`way` 1) or earlier (−1), with a zero in the place that is left."""
    zero = ops.zeros_like(values[:, :1])
    return ops.concatenate([zero, values[:, :-1]] if way > 0 else [values[:, 1:], zero], axis=1)


def _doubling(a: Parts, b: Parts) -> Parts:
    """For a length that only the running graph knows: each round joins every step with what lies 1, 2, 4, … before it."""
    length, parts = ops.shape(b[0])[1], len(b)
    steps = ops.arange(length, dtype="int32")

    def join(distance: Any, *both: Any) -> Any:
        a, b = both[:parts], both[parts:]
        source = steps - distance
        there = ops.cast(source >= 0, b[0].dtype)[:, None]
        a_before, b_before = (tuple(ops.take(v, ops.maximum(source, 0), axis=1) * there for v in pair) for pair in (a, b))
        return 2 * distance, *times(a, a_before), *plus(times(a, b_before), b)

    return ops.while_loop(lambda distance, *_: distance < length, join, (ops.ones((), "int32"), *a, *b))[1 + parts :]  # type: ignore[no-any-return]

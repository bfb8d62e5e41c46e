"""The linear recurrence all at once: against NumPy step by step, its gradient, long sequences, extreme factors."""

import numpy as np
import pytest
import tensorflow as tf

from gru_tf.recurrent.linear_scan import SCOPE, complex_recurrence, linear_recurrence

LENGTHS = [1, 2, 4, 5, 16, 17, 64, 99]
LONG = 4096


def drawn(length, dtype="float64", low=-1.0, batch=2, units=3):
    """Factors in [low, 1] and terms of both signs."""
    rng = np.random.default_rng(length)
    shape = (batch, length, units)
    return rng.uniform(low, 1, shape).astype(dtype), rng.normal(size=shape).astype(dtype)


def by_steps(a, b):
    """The recurrence as it is written, in float64."""
    a, b = a.astype("float64"), b.astype("float64")
    states, h = np.empty_like(b), np.zeros_like(b[:, 0])
    for t in range(b.shape[1]):
        states[:, t] = h = a[:, t] * h + b[:, t]
    return states


def backwards(a, h, upstream):
    """Gradients with regard to a and b, by the chain rule step by step, in float64."""
    a = a.astype("float64")
    by_a, by_b, adjoint = np.zeros_like(a), np.zeros_like(a), np.zeros_like(a[:, 0])
    for t in reversed(range(a.shape[1])):
        by_b[:, t] = adjoint = upstream[:, t] + (a[:, t + 1] * adjoint if t + 1 < a.shape[1] else 0)
        by_a[:, t] = adjoint * h[:, t - 1] if t else 0
    return by_a, by_b


def gradients(solve, a, b, upstream):
    """The same by TensorFlow."""
    a, b = tf.constant(a), tf.constant(b)
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        total = tf.reduce_sum(solve(a, b) * tf.constant(upstream, a.dtype))
    return tape.gradient(total, [a, b])


def any_length(a, b):
    """Traced without a length, so that only the running graph knows it."""
    unknown = tf.TensorSpec((None, None, b.shape[2]), b.dtype)
    return tf.function(linear_recurrence, input_signature=[unknown, unknown])(a, b)


def compiled(a, b):
    """By XLA."""
    return tf.function(linear_recurrence, jit_compile=True)(a, b)


WAYS = pytest.mark.parametrize("solve", [linear_recurrence, any_length])
WITH_XLA = [(solve, length) for solve in (linear_recurrence, any_length) for length in LENGTHS] + [(compiled, 99)]


@pytest.mark.parametrize(("solve", "length"), WITH_XLA)
def test_it_is_the_recurrence(solve, length):
    a, b = drawn(length)
    np.testing.assert_allclose(solve(a, b), by_steps(a, b), rtol=0, atol=1e-13)


def test_the_comparison_sees_a_step_that_is_left_out():
    a, b = drawn(31)
    for t in range(31):
        wrong = b.copy()
        wrong[:, t] = 0
        assert np.abs(linear_recurrence(a, wrong) - by_steps(a, b)).max() > 1e-3


@pytest.mark.parametrize(("solve", "length"), WITH_XLA)
def test_its_gradient_is_the_recurrence_backwards(solve, length):
    a, b = drawn(length)
    upstream = np.random.default_rng(0).normal(size=b.shape)
    for found, expected in zip(gradients(solve, a, b, upstream), backwards(a, by_steps(a, b), upstream), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_its_gradient_is_that_of_small_differences():
    a, b = drawn(9)
    upstream, direction = (np.random.default_rng(i).normal(size=b.shape) for i in (0, 1))
    by_a, by_b = gradients(linear_recurrence, a, b, upstream)
    for with_a, found in ((1, by_a), (0, by_b)):
        up, down = (by_steps(a + s * with_a * direction, b + s * (1 - with_a) * direction) for s in (1e-6, -1e-6))
        expected = np.sum(upstream * (up - down)) / 2e-6
        assert np.sum(found.numpy() * direction) == pytest.approx(expected, rel=1e-8)


@WAYS
def test_a_long_sequence_in_float32_is_exact_to_its_rounding(solve):
    """With factors near 1, where rounding adds up: a hundred roundings of the largest state at most."""
    a, b = drawn(LONG, "float32", low=0.9)
    expected = by_steps(a, b)
    error = np.abs(solve(a, b) - expected).max()
    assert error < 100 * 2**-24 * np.abs(expected).max()
    by_a, by_b = gradients(solve, a, b, np.ones(b.shape))
    for found, exact in zip((by_a, by_b), backwards(a, expected, np.ones(b.shape)), strict=True):
        np.testing.assert_allclose(found, exact, rtol=0, atol=100 * 2**-24 * np.abs(exact).max())


def test_the_sum_of_logarithms_would_not_do():
    """The same sequence by exp(Σ log a) · Σ exp(log b − Σ log a), the form that needs no scan: why it is not used."""
    a, b = drawn(LONG, "float32", low=0.1)
    b = np.abs(b)
    logs = tf.cumsum(tf.math.log(a), axis=1)
    by_logs = tf.exp(logs + tf.math.cumulative_logsumexp(tf.math.log(b) - logs, axis=1))
    expected = by_steps(a, b)
    assert np.abs(by_logs - expected).max() > 1e-4
    np.testing.assert_allclose(linear_recurrence(a, b), expected, rtol=0, atol=1e-6 * expected.max())


@WAYS
@pytest.mark.parametrize("factor", [0.0, 1e-30, 1.0])
def test_products_too_small_for_the_type_are_zero_and_nothing_is_infinite(solve, factor):
    a, b = np.full((1, 1000, 1), factor, "float32"), np.ones((1, 1000, 1), "float32")
    expected = np.arange(1, 1001.0)[None, :, None] if factor == 1 else np.ones((1, 1000, 1))
    np.testing.assert_allclose(solve(a, b), expected, rtol=1e-6)
    for gradient in gradients(solve, a, b, np.ones(b.shape)):
        assert np.isfinite(gradient).all()


def test_it_keeps_the_type():
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        a, b = (tf.cast(v, dtype) for v in drawn(7))
        for solve in (linear_recurrence, any_length):
            assert solve(a, b).dtype == dtype
            assert {g.dtype for g in gradients(solve, a, b, np.ones(b.shape))} == {tf.as_dtype(dtype)}


def test_its_graph_says_that_it_is_there_both_ways():
    a, b = drawn(16)
    graph = (
        tf.function(lambda: gradients(linear_recurrence, a, b, np.ones(b.shape)))
        .get_concrete_function()
        .graph.as_graph_def()
    )
    named = [node for node in graph.node if SCOPE in node.name]
    assert len([node for node in named if node.op == "AddV2"]) == 2 * (
        3 + 3 + 4
    )  # both ways: into blocks, over them, in them
    assert not [node for node in graph.node if "While" in node.op]


# --- of complex numbers ---


def drawn_complex(length):
    """Factors on the unit disc and terms of any direction."""
    rng = np.random.default_rng(length)
    shape = (2, length, 3)
    a = rng.uniform(0, 1, shape) * np.exp(2j * np.pi * rng.random(shape))
    return a, rng.normal(size=shape) + 1j * rng.normal(size=shape)


def by_complex_steps(a, b):
    """The recurrence in NumPy's complex numbers."""
    states, h = np.empty_like(b), np.zeros_like(b[:, 0])
    for t in range(b.shape[1]):
        states[:, t] = h = a[:, t] * h + b[:, t]
    return states


def in_parts(a, b):
    """`complex_recurrence` of the two, as a complex array."""
    re, im = complex_recurrence((a.real, a.imag), (b.real, b.imag))
    return re.numpy() + 1j * im.numpy()


def complex_any_length(a, b):
    """Traced without a length."""
    traced = tf.function(complex_recurrence, input_signature=[(tf.TensorSpec((None, None, 3), "float64"),) * 2] * 2)
    re, im = traced((tf.constant(a.real), tf.constant(a.imag)), (tf.constant(b.real), tf.constant(b.imag)))
    return re.numpy() + 1j * im.numpy()


@pytest.mark.parametrize("solve", [in_parts, complex_any_length])
@pytest.mark.parametrize("length", LENGTHS)
def test_it_is_the_recurrence_of_complex_numbers(solve, length):
    a, b = drawn_complex(length)
    np.testing.assert_allclose(solve(a, b), by_complex_steps(a, b), rtol=0, atol=1e-13)


@pytest.mark.parametrize("length", [1, 2, 9, 33])
def test_its_gradient_by_all_parts_is_that_of_small_differences(length):
    """Of each of the four real arrays, in float64, along a direction; without the conjugates it would be another."""
    a, b = drawn_complex(length)
    upstream = np.random.default_rng(0).normal(size=(2, *b.shape))
    parts = [a.real, a.imag, b.real, b.imag]

    def loss(parts):
        h = by_complex_steps(parts[0] + 1j * parts[1], parts[2] + 1j * parts[3])
        return np.sum(upstream[0] * h.real + upstream[1] * h.imag)

    variables = [tf.constant(part) for part in parts]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        re, im = complex_recurrence(tuple(variables[:2]), tuple(variables[2:]))
        total = tf.reduce_sum(upstream[0] * re + upstream[1] * im)
    found = tape.gradient(total, variables)
    for n, gradient in enumerate(found):
        direction = np.random.default_rng([1, n]).normal(size=b.shape)
        up, down = (loss([p + (n == m) * s * direction for m, p in enumerate(parts)]) for s in (1e-6, -1e-6))
        assert np.sum(gradient * direction) == pytest.approx((up - down) / 2e-6, rel=1e-7, abs=1e-7)
    if length > 1:
        adjoint = found[2].numpy() + 1j * found[3].numpy()
        unconjugated = adjoint[:, 1:] * by_complex_steps(a, b)[:, :-1]
        assert np.abs(unconjugated.real - found[0].numpy()[:, 1:]).max() > 1e-2


@pytest.mark.parametrize("solve", [in_parts, complex_any_length])
@pytest.mark.parametrize("length", LENGTHS)
def test_factors_that_are_the_same_at_all_steps_need_no_length(solve, length):
    a, b = drawn_complex(length)
    constant = a[:1, :1]
    if solve is complex_any_length:
        constant = np.broadcast_to(constant, b.shape)  # traced for factors of any length: the recurrence below
    np.testing.assert_allclose(solve(constant, b), by_complex_steps(np.broadcast_to(a[:1, :1], b.shape), b), atol=1e-13)
    gradients_by = []
    for of in (a[:1, :1], np.broadcast_to(a[:1, :1], b.shape)):
        variables = [tf.constant(part) for part in (of.real, of.imag, b.real, b.imag)]
        with tf.GradientTape() as tape:
            tape.watch(variables)
            re, im = complex_recurrence(tuple(variables[:2]), tuple(variables[2:]))
            total = tf.reduce_sum(re**2 + im * re)
        gradients_by.append(tape.gradient(total, variables))
    for one, other in zip(*gradients_by, strict=True):
        expected = other if one.shape == other.shape else np.sum(other, axis=(0, 1), keepdims=True)
        np.testing.assert_allclose(one, expected, rtol=1e-10, atol=1e-10)

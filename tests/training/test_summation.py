"""Sums and norms against NumPy in float64 and TensorFlow's clipping, and by several threads."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from gru_tf.training import summation


@pytest.mark.parametrize("shape", [(), (0,), (7,), (4096,), (4097,), (300, 100), (3, 5, 7)])
def test_total(shape):
    values = np.random.default_rng(1).normal(size=shape).astype("float32")
    within = 1e-6 * max(1.0, np.abs(values).sum())
    np.testing.assert_allclose(summation.total(tf.constant(values)), values.astype("float64").sum(), rtol=0, atol=within)
    unknown = tf.function(summation.total, autograph=False).get_concrete_function(
        tf.TensorSpec([None] * len(shape), "float32")
    )
    np.testing.assert_allclose(unknown(tf.constant(values)), values.astype("float64").sum(), rtol=0, atol=within)


def gradients():
    """Of a matrix and of a vector of zeros."""
    rng = np.random.default_rng(2)
    return [tf.constant(rng.normal(size=(90, 70)).astype("float32")), tf.zeros(4)]


def compared(ours, theirs):
    for own, tensorflow in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, tensorflow, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("norm", [0.5, 1e3])
def test_clipped_as_tensorflow_clips(norm):
    norm = tf.Variable(norm)
    compared(summation.clip_together(gradients(), norm), tf.clip_by_global_norm(gradients(), norm)[0])
    compared(summation.clip_each(gradients(), norm), [tf.clip_by_norm(g, norm) for g in gradients()])


def test_a_weight_without_a_gradient_stays_without():
    clipped = summation.clip_together([None, tf.constant([3.0, 4.0])], 1.0)
    assert clipped[0] is None
    np.testing.assert_allclose(clipped[1], [0.6, 0.8], rtol=1e-6)


def test_what_is_not_finite_stays_so():
    assert np.isnan(summation.clip_together([tf.constant([np.inf, 1.0])], 1.0)[0]).all()


def of_threads(count):
    """(ours, TensorFlow's) sum of a million numbers in a process of so many threads."""
    code = f"""if True:
        import json, sys
        import numpy as np, tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads({count})
        from gru_tf.training import summation
        values = tf.constant(np.random.default_rng(0).normal(size=1_000_000).astype("float32"))
        sys.stdout.write(json.dumps([float(summation.total(values)), float(tf.reduce_sum(values))]))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_same_bits_by_any_number_of_threads():
    found = [of_threads(count) for count in (1, 2, 3)]
    assert len({ours for ours, _ in found}) == 1
    assert len({tensorflow for _, tensorflow in found}) > 1, "TensorFlow's own sum no longer depends on threads"

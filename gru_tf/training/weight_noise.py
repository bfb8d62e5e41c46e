"""Gaussian noise on the weights during training: the gradient is taken at noisy weights, and updates those without noise.

At step t = 0, 1, … of a run, of standard deviation σ and seed s:

    ε = σ √(−2 ln u) (cos 2πv, sin 2πv), u and v uniform, drawn by Philox from (s + OF_NOISE, t);   w ← w − update(∇L(w + ε))

All weights that learn have it, biases and embeddings included; those of a frozen stack do not. What is drawn depends on the
seed and the number of the step alone, which is among the optimiser's variables: a run that continues from a checkpoint draws
what it would have drawn. Noise is σ times a draw of unit deviation, so that trials of a search draw the same. TensorFlow's
own normal numbers are others where XLA compiles a step; these are not.

Reference: A. Graves, "Practical variational inference for neural networks", NIPS 2011; J. Chung and others 2014, arXiv
1412.3555 (standard deviation 0.075, fixed); G. E. P. Box, M. E. Muller, Annals of Mathematical Statistics 29 (1958), 610
(normal numbers from uniform ones).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

OF_NOISE = 2**40  # added to the run's seed, which is less: dropout draws from (seed, count) by the same generator


def drawn(shapes: Sequence[Sequence[int]], seed: Any, step: Any) -> list[Any]:
    """Standard normal float32 of these shapes, one after the other from one draw; part of a graph.

    Args:
        shapes: of the weights.
        seed: int64, of the run.
        step: a whole number, of the updates so far.
    """
    sizes = [math.prod(shape) for shape in shapes]
    place = tf.stack([tf.cast(seed, tf.int64) + OF_NOISE, tf.cast(step, tf.int64)])
    flat = _normal(sum(sizes), place)
    return [tf.reshape(part, shape) for part, shape in zip(tf.split(flat, sizes), shapes, strict=True)]


def _normal(count: int, place: Any) -> Any:
    """(count,) by Box and Muller, from whole numbers of 24 bits: at most 5.8 in absolute value."""
    pairs = (count + 1) // 2
    bits = tf.random.stateless_uniform([2, pairs], place, None, None, tf.uint32, alg="philox")
    u, v = tf.unstack(tf.cast(tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-24)
    radius, angle = tf.sqrt(-2.0 * tf.math.log(u + 2.0**-24)), 2.0 * math.pi * v
    return tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], 0)[:count]


def at_noisy_weights(variables: Sequence[Any], deviation: Any, seed: Any, step: Any, compute: Callable[[], Any]) -> Any:
    """What `compute` returns while the variables have noise; afterwards they are what they were, to the bit.

    Args:
        variables: Keras', of the network.
        deviation: of the noise.
        seed: of the run.
        step: number of the updates so far.
        compute: reads the variables; part of a graph.
    """
    clean = [tf.identity(variable.value) for variable in variables]
    for variable, value, noise in zip(variables, clean, drawn([v.shape for v in variables], seed, step), strict=True):
        variable.assign(value + deviation * noise)
    result = compute()
    for variable, value in zip(variables, clean, strict=True):
        variable.assign(value)
    return result

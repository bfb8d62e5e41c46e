"""The memory of an mLSTM over a stretch of steps at once: products of matrices in the place of a step after the other.

With ĩ and log f as in `gru_tf.recurrent.cells.mlstm`, C_0, n_0, m_0 the memory before the stretch, and in each head

    D̃_tj = Σ_{s=j+1}^t log f_s + ĩ_j for j ≤ t, −∞ else        how much weight step j has at step t, in logarithms
    g_t  = Σ_{s=1}^t log f_s + m_0                               how much the memory before has
    m_t  = max(g_t, max_j D̃_tj)
    S_tj = exp(D̃_tj − m_t) q_tᵀ k_j,    w_t = exp(g_t − m_t)
    h̃_t  = (Σ_j S_tj v_j + w_t C_0 q_t) / max(|Σ_j S_tj + w_t n_0ᵀ q_t|, exp(−m_t))
    C_t  = w_t C_0 + Σ_j exp(D̃_tj − m_t) v_j k_jᵀ,    n_t = w_t n_0 + Σ_j exp(D̃_tj − m_t) k_j

which are the equations of the cell written out (Beck et al. 2024, arXiv 2405.04517, appendix on the mLSTM in parallel, there
from an empty memory). Sums of log f are sums, not differences of sums from the beginning, which would lose digits to a gate
that is shut. As in the cell, steps that leave nothing in an empty memory, their keys being zero, have no say in later m_t.

Shapes: q, k, v (batch, N, T, d); ĩ, log f, m (batch, N, T); real (batch, 1, T), false where a step changes nothing.
"""

from typing import Any, NamedTuple

from keras import ops

NEVER = -1e30  # in the place of −∞, which has no differences


class MatrixMemory(NamedTuple):
    """C (batch, N, d, d), n (batch, N, d), m (batch, N)."""

    c: Any
    n: Any
    m: Any


class Stretch(NamedTuple):
    """What a stretch of steps reads and writes; shapes as above."""

    q: Any
    k: Any
    v: Any
    a_i: Any
    log_f: Any
    real: Any


def remember(steps: Stretch, before: MatrixMemory, most: float) -> tuple[Any, Any, Any, MatrixMemory]:
    """(values, weight, m, memory after) of a stretch: Σ S v + w C_0 q (batch, N, T, d), Σ S + w n_0ᵀ q, m (batch, N, T).

    Args:
        steps: what is read.
        before: the memory that the stretch begins with.
        most: the greatest exponent.
    """
    k = ops.where(steps.real[..., None], steps.k, ops.zeros_like(steps.k))
    log_f = ops.where(steps.real, steps.log_f, ops.zeros_like(steps.log_f))
    stored = _stored(k, before)
    weights = _weights(ops.where(ops.logical_and(steps.real, stored), steps.a_i, NEVER * ops.ones_like(log_f)), log_f)
    old = ops.cumsum(log_f, axis=-1) + before.m[..., None]
    m = _measure(weights, old, stored, steps, before)
    share = ops.exp(weights - m[..., None])
    kept = ops.exp(ops.minimum(old - m, most))
    scores = share * ops.matmul(steps.q, ops.swapaxes(k, -1, -2))
    values = ops.matmul(scores, steps.v) + kept[..., None] * ops.matmul(steps.q, ops.swapaxes(before.c, -1, -2))
    weight = ops.sum(scores, axis=-1) + kept * ops.matmul(steps.q, before.n[..., None])[..., 0]
    last, rest = share[..., -1, :, None] * k, kept[..., -1]
    c = rest[..., None, None] * before.c + ops.matmul(ops.swapaxes(steps.v, -1, -2), last)
    n = rest[..., None] * before.n + ops.sum(last, axis=-2)
    return values, weight, m, MatrixMemory(c, n, m[..., -1])


def _stored(k: Any, before: MatrixMemory) -> Any:
    """(batch, N, T): whether anything is stored after each step."""
    count = ops.cumsum(ops.cast(ops.any(k != 0, axis=-1), "int32"), axis=-1)
    return ops.logical_or(count > 0, _full(before)[..., None])


def _weights(a_i: Any, log_f: Any) -> Any:
    """D̃ (batch, N, T, T)."""
    t = ops.arange(a_i.shape[-1])
    later, reached = t[:, None] > t, t[:, None] >= t
    f = log_f[..., None] * ops.ones_like(log_f)[..., None, :]
    # the sums by a product with ones at and below the diagonal: many times as fast as `cumsum` on a CPU
    since = ops.matmul(ops.cast(reached, f.dtype), ops.where(later, f, ops.zeros_like(f)))
    return ops.where(reached, since + a_i[..., None, :], NEVER * ops.ones_like(f))


def _measure(weights: Any, old: Any, stored: Any, steps: Stretch, before: MatrixMemory) -> Any:
    """The stabiliser m (batch, N, T); where a step is not real, that of the step before."""
    among = ops.max(weights, axis=-1)
    m = ops.where(_full(before)[..., None], ops.maximum(among, old), among)
    # an empty memory has the measure of the last step, which left nothing in it, or still the one from before
    at = last_real(steps.real)
    carried = ops.take_along_axis(steps.a_i, ops.maximum(at, 0) + ops.zeros_like(m, dtype=at.dtype), axis=-1)
    return ops.where(stored, m, ops.where(at >= 0, carried, before.m[..., None]))


def _full(memory: MatrixMemory) -> Any:
    """(batch, N): whether anything is stored."""
    return ops.any(memory.n != 0, axis=-1)


def last_real(real: Any) -> Any:
    """(…, T): for each step the last real one up to it; −1 where there is none."""
    t = ops.arange(real.shape[-1])
    past = ops.logical_and(t[:, None] >= t, real[..., None, :])
    return ops.max(ops.where(past, t, -1), axis=-1)

"""A GRU network and its back-propagation through time by hand, in NumPy float64, each line beside its equation.

Reset before, "write" convention, no biases, column vectors: the form in which texts derive the GRU.

    z_t = σ(W_zx x_t + W_zh h_{t−1})                  update gate                                                (1)
    r_t = σ(W_rx x_t + W_rh h_{t−1})                  reset gate                                                 (2)
    h̃_t = tanh(W_h̃x x_t + W_h̃h (r_t ∘ h_{t−1}))       candidate                                                  (3)
    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t             state, h_0 = 0                                             (4)
    y_t = σ(W_o h_t)                                  output                                                     (5)
    E = Σ_t E_t,   E_t = ½ Σ (d_t − y_t)²             loss; E_t = 0 where step t has no target d_t               (6)

With δ_a = ∂E/∂a for the argument a of each σ or tanh and δ_h = ∂E/∂h, from t = T back to 1, terms at T + 1 being zero:

    δ_y,t = (y_t − d_t) ∘ y_t ∘ (1 − y_t)                                                        of (5), (6)    (7)
    δ_h,t = W_oᵀ δ_y,t + W_zhᵀ δ_z,t+1 + W_rhᵀ δ_r,t+1
            + (W_h̃hᵀ δ_t+1) ∘ r_{t+1} + δ_h,t+1 ∘ (1 − z_{t+1})         h_t's five ways on: (5), (1) to (4)    (8)
    δ_z,t = δ_h,t ∘ (h̃_t − h_{t−1}) ∘ z_t ∘ (1 − z_t)                                            of (4), (1)    (9)
    δ_t   = δ_h,t ∘ z_t ∘ (1 − h̃_t²)                                                             of (4), (3)   (10)
    δ_r,t = (W_h̃hᵀ δ_t) ∘ h_{t−1} ∘ r_t ∘ (1 − r_t)                                              of (3), (2)   (11)

    ∂E/∂W_o  = Σ_t δ_y,t h_tᵀ
    ∂E/∂W_zx = Σ_t δ_z,t x_tᵀ      ∂E/∂W_zh = Σ_t δ_z,t h_{t−1}ᵀ
    ∂E/∂W_rx = Σ_t δ_r,t x_tᵀ      ∂E/∂W_rh = Σ_t δ_r,t h_{t−1}ᵀ
    ∂E/∂W_h̃x = Σ_t δ_t x_tᵀ        ∂E/∂W_h̃h = Σ_t δ_t (r_t ∘ h_{t−1})ᵀ                                         (12)

Shapes: x_t (I, N), h_t, z_t, r_t, h̃_t and their δ (H, N), y_t and d_t (O, N). The N columns are sequences side by side;
with N = 1 they are the column vectors of the text, and with more the products in (12) sum over the columns as well.
References: the cell as in `gru_tf.recurrent.cells.gru`; P. Werbos, Backpropagation through time, Proceedings of the
IEEE 78(10), 1990.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.sigmoid import sigmoid

Targets = Sequence[Array | None]


class Weights(NamedTuple):
    """The seven matrices, or their seven gradients; W_zx is `zx`, and W_h̃x is `hx`."""

    o: Array  # (O, H)
    zx: Array  # (H, I)
    zh: Array  # (H, H)
    rx: Array
    rh: Array
    hx: Array
    hh: Array


class Step(NamedTuple):
    """What one step of the forward pass leaves for the backward pass."""

    x: Array
    past: Array  # h_{t−1}
    z: Array
    r: Array
    candidate: Array  # h̃_t
    h: Array
    y: Array


class Delta(NamedTuple):
    """The δ of one step; `candidate` is the text's δ without an index."""

    y: Array
    h: Array
    z: Array
    candidate: Array
    r: Array


def initial(features: int, units: int, outputs: int, rng: np.random.Generator) -> Weights:
    """Matrices to begin with: normal numbers over the square root of their columns."""
    shapes = [(outputs, units), *[(units, features), (units, units)] * 3]
    return Weights(*(rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes))


def forward(w: Weights, x: Array) -> list[Step]:
    """Equations (1) to (5) over x (T, I, N): one `Step` each."""
    h = np.zeros((len(w.zh), x.shape[2]))
    steps = []
    for x_t in x:
        past = h
        z = sigmoid(w.zx @ x_t + w.zh @ past)  # (1)
        r = sigmoid(w.rx @ x_t + w.rh @ past)  # (2)
        candidate = np.tanh(w.hx @ x_t + w.hh @ (r * past))  # (3)
        h = (1 - z) * past + z * candidate  # (4)
        y = sigmoid(w.o @ h)  # (5)
        steps.append(Step(x_t, past, z, r, candidate, h, y))
    return steps


def loss(steps: Sequence[Step], targets: Targets) -> float:
    """E of (6), summed over the sequences too; `targets` has d_t (O, N) or None for each step."""
    return sum(0.5 * float(np.sum((d - s.y) ** 2)) for s, d in zip(steps, targets, strict=True) if d is not None)


def deltas(w: Weights, steps: Sequence[Step], targets: Targets) -> list[Delta]:
    """Equations (7) to (11) from the last step to the first: one `Delta` for each step, in the order of time."""
    δs: list[Delta] = []
    none = np.zeros_like(steps[-1].h)
    later = Delta(none, none, none, none, none)  # δ of step t + 1
    z_later, r_later = none, none
    for s, d in zip(reversed(steps), reversed(targets), strict=True):
        δ_y = (s.y - d) * s.y * (1 - s.y) if d is not None else np.zeros_like(s.y)  # (7)
        δ_h = (
            w.o.T @ δ_y  # (8): through this step's output
            + w.zh.T @ later.z  # the next update gate
            + w.rh.T @ later.r  # the next reset gate
            + (w.hh.T @ later.candidate) * r_later  # the next candidate
            + later.h * (1 - z_later)  # and what the next state keeps
        )
        δ_z = δ_h * (s.candidate - s.past) * s.z * (1 - s.z)  # (9)
        δ = δ_h * s.z * (1 - s.candidate**2)  # (10)
        δ_r = (w.hh.T @ δ) * s.past * s.r * (1 - s.r)  # (11)
        later, z_later, r_later = Delta(δ_y, δ_h, δ_z, δ, δ_r), s.z, s.r
        δs.append(later)
    return δs[::-1]


def gradients(steps: Sequence[Step], δs: Sequence[Delta]) -> Weights:
    """Equations (12): the seven gradients, summed over time."""
    pairs = list(zip(steps, δs, strict=True))
    return Weights(
        o=_summed(δ.y @ s.h.T for s, δ in pairs),
        zx=_summed(δ.z @ s.x.T for s, δ in pairs),
        zh=_summed(δ.z @ s.past.T for s, δ in pairs),
        rx=_summed(δ.r @ s.x.T for s, δ in pairs),
        rh=_summed(δ.r @ s.past.T for s, δ in pairs),
        hx=_summed(δ.candidate @ s.x.T for s, δ in pairs),
        hh=_summed(δ.candidate @ (s.r * s.past).T for s, δ in pairs),
    )


def _summed(products: Iterable[Array]) -> Array:
    total: Array = np.sum(list(products), axis=0)
    return total


def backward(w: Weights, steps: Sequence[Step], targets: Targets) -> Weights:
    """∂E/∂W for the seven matrices, from what `forward` left."""
    return gradients(steps, deltas(w, steps, targets))


def train(
    w: Weights, batches: Iterable[tuple[Array, Targets]], learning_rate: float = 0.01
) -> Iterator[tuple[Weights, float]]:
    """Adam on the mean E of each batch; yields the weights after each step, and that mean before it.

    Adam (D. Kingma, J. Ba, arXiv 1412.6980, algorithm 1): m and v are running means of the gradient and of its square.

    Args:
        w: weights to begin with; they are left as they are.
        batches: (x, targets) as for `forward` and `loss`, one a step.
        learning_rate: of Adam.
    """
    m = v = Weights(*map(np.zeros_like, w))
    for k, (x, targets) in enumerate(batches, start=1):
        steps = forward(w, x)
        g = [gradient / x.shape[2] for gradient in backward(w, steps, targets)]
        m = Weights(*(0.9 * m_i + 0.1 * g_i for m_i, g_i in zip(m, g, strict=True)))
        v = Weights(*(0.999 * v_i + 0.001 * g_i**2 for v_i, g_i in zip(v, g, strict=True)))
        rate = learning_rate * np.sqrt(1 - 0.999**k) / (1 - 0.9**k)  # m and v begin at zero
        w = Weights(*(w_i - rate * m_i / (np.sqrt(v_i) + 1e-8) for w_i, m_i, v_i in zip(w, m, v, strict=True)))
        yield w, loss(steps, targets) / x.shape[2]


def columns(inputs: Array, targets: Array) -> tuple[Array, list[Array | None]]:
    """Examples as tasks give them, in the columns of this text.

    Args:
        inputs: (N, T, I).
        targets: (N, O), one for the whole sequence, in [0, 1] where (5) is to reach them.

    Returns:
        x (T, I, N), and a target (O, N) at the last step alone.
    """
    x = np.transpose(inputs, (1, 2, 0)).astype(np.float64)
    return x, [None] * (len(x) - 1) + [targets.T.astype(np.float64)]

"""mLSTM of xLSTM: a matrix of values under keys for a memory, read by queries; no gate sees the state.

    q_t = W_q x_t + b_q                            query                                          (eq. 22)
    k_t = (W_k x_t + b_k) / √d                     key                                            (eq. 23)
    v_t = W_v x_t + b_v                            value                                          (eq. 24)
    o_t = σ(W_o x_t + b_o)                         output gate                                    (eq. 27)
    ĩ_t = w_iᵀ x_t + b_i                           input gate of a head, i_t = exp(ĩ_t)           (eq. 25)
    f̃_t = w_fᵀ x_t + b_f                           forget gate of a head, σ(f̃_t) or exp(f̃_t)      (eq. 26, `forget`)
    m_t = max(log f_t + m_{t−1}, ĩ_t)              stabiliser of a head                           (eq. 15)
    i'_t = exp(ĩ_t − m_t),  f'_t = exp(log f_t + m_{t−1} − m_t)                                   (eqs. 16, 17)
    C_t = f'_t C_{t−1} + i'_t v_t k_tᵀ             memory of a head, d×d                          (eq. 19)
    n_t = f'_t n_{t−1} + i'_t k_t                  normaliser                                     (eq. 20)
    h_t = o_t ∘ C_t q_t / max(|n_tᵀ q_t|, exp(−m_t))                                              (eq. 21)

in each of N heads of d = H/N units (`heads`). With f, i and 1 in the place of f', i' and exp(−m_t) the output is the same: C
and n are written in the measure exp(m) (the paper's appendix on the mLSTM in parallel). Where n_{t−1} is zero in all of a
head nothing is stored, and m_t = ĩ_t; see `gru_tf.recurrent.cells._exponential`. All states at zero, where a layer begins,
are such a memory, in which m does not matter: the first step is exact.

h is a state only because it is the output; the step does not read it. The states are h (batch, H), c (batch, H·d), which is
C (batch, N, d of the value, d of the key), n (batch, H) and m (batch, N).

The biases of the forget gates begin at 3 to 6, from the first to the last head, with forget="sigmoid" (the authors' code;
their gates' kernels begin at zero, which `kernel_initializer` decides here); with "exp" they are left to `bias_initializer`.

As gates, f is the forget gate itself, and i is i'_t, which is 1 where the step is the most weighty so far; each stands for
all units of its head. What is kept of C is f; with "exp" that is no share, and the cell does not say how long it remembers.

Shapes: kernel (I, 4H + 2N), bias (4H + 2N,), blocks in the order q, k, v, o of H columns, i, f of N; there is no recurrent
kernel. Parameters: (4H + 2N)(I + 1).
Reference: M. Beck, K. Pöppel, M. Spanring, A. Auer, O. Prudnikova, M. Kopp, G. Klambauer, J. Brandstetter, S. Hochreiter,
"xLSTM: Extended long short-term memory", arXiv 2405.04517, 2024.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import accumulate, pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CellSpec, Whole, around
from gru_tf.recurrent.cells._arguments import whole
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.cells._exponential import (
    FORGETS,
    in_range,
    log_forget,
    log_forget_by_numpy,
    spread_bias,
    stabilised,
    stabilised_by_numpy,
)
from gru_tf.recurrent.cells._quantized import columns_of, matmul
from gru_tf.recurrent.sigmoid import sigmoid

HEADS = Whole(1, 1024)


@keras.saving.register_keras_serializable(package="gru_tf")
class MLSTMCell(RecurrentCell):
    """The mLSTM cell.

    In half precision gates and memory are computed in float32; the states are stored in half precision.

    Args:
        units: H, size of the output.
        forget: "sigmoid" or "exp", what the forget gate is.
        heads: N, how many memories there are; it divides `units`.
        activation: of the values, which have none in the paper.
        recurrent_activation: of the output gate.
        **options: those of `RecurrentCell`, without what concerns a recurrent kernel.

    Raises:
        ValueError: for a `forget` or `heads` that there is not, and for what needs a recurrent kernel.
    """

    gates = ("q", "k", "v", "o", "i", "f")
    states = ("h", "c", "n", "m")
    recurrent = False

    def __init__(self, units: int, forget: str = "sigmoid", heads: int = 1, activation: Any = "linear", **options: Any):
        heads = whole(heads)
        self._expect(forget in FORGETS, "forget", "'sigmoid' or 'exp'", forget)
        super().__init__(units, activation=activation, **options)
        self._expect(heads in HEADS and self.units % heads == 0, "heads", f"a divisor of units={self.units}", heads)
        self.forget, self.heads = forget, heads

    @property
    def widths(self) -> tuple[int, ...]:
        """H for q, k, v, o, N for i and f."""
        return (self.units,) * 4 + (self.heads,) * 2

    @property
    def state_sizes(self) -> list[int]:
        """H, H·d, H, N."""
        return [self.units, self.units**2 // self.heads, self.units, self.heads]

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias, with 3 to 6 over the heads for a forget gate that is a sigmoid."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if self.forget == "exp":
            return bias
        return ops.concatenate([bias[: -self.heads], spread_bias(self.heads, bias.dtype)])

    def product(  # type: ignore[override]
        self, values: Any, kernel: Any, masks: Sequence[Any] = (), multiply: Any = matmul
    ) -> Any:
        """As in the base, with a mask for each block of its own width."""
        if len(masks) < 2:
            return super().product(values, kernel, masks, multiply)
        ends = list(accumulate(self.widths, initial=0))
        blocks = [columns_of(kernel, *pair) for pair in pairwise(ends)]
        return ops.concatenate([multiply(values * m, b) for m, b in zip(masks, blocks, strict=True)], axis=-1)

    def read_input(self, x: Any, training: bool = False) -> tuple[Any, ...]:
        """(q, k, v, o, ĩ, log f) of inputs (…, I): (…, N, d) each, but o (…, H) and the last two (…, N)."""
        dtype, _ = in_range(self.compute_dtype)
        q, k, v, o, a_i, a_f = (ops.cast(a, dtype) for a in self.split(self.from_input(x, training)))
        lead = tuple(ops.shape(q)[:-1])
        d = self.units // self.heads
        q, k, v = (ops.reshape(a, (*lead, self.heads, d)) for a in (q, k / d**0.5, self.activation(v)))
        return q, k, v, self.recurrent_activation(o), a_i, log_forget(a_f, self.forget)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H), c (batch, H·d), n (batch, H), m (batch, N)] → [h', c', n', m']."""
        dtype, _ = in_range(self.compute_dtype)
        c, n, m = (ops.cast(state, dtype) for state in states[1:])
        q, k, v, o, a_i, log_f = self.read_input(x, training)
        c, n = ops.reshape(c, (-1, *k.shape[1:], k.shape[-1])), ops.reshape(n, (-1, *k.shape[1:]))
        i, f, m = stabilised(a_i, log_f, m, ops.all(n == 0, axis=-1), self.compute_dtype)
        i, f = i[..., None], f[..., None]
        c = f[..., None] * c + (i * v)[..., None] * k[..., None, :]
        n = f * n + i * k
        new = (o * self.read_memory(ops.matmul(c, q[..., None])[..., 0], ops.sum(n * q, axis=-1), m), c, n, m)
        pairs = zip(new, self.state_sizes, strict=True)
        return [ops.cast(ops.reshape(state, (-1, size)), self.compute_dtype) for state, size in pairs]

    def read_memory(self, values: Any, weight: Any, m: Any) -> Any:
        """C q over the greater of nᵀ q's magnitude and exp(−m), (…, H), of C q (…, N, d), nᵀ q and m (…, N).

        exp(−m) is cut to numbers whose squares are still finite and above zero, which the gradient divides by.
        """
        _, most = in_range(self.compute_dtype)
        least = ops.exp(ops.clip(-m, -most, most))
        read = values / ops.maximum(ops.abs(weight), least)[..., None]
        return ops.reshape(read, (*ops.shape(read)[:-2], self.units))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "forget": self.forget, "heads": self.heads}


def _read_input(x: Array, weights: Mapping[str, Array], heads: int) -> list[Array]:
    """Q, k, v (batch, N, d), what is before o (batch, H), ĩ and f̃ (batch, N)."""
    units = (weights["bias"].size - 2 * heads) // 4
    a = np.split(x @ weights["kernel"] + weights["bias"], [units, 2 * units, 3 * units, 4 * units, -heads], axis=-1)
    q, k, v = (part.reshape(len(x), heads, units // heads) for part in a[:3])
    return [q, k / np.sqrt(units // heads), v, *a[3:]]


def step(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], forget: str = "sigmoid", heads: int = 1
) -> list[Array]:
    """All equations in NumPy float64; `weights` holds kernel and bias."""
    q, k, v, a_o, a_i, a_f = _read_input(x, weights, heads)
    c, n = states[1].reshape(*k.shape, -1), states[2].reshape(k.shape)
    i, f, m = stabilised_by_numpy(a_i, log_forget_by_numpy(a_f, forget), states[3], (n == 0).all(axis=-1))
    c = f[..., None, None] * c + i[..., None, None] * np.einsum("bnv,bnk->bnvk", v, k)
    n = f[..., None] * n + i[..., None] * k
    lower = np.maximum(np.abs(np.einsum("bnk,bnk->bn", n, q)), np.exp(-m))
    h = sigmoid(a_o) * (np.einsum("bnvk,bnk->bnv", c, q) / lower[..., None]).reshape(a_o.shape)
    return [h, *(state.reshape(len(x), -1) for state in (c, n)), m]


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], forget: str = "sigmoid", heads: int = 1
) -> dict[str, Array]:
    """Q, k, v, o and, for all units of a head alike, i' and f."""
    q, k, v, a_o, a_i, a_f = _read_input(x, weights, heads)
    log_f = log_forget_by_numpy(a_f, forget)
    i, _, _ = stabilised_by_numpy(a_i, log_f, states[3], (states[2].reshape(k.shape) == 0).all(axis=-1))
    by_unit = {"q": q, "k": k, "v": v, "o": sigmoid(a_o)}
    by_head = {"i": i, "f": np.exp(log_f)}
    values = {name: value.reshape(a_o.shape) for name, value in by_unit.items()}
    return values | {name: np.repeat(value, q.shape[-1], axis=-1) for name, value in by_head.items()}


def remembered(states: Sequence[Array]) -> Array:
    """The normaliser in its own measure, which is kept as the memory is, and has a number for each unit."""
    _, _, n, m = states
    measure: Array = np.repeat(np.exp(m), n.shape[-1] // m.shape[-1], axis=-1)
    return n * measure


def chunked(units: int, **options: Any) -> Any:
    """The layer that computes many steps at once, imported when the first is made: layers are built on cells."""
    return around(import_module("gru_tf.recurrent.layers.chunked_mlstm").ChunkedMLSTM, MLSTMCell, units, **options)


CELL = CellSpec(
    name="mlstm",
    build=MLSTMCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, forget="sigmoid", **options: values["f"] if forget == "sigmoid" else None,
    gates=MLSTMCell.gates,
    states=MLSTMCell.states,
    parameters=lambda features, units, heads=1, **options: (4 * units + 2 * heads) * (features + 1),
    fused=chunked,
    reference="Beck et al. 2024, arXiv 2405.04517",
    options={"forget": ("sigmoid", "exp"), "heads": (1, Whole(2, 1024))},
    sizes=lambda units, heads=1, **options: (units, units * units // heads, units, heads),
    memory="n",
    remembered=remembered,
    # C q makes the output alone
    products=lambda features, units, heads=1, **options: ((4 * units + 2 * heads) * features, 0, units * units // heads),
    multiple=lambda heads=1, **options: heads,
)

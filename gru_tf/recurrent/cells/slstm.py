"""sLSTM of xLSTM: an LSTM with an exponential input gate, whose memory is divided by what was put into it.

    ĩ_t = W_i x_t + R_i h_{t−1} + b_i              input gate, i_t = exp(ĩ_t)                     (eq. 12)
    f̃_t = W_f x_t + R_f h_{t−1} + b_f              forget gate, f_t = σ(f̃_t) or exp(f̃_t)          (eq. 13, `forget`)
    z_t = tanh(W_z x_t + R_z h_{t−1} + b_z)        candidate                                      (eq. 11)
    o_t = σ(W_o x_t + R_o h_{t−1} + b_o)           output gate                                    (eq. 14)
    m_t = max(log f_t + m_{t−1}, ĩ_t)              stabiliser                                     (eq. 15)
    i'_t = exp(ĩ_t − m_t),  f'_t = exp(log f_t + m_{t−1} − m_t)                                   (eqs. 16, 17)
    c_t = f'_t ∘ c_{t−1} + i'_t ∘ z_t                                                             (eq. 8)
    n_t = f'_t ∘ n_{t−1} + i'_t                    normaliser                                     (eq. 9)
    h_t = o_t ∘ c_t / n_t                                                                         (eq. 10)

With f and i in the place of f' and i' the output is the same: c and n are both written in the measure exp(m), of which h
knows nothing. Where n_{t−1} is zero nothing is stored, and m_t = ĩ_t; see `gru_tf.recurrent.cells._exponential`. All states
at zero, where a layer begins, are such a memory, in which m does not matter: the first step gives o ∘ z exactly.

With `heads` N the matrices R are block-diagonal: a unit sees the states of its own head of d = H/N units alone.

The biases of the forget gate begin at 3 to 6, from the first to the last unit of a head, with forget="sigmoid" (so the
authors' code has it for mLSTM; for sLSTM it spreads them by a power law of the layer's depth, which a cell does not know);
with "exp" they are left to `bias_initializer`, where 0 means f = 1.

As gates, i and f are the shares of a step in the memory that is read, c_t / n_t = f ∘ c_{t−1} / n_{t−1} + i ∘ z_t, which are
i'_t / n_t and f'_t ∘ n_{t−1} / n_t and sum to 1. The exponentials themselves have no upper end. From an empty memory the
bias b_i makes no difference, nor has it a gradient: it weighs all that is read alike.

Shapes: kernel (I, 4H), recurrent_kernel (H, 4d), of which row j holds the weights of unit j to the units of its head, bias
(4H,); blocks in the order i, f, c (z above), o. Parameters: 4H(I + H/N + 1).
Reference: M. Beck, K. Pöppel, M. Spanring, A. Auer, O. Prudnikova, M. Kopp, G. Klambauer, J. Brandstetter, S. Hochreiter,
"xLSTM: Extended long short-term memory", arXiv 2405.04517, 2024.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import WITHOUT_ZONEOUT, CellSpec, Whole
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
from gru_tf.recurrent.sigmoid import sigmoid

HEADS = Whole(1, 1024)


@keras.saving.register_keras_serializable(package="gru_tf")
class SLSTMCell(RecurrentCell):
    """The sLSTM cell.

    In half precision gates and memory are computed in float32; the states are stored in half precision.

    Args:
        units: H, size of each state.
        forget: "sigmoid" or "exp", what the forget gate is.
        heads: N, into how many parts the recurrent kernel falls that do not see each other; it divides `units`.
        activation: of the candidate.
        recurrent_activation: of the output gate.
        **options: those of `RecurrentCell`, without `zoneout`: c and n would be left in another measure than m.

    Raises:
        ValueError: for a `forget` or `heads` that there is not, and for `zoneout`.
    """

    gates = ("i", "f", "c", "o")
    states = ("h", "c", "n", "m")

    def __init__(self, units: int, forget: str = "sigmoid", heads: int = 1, **options: Any):
        heads, zoneout = whole(heads), options.get("zoneout", 0.0)
        self._expect(forget in FORGETS, "forget", "'sigmoid' or 'exp'", forget)
        self._expect(not zoneout, "zoneout", "left out, as states are written in the measure of m", zoneout)
        super().__init__(units, **options)
        self._expect(heads in HEADS and self.units % heads == 0, "heads", f"a divisor of units={self.units}", heads)
        self.forget, self.heads = forget, heads

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        """(H, 4d), a block of d rows for each head."""
        return (self.units, 4 * self.units // self.heads)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias, with 3 to 6 in each head for a forget gate that is a sigmoid."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if self.forget == "exp":
            return bias
        i, f, c, o = self.split(bias)
        return ops.concatenate([i, ops.tile(spread_bias(self.units // self.heads, f.dtype), [self.heads]), c, o])

    def from_state(self, h: Any, training: bool = False, gates: Sequence[str] = ()) -> Any:
        """R h of all gates, (batch, 4H), each head by itself; the state dropped out in training."""
        if self.heads == 1:
            return super().from_state(h, training, gates)
        masks = self.state_masks(h, training)
        kernels = ops.split(self.state_kernel(training), 4, axis=-1)
        masked = [h * masks[at % len(masks)] if masks else h for at in range(4)]
        return ops.concatenate([self._by_head(*pair) for pair in zip(masked, kernels, strict=True)], axis=-1)

    def _by_head(self, h: Any, kernel: Any) -> Any:
        """(batch, H), (H, d) → (batch, H): each head's units times its own rows."""
        parts = (self.heads, self.units // self.heads)
        product = ops.einsum("bnd,nde->bne", ops.reshape(h, (-1, *parts)), ops.reshape(kernel, (*parts, parts[1])))
        return ops.reshape(product, (-1, self.units))

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """As in the base, with one head.

        Raises:
            NotImplementedError: with several heads, whose blocks have no product of integers.
        """
        if self.heads > 1:
            raise NotImplementedError(f"SLSTMCell: int8 expected `heads` to be 1. Received: heads={self.heads}")
        super().quantize(mode, type_check, config)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h, c, n, m] each (batch, H) → [h', c', n', m']."""
        a = self.from_input(x, training) + self.from_state(states[0], training)
        dtype, _ = in_range(self.compute_dtype)
        a_i, a_f, a_c, a_o, c, n, m = (ops.cast(value, dtype) for value in (*self.split(a), *states[1:]))
        i, f, m = stabilised(a_i, log_forget(a_f, self.forget), m, n == 0, self.compute_dtype)
        c, n = f * c + i * self.activation(a_c), f * n + i
        h = self.recurrent_activation(a_o) * c / n
        return [ops.cast(state, self.compute_dtype) for state in (h, c, n, m)]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "forget": self.forget, "heads": self.heads}


def _arguments(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], heads: int
) -> tuple[Array, Array, Array, Array]:
    """What is before the activations of i, f, z and o."""
    rows = np.split(weights["recurrent_kernel"], heads, axis=0)
    pairs = zip(np.split(states[0], heads, axis=-1), rows, strict=True)
    mixed = [np.split(h @ row, 4, axis=-1) for h, row in pairs]  # head → gate
    a = np.split(x @ weights["kernel"] + weights["bias"], 4, axis=-1)
    i, f, z, o = (a[gate] + np.concatenate([head[gate] for head in mixed], axis=-1) for gate in range(4))
    return i, f, z, o


def step(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], forget: str = "sigmoid", heads: int = 1
) -> list[Array]:
    """All equations in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    _, c, n, m = states
    a_i, a_f, a_z, a_o = _arguments(x, states, weights, heads)
    i, f, m = stabilised_by_numpy(a_i, log_forget_by_numpy(a_f, forget), m, n == 0)
    c, n = f * c + i * np.tanh(a_z), f * n + i
    return [sigmoid(a_o) * c / n, c, n, m]


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], forget: str = "sigmoid", heads: int = 1
) -> dict[str, Array]:
    """Shares i and f of the step in c / n, z and o; f is 1 where nothing is stored yet, which loses nothing."""
    _, _, n, m = states
    a_i, a_f, a_z, a_o = _arguments(x, states, weights, heads)
    i, f, _ = stabilised_by_numpy(a_i, log_forget_by_numpy(a_f, forget), m, n == 0)
    now = f * n + i
    return {"i": i / now, "f": np.where(n == 0, 1.0, f * n / now), "c": np.tanh(a_z), "o": sigmoid(a_o)}


CELL = CellSpec(
    name="slstm",
    build=SLSTMCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, **options: values["f"],
    gates=SLSTMCell.gates,
    states=SLSTMCell.states,
    parameters=lambda features, units, heads=1, **options: 4 * units * (features + units // heads + 1),
    fused=None,
    reference="Beck et al. 2024, arXiv 2405.04517",
    options={"forget": ("sigmoid", "exp"), "heads": (1, Whole(2, 1024)), **WITHOUT_ZONEOUT},
    memory="c",
    remembered=lambda states: states[1] / states[2],
    products=lambda features, units, heads=1, **options: (4 * features * units, 4 * units * units // heads, 0),
    multiple=lambda heads=1, **options: heads,
)

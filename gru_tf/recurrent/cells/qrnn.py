"""Quasi-recurrent network: a convolution over the last k inputs makes the gates, a pooling over time follows.

    c̃_t = tanh(W_c^1 x_{t−k+1} + … + W_c^k x_t + b_c)       candidate, the paper's z       (Bradbury et al. 2017, eqs. 1–2)
    f_t = σ(W_f^1 x_{t−k+1} + … + W_f^k x_t + b_f)          forget gate
    o_t = σ(W_o^1 x_{t−k+1} + … + W_o^k x_t + b_o)          output gate; an input gate i_t likewise
    h_t = f_t ∘ h_{t−1} + (1 − f_t) ∘ c̃_t                   pooling="f"                    (eq. 3)
    c_t = f_t ∘ c_{t−1} + (1 − f_t) ∘ c̃_t,  h_t = o_t ∘ c_t    pooling="fo", the default   (eq. 4)
    c_t = f_t ∘ c_{t−1} + i_t ∘ c̃_t,        h_t = o_t ∘ c_t    pooling="ifo"               (eqs. 5–6)

Inputs before the first are zero. A cell knows one step, so its state holds what earlier inputs will add to later steps,
for each j = 1 … k − 1 the part of step t + j that is known at step t,

    p_t^j = W^{k−j} x_t + p_{t−1}^{j+1},  p^k = 0,  W^1 x_{t−k+1} + … + W^k x_t = W^k x_t + p_{t−1}^1

whose size does not depend on that of x. So a masked step is passed over: the k inputs are the last k real ones.

The state is linear in the one before, and `stock` computes all steps by a parallel scan (gru_tf/recurrent/linear_scan.py).

Shapes: kernel (k, I, GH), the oldest input first, as in `keras.layers.Conv1D`; bias (GH,); blocks in the order c, f, o, i,
with G = 2, 3 or 4 for f, fo or ifo; states h (H), c (H) with an output gate, p ((k − 1)·GH) with k > 1.
Parameters: GH(kI + 1). Reference: J. Bradbury, S. Merity, C. Xiong, R. Socher, "Quasi-recurrent neural networks",
arXiv 1611.01576, 2017.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CellSpec, Whole, scanned
from gru_tf.recurrent.cells._arguments import whole
from gru_tf.recurrent.cells._linear import Before, LinearCell, LinearForm
from gru_tf.recurrent.sigmoid import sigmoid

WINDOW = Whole(1, 1000)


def gates_by(pooling: str = "fo", window: int = 2) -> tuple[str, ...]:
    """The blocks of the kernel."""
    return ("c", "f", "o", "i")[: 1 + len(pooling)]


def states_by(pooling: str = "fo", window: int = 2) -> tuple[str, ...]:
    """The states: c where it is not the output, p where earlier inputs are read."""
    return ("h", *(() if pooling == "f" else ("c",)), *(("p",) if window > 1 else ()))


@keras.saving.register_keras_serializable(package="gru_tf")
class QRNNCell(LinearCell):
    """The quasi-recurrent cell; its convolution interchanges weights with a causal `keras.layers.Conv1D` of GH filters.

    Args:
        units: H, size of h and c.
        pooling: "f", "fo" or "ifo": which gates there are.
        window: k, how many inputs each gate reads; those of masked steps do not count.
        **options: those of `RecurrentCell`, without what concerns a recurrent kernel.

    Raises:
        ValueError: for another `pooling`, or a `window` that is no whole number of at least 1.
    """

    gates: tuple[str, ...] = ("c", "f", "o")
    states: tuple[str, ...] = ("h", "c", "p")

    def __init__(self, units: int, pooling: str = "fo", window: int = 2, **options: Any):
        window = whole(window)
        self._expect(pooling in ("f", "fo", "ifo"), "pooling", "'f', 'fo' or 'ifo'", pooling)
        self._expect(window in WINDOW, "window", str(WINDOW), window)
        self.gates, self.states = gates_by(pooling), states_by(pooling, window)
        super().__init__(units, **options)
        self.pooling, self.window = pooling, window

    @property
    def state_sizes(self) -> list[int]:
        """H for h and c, (k − 1)·GH for p."""
        sizes = {"p": (self.window - 1) * len(self.gates) * self.units}
        return [sizes.get(name, self.units) for name in self.states]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I)."""
        shape = (self.window, input_shape[-1], len(self.gates) * self.units)
        self.kernel = self.weight_of("kernel", "kernel", shape, self.kernel_initializer)
        self.bias = self.weight_of("bias", "bias", self.bias_shape, self.initial_bias) if self.use_bias else None

    def by_lag(self, x: Any, training: bool = False) -> list[Any]:
        """W^k x, …, W^1 x, (…, GH) each: what an input adds to its own step and to those after it."""
        gates, sequence = len(self.gates), len(x.shape) == 3
        masks = self.input_masks(x[:, 0] if sequence else x, training)
        masks = [ops.expand_dims(m, 1) for m in masks] if sequence else masks
        apart = ops.reshape(ops.flip(self.kernel, 0), (self.window, -1, gates, self.units))
        flat = ops.reshape(ops.transpose(apart, (1, 2, 0, 3)), (x.shape[-1], gates * self.window * self.units))
        blocks = ops.split(self.product(x, flat, masks), gates * self.window, axis=-1)  # by gate, then by lag
        return [ops.concatenate(blocks[lag :: self.window], axis=-1) for lag in range(self.window)]

    def linear_form(self, x: Any, states: list[Any], before: Before, training: bool = False) -> LinearForm:
        """The equations above, of inputs (batch, I) or (batch, T, I)."""
        now, *later = self.by_lag(x, training)
        waiting = ops.split(states[-1], len(later), axis=-1) if later else []
        for n in reversed(range(len(later) - 1)):
            later[n] = later[n] + before(later[n + 1], waiting[n + 1])
        a = now + before(later[0], waiting[0]) if later else now
        values = dict(zip(self.gates, self.split(a + self.bias if self.use_bias else a), strict=True))
        c, f = self.activation(values.pop("c")), self.recurrent_activation(values.pop("f"))
        rest = {name: self.recurrent_activation(value) for name, value in values.items()}
        output = (lambda s: rest["o"] * s[0]) if "o" in rest else None
        return LinearForm((f,), (rest.get("i", 1 - f) * c,), output, (ops.concatenate(later, axis=-1),) if later else ())

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "pooling": self.pooling, "window": self.window}


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> dict[str, Array]:
    """The candidate and the gates in NumPy float64; `weights` holds kernel and bias, the last state p where k > 1."""
    names, a = gates_by(**options), x @ weights["kernel"][-1] + weights["bias"]
    if len(weights["kernel"]) > 1:
        a = a + states[-1][:, : a.shape[-1]]
    of = dict(zip(names, np.split(a, len(names), axis=-1), strict=True))
    return {name: np.tanh(value) if name == "c" else sigmoid(value) for name, value in of.items()}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The pooling, and what this input adds to later steps."""
    v, names, kernel = gate_values(x, states, weights, **options), states_by(**options), weights["kernel"]
    c = v["f"] * states[names.index("c") if "c" in names else 0] + (v["i"] if "i" in v else 1 - v["f"]) * v["c"]
    new = [v["o"] * c, c] if "o" in v else [c]
    if len(kernel) > 1:
        known = np.concatenate([states[-1][:, kernel.shape[-1] :], np.zeros((len(x), kernel.shape[-1]))], axis=-1)
        new.append(known + np.concatenate([x @ w for w in kernel[-2::-1]], axis=-1))
    return new


def parameters(features: int, units: int, pooling: str = "fo", window: int = 2) -> int:
    """A matrix for each gate and input of the window, a bias for each gate."""
    return (1 + len(pooling)) * units * (window * features + 1)


def sizes(units: int, pooling: str = "fo", window: int = 2) -> tuple[int, ...]:
    """H each, and for p what each gate has waiting for each of the k − 1 next steps."""
    waiting = (window - 1) * (1 + len(pooling)) * units
    return (units, *(() if pooling == "f" else (units,)), *((waiting,) if waiting else ()))


CELL = CellSpec(
    name="qrnn",
    build=QRNNCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, **options: values["f"],
    gates=QRNNCell.gates,
    states=QRNNCell.states,
    parameters=parameters,
    fused=scanned(QRNNCell),
    reference="Bradbury et al. 2017, arXiv 1611.01576",
    options={"pooling": ("fo", "f", "ifo"), "window": (2, WINDOW)},
    sizes=sizes,
    memory="c",
    gates_by=gates_by,
    states_by=states_by,
)

"""Simple recurrent unit: gates that see the state unit by unit at most, and a highway from the input to the output.

    f_t = σ(W_f x_t + v_f ∘ c_{t−1} + b_f)                    forget gate              (Lei et al. 2018, eq. 1)
    c_t = f_t ∘ c_{t−1} + (1 − f_t) ∘ (W x_t)                 W x_t: the candidate     (eq. 2)
    r_t = σ(W_r x_t + v_r ∘ c_{t−1} + b_r)                    reset gate               (eq. 3)
    h_t = r_t ∘ c_t + (1 − r_t) ∘ α x_t                       highway                  (eq. 4)

In the highway stands x_t where it is as wide as the state, W_x x_t with a fourth matrix where it is not. α is 1, or √3
with `rescale`, which keeps the variance of x through layers whose biases start at 0 (the paper's scaling constant
√(1 + 2 e^b) at b = 0).

`state_gates=False` leaves out v_f and v_r, as the first version of the paper does (which also has an activation, h_t =
r_t ∘ g(c_t) + …: `activation="tanh"`). c is then linear in the one before, and `stock` computes all steps by a parallel
scan (gru_tf/recurrent/linear_scan.py); with v, the paper's final form and the default here, the steps follow each other.

Shapes: kernel (I, 3H), blocks in the order c, f, r; highway_kernel (I, H) where I ≠ H; recurrent_kernel v (2H,) and bias
(2H,), blocks f, r. Parameters: 3HI + 4H, or 3HI + 2H without v; with another HI where I ≠ H.
Reference: T. Lei, Y. Zhang, S. I. Wang, H. Dai, Y. Artzi, "Simple recurrent units for highly parallelizable recurrence",
arXiv 1709.02755, 2018; how weights start: section 3.2, and v by the authors' program.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec, scanned
from gru_tf.recurrent.cells._linear import Before, LinearCell, LinearForm
from gru_tf.recurrent.sigmoid import sigmoid

ALPHA = 3**0.5


@keras.saving.register_keras_serializable(package="gru_tf")
class SRUCell(LinearCell):
    """The simple recurrent unit.

    Args:
        units: H, size of h and c.
        state_gates: whether the gates see the state through v_f and v_r; without, a parallel scan computes all steps.
        rescale: whether α is √3 instead of 1.
        activation: g of c_t in the output; none by default, as in the paper.
        kernel_initializer: of W, W_f, W_r and W_x; variance 1/I by default, as in the paper.
        recurrent_initializer: of v; uniform with variance ½ by default.
        **options: those of `RecurrentCell`; without `state_gates` without what concerns a recurrent kernel. Dropout acts on
            what the matrices read, not on the x_t of the highway.

    Raises:
        ValueError: where `state_gates` or `rescale` is no truth value.
    """

    gates = ("c", "f", "r")
    states = ("h", "c")
    adapts = False

    def __init__(
        self,
        units: int,
        state_gates: bool = True,
        rescale: bool = False,
        activation: Any = "linear",
        kernel_initializer: Any = "lecun_uniform",
        recurrent_initializer: Any = None,
        **options: Any,
    ):
        for name, value in (("state_gates", state_gates), ("rescale", rescale)):
            self._expect(isinstance(value, bool), name, "True or False", value)
        self.recurrent = state_gates
        started = keras.initializers.RandomUniform(-(1.5**0.5), 1.5**0.5)
        recurrent_initializer = started if recurrent_initializer is None else recurrent_initializer
        given = {"kernel_initializer": kernel_initializer, "recurrent_initializer": recurrent_initializer}
        super().__init__(units, activation=activation, **given, **options)
        self.state_gates, self.rescale = state_gates, rescale

    @property
    def by_steps(self) -> str:
        """The gates that see the state."""
        return "state_gates=True" if self.state_gates else super().by_steps

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I)."""
        features, units = input_shape[-1], self.units
        self.kernel = self.weight_of("kernel", "kernel", (features, 3 * units), self.kernel_initializer)
        self.highway_kernel = None
        if features != units:
            self.highway_kernel = self.weight_of("kernel", "highway_kernel", (features, units), self.kernel_initializer)
        if self.state_gates:
            shape = (2 * units,)
            self.recurrent_kernel = self.weight_of("recurrent", "recurrent_kernel", shape, self.recurrent_initializer)
        self.bias = self.weight_of("bias", "bias", self.bias_shape, self.initial_bias) if self.use_bias else None

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """(2H,), of the gates."""
        return (2 * self.units,)

    def input_bias(self) -> Any:
        """The bias with zeros for the candidate, which has none."""
        return ops.pad(self.bias, ((self.units, 0),))

    def highway(self, x: Any, training: bool = False) -> Any:
        """α x_t, or α W_x x_t, (…, H)."""
        if self.highway_kernel is not None:
            sequence = len(x.shape) == 3
            masks = self.input_masks(x[:, 0] if sequence else x, training)[-1:]
            x = self.product(x, self.highway_kernel, [ops.expand_dims(m, 1) for m in masks] if sequence else masks)
        return ALPHA * x if self.rescale else x

    def from_state(self, h: Any, training: bool = False, gates: Sequence[str] = ()) -> Any:
        """V ∘ c of the two gates, (batch, 2H); the state dropped out in training."""
        masks = self.state_masks(h, training)[-2:] or [1, 1]
        return ops.concatenate([h * mask for mask in masks], axis=-1) * self.state_kernel(training)

    def linear_form(self, x: Any, states: list[Any], before: Before, training: bool = False) -> LinearForm:
        """Eqs. 1–4 without v, of inputs (batch, I) or (batch, T, I)."""
        c, a_f, a_r = self.split(self.from_input(x, training))
        f, r, carried = self.recurrent_activation(a_f), self.recurrent_activation(a_r), self.highway(x, training)
        return LinearForm((f,), ((1 - f) * c,), lambda s: r * self.activation(s[0]) + (1 - r) * carried)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h, c] each (batch, H) → [h', c']."""
        if not self.state_gates:
            return super().step(x, states, training)
        candidate, a_f, a_r = self.split(self.from_input(x, training))
        v_f, v_r = ops.split(self.from_state(states[1], training), 2, axis=-1)
        f, r = self.recurrent_activation(a_f + v_f), self.recurrent_activation(a_r + v_r)
        c = f * states[1] + (1 - f) * candidate
        return [r * self.activation(c) + (1 - r) * self.highway(x, training), c]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "state_gates": self.state_gates, "rescale": self.rescale}


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> dict[str, Array]:
    """W x_t and eqs. 1 and 3 in NumPy float64; `weights` holds kernel, recurrent_kernel where there is v, bias."""
    c, a_f, a_r = np.split(x @ weights["kernel"], 3, axis=-1)
    v_f, v_r = np.split(weights.get("recurrent_kernel", np.zeros_like(weights["bias"])), 2)
    b_f, b_r = np.split(weights["bias"], 2)
    return {"c": c, "f": sigmoid(a_f + v_f * states[1] + b_f), "r": sigmoid(a_r + v_r * states[1] + b_r)}


def step(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], rescale: bool = False, **options: Any
) -> list[Array]:
    """Eqs. 2 and 4."""
    v = gate_values(x, states, weights)
    c = v["f"] * states[1] + (1 - v["f"]) * v["c"]
    carried = x @ weights["highway_kernel"] if "highway_kernel" in weights else x
    return [v["r"] * c + (1 - v["r"]) * (np.sqrt(3) if rescale else 1) * carried, c]


def parameters(features: int, units: int, state_gates: bool = True, rescale: bool = False) -> int:
    """Four matrices, or three where the highway needs none; a bias and, with `state_gates`, a v for each gate."""
    return (3 if features == units else 4) * features * units + (4 if state_gates else 2) * units


CELL = CellSpec(
    name="sru",
    build=SRUCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, **options: values["f"],
    gates=SRUCell.gates,
    states=SRUCell.states,
    parameters=parameters,
    fused=scanned(SRUCell),
    reference="Lei et al. 2018, arXiv 1709.02755",
    options={"state_gates": (True, False), "rescale": (False, True), **OF_ANY},
    unfused={"state_gates": (True,)},
)

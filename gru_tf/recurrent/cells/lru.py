"""Linear recurrent unit: a linear recurrence of complex numbers, each of which turns and fades at a pace of its own.

    s_t = λ ∘ s_{t−1} + exp(γ) ∘ (B x_t),  λ = exp(−exp(ν) + i exp(θ))                  (Orvieto et al. 2023, eqs. 6–7)
    h_t = Re(C s_t) + D x_t                                                             (eq. 1 and appendix A)

|λ| = exp(−exp(ν)) is below 1 for any ν: the state cannot explode. λ starts uniformly on the ring r_min ≤ |λ| ≤ r_max with
phases in [0, max_phase], and exp(γ) at √(1 − |λ|²), with which white inputs make states of variance 1 (lemma 3.2, sec. 3.4).
D is a matrix, as eq. 1 has it, so that x need not be as wide as h; the program in the paper's appendix, whose layers
are, has a diagonal one. There are no gates: `kept` is None, since a step turns a state as well as shrinking it.

`stock` computes all steps by a parallel scan (gru_tf/recurrent/linear_scan.py); complex numbers are pairs of real ones.
In half precision the scan holds λ and s in float32; step by step s is rounded at each step, and in bfloat16 one with |λ|
near 1 then hardly fades.

Shapes: nu, theta, gamma (N,); kernel B (I, 2N), blocks re, im; output_kernel C (2N, H), rows re, im; skip_kernel D (I, H);
states h (H), re (N), im (N). Parameters: 3N + 2NI + 2NH + IH.
Reference: A. Orvieto, S. L. Smith, A. Gu, A. Fernando, C. Gulcehre, R. Pascanu, S. De, "Resurrecting recurrent neural
networks for long sequences", arXiv 2303.06349, 2023.
"""

from collections.abc import Mapping, Sequence
from math import pi
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CellSpec, Share, Whole, scanned
from gru_tf.recurrent.cells._arguments import is_number, whole
from gru_tf.recurrent.cells._cell import HALF
from gru_tf.recurrent.cells._linear import Before, LinearCell, LinearForm

STATES = Whole(1, 1_000_000)
LEAST = 1e-6  # what draws from [0, 1) are kept away from 0, and |λ|² from 0 and 1, by: their logarithms must be finite


@keras.saving.register_keras_serializable(package="gru_tf")
class LRUCell(LinearCell):
    """The linear recurrent unit, without the layers that the paper puts around it.

    Args:
        units: H, size of the output.
        state_units: N, how many complex numbers the state has; as many as units if None.
        r_min, r_max: between which the magnitude of λ starts.
        max_phase: up to which the phases of λ start, in radians.
        activation: of the output; none by default.
        kernel_initializer: of B; normal with variance 1/(2I) by default, as in the paper. C starts normal with variance 1/N,
            D with 1/I.
        use_bias: False: there is none.
        **options: those of `RecurrentCell`, without what concerns biases and a recurrent kernel. Regularizers and
            constraints of kernels are those of B, C and D.

    Raises:
        ValueError: for a bias, for radii that are not 0 ≤ r_min ≤ r_max ≤ 1, and for a phase outside (0, 2π].
    """

    gates = ("re", "im")
    states = ("h", "re", "im")
    adapts = False

    def __init__(
        self,
        units: int,
        state_units: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * pi,
        activation: Any = "linear",
        kernel_initializer: Any = None,
        use_bias: bool = False,
        **options: Any,
    ):
        state_units = whole(state_units)
        self._expect(state_units is None or state_units in STATES, "state_units", f"None or {STATES}", state_units)
        self._expect(is_number(r_max) and 0 <= r_max <= 1, "r_max", "a number from 0 to 1", r_max)
        self._expect(is_number(r_min) and 0 <= r_min <= r_max, "r_min", f"a number from 0 to r_max={r_max}", r_min)
        self._expect(is_number(max_phase) and 0 < max_phase <= 2 * pi, "max_phase", "a number above 0, to 2π", max_phase)
        self._expect(not use_bias, "use_bias", "False, as this cell has no bias", use_bias)
        if kernel_initializer is None:
            kernel_initializer = keras.initializers.VarianceScaling(0.5, "fan_in", "untruncated_normal")
        given = {"activation": activation, "kernel_initializer": kernel_initializer, "use_bias": False}
        super().__init__(units, **given, **options)
        self.state_units, self.r_min, self.r_max, self.max_phase = state_units, r_min, r_max, max_phase
        # it has a seed, and draws the same twice: ν and γ start from the same radii
        self.drawn = keras.initializers.RandomUniform(0.0, 1.0)
        self.drawn_phase = keras.initializers.RandomUniform(0.0, 1.0)

    @property
    def state_sizes(self) -> list[int]:
        """H for the output, N for each part of the state."""
        size = self.state_units or self.units
        return [self.units, size, size]

    def initial_radius(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The square of λ's magnitude as it starts, even between r_min² and r_max²: λ is then even on the ring."""
        low, high = self.r_min**2, self.r_max**2
        return ops.clip(low + (high - low) * self.drawn(shape, dtype=dtype), LEAST, 1 - LEAST)

    def initial_nu(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """ν, the logarithm of −log of λ's magnitude."""
        return ops.log(-0.5 * ops.log(self.initial_radius(shape, dtype)))

    def initial_theta(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The logarithm of phases that are even between 0 and max_phase."""
        return ops.log(self.max_phase * ops.maximum(self.drawn_phase(shape, dtype=dtype), LEAST))

    def initial_gamma(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """γ, the logarithm of √(1 − the square of λ's magnitude)."""
        return 0.5 * ops.log(1 - self.initial_radius(shape, dtype))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I)."""
        features, size = input_shape[-1], self.state_sizes[1]
        self.nu = self.add_weight(name="nu", shape=(size,), initializer=self.initial_nu)
        self.theta = self.add_weight(name="theta", shape=(size,), initializer=self.initial_theta)
        self.gamma = self.add_weight(name="gamma", shape=(size,), initializer=self.initial_gamma)
        self.kernel = self.weight_of("kernel", "kernel", (features, 2 * size), self.kernel_initializer)
        c, d = (keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal") for scale in (2.0, 1.0))
        self.output_kernel = self.weight_of("kernel", "output_kernel", (2 * size, self.units), c)
        self.skip_kernel = self.weight_of("kernel", "skip_kernel", (features, self.units), d)
        self.bias = None

    def linear_form(self, x: Any, states: list[Any], before: Before, training: bool = False) -> LinearForm:
        """The equations above, of inputs (batch, I) or (batch, T, I); λ and the scanned states at least in float32."""
        dtype = "float32" if self.compute_dtype in HALF else self.compute_dtype
        nu, theta, gamma = (ops.cast(weight, dtype) for weight in (self.nu, self.theta, self.gamma))
        b = ops.exp(ops.concatenate([gamma, gamma])) * ops.cast(self.from_input(x, training), dtype)
        b_re, b_im = ops.split(b, 2, axis=-1)
        sequence = len(x.shape) == 3
        radius, phase = (ops.reshape(v, (*[1] * (1 + sequence), -1)) for v in (ops.exp(-ops.exp(nu)), ops.exp(theta)))
        masks = self.input_masks(x[:, 0] if sequence else x, training)[-1:]
        skip = self.product(x, self.skip_kernel, [ops.expand_dims(m, 1) for m in masks] if sequence else masks)

        def output(s: Any) -> Any:
            parts = ops.cast(ops.concatenate([s[0], -s[1]], axis=-1), self.compute_dtype)
            return self.activation(ops.matmul(parts, self.output_kernel) + skip)

        return LinearForm((radius * ops.cos(phase), radius * ops.sin(phase)), (b_re, b_im), output, (), dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        ring = {"r_min": self.r_min, "r_max": self.r_max, "max_phase": self.max_phase}
        return {**super().get_config(), "state_units": self.state_units, **ring}


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> dict[str, Array]:
    """What the input writes, exp(γ) ∘ (B x_t), in NumPy float64; `weights` holds kernel and gamma."""
    re, im = np.split(x @ weights["kernel"], 2, axis=-1)
    return {"re": np.exp(weights["gamma"]) * re, "im": np.exp(weights["gamma"]) * im}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The equations in complex numbers."""
    v = gate_values(x, states, weights)
    eigenvalues = np.exp(-np.exp(weights["nu"]) + 1j * np.exp(weights["theta"]))
    s = eigenvalues * (states[1] + 1j * states[2]) + v["re"] + 1j * v["im"]
    c_re, c_im = np.split(weights["output_kernel"], 2, axis=0)
    return [(s @ (c_re + 1j * c_im)).real + x @ weights["skip_kernel"], s.real, s.imag]


def parameters(
    features: int, units: int, state_units: int | None = None, r_min: float = 0.0, r_max: float = 1.0, max_phase: float = 1.0
) -> int:
    """ν, θ and γ; B and C of complex numbers; D."""
    size = state_units or units
    return 3 * size + 2 * size * (features + units) + features * units


def sizes(
    units: int, state_units: int | None = None, r_min: float = 0.0, r_max: float = 1.0, max_phase: float = 1.0
) -> tuple[int, ...]:
    """H, and N for each part."""
    return (units, state_units or units, state_units or units)


CELL = CellSpec(
    name="lru",
    build=LRUCell,
    step=step,
    gate_values=gate_values,
    kept=None,
    gates=LRUCell.gates,
    states=LRUCell.states,
    parameters=parameters,
    fused=scanned(LRUCell),
    reference="Orvieto et al. 2023, arXiv 2303.06349",
    options={"state_units": (None, STATES), "r_min": (0.0, Share()), "r_max": (1.0, Share())},
    sizes=sizes,
)

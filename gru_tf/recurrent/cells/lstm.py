"""Long short-term memory: input, forget and output gates around a cell state.

    i_t = σ(W_i x_t + U_i h_{t−1} + b_i)          input gate
    f_t = σ(W_f x_t + U_f h_{t−1} + b_f)          forget gate, bias `forget_bias`, 1, at the start (Jozefowicz et al. 2015)
    c̃_t = tanh(W_c x_t + U_c h_{t−1} + b_c)       candidate
    o_t = σ(W_o x_t + U_o h_{t−1} + b_o)          output gate
    c_t = f_t ∘ c_{t−1} + i_t ∘ c̃_t
    h_t = o_t ∘ tanh(c_t)                                  (Graves 2013, arXiv 1308.0850, eqs. 7–11, no peepholes)

With `peepholes` the gates see the cell state (Gers and Schmidhuber 2000; Graves 2013, eqs. 7–11; TF1's `use_peepholes`):

    i_t = σ(… + p_i ∘ c_{t−1}),   f_t = σ(… + p_f ∘ c_{t−1}),   o_t = σ(… + p_o ∘ c_t)

With `projection`, P numbers of the output are all that the next step and layer see (Sak et al. 2014, eq. 6; PyTorch's
`proj_size`, TF1's `num_proj`):

    h_t = R (o_t ∘ tanh(c_t))

Chronological initialisation (`longest`: T_max) draws b_f = log u, b_i = −log u, u ~ U(1, T_max − 1), so that memories begin
with lengths of 1 to T_max steps (Tallec and Ollivier 2018, arXiv 1804.11188).

Shapes: kernel (I, 4H), recurrent_kernel (H, 4H), bias (4H,), blocks in Keras' order i, f, c, o; peephole_kernel (3, H), rows
i, f, o; with projection recurrent_kernel (P, 4H) and projection_kernel (H, P).
Parameters: 4H(I + H + 1); 3H more for peepholes; with projection 4H(I + P + 1) + HP.
References: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; forget gate:
F. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", 2000; F. Gers, J. Schmidhuber, "Recurrent nets that time and
count", IJCNN 2000; H. Sak, A. Senior, F. Beaufays, arXiv 1402.1128, 2014.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, WITHOUT_KERNEL, CellSpec, Real, Whole, of_layers
from gru_tf.recurrent.cells._arguments import is_finite, whole
from gru_tf.recurrent.cells._cell import RecurrentCell, copied, in_float32
from gru_tf.recurrent.cells._chronological import LONGEST, lengths, logarithms
from gru_tf.recurrent.sigmoid import sigmoid

WIDTHS = Whole(1, 1_000_000)


@keras.saving.register_keras_serializable(package="gru_tf")
class LSTMCell(RecurrentCell):
    """The LSTM cell; without peepholes and projection its weights interchange with `keras.layers.LSTMCell`.

    Args:
        units: H, size of c, and of h without projection.
        unit_forget_bias: whether the forget gate's bias starts at 1, or at `forget_bias`.
        peepholes: whether the gates see the cell state.
        projection: P, size of h; None for H, without a product. Its kernel and that of the peepholes have the kernel's
            initializer, regularizer and constraint.
        longest: T_max of the chronological initialisation, the longest dependency in steps; None for a plain one.
        forget_bias: at what number the forget gate's bias starts.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: for a value that an argument does not take, or where there is no bias that `longest` or `forget_bias`
            could start, or several arguments say how it starts.
    """

    gates = ("i", "f", "c", "o")
    states = ("h", "c")

    def __init__(
        self,
        units: int,
        unit_forget_bias: bool = True,
        peepholes: bool = False,
        projection: int | None = None,
        longest: int | None = None,
        forget_bias: float = 1.0,
        **options: Any,
    ):
        projection, longest = whole(projection), whole(longest)
        self._expect(isinstance(peepholes, bool), "peepholes", "True or False", peepholes)
        self._expect(projection is None or projection in WIDTHS, "projection", f"None or {WIDTHS}", projection)
        super().__init__(units, **options)
        self._expect(is_finite(forget_bias), "forget_bias", "a finite number", forget_bias)
        alone = forget_bias == 1 or (self.use_bias and unit_forget_bias and longest is None)
        self._expect(alone, "forget_bias", "1 with use_bias=False, unit_forget_bias=False or longest", forget_bias)
        self.unit_forget_bias = unit_forget_bias
        self.forget_bias = float(forget_bias)
        self.peepholes, self.projection = peepholes, projection
        self.longest, self.lengths = longest, lengths(type(self).__name__, longest, self.use_bias)

    @property
    def state_sizes(self) -> list[int]:
        """H of c, and of h too or P with projection."""
        return [self.projection or self.units, self.units]

    @property
    def by_steps(self) -> str:
        """Peepholes, a projection or zoneout, which no fused kernel computes."""
        own = {"peepholes": self.peepholes, "projection": self.projection}
        return ", ".join(f"{name}={value}" for name, value in own.items() if value) or super().by_steps

    def add_own_weights(self) -> None:
        """Create peepholes and projection where there are any."""
        super().add_own_weights()
        of_input = {"regularizer": self.kernel_regularizer, "constraint": self.kernel_constraint}
        for name, shape, there in (
            ("peephole_kernel", (3, self.units), self.peepholes),
            ("projection_kernel", (self.units, self.projection), self.projection),
        ):
            weight = None
            if there:  # of the initializer's own draw: unseeded, it gives the same numbers each time
                initializer = in_float32(copied(self.kernel_initializer))
                weight = self.add_weight(name=name, shape=shape, initializer=initializer, **of_input)
            setattr(self, name, weight)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias, with what `unit_forget_bias` or `longest` says of the gates; else drawn as Keras draws it."""
        if self.lengths is not None:
            _, f, c, o = self.split(self.bias_initializer(shape, dtype=dtype))
            f = logarithms(self.lengths, self.units, dtype)
            return ops.concatenate([-f, f, c, o])
        if not self.unit_forget_bias:
            return self.bias_initializer(shape, dtype=dtype)
        i, co = (self.bias_initializer((count * self.units,), dtype=dtype) for count in (1, 2))
        return ops.concatenate([i, self.forget_bias * ops.ones_like(i), co])

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, P or H), c (batch, H)] → [h', c']."""
        h, c = states
        a_i, a_f, a_c, a_o = self.split(self.from_input(x, training) + self.from_state(h, training))
        if self.peepholes:
            a_i, a_f = a_i + self.peephole_kernel[0] * c, a_f + self.peephole_kernel[1] * c
        c = self.recurrent_activation(a_f) * c + self.recurrent_activation(a_i) * self.activation(a_c)
        o = self.recurrent_activation(a_o + self.peephole_kernel[2] * c if self.peepholes else a_o)
        h = o * self.activation(self.read(c))
        return [ops.matmul(h, self.projection_kernel) if self.projection else h, c]

    def read(self, c: Any) -> Any:
        """What the output reads of the cell state (batch, H); itself unless the subclass says otherwise."""
        return c

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised; those of this project alone only where they are on."""
        own = {name: value for name in ("peepholes", "projection", "longest") if (value := getattr(self, name))}
        own |= {} if self.forget_bias == 1 else {"forget_bias": self.forget_bias}
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias, **own}


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> dict[str, Array]:
    """The gates' equations in NumPy float64; `weights` holds kernel, recurrent_kernel, bias, and those of the options."""
    a = x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + weights["bias"]
    return gates_of(a, states[1], weights)


def gates_of(a: Array, c: Array, weights: Mapping[str, Array]) -> dict[str, Array]:
    """The gates of their sums a (batch, 4H) without peepholes, after the cell state c."""
    p_i, p_f, p_o = weights.get("peephole_kernel", np.zeros((3, 1)))
    a_i, a_f, a_c, a_o = np.split(a, 4, axis=-1)
    i, f, candidate = sigmoid(a_i + p_i * c), sigmoid(a_f + p_f * c), np.tanh(a_c)
    return {"i": i, "f": f, "c": candidate, "o": sigmoid(a_o + p_o * (f * c + i * candidate))}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The last two equations, the output projected where there is a kernel for it."""
    v = gate_values(x, states, weights)
    c = v["f"] * states[1] + v["i"] * v["c"]
    return [projected(v["o"] * np.tanh(c), weights), c]


def projected(h: Array, weights: Mapping[str, Array]) -> Array:
    """R h, or h where there is no such kernel."""
    return h @ weights["projection_kernel"] if "projection_kernel" in weights else h


def parameters(
    features: int,
    units: int,
    peepholes: bool = False,
    projection: int | None = None,
    longest: int | None = None,
    forget_bias: float = 1.0,
) -> int:
    """4H(I + P + 1) with P = H without projection, 3H for peepholes, HP for the projection."""
    return 4 * units * (features + (projection or units) + 1) + 3 * units * peepholes + units * (projection or 0)


def sizes(
    units: int,
    peepholes: bool = False,
    projection: int | None = None,
    longest: int | None = None,
    forget_bias: float = 1.0,
) -> tuple[int, int]:
    """Of h and c."""
    return (projection or units, units)


def ordinary(
    units: int,
    peepholes: bool = False,
    projection: int | None = None,
    longest: int | None = None,
    weight_dropout: float = 0.0,
    zoneout: float = 0.0,
    forget_bias: float = 1.0,
    **options: Any,
) -> Any:
    """Keras' own layer, which has none of these options.

    Of a forget bias it has the value that training left; where it starts, Keras knows 0 and 1 alone.
    """
    own = (peepholes, projection, longest, weight_dropout, zoneout)
    return None if any(own) else keras.layers.LSTM(units, unit_forget_bias=bool(forget_bias), **options)


CELL = CellSpec(
    name="lstm",
    build=LSTMCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, **options: values["f"],
    gates=LSTMCell.gates,
    states=LSTMCell.states,
    parameters=parameters,
    sizes=sizes,
    fused=of_layers("lstm", "LSTM"),
    reference="Hochreiter and Schmidhuber 1997; Gers et al. 2000",
    options={
        "peepholes": (False, True),
        "projection": (None, WIDTHS),
        "longest": (None, LONGEST),
        "forget_bias": (1.0, Real()),
        **OF_ANY,
    },
    apart=(("longest", "forget_bias"),),
    unfused={"peepholes": (True,), "projection": (WIDTHS,), **WITHOUT_KERNEL},
    ordinary=ordinary,
)

"""Layer normalisation of what a recurrent cell adds up.

    μ = Σ_j a_j / n,   σ² = Σ_j (a_j − μ)² / n                                over the n numbers of one example and step
    LN(a; α) = α ∘ (a − μ) / √(σ² + ε)                                                                 (Ba et al. 2016)

The paper has no ε; its authors' code (1e-5), Haste and PyTorch (1e-5) and TensorFlow Addons (1e-3) add it to the variance.
The paper's shifts β are the cell's biases here, as in Haste: beside b they would be the same numbers twice.

Over which numbers (`statistics`): the paper's equations and its authors' code normalise each product as they write it, an
LSTM's of all four gates at once, a GRU's of z and r at once and of the candidate apart. Haste takes all three of a GRU,
TF1's `LayerNormBasicLSTMCell` each gate by itself.

Reference: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", arXiv 1607.06450, 2016.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells._cell import HALF, RecurrentCell, copied

EPSILON = 1e-5


class LayerNormalized(RecurrentCell):
    """Base of the layer-normalised cells; stands before the plain cell among a class's bases.

    Args:
        units: H, size of each state, at least 2.
        epsilon: ε, added to the variance: a product of equal numbers, as of a zero state, becomes 0.
        statistics: which blocks share a mean and a variance; a key of the subclass's `groups`.
        gain_initializer: of the gains α.
        **options: those of the plain cell.

    Raises:
        ValueError: for a value that an argument does not take; when it is built with one unit, whose one number less its
            mean is 0 whatever the input.
    """

    groups: Mapping[str, Sequence[int]] = {"product": (1,)}  # how many blocks are normalised together, one after the other
    gains: tuple[str, ...] = ("input_gain", "state_gain")
    of_equation: Mapping[str, Any] = {"epsilon": EPSILON}  # what the cell's NumPy equation takes for given

    def __init__(
        self,
        units: int,
        epsilon: float = EPSILON,
        statistics: str = "product",
        gain_initializer: Any = "ones",
        **options: Any,
    ):
        positive = isinstance(epsilon, Real) and not isinstance(epsilon, bool) and 0 < float(epsilon) < float("inf")
        self._expect(positive, "epsilon", "a number above 0", epsilon)
        known = isinstance(statistics, str) and statistics in self.groups
        self._expect(known, "statistics", " or ".join(map(repr, self.groups)), statistics)
        super().__init__(units, **options)
        self.epsilon, self.statistics = float(epsilon), statistics
        self.gain_initializer = keras.initializers.get(gain_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I), the gains after those of the plain cell."""
        self._expect(self.units > 1, "units", "at least 2, as one number less its mean is 0", self.units)
        super().build(input_shape)

    def add_own_weights(self) -> None:
        """Create the gains, after the plain cell's own weights."""
        super().add_own_weights()
        columns = self.units * len(self.gates)
        for name in self.gains:
            initializer = copied(self.gain_initializer)
            setattr(self, name, self.add_weight(name=name, shape=(columns,), initializer=initializer))

    def normalized(self, values: Any) -> Any:
        """Of (…, G·H), each group of blocks less its mean, over its deviation; without the gain."""
        groups = self.groups[self.statistics]
        ends = [self.units * sum(groups[:n]) for n in range(1, len(groups))]
        parts = ops.split(values, ends, axis=-1) if ends else [values]
        return ops.concatenate([normalized(part, self.epsilon) for part in parts], axis=-1)

    def from_input(self, x: Any, training: bool = False) -> Any:
        """LN(W x; α) + b of all gates, (batch, G·H), inputs dropped out in training; x (batch, I) or (batch, T, I)."""
        values = self.normalized(self.input_product(x, training)) * self.input_gain
        return values + self.input_bias() if self.use_bias else values

    def from_state(self, h: Any, training: bool = False, gates: Sequence[str] = ()) -> Any:
        """LN(U h; α) of all gates, (batch, G·H); the state dropped out in training."""
        return self.normalized(super().from_state(h, training)) * self.state_gain

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        own = {"epsilon": self.epsilon, "gain_initializer": keras.initializers.serialize(self.gain_initializer)}
        choice = {"statistics": self.statistics} if len(self.groups) > 1 else {}
        return {**super().get_config(), **own, **choice}


def normalized(values: Any, epsilon: float) -> Any:
    """The last axis less its mean, over √(variance + ε); in float32 where the values have half precision."""
    dtype = keras.backend.standardize_dtype(values.dtype)
    wide = ops.cast(values, "float32") if dtype in HALF else values
    centred = wide - ops.mean(wide, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return ops.cast(centred / ops.sqrt(variance + epsilon), dtype)


def layer_norm(values: Array, blocks: Sequence[int] = (1,)) -> Array:
    """LN without the gain, in NumPy float64: of groups of so many equal blocks of the last axis, with ε = 1e-5."""
    size = values.shape[-1] // sum(blocks)
    parts = np.split(values, np.cumsum(blocks)[:-1] * size, axis=-1)
    spread = [np.sqrt(part.var(-1, keepdims=True) + EPSILON) for part in parts]
    return np.concatenate([(p - p.mean(-1, keepdims=True)) / s for p, s in zip(parts, spread, strict=True)], axis=-1)

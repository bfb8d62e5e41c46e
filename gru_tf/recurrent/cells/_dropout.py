"""What is dropped while a cell trains: inputs, states, recurrent weights, and updates of the state.

    x̂_t = d_x ∘ x_t / (1 − p)          `dropout`             one mask a sequence      (Gal and Ghahramani 2016, eq. 7)
    ĥ_t = d_h ∘ h_t / (1 − p)          `recurrent_dropout`   one mask a sequence      (the same: "variational")
    Û   = d_U ∘ U / (1 − p)            `weight_dropout`      one mask a call, DropConnect (Merity et al. 2017, sec. 2)
    h_t = d_t ∘ h_{t−1} + (1 − d_t) ∘ h'_t    `zoneout`      a new mask each step; h' is what the step gives, and at
                                              inference the share p stands for d_t         (Krueger et al. 2017, eq. 2)

A layer over time draws the masks of a sequence before its loop and drops them after it. Used by hand, a cell draws nothing
ahead: its masks follow from the state of its seed generator, which `reset_dropout_mask` moves on. So they are the same at
each step of a sequence, inside `tf.function` as well, and others in the next.

References: Y. Gal, Z. Ghahramani, arXiv 1512.05287; S. Merity, N. S. Keskar, R. Socher, arXiv 1708.02182; D. Krueger et
al., arXiv 1606.01305.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell  # keras.layers.RNN draws masks for its subclasses alone


class _Ahead(keras.random.SeedGenerator):
    """Gives the seed of the draw that another generator will make `count` draws from now, and draws nothing."""

    def __init__(self, generator: Any, count: int):  # without a state of its own
        self.generator, self.count = generator, count

    def next(self, ordered: bool = True) -> Any:
        """The seed."""
        return _moved(self.generator, self.count)


def _moved(generator: Any, count: int) -> Any:
    state = generator.state.value
    return state + ops.convert_to_tensor([0, count], dtype=state.dtype)


class CellDropout(DropoutRNNCell):
    """The masks of a cell with `dropout`, `recurrent_dropout`, `weight_dropout`, `zoneout`, a rate each."""

    dropout: float
    recurrent_dropout: float
    weight_dropout: float
    zoneout: float
    dropout_mask_count: int | None = None  # read by DropoutRNNCell: as many masks, or one that all gates share
    recurrent_kernel: Any
    operand: Callable[[str], Any]
    seed_generator: Any
    _dropout_mask: Any = None
    _recurrent_dropout_mask: Any = None
    _weight_mask: Any = None
    _in_layer = False

    # --- what keras.layers.RNN calls before and after its loop ---

    def get_dropout_mask(self, step_input: Any) -> Any:
        """Draw the masks of the inputs (batch, I) for the sequence that begins; None without dropout."""
        self._in_layer = True
        return super().get_dropout_mask(step_input)

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """Draw the masks of the state (batch, H), and of the recurrent weights, for the sequence that begins."""
        masks = super().get_recurrent_dropout_mask(step_input)
        if self.weight_dropout and self._weight_mask is None and self.recurrent_kernel is not None:
            self._weight_mask = self._draw_weight_mask(self.seed_generator)
        return masks

    def reset_dropout_mask(self) -> None:
        """End the sequence: the next one has other masks."""
        if self.dropout and self._dropout_mask is None:
            self._move_on()
        self._dropout_mask, self._in_layer = None, False

    def reset_recurrent_dropout_mask(self) -> None:
        """End the sequence: the next one has other masks."""
        rates = (self.recurrent_dropout, self._recurrent_dropout_mask), (self.weight_dropout, self._weight_mask)
        if any(rate and mask is None for rate, mask in rates):
            self._move_on()
        self._recurrent_dropout_mask = self._weight_mask = None

    # --- what a step asks for ---

    def input_masks(self, x: Any, training: bool) -> list[Any]:
        """What drops the inputs (batch, I) before their products: a mask a gate, one for all, or none."""
        return self._masks(self.dropout, self._dropout_mask, 0, x, training)

    def state_masks(self, h: Any, training: bool) -> list[Any]:
        """What drops the state (batch, H) before its products: a mask a gate, one for all, or none."""
        return self._masks(self.recurrent_dropout, self._recurrent_dropout_mask, self._count(self.dropout), h, training)

    def state_kernel(self, training: bool) -> Any:
        """U (H, G·H), with the weights that this sequence does without at zero and the others scaled up."""
        if not training or not self.weight_dropout:
            return self.operand("recurrent_kernel")
        ahead = self._count(self.dropout) + self._count(self.recurrent_dropout)
        mask = self._weight_mask
        mask = self._draw_weight_mask(_Ahead(self.seed_generator, ahead)) if mask is None else mask
        return self.recurrent_kernel * ops.cast(mask, self.compute_dtype)

    def zoned_out(self, old: Sequence[Any], new: Sequence[Any], training: bool, noise: Any) -> list[Any]:
        """The new states with a share of each kept as it was; of `noise` (batch, ΣH), uniform, each number decides one.

        Raises:
            ValueError: where a loop of Keras' compiles one step for all, so that each would have the same mask.
        """
        if not self.zoneout:
            return list(new)
        if not training:
            return [self.zoneout * o + (1 - self.zoneout) * n for o, n in zip(old, new, strict=True)]
        if noise is None:
            noise = self._noise_by_step(new)
        sizes = [state.shape[-1] for state in new]
        parts = ops.split(noise, [sum(sizes[:i]) for i in range(1, len(sizes))], axis=-1) if sizes[1:] else [noise]
        return [ops.where(part < self.zoneout, o, n) for part, o, n in zip(parts, old, new, strict=True)]

    def sequence_noise(self, batch: Any, steps: Any, width: int) -> Any:
        """(batch, steps, ΣH) for `zoned_out`, which a layer draws before its loop; None where nothing zones out."""
        if not self.zoneout:
            return None
        return keras.random.uniform((batch, steps, width), dtype=self._noise_type(), seed=self.seed_generator)

    def _noise_by_step(self, new: Sequence[Any]) -> Any:
        if self._in_layer and keras.backend.backend() == "jax":
            raise ValueError(
                f"{type(self).__name__}: expected gru_tf.RNN around a cell with zoneout, which draws a mask for each step."
                f" Received: zoneout={self.zoneout} in a loop of Keras' on JAX, where all steps would share one"
            )
        width = sum(state.shape[-1] for state in new)
        shape = (ops.shape(new[0])[0], width)
        return keras.random.uniform(shape, dtype=self._noise_type(), seed=self.seed_generator)

    def _noise_type(self) -> str:
        """Half precision has too few numbers between 0 and 1."""
        dtype = str(self.compute_dtype)
        return dtype if dtype in ("float32", "float64") else "float32"

    def _masks(self, rate: float, drawn: Any, ahead: int, values: Any, training: bool) -> list[Any]:
        if not training or not rate:
            return []
        if drawn is None:
            ones, seeds = ops.ones_like(values), range(ahead, ahead + self._count(rate))
            drawn = [keras.random.dropout(ones, rate, seed=_Ahead(self.seed_generator, n)) for n in seeds]
        return list(drawn) if isinstance(drawn, (list, tuple)) else [drawn]

    def _draw_weight_mask(self, seed: Any) -> Any:
        ones = ops.ones(self.recurrent_kernel.shape, dtype=self.compute_dtype)
        return keras.random.dropout(ones, self.weight_dropout, seed=seed)

    def _count(self, rate: float) -> int:
        """How many masks a sequence draws at this rate."""
        return (self.dropout_mask_count or 1) if rate else 0

    def _move_on(self) -> None:
        count = self._count(self.dropout) + self._count(self.recurrent_dropout) + bool(self.weight_dropout)
        self.seed_generator.state.assign(_moved(self.seed_generator, count))

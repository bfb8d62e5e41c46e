"""The RNN layer: `keras.layers.RNN` over any cell, with the same meaning of masks on every backend, and safe with them."""

from typing import Any

import keras
from keras import ops
from keras.layers import RNN as StockRNN  # noqa: N811, of its own name: a program may put the class below in its place

from gru_tf.recurrent import masked_loop
from gru_tf.recurrent.layers import ragged


@keras.saving.register_keras_serializable(package="gru_tf")
class RNN(StockRNN):
    """`keras.layers.RNN`; a drop-in replacement, and what runs this project's cells step by step.

    Beyond `keras.layers.RNN`:

    * Before a row's first real step the output is the initial state on every backend (`gru_tf.recurrent.masked_loop`).
    * Whatever stands in masked steps, NaN too, reaches neither outputs nor gradients.
    * With `go_backwards` the mask that goes on to the next layer is turned round with the steps.
    * Initial states and masks of another shape are refused, not broadcast.
    * `reset_state` works for a list of cells too, and zoneout on every backend.
    * Ragged tensors of TensorFlow are read as padded sequences with their mask.

    Args:
        cell: a cell, or a list of cells on top of each other.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in `keras.layers.RNN`.
        **kwargs: `activity_regularizer`, `name`, `dtype`, `trainable`.

    Shapes: inputs (batch, T, …); mask (batch, T); output (batch, H), or (batch, T, H) with `return_sequences`; with
    `return_state` the last states follow.

    Raises:
        ValueError: as `keras.layers.RNN`, and at a call for states and masks of another shape.

    Example:
        >>> layer = gru_tf.RNN(gru_tf.LSTMCell(32, zoneout=0.1), return_sequences=True)
        >>> layer(keras.random.normal((8, 20, 4))).shape
        (8, 20, 32)
    """

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        """The outputs, and the last states with `return_state`; shapes as in the class's description.

        Raises:
            ValueError: for states and masks of another shape.
        """
        sequences, mask = ragged.padded(sequences, mask)
        if initial_state is not None:
            self._check_states(initial_state, sequences.shape[0])
        if mask is not None:
            mask = self._checked_mask(mask, tuple(sequences.shape[:2]))
            # not a number times zero is not a number: what a masked step holds must not be computed with
            real = ops.reshape(mask, (*_sizes(mask), *[1] * (len(sequences.shape) - 2)))
            sequences = ops.where(real, sequences, ops.zeros_like(sequences))
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """(last output, outputs (batch, T, H), last states), step by step, in the order of reading."""
        options = {"training": training} if getattr(self.cell, "_call_has_training_arg", False) else {}
        states = list(initial_state) if keras.tree.is_nested(initial_state) else [initial_state]

        def step(x: Any, states: list[Any], *noise: Any) -> Any:
            if keras.backend.backend() == "torch" and self.stateful:  # which are changed in place after the call
                states = keras.tree.map_structure(ops.copy, states)
            given = {"noise": noise[0]} if noise else {}
            return self.cell(x, states, **options, **given)

        return masked_loop.run(
            step,
            sequences,
            states,
            mask,
            self._noise(sequences, training),
            output_shape=self._output_shape(),
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )

    def _noise(self, sequences: Any, training: bool | None) -> Any:
        """What decides at each step of the sequences what zones out; None where the cell has no zoneout, or none is due."""
        if not training or not getattr(self.cell, "zoneout", 0) or not hasattr(self.cell, "sequence_noise"):
            return None
        batch, steps = _sizes(sequences)[:2]
        return self.cell.sequence_noise(batch, steps, sum(self.cell.state_sizes))

    def _output_shape(self) -> tuple[int, ...] | None:
        size = getattr(self.cell, "output_size", None)
        return (size,) if isinstance(size, int) else None

    def reset_state(self) -> None:
        """Set the states that a stateful layer carries to zero."""
        for variable in keras.tree.flatten(self.states) if self.states is not None else []:
            variable.assign(ops.zeros_like(variable.value))

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """The mask of the output: the input's, in the order of the outputs, where every step is returned."""
        sequences = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        masks = keras.tree.flatten(mask)
        one = ragged.mask_of(sequences) if ragged.is_ragged(sequences) else masks[0] if masks else None
        turned = one is not None and self.return_sequences and self.go_backwards
        return super().compute_mask(inputs, ops.flip(one, axis=1) if turned else one)

    def _check_states(self, initial_state: Any, batch: int | None) -> None:
        """Raise ValueError unless the states are those of the cell, (batch, size) each."""
        states = keras.tree.flatten(initial_state)
        sizes = keras.tree.flatten(list(self.state_size))
        fitting = [_fits(state, (batch, size)) for state, size in zip(states, sizes, strict=False)]
        if len(states) != len(sizes) or not all(fitting):
            shape = f"(batch, units) = {(batch, sizes[0])}"
            if len(set(sizes)) > 1:
                shape = ", ".join(str((batch, size)) for size in sizes)
            self._refuse("initial_state", states, shape, len(sizes))

    def _checked_mask(self, mask: Any, shape: tuple[int | None, ...]) -> Any:
        """The mask as (batch, T) of bool.

        Raises:
            ValueError: where it has another shape.
        """
        given = keras.tree.flatten(mask)[0]
        given = ops.squeeze(given, -1) if len(given.shape) == 3 and given.shape[-1] == 1 else given
        if not _fits(given, shape):
            self._refuse("mask", [given], f"(batch, timesteps) = {shape}", 1)
        return ops.cast(given, "bool")

    def _refuse(self, argument: str, values: list[Any], expected: str, count: int) -> None:
        of = f"`{argument}` of shape" if count == 1 else f"`{argument}` to be {count} arrays of shape"
        received = ", ".join(str(tuple(getattr(value, "shape", ()))) for value in values)
        raise ValueError(f"{type(self).__name__}: expected {of} {expected}. Received: shape={received}")


def _fits(value: Any, expected: tuple[int | None, ...]) -> bool:
    """Whether an array has this shape; None fits any size."""
    shape = tuple(getattr(value, "shape", ()))
    pairs = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(None in sizes or sizes[0] == sizes[1] for sizes in pairs)


def _sizes(array: Any) -> tuple[Any, ...]:
    """The sizes of its axes, as numbers where they are known, else as tensors."""
    dynamic = ops.shape(array)
    return tuple(known if known is not None else dynamic[axis] for axis, known in enumerate(array.shape))

"""The RNN layer: `keras.layers.RNN` over any cell, with the same meaning of masks on every backend, and safe with them."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import RNN as StockRNN  # noqa: N811, of its own name: a program may put the class below in its place
from keras.layers import StackedRNNCells

from gru_tf.recurrent import masked_loop
from gru_tf.recurrent.layers import checks, flat_states, ragged
from gru_tf.recurrent.layers.adapted_cells import AdaptedCells


@keras.saving.register_keras_serializable(package="gru_tf")
class RNN(AdaptedCells, StockRNN):
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
            ValueError: for states and masks of another shape, and sequences without a step.
        """
        sequences, mask = ragged.padded(sequences, mask)
        if sequences.shape[1] == 0:
            who, shape = type(self).__name__, tuple(sequences.shape)
            raise ValueError(f"{who}: expected `sequences` of at least one step. Received: shape={shape}")
        if initial_state is not None:
            self._check_states(initial_state, sequences.shape[0])
        if mask is not None:
            mask = checks.checked_mask(type(self).__name__, mask, tuple(sequences.shape[:2]))
            sequences = checks.without_masked(sequences, mask)
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """(last output, outputs (batch, T, H), last states), step by step, in the order of reading."""
        noise, parts = flat_states.zoneout_noise(self._cells() if training else [], sequences)
        states = list(initial_state) if keras.tree.is_nested(initial_state) else [initial_state]

        def step(x: Any, states: list[Any], *noise: Any) -> Any:
            if keras.backend.backend() == "torch" and self.stateful:  # which are changed in place after the call
                states = keras.tree.map_structure(ops.copy, states)
            return self._step(x, states, training, parts(noise[0]) if noise else ())

        return masked_loop.run(
            step,
            sequences,
            states,
            mask,
            noise,
            output_shape=self._output_shape(),
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )

    def _maybe_config_dropout_masks(self, cell: Any, input_sequence: Any, input_state: Any) -> None:
        """Draw the dropout masks of a sequence; without a step of each cell of a stack, which would draw too."""
        if type(cell) is not StackedRNNCells:
            super()._maybe_config_dropout_masks(cell, input_sequence, input_state)
            return
        for inner, own in zip(cell.cells, input_state, strict=False):
            self._maybe_config_dropout_masks(inner, input_sequence, own)
            shape = (ops.shape(input_sequence)[0], flat_states.output_size(inner))
            input_sequence = ops.zeros(shape, getattr(inner, "compute_dtype", input_sequence.dtype))

    def _cells(self) -> list[Any]:
        """The cells on top of each other, or the only one; another class of stacks has a step of its own."""
        return list(self.cell.cells) if type(self.cell) is StackedRNNCells else [self.cell]

    def _step(self, x: Any, states: list[Any], training: bool | None, noise: Sequence[Any]) -> Any:
        """One step: (output, new states); `noise` is what decides in each cell what zones out, empty where nothing does."""
        if type(self.cell) is not StackedRNNCells or not noise:
            return flat_states.run_cell(self.cell, x, states, training, *noise)
        new = []
        for cell, own, part in zip(self.cell.cells, states, noise, strict=True):  # which Keras' stack would not hand on
            x, after = flat_states.run_cell(cell, x, own if keras.tree.is_nested(own) else [own], training, part)
            new += after
        return x, new

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
        """Raise ValueError unless the states are those of the cell, (batch, size) each; other shapes are the cell's own."""
        stacked = hasattr(self.cell, "cells")  # whose sizes lie in lists as well
        if not stacked and any(isinstance(size, (list, tuple)) for size in self.state_size):
            return
        states = keras.tree.flatten(initial_state)
        sizes = keras.tree.flatten(list(self.state_size))
        fitting = [checks.fits(state, (batch, size)) for state, size in zip(states, sizes, strict=False)]
        if len(states) != len(sizes) or not all(fitting):
            shape = f"(batch, units) = {(batch, sizes[0])}"
            if len(set(sizes)) > 1:
                shape = ", ".join(str((batch, size)) for size in sizes)
            checks.refuse(type(self).__name__, "initial_state", states, shape, len(sizes))

"""The RNN layer: `keras.layers.RNN` over any cell, with the same meaning of masks on every backend, and safe with them."""

from typing import Any

import keras
from keras import ops
from keras.layers import RNN as StockRNN  # noqa: N811, of its own name: a program may put the class below in its place

from gru_tf.recurrent import masked_loop
from gru_tf.recurrent.layers import checks, ragged
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
            ValueError: for states and masks of another shape.
        """
        sequences, mask = ragged.padded(sequences, mask)
        if initial_state is not None:
            self._check_states(initial_state, sequences.shape[0])
        if mask is not None:
            mask = checks.checked_mask(type(self).__name__, mask, tuple(sequences.shape[:2]))
            sequences = checks.without_masked(sequences, mask)
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
        batch, steps = checks.sizes(sequences)[:2]
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
        fitting = [checks.fits(state, (batch, size)) for state, size in zip(states, sizes, strict=False)]
        if len(states) != len(sizes) or not all(fitting):
            shape = f"(batch, units) = {(batch, sizes[0])}"
            if len(set(sizes)) > 1:
                shape = ", ".join(str((batch, size)) for size in sizes)
            checks.refuse(type(self).__name__, "initial_state", states, shape, len(sizes))

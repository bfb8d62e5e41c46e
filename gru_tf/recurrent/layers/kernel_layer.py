"""What `gru_tf.GRU`, `gru_tf.LSTM` and `gru_tf.SimpleRNN` add to Keras' layers: a fused CPU kernel, its name, checks."""

from typing import Any

import keras
from keras import ops
from keras.layers import RNN  # at once: a program may put other classes in its place

from gru_tf.recurrent.kernel_path import Path, find_path
from gru_tf.recurrent.layers import fused_sequence


class KernelLayer(RNN):
    """Base of this project's layers; stands before Keras' own layer among a class's bases.

    Where the call allows it, one of `gru_tf.recurrent.kernels` computes the whole sequence; otherwise what computes it in
    Keras does. `kernel_path` says which, and `gru_tf.recurrent.kernel_path` has the conditions.
    """

    takes_kernel = True  # read by `gru_tf.recurrent.kernel_path`

    def kernel_path(
        self, mask: str | None = None, training: bool = True, gpu: bool | None = None, jit: bool | None = None
    ) -> Path:
        """The path that a call will take, and the first condition that fails of each path that it will not take.

        Args:
            mask: None, "right-padded", "left-padded", "gaps" or "empty row".
            training: whether the call is a training step.
            gpu: whether there is a GPU; None to ask TensorFlow.
            jit: True inside `tf.function(jit_compile=True)`, False without XLA, None for what `model.compile` chooses.

        Example:
            >>> gru_tf.GRU(32, unroll=True).kernel_path()
            Path(name='unrolled', why_not_cudnn='unroll=True', why_not_fused='unroll=True')
        """
        return find_path(self, gpu=gpu, mask=mask, training=training, jit=jit)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        """The outputs, and the last states with `return_state`; shapes as in the class's description.

        Raises:
            ValueError: for states and masks of another shape.
        """
        batch, timesteps, _ = sequences.shape
        if initial_state is not None:
            states = keras.tree.flatten(initial_state)
            self._expect_shape("initial_state", states, "(batch, units)", (batch, self.cell.units), len(self.state_size))
        if mask is not None:
            mask = ops.cast(keras.tree.flatten(mask)[0], "bool")
            mask = ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask
            self._expect_shape("mask", [mask], "(batch, timesteps)", (batch, timesteps), 1)
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """All steps, by the fastest kernel there is: (last output, outputs, last states)."""
        states = keras.tree.flatten(initial_state)
        mask = None if mask is None else keras.tree.flatten(mask)[0]
        if fused_sequence.serves(self, sequences, bool(training)):
            return fused_sequence.compute(self, sequences, states, mask, bool(training))
        return self._without_fused_kernel(sequences, states, mask, training)

    def _without_fused_kernel(self, sequences: Any, states: list[Any], mask: Any, training: bool | None) -> Any:
        """All steps by what computes them in Keras."""
        return self._loop(sequences, states, mask, training)

    def _loop(self, sequences: Any, states: list[Any], mask: Any, training: bool | None) -> Any:
        """All steps by `keras.layers.RNN` over the cell."""
        last, outputs, after = RNN.inner_loop(self, sequences, states, mask=mask, training=training)
        return last, outputs, list(after)

    def _expect_shape(
        self, argument: str, values: list[Any], meaning: str, expected: tuple[int | None, ...], count: int
    ) -> None:
        """Raise ValueError unless `values` are `count` arrays of this shape; None fits any size."""
        shapes = [tuple(getattr(value, "shape", ())) for value in values]
        fits = [
            len(shape) == len(expected)
            and all(None in sizes or sizes[0] == sizes[1] for sizes in zip(shape, expected, strict=True))
            for shape in shapes
        ]
        if fits != [True] * count:
            of = f"`{argument}` of shape" if count == 1 else f"`{argument}` to be {count} arrays of shape"
            received = ", ".join(map(str, shapes))
            raise ValueError(f"{type(self).__name__}: expected {of} {meaning} = {expected}. Received: shape={received}")

"""What `gru_tf.GRU`, `gru_tf.LSTM` and `gru_tf.SimpleRNN` add to Keras' layers: a fused CPU kernel, its name, checks."""

from typing import Any

import keras

from gru_tf.recurrent.kernel_path import Path, find_path
from gru_tf.recurrent.layers import fused_sequence
from gru_tf.recurrent.layers.rnn import RNN

OF_CELL = ("weight_dropout", "zoneout")  # options of this project's cells that Keras' layers do not have


def cell_options(arguments: dict[str, Any], names: tuple[str, ...] = OF_CELL) -> dict[str, Any]:
    """Those of a layer's further arguments that are its cell's, taken out of them."""
    return {name: arguments.pop(name) for name in names if name in arguments}


class KernelLayer(RNN):
    """Base of this project's layers; stands before Keras' own layer among a class's bases.

    Where the call allows it, one of `gru_tf.recurrent.kernels` computes the whole sequence; otherwise what computes it in
    Keras does. `kernel_path` says which, and `gru_tf.recurrent.kernel_path` has the conditions.
    """

    takes_kernel = True  # read by `gru_tf.recurrent.kernel_path`
    of_cell: tuple[str, ...] = OF_CELL

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised; with those options of the cell that Keras' layer does not have."""
        config = self.cell.get_config()
        return {**super().get_config(), **{name: config[name] for name in self.of_cell if name in config}}

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
        """All steps one after the other, by the cell."""
        last, outputs, after = RNN.inner_loop(self, sequences, states, mask=mask, training=training)
        return last, outputs, list(after)

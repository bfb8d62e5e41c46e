"""What `gru_tf.GRU` and `gru_tf.LSTM` add to Keras' layers where Keras has a fused kernel: cuDNN on a GPU."""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import expect
from gru_tf.recurrent.kernel_conditions import facts_of, first_failing
from gru_tf.recurrent.layers.kernel_layer import KernelLayer


class CudnnLayer(KernelLayer):
    """Base of the layers that cuDNN has; a subclass calls the backend's kernel in `_call_cudnn`.

    * `use_cudnn` and `implementation` are in the configuration: saving and loading keeps them.
    * On a GPU a mask that cuDNN cannot take (not right-padded, or a row without a real step) is computed by the loop,
      batch by batch, where Keras fails; and padded steps hold what they hold on a CPU. With `use_cudnn=True` it fails.
    * Recurrent dropout is in cuDNN's way only while training.
    """

    @property
    def use_cudnn(self) -> Any:
        """As given; but False where `Bidirectional` on PyTorch hands kernels on to cuDNN without asking the layer."""
        return False if keras.backend.backend() == "torch" and self._another_function() else self._use_cudnn

    @use_cudnn.setter
    def use_cudnn(self, value: Any) -> None:
        self._use_cudnn = value

    def _another_function(self) -> bool:
        """Whether Keras' own layer with the cell's arrays computes, or trains, something else."""
        return bool(self.cell.by_steps or self.cell.weight_dropout or self.cell.quantization_mode)

    @property
    def implementation(self) -> int:
        """2 for one dropout mask of the inputs for all gates, 1 for one each."""
        return int(self.cell.implementation)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised; unlike those of Keras' layers with `use_cudnn`."""
        return {**super().get_config(), "use_cudnn": self._use_cudnn, "implementation": self.implementation}

    def _without_fused_kernel(self, sequences: Any, states: list[Any], mask: Any, training: bool | None) -> Any:
        """All steps by the backend's own kernel where there is one, or else by the loop."""
        drops = training and (self.recurrent_dropout or (self.dropout and self.implementation == 1))
        # the backend's kernels have no zoneout, and round no states
        other = self.cell.by_steps or self.cell.quantization_mode
        if self.use_cudnn is not False and not drops and not other:
            try:
                return self._cudnn_or_loop(sequences, states, mask, training)
            except NotImplementedError:  # how Keras' backends say that they have no fused kernel for this
                pass
        if self.use_cudnn is True:
            why = first_failing(facts_of(self, training=bool(training))) or "no device that can run it"
            raise ValueError(
                f"{type(self).__name__}: use_cudnn=True expected a call that cuDNN can compute. Received: {why}"
            )
        return self._loop(sequences, states, mask, training)

    def _cudnn_or_loop(self, sequences: Any, states: list[Any], mask: Any, training: bool | None) -> Any:
        """The backend's kernel; with a mask, the loop in its place for batches that cuDNN cannot take.

        Raises:
            NotImplementedError: where the backend has no fused kernel for this configuration.
        """
        if mask is None or self.use_cudnn is True or not facts_of(self).bars_xla:
            return self._cudnn(sequences, states, mask, training)
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        right_padded = ops.arange(mask.shape[1] or ops.shape(mask)[1]) < ops.expand_dims(lengths, 1)
        return ops.cond(
            ops.logical_and(ops.all(ops.equal(mask, right_padded)), ops.all(lengths > 0)),
            lambda: self._cudnn(sequences, states, mask, training),
            lambda: self._loop(sequences, states, mask, training),
        )

    def _cudnn(self, sequences: Any, states: list[Any], mask: Any, training: bool | None) -> Any:
        """All steps by the backend's own kernel; a padded step holds what it holds after the loop."""
        if training and self.dropout:
            sequences = sequences * ops.expand_dims(self.cell.get_dropout_mask(sequences[:, 0, :]), 1)
        last, outputs, after = self._call_cudnn(sequences, states, mask, self.cell.state_kernel(bool(training)))
        if mask is not None and not self.go_backwards:
            if self.zero_output_for_mask:
                last = ops.where(mask[:, -1:], last, ops.zeros_like(last))
            elif self.return_sequences:
                outputs = ops.where(ops.expand_dims(mask, -1), outputs, ops.expand_dims(last, 1))
        elif mask is not None and self.return_sequences and not self.zero_output_for_mask:  # padding comes first
            real = ops.expand_dims(ops.flip(mask, axis=1), -1)
            outputs = ops.where(real, outputs, ops.expand_dims(states[0], 1))
        return last, outputs, list(after)

    def _call_cudnn(self, sequences: Any, states: list[Any], mask: Any, recurrent_kernel: Any) -> Any:
        """The backend's kernel called with these recurrent weights: (last output, outputs, last states).

        Raises:
            NotImplementedError: where the backend has none for this configuration.
        """
        raise NotImplementedError


def checked_use_cudnn(who: str, value: Any) -> Any:
    """The value, if `use_cudnn` takes it; raises ValueError."""
    expect(value in ("auto", True, False), who, "use_cudnn", "'auto', True or False", value)
    return value


def known_implementation(options: dict[str, Any]) -> int:
    """`implementation`, taken from a layer's further options: 1 or 2, as old configurations hold a 0 as well."""
    return 1 if options.pop("implementation", 2) == 1 else 2

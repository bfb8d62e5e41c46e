"""The LSTM layer: `keras.layers.LSTM`, by a fused kernel on a CPU too, which says which kernel will compute it.

The equations are those of `gru_tf.recurrent.cells.lstm`.
"""

from typing import Any

import keras
from keras.layers import LSTM as StockLSTM  # noqa: N811, of its own name: a program may put the class below in its place
from keras.src import backend  # the door to Keras' fused kernels, which keras.layers.LSTM uses too

from gru_tf.recurrent.cells._arguments import check_arguments, whole
from gru_tf.recurrent.cells.lstm import LSTMCell
from gru_tf.recurrent.kernel_conditions import facts_of
from gru_tf.recurrent.layers.cudnn_layer import CudnnLayer, checked_use_cudnn, known_implementation
from gru_tf.recurrent.layers.kernel_layer import OF_CELL, cell_options


@keras.saving.register_keras_serializable(package="gru_tf")
class LSTM(CudnnLayer, StockLSTM):
    """`keras.layers.LSTM`, faster on a CPU; a drop-in replacement.

    On a CPU under TensorFlow a fused kernel of this project computes it; where Keras has one (cuDNN on a GPU) it is that;
    elsewhere `gru_tf.RNN` runs this project's `LSTMCell`. `kernel_path` says which.

    Beyond `keras.layers.LSTM`:

    * `use_cudnn` is in the configuration: saving and loading keeps it.
    * On a GPU a mask that cuDNN cannot take (not right-padded, or a row without a real step) is computed by the loop,
      batch by batch, where Keras fails; and padded steps hold what they hold on a CPU. With `use_cudnn=True` it fails.
    * Recurrent dropout is in cuDNN's and the fused kernel's way only while training.
    * Impossible arguments are refused, not clamped.

    Args:
        units: H, size of each state and of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, return_sequences,
            return_state, go_backwards, stateful, unroll: as in `keras.layers.LSTM`.
        use_cudnn: "auto" to use cuDNN where possible, True to fail where it is not, False to do without.
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`; `weight_dropout`, `zoneout`, `peepholes`,
            `projection`, `longest` and `forget_bias` of `LSTMCell`; `implementation=1` to draw a dropout mask for each gate.
            No fused kernel has zoneout, peepholes, a projection, or masks for each gate.

    Shapes: inputs (batch, T, I); mask (batch, T); initial states h, c (batch, H) each; output (batch, H), or (batch, T, H)
    with `return_sequences`; with `return_state` the last states h, c follow. Weights: kernel (I, 4H), recurrent_kernel
    (H, 4H), bias (4H,); blocks i, f, c, o. With a projection h and the output have P numbers instead of H.

    Raises:
        ValueError: for impossible arguments, and at a call for states and masks of another shape.

    Example:
        >>> layer = gru_tf.LSTM(32, return_sequences=True)
        >>> layer(keras.random.normal((8, 20, 4))).shape
        (8, 20, 32)
    """

    of_cell = (*OF_CELL, "peepholes", "projection", "longest", "forget_bias")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        checked_use_cudnn("LSTM", use_cudnn)
        check_arguments("LSTM", whole(units), dropout, recurrent_dropout, whole(seed))
        cell = LSTMCell(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            implementation=known_implementation(kwargs),
            **cell_options(kwargs, self.of_cell),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
        )
        super(StockLSTM, self).__init__(  # past keras.layers.LSTM, which would make a cell of its own
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.use_cudnn = use_cudnn
        if facts_of(self).bars_xla:
            self.supports_jit = False

    def _call_cudnn(self, sequences: Any, states: list[Any], mask: Any, recurrent_kernel: Any) -> Any:
        """The backend's kernel."""
        return backend.lstm(
            sequences,
            *states,
            mask,
            kernel=self.cell.kernel,
            recurrent_kernel=recurrent_kernel,
            bias=self.cell.bias,
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            return_sequences=self.return_sequences,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
        )

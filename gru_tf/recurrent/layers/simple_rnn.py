"""The SimpleRNN layer: `keras.layers.SimpleRNN`, by a fused kernel on a CPU, which says what will compute it.

The equation is that of `gru_tf.recurrent.cells.rnn`.
"""

from typing import Any

import keras
from keras.layers import SimpleRNN as StockSimpleRNN  # of its own name: a program may put the class below in its place

from gru_tf.recurrent.cells._arguments import check_arguments, whole
from gru_tf.recurrent.cells.rnn import RNNCell
from gru_tf.recurrent.layers.kernel_layer import OF_CELL, KernelLayer, cell_options


@keras.saving.register_keras_serializable(package="gru_tf")
class SimpleRNN(KernelLayer, StockSimpleRNN):
    """`keras.layers.SimpleRNN`, faster on a CPU; a drop-in replacement.

    On a CPU under TensorFlow a fused kernel of this project computes it; elsewhere `gru_tf.RNN` runs this
    project's `RNNCell`. `kernel_path` says which.

    Beyond `keras.layers.SimpleRNN`:

    * `seed` is in the configuration: saving and loading keeps it; and `activity_regularizer`, which Keras drops, acts.
    * Recurrent dropout is in the fused kernel's way only while training.
    * Impossible arguments are refused, not clamped.

    Args:
        units: H, size of the state and the output.
        activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, return_sequences, return_state, go_backwards, stateful, unroll,
            seed: as in `keras.layers.SimpleRNN`.
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`; `weight_dropout`, `zoneout` and
            `recurrent_start` of `RNNCell`.

    Shapes: inputs (batch, T, I); mask (batch, T); initial state (batch, H); output (batch, H), or (batch, T, H) with
    `return_sequences`; with `return_state` the last state (batch, H) follows. Weights: kernel (I, H), recurrent_kernel
    (H, H), bias (H,).

    Raises:
        ValueError: for impossible arguments, and at a call for states and masks of another shape.

    Example:
        >>> layer = gru_tf.SimpleRNN(32, return_sequences=True)
        >>> layer(keras.random.normal((8, 20, 4))).shape
        (8, 20, 32)
    """

    of_cell = (*OF_CELL, "recurrent_start")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        check_arguments("SimpleRNN", whole(units), dropout, recurrent_dropout, whole(seed))
        cell = RNNCell(
            units=units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **cell_options(kwargs, self.of_cell),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="simple_rnn_cell",
        )
        super(StockSimpleRNN, self).__init__(  # past keras.layers.SimpleRNN, which would make a cell of its own
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = [keras.layers.InputSpec(ndim=3)]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised; unlike `keras.layers.SimpleRNN`'s with `seed`."""
        return {**super().get_config(), "seed": self.cell.seed}

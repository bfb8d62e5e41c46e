"""Convolutional GRU layers for sequences of series, images and volumes; equations in `conv_gru_cell`."""

import keras

from gru_tf.recurrent.layers.conv_gru_base import ConvGRU


@keras.saving.register_keras_serializable(package="gru_tf")
class ConvGRU1D(ConvGRU):
    """A GRU whose products are convolutions over one axis, for sequences of series; `ConvGRU2D` has the arguments.

    Shapes: inputs (batch, T, length, C); state (batch, length', F), its axis as of `ConvGRU2D`; kernel (k, C, 3F).
    Parameters: 3F(k(C + F) + 1), or 3F(k(C + F) + 2) with reset_after.

    Example:
        >>> layer = gru_tf.ConvGRU1D(16, 5, padding="same", return_sequences=True)
        >>> layer(keras.random.normal((8, 10, 50, 3))).shape
        (8, 10, 50, 16)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="gru_tf")
class ConvGRU2D(ConvGRU):
    """A GRU whose products are convolutions, for sequences of images: `keras.layers.ConvLSTM2D` with a GRU in it.

    Its equations are those of `GRUCell` with a convolution for each product (GRU-RCN: Ballas et al. 2015, arXiv
    1511.06432, eqs. 4–7): three quarters of ConvLSTM's weights, half of its state. A step takes one convolution of the
    input for all gates, and two of the state, or one with `reset_after`.

    Beyond `keras.layers.ConvLSTM2D`:

    * Masks, states and what masked steps hold are treated as in `gru_tf.RNN`, on every backend; a mask is (batch, T).
    * States and masks of another shape, impossible sizes and rates are refused, where Keras broadcasts or clamps them.
    * Half precision works throughout, `dtype="bfloat16"` too.

    There is no `unit_forget_bias`. `Bidirectional` concatenates along the last axis, which is the columns with channels
    first: give it another `merge_mode` there.

    Args:
        filters: F, channels of the state and the output.
        kernel_size: (k_1, k_2), or one number for both, of the convolutions of input and state.
        strides, dilation_rate: of the convolution of the input, as of `kernel_size`; one of the two is 1. The convolution
            of the state has 1.
        padding: "valid" or "same", of the convolution of the input; that of the state is "same".
        data_format: "channels_last", "channels_first", or None for `keras.config.image_data_format()`.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, return_sequences, return_state,
            go_backwards, stateful, unroll: as in `keras.layers.ConvLSTM2D`. Dropout has a mask for each gate, pixel and
            channel, the same at all steps.
        reset_after: whether the reset gate acts after the convolution of the state; False in the paper.
        convention: "keep" (a large z keeps the old state) or "write" (it writes the candidate, as in the paper); the same
            function when the weights of z change sign.
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`.

    Shapes: inputs (batch, T, rows, columns, C), with channels first (batch, T, C, rows, columns); rows, columns and C are
    fixed, T need not be. Mask (batch, T). State and output (batch, rows', columns', F), with `return_sequences` the output
    (batch, T, rows', columns', F); rows' is rows with strides of 1 and padding "same". With `return_state` the last state
    follows. Weights: kernel (k_1, k_2, C, 3F), recurrent_kernel (k_1, k_2, F, 3F), blocks z, r, h; bias (3F,), or (2, 3F)
    with reset_after. Parameters: 3F(k_1 k_2 (C + F) + 1), or 3F(k_1 k_2 (C + F) + 2) with reset_after.

    Raises:
        ValueError: for impossible arguments, and at a call for states and masks of another shape.

    Example:
        >>> layer = gru_tf.ConvGRU2D(32, 3, padding="same", return_sequences=True)
        >>> layer(keras.random.normal((8, 10, 64, 64, 3))).shape
        (8, 10, 64, 64, 32)

        The next image of a video, learned with a state for each pixel:

        >>> videos = keras.random.uniform((16, 11, 64, 64, 1))
        >>> model = keras.Sequential([
        ...     keras.Input((None, 64, 64, 1)),
        ...     gru_tf.ConvGRU2D(32, 3, padding="same", return_sequences=True),
        ...     gru_tf.ConvGRU2D(32, 3, padding="same"),
        ...     keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ... ])
        >>> model.compile("adam", "binary_crossentropy")
        >>> model.fit(videos[:, :-1], videos[:, -1], epochs=1)
    """

    rank = 2


@keras.saving.register_keras_serializable(package="gru_tf")
class ConvGRU3D(ConvGRU):
    """A GRU whose products are convolutions over three axes, for sequences of volumes; `ConvGRU2D` has the arguments.

    Shapes: inputs (batch, T, depth, rows, columns, C); state (batch, depth', rows', columns', F), its axes as of
    `ConvGRU2D`; kernel (k_1, k_2, k_3, C, 3F). Parameters: 3F(k_1 k_2 k_3 (C + F) + 1), with reset_after + 2 for + 1.

    Example:
        >>> layer = gru_tf.ConvGRU3D(8, 3, strides=2, padding="same")
        >>> layer(keras.random.normal((2, 5, 16, 16, 16, 1))).shape
        (2, 8, 8, 8, 8)
    """

    rank = 3

"""The GRU layer: `keras.layers.GRU` in either convention, which says which kernel will compute it.

The equations are those of `gru_tf.recurrent.cells.gru`. In the convention "write" cuDNN, which knows "keep" alone, is
handed the weights with the update gate's blocks negated: σ(−a) = 1 − σ(a), so that it computes the same function.
"""

from typing import Any

import keras
from keras import ops
from keras.layers import GRU as StockGRU  # noqa: N811, of its own name: a program may put the class below in its place
from keras.src import backend  # the door to Keras' fused kernels, which keras.layers.GRU uses too

from gru_tf.recurrent.cells._arguments import check_arguments, whole
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.kernel_conditions import facts_of
from gru_tf.recurrent.layers.cudnn_layer import CudnnLayer, checked_use_cudnn, known_implementation
from gru_tf.recurrent.layers.kernel_layer import OF_CELL, cell_options


@keras.saving.register_keras_serializable(package="gru_tf")
class GRU(CudnnLayer, StockGRU):
    """`keras.layers.GRU` with a choice of convention; a drop-in replacement.

    On a CPU under TensorFlow a fused kernel of this project computes it; where Keras has one (cuDNN on a GPU) it is that,
    in both conventions; elsewhere `gru_tf.RNN` runs this project's `GRUCell`. `kernel_path` says which.

    Beyond `keras.layers.GRU`:

    * `use_cudnn` is in the configuration: saving and loading keeps it.
    * On a GPU a mask that cuDNN cannot take (not right-padded, or a row without a real step) is computed by the loop,
      batch by batch, where Keras fails; and padded steps hold what they hold on a CPU. With `use_cudnn=True` it fails.
    * Recurrent dropout is in cuDNN's and the fused kernel's way only while training.
    * Impossible arguments are refused, not clamped.

    Args:
        units: H, size of the state and the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed, return_sequences, return_state,
            go_backwards, stateful, unroll, reset_after: as in `keras.layers.GRU`.
        use_cudnn: "auto" to use cuDNN where possible, True to fail where it is not, False to do without.
        convention: "keep" (Keras, PyTorch: a large z keeps the old state) or "write" (Chung et al. 2014: it writes
            the candidate).
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`; `weight_dropout`, `zoneout` and `longest` of
            `GRUCell`; `implementation=1` to draw a dropout mask for each gate, which no fused kernel does.

    Shapes: inputs (batch, T, I); mask (batch, T); initial state (batch, H); output (batch, H), or (batch, T, H) with
    `return_sequences`; with `return_state` the last state (batch, H) follows. Weights: kernel (I, 3H), recurrent_kernel
    (H, 3H), bias (2, 3H), or (3H,) without reset_after; blocks z, r, h.

    Raises:
        ValueError: for impossible arguments, and at a call for states and masks of another shape.

    Example:
        >>> layer = gru_tf.GRU(32, convention="write", return_sequences=True)
        >>> layer(keras.random.normal((8, 20, 4))).shape
        (8, 20, 32)
    """

    of_cell = (*OF_CELL, "longest")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        convention: str = "keep",
        **kwargs: Any,
    ):
        checked_use_cudnn("GRU", use_cudnn)
        check_arguments("GRU", whole(units), dropout, recurrent_dropout, whole(seed))
        cell = GRUCell(
            units=units,
            reset_after=reset_after,
            convention=convention,
            activation=activation,
            recurrent_activation=recurrent_activation,
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
            implementation=known_implementation(kwargs),
            **cell_options(kwargs, self.of_cell),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
        )
        super(StockGRU, self).__init__(  # past keras.layers.GRU, which would make a cell of its own
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

    def _another_function(self) -> bool:
        """Whether Keras' own layer with the cell's arrays computes, or trains, something else."""
        return self.convention == "write" or super()._another_function()

    @property
    def convention(self) -> str:
        """What a large z does: "keep" or "write"."""
        return str(self.cell.convention)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised; unlike `keras.layers.GRU`'s with `use_cudnn`."""
        return {**super().get_config(), "convention": self.convention}

    def _call_cudnn(self, sequences: Any, states: list[Any], mask: Any, recurrent_kernel: Any) -> Any:
        """The backend's kernel, with weights in the convention that it knows."""
        kernel, recurrent_kernel, bias = self._in_keep([self.cell.kernel, recurrent_kernel, self.cell.bias])
        return backend.gru(
            sequences,
            states[0],
            mask,
            kernel=kernel,
            recurrent_kernel=recurrent_kernel,
            bias=bias,
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            return_sequences=self.return_sequences,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            reset_after=self.reset_after,
        )

    def _in_keep(self, weights: list[Any]) -> list[Any]:
        """Kernel, recurrent kernel and bias of the same function in the convention "keep".

        Raises:
            NotImplementedError: where the convention is "write" and the gates' activation is not the sigmoid.
        """
        if self.convention == "keep":
            return weights
        if facts_of(self).recurrent_activation != "sigmoid":  # another function need not have f(−a) = 1 − f(a)
            raise NotImplementedError
        signs = ops.repeat(ops.array([-1.0, 1.0, 1.0], dtype=self.compute_dtype), self.units)
        return [None if w is None else w * signs for w in weights]

"""The GRU layer: `keras.layers.GRU` in either convention, which says which kernel will compute it.

The equations are those of `gru_tf.recurrent.cells.gru`. In the convention "write" a fused kernel, which knows "keep"
alone, is handed the weights with the update gate's blocks negated: σ(−a) = 1 − σ(a), so that it computes the same function.
"""

import operator
from typing import Any

import keras
from keras import ops
from keras.layers import GRU as StockGRU  # noqa: N811, of its own name: a program may put the class below in its place
from keras.src import backend  # the door to Keras' fused kernels, which keras.layers.GRU uses too

from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.kernel_path import Path, facts_of, find_path, first_failing


@keras.saving.register_keras_serializable(package="gru_tf")
class GRU(StockGRU):
    """`keras.layers.GRU` with a choice of convention; a drop-in replacement.

    Where Keras has a fused kernel (cuDNN on a GPU under TensorFlow) it computes the layer, in both conventions;
    elsewhere `keras.layers.RNN` runs this project's `GRUCell`. `kernel_path` says which.

    Beyond `keras.layers.GRU`:

    * `use_cudnn` is in the configuration: saving and loading keeps it.
    * On a GPU a mask that cuDNN cannot take (not right-padded, or a row without a real step) is computed by the loop,
      batch by batch, where Keras fails; and padded steps hold what they hold on a CPU. With `use_cudnn=True` it fails.
    * Recurrent dropout is in cuDNN's way only while training.
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
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`; `implementation=1` to draw a dropout mask for each
            gate, which no fused kernel does.

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

    looks_at_masks = True  # read by `kernel_path`: a mask that cuDNN cannot take is sent to the loop

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
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"GRU: expected `use_cudnn` to be 'auto', True or False. Received: use_cudnn={use_cudnn!r}")
        implementation = 1 if kwargs.pop("implementation", 2) == 1 else 2  # old configurations hold a 0 as well
        cell = GRUCell(
            units=operator.index(units) if hasattr(units, "__index__") and not isinstance(units, bool) else units,
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
            implementation=implementation,
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

    @property
    def use_cudnn(self) -> Any:
        """As given; but False for "write" on PyTorch, where `Bidirectional` hands kernels on without asking the layer."""
        by_keras = self.convention == "write" and keras.backend.backend() == "torch"
        return False if by_keras else self._use_cudnn

    @use_cudnn.setter
    def use_cudnn(self, value: Any) -> None:
        self._use_cudnn = value

    @property
    def implementation(self) -> int:
        """2 for one dropout mask of the inputs for all gates, 1 for one each."""
        return int(self.cell.implementation)

    @property
    def convention(self) -> str:
        """What a large z does: "keep" or "write"."""
        return str(self.cell.convention)

    def kernel_path(
        self, mask: str | None = None, training: bool = True, gpu: bool | None = None, jit: bool | None = None
    ) -> Path:
        """The path that a call will take and, where it is not cuDNN, the first condition that fails.

        Args:
            mask: None, "right-padded", "left-padded", "gaps" or "empty row".
            training: whether the call is a training step.
            gpu: whether there is a GPU; None to ask TensorFlow.
            jit: True inside `tf.function(jit_compile=True)`, False without XLA, None for what `model.compile` chooses.

        Example:
            >>> gru_tf.GRU(32, reset_after=False).kernel_path()
            Path(name='while-loop', why_not_cudnn='reset_after=False, cuDNN resets after the product')
        """
        return find_path(self, gpu=gpu, mask=mask, training=training, jit=jit)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised; unlike `keras.layers.GRU`'s with `use_cudnn`."""
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ("use_cudnn", "convention", "implementation")},
        }

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        """The outputs, and the last state with `return_state`; shapes as in the class's description."""
        batch, timesteps, _ = sequences.shape
        if initial_state is not None:
            _expect("initial_state", keras.tree.flatten(initial_state), "(batch, units)", (batch, self.units))
        if mask is not None:
            mask = ops.cast(keras.tree.flatten(mask)[0], "bool")
            mask = ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask
            _expect("mask", [mask], "(batch, timesteps)", (batch, timesteps))
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """All steps, by the fused kernel where there is one: (last output, outputs, [last state])."""
        state = keras.tree.flatten(initial_state)[0]
        drops = training and (self.recurrent_dropout or (self.dropout and self.implementation == 1))
        if self.use_cudnn is not False and not drops:
            try:
                return self._fused_or_loop(sequences, state, mask, training)
            except NotImplementedError:  # how Keras' backends say that they have no fused kernel for this
                pass
        if self.use_cudnn is True:
            why = first_failing(facts_of(self, training=bool(training))) or "no device that can run it"
            raise ValueError(f"GRU: use_cudnn=True expected a call that cuDNN can compute. Received: {why}")
        return self._loop(sequences, state, mask, training)

    def _loop(self, sequences: Any, state: Any, mask: Any, training: bool | None) -> Any:
        """All steps by `keras.layers.RNN` over the cell."""
        last, outputs, states = super(StockGRU, self).inner_loop(sequences, [state], mask=mask, training=training)
        return last, outputs, list(states)

    def _fused_or_loop(self, sequences: Any, state: Any, mask: Any, training: bool | None) -> Any:
        """The fused kernel; with a mask, the loop in its place for batches that cuDNN cannot take.

        Raises:
            NotImplementedError: where the backend has no fused kernel for this configuration.
        """
        if mask is None or self.use_cudnn is True or not facts_of(self).bars_xla:
            return self._fused(sequences, state, mask, training)
        lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
        right_padded = ops.arange(mask.shape[1] or ops.shape(mask)[1]) < ops.expand_dims(lengths, 1)
        return ops.cond(
            ops.logical_and(ops.all(ops.equal(mask, right_padded)), ops.all(lengths > 0)),
            lambda: self._fused(sequences, state, mask, training),
            lambda: self._loop(sequences, state, mask, training),
        )

    def _fused(self, sequences: Any, state: Any, mask: Any, training: bool | None) -> Any:
        """All steps by the backend's own kernel; a padded step holds what it holds after the loop."""
        if training and self.dropout:
            sequences = sequences * ops.expand_dims(self.cell.get_dropout_mask(sequences[:, 0, :]), 1)
        kernel, recurrent_kernel, bias = self._weights_in_keep()
        last, outputs, states = backend.gru(
            sequences,
            state,
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
        if mask is not None and not self.go_backwards:
            if self.zero_output_for_mask:
                last = ops.where(mask[:, -1:], last, ops.zeros_like(last))
            elif self.return_sequences:
                outputs = ops.where(ops.expand_dims(mask, -1), outputs, ops.expand_dims(last, 1))
        return last, outputs, list(states)

    def _weights_in_keep(self) -> list[Any]:
        """Kernel, recurrent kernel and bias of the same function in the convention "keep".

        Raises:
            NotImplementedError: where the convention is "write" and the gates' activation is not the sigmoid.
        """
        weights = [self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias]
        if self.convention == "keep":
            return weights
        if facts_of(self).recurrent_activation != "sigmoid":  # another function need not have f(−a) = 1 − f(a)
            raise NotImplementedError
        signs = ops.repeat(ops.array([-1.0, 1.0, 1.0], dtype=self.compute_dtype), self.units)
        return [None if w is None else w * signs for w in weights]


def _expect(argument: str, values: list[Any], meaning: str, expected: tuple[int | None, ...]) -> None:
    """Raise ValueError unless `values` is one array of this shape; None fits any size."""
    shapes = [tuple(getattr(value, "shape", ())) for value in values]
    fits = [
        len(shape) == len(expected)
        and all(None in sizes or sizes[0] == sizes[1] for sizes in zip(shape, expected, strict=True))
        for shape in shapes
    ]
    if fits != [True]:
        received = ", ".join(map(str, shapes))
        raise ValueError(f"GRU: expected `{argument}` of shape {meaning} = {expected}. Received: shape={received}")

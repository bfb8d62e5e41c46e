"""What the convolutional GRU layers share: the contract of Keras' `ConvLSTM` layers, around `ConvGRUCell`.

The cell computes with channels last, whatever `data_format` is: the axis is moved once before the loop and once after it,
as TensorFlow convolves on every device with channels last and on a GPU alone with channels first.
"""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import expect
from gru_tf.recurrent.layers import checks
from gru_tf.recurrent.layers.conv_gru_cell import ConvGRUCell
from gru_tf.recurrent.layers.convolution import checked_convolution
from gru_tf.recurrent.layers.rnn import RNN

FORMATS = ("channels_last", "channels_first")


class ConvGRU(RNN):
    """Base of `ConvGRU1D`, `ConvGRU2D` and `ConvGRU3D`, which name their number of spatial axes."""

    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        reset_after: bool = False,
        convention: str = "keep",
        **kwargs: Any,
    ):
        who, data_format = type(self).__name__, data_format or keras.config.image_data_format()
        expect(data_format in FORMATS, who, "data_format", "'channels_last' or 'channels_first'", data_format)
        expect(convention in ("keep", "write"), who, "convention", "'keep' or 'write'", convention)
        cell = ConvGRUCell(
            **checked_convolution(who, self.rank, filters, kernel_size, strides, padding, dilation_rate),
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
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="conv_gru_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.data_format = data_format
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 3)

    def build(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> None:
        """Create the weights for sequences of this shape, whose spatial axes and channels stay as they are.

        Raises:
            ValueError: where spatial axes or channels are unknown, or an axis is shorter than what a kernel covers.
        """
        if None in sequences_shape[2:] or min(size or 0 for size in self._state_shape(sequences_shape)) < 1:
            enough = "known channels and spatial axes, these at least as long as what a kernel covers"
            who, received = type(self).__name__, tuple(sequences_shape)
            raise ValueError(f"{who}: expected `sequences` to have {enough}. Received: shape={received}")
        super().build(self._shape_last(sequences_shape), initial_state_shape)
        self.input_spec = keras.layers.InputSpec(shape=(None, None, *sequences_shape[2:]))

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """(last output, outputs, [last state]), step by step, in the order of reading."""
        states = [self._last(state, 1) for state in keras.tree.flatten(initial_state)]
        last, outputs, after = super().inner_loop(self._last(sequences, 2), states, mask, training)
        return self._first(last, 1), self._first(outputs, 2), [self._first(state, 1) for state in after]

    def compute_output_shape(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> Any:
        """(batch, …) or with `return_sequences` (batch, T, …), and with `return_state` the state's shape after it."""
        batch, steps = sequences_shape[:2]
        state = self._state_shape(sequences_shape)
        output = (batch, steps, *state) if self.return_sequences else (batch, *state)
        return (output, (batch, *state)) if self.return_state else output

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, one array of the state's shape.

        Raises:
            ValueError: where the layer is not built, so that the spatial axes are unknown.
        """
        expect(self.cell.built, type(self).__name__, "built", "True before the state's shape is asked for", self.built)
        return [self._first(state, 1) for state in self.cell.get_initial_state(batch_size)]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        of_layer, of_cell = super().get_config(), self.cell.get_config()
        del of_layer["cell"]
        regularizer = keras.regularizers.serialize(self.activity_regularizer)
        return {**of_cell, "data_format": self.data_format, "activity_regularizer": regularizer, **of_layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConvGRU":  # type: ignore[override]
        """The layer of a configuration."""
        return cls(**config)

    def _output_shape(self) -> tuple[int, ...] | None:
        return None  # that of the state, whichever it is

    def _check_states(self, initial_state: Any, batch: int | None) -> None:
        """Raise ValueError unless there is one state, of the shape that the layer returns."""
        states = keras.tree.flatten(initial_state)
        expected = (batch, *self._first_shape(self.cell.state_shapes[0]))
        if len(states) != 1 or not checks.fits(states[0], expected):
            checks.refuse(type(self).__name__, "initial_state", states, str(expected))

    def _maybe_config_dropout_masks(self, cell: Any, input_sequence: Any, input_state: Any) -> None:
        """Keras draws the dropout masks before the loop: as the cell will use them, channels last."""
        states = [self._last(state, 1) for state in keras.tree.flatten(input_state)]
        super()._maybe_config_dropout_masks(cell, self._last(input_sequence, 1), states)

    def _state_shape(self, sequences_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(S'…, F), or (F, S'…) with channels first, for sequences of this shape."""
        spatial = self._shape_last(sequences_shape)[2:-1]
        return self._first_shape((*self.cell.spatial_after(spatial), self.cell.filters))

    def _shape_last(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, T, S…, C), of the shape of sequences."""
        return tuple(shape) if self.data_format == "channels_last" else (*shape[:2], *shape[3:], shape[2])

    def _first_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(F, S'…) with channels first, of (S'…, F)."""
        return shape if self.data_format == "channels_last" else (shape[-1], *shape[:-1])

    def _last(self, values: Any, axis: int) -> Any:
        """The values with their channels, on this axis with channels first, at the end."""
        return values if self.data_format == "channels_last" else ops.moveaxis(values, axis, -1)

    def _first(self, values: Any, axis: int) -> Any:
        """The cell's values as the caller has them: with channels first, these on this axis."""
        return values if self.data_format == "channels_last" else ops.moveaxis(values, -1, axis)


OF_CELL = (
    "filters kernel_size strides padding dilation_rate activation recurrent_activation use_bias reset_after convention "
    "kernel_initializer recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer "
    "kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout seed"
)


def _of_cell(name: str) -> property:
    return property(lambda layer: getattr(layer.cell, name), doc=f"`{name}`, as the cell has it.")


for _name in OF_CELL.split():
    setattr(ConvGRU, _name, _of_cell(_name))

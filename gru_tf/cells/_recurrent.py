"""What the custom cells share: the Keras contract of a cell and the weights of its gates.

A subclass names its `gates` and writes its equation in `step`; kernel, recurrent kernel and bias hold one
block of `units` columns a gate, in the order of `gates` (the layout of the stock Keras cells).
"""

from typing import Any

import keras
from keras import ops


class RecurrentCell(keras.layers.Layer):
    """Base of the custom cells, usable in `keras.layers.RNN` and by hand: `out, states = cell(x_t, states)`.

    Args:
        units: H, size of each state.
        activation: of the candidate and the output (default tanh).
        recurrent_activation: of the gates (default sigmoid).
        use_bias: whether biases are added.
        kernel_initializer, recurrent_initializer, bias_initializer: as in Keras' own cells.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in Keras' own cells.
        kernel_constraint, recurrent_constraint, bias_constraint: as in Keras' own cells.

    Shapes: input (batch, I); each state (batch, H); kernel (I, G·H); recurrent_kernel (H, G·H); bias (G·H,)
    or what the subclass says, with G the number of gates.

    Raises:
        ValueError: where `units` is not a positive integer.
    """

    gates: tuple[str, ...] = ("h",)
    states: tuple[str, ...] = ("h",)

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise ValueError(f"{type(self).__name__}: expected `units` to be a positive integer. Received: units={units!r}")
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units if len(self.states) == 1 else [units] * len(self.states)
        self.output_size = units
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """Shape of the bias: one row of G·H unless the subclass says otherwise."""
        return (self.units * len(self.gates),)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias; a subclass that starts a gate elsewhere says so here.

        An initializer, not an assignment in `build`: Keras may build inside a trace, where assignments are lost.
        """
        return self.bias_initializer(shape, dtype=dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I)."""
        columns = self.units * len(self.gates)
        for name, shape, initializer in (
            ("kernel", (input_shape[-1], columns), self.kernel_initializer),
            ("recurrent_kernel", (self.units, columns), self.recurrent_initializer),
            ("bias", self.bias_shape, self.initial_bias),
        ):
            role = name.partition("_")[0]
            weight = None
            if name != "bias" or self.use_bias:
                weight = self.add_weight(
                    name=name,
                    shape=shape,
                    initializer=initializer,
                    regularizer=getattr(self, f"{role}_regularizer"),
                    constraint=getattr(self, f"{role}_constraint"),
                )
            setattr(self, name, weight)

    def split(self, values: Any) -> list[Any]:
        """Cut the last axis of G·H into one array of H a gate."""
        return list(ops.split(values, len(self.gates), axis=-1))

    def step(self, x: Any, states: list[Any]) -> list[Any]:
        """One step: x (batch, I) and states → new states; the subclass's equation."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool | None = None) -> tuple[Any, Any]:
        """One step in Keras' form: returns (output, states), states in the form that was given."""
        nested = isinstance(states, (list, tuple))
        new = self.step(inputs, list(states) if nested else [states])
        return new[0], new if nested else new[0]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, one (batch, H) a state."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in self.states]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        config = {"units": self.units, "use_bias": self.use_bias}
        for name in ("activation", "recurrent_activation"):
            config[name] = keras.activations.serialize(getattr(self, name))
        for role in ("kernel", "recurrent", "bias"):
            config[f"{role}_initializer"] = keras.initializers.serialize(getattr(self, f"{role}_initializer"))
            config[f"{role}_regularizer"] = keras.regularizers.serialize(getattr(self, f"{role}_regularizer"))
            config[f"{role}_constraint"] = keras.constraints.serialize(getattr(self, f"{role}_constraint"))
        return {**super().get_config(), **config}

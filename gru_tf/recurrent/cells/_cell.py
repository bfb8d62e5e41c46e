"""What the custom cells share: the Keras contract of a cell, the weights of its gates, dropout.

A subclass names its `gates` and writes its equation in `step`; kernel, recurrent kernel and bias hold one
block of `units` columns a gate, in the order of `gates` (the layout of the stock Keras cells).
"""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import keras
from keras import ops
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell  # keras.layers.RNN draws masks for its subclasses alone


class RecurrentCell(keras.layers.Layer, DropoutRNNCell):
    """Base of the custom cells, usable in `keras.layers.RNN` and by hand: `out, states = cell(x_t, states)`.

    Args:
        units: H, size of each state.
        activation: of the candidate and the output (default tanh).
        recurrent_activation: of the gates (default sigmoid).
        use_bias: whether biases are added.
        kernel_initializer, recurrent_initializer, bias_initializer: as in Keras' own cells.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: as in Keras' own cells.
        kernel_constraint, recurrent_constraint, bias_constraint: as in Keras' own cells.
        dropout: share of the inputs that is dropped in training, in [0, 1).
        recurrent_dropout: share of the state that is dropped before its products in training, in [0, 1).
        seed: of the dropout masks, which are drawn once a sequence, as in Keras' own cells.
        implementation: 1 for an input mask of its own for each gate, 2 for one that all share; 1 with recurrent dropout.

    Shapes: input (batch, I); each state (batch, H); kernel (I, G·H); recurrent_kernel (H, G·H); bias (G·H,)
    or what the subclass says, with G the number of gates.

    Raises:
        ValueError: for a value that an argument does not take, and at a call for states of a wrong number or shape.
    """

    gates: tuple[str, ...] = ("h",)
    states: tuple[str, ...] = ("h",)
    recurrent = True  # whether there is a product with the state

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
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        implementation: int = 2,
        **kwargs: Any,
    ):
        check_arguments(type(self).__name__, units, dropout, recurrent_dropout, seed, implementation)
        if not self.recurrent:
            without = {"recurrent_dropout": recurrent_dropout, "recurrent_regularizer": recurrent_regularizer}
            for name, value in {**without, "recurrent_constraint": recurrent_constraint}.items():
                self._expect(not value, name, "left out, as this cell has no recurrent kernel", value)
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
        self.dropout, self.recurrent_dropout = float(dropout), float(recurrent_dropout)
        self.implementation = 1 if recurrent_dropout else implementation
        if self.implementation == 1 and len(self.gates) > 1:
            self.dropout_mask_count = len(self.gates)  # read by DropoutRNNCell
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

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
        for name, shape, initializer, there in (
            ("kernel", (input_shape[-1], columns), self.kernel_initializer, True),
            ("recurrent_kernel", (self.units, columns), self.recurrent_initializer, self.recurrent),
            ("bias", self.bias_shape, self.initial_bias, self.use_bias),
        ):
            role = name.partition("_")[0]
            weight = None
            if there:
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

    def from_input(self, x: Any, training: bool = False) -> Any:
        """W x + b of all gates, (batch, G·H), inputs dropped out in training; x (batch, I) or (batch, T, I)."""
        sequence = len(x.shape) == 3
        masks = self._masks(self.get_dropout_mask, self.dropout, x[:, 0] if sequence else x, training)
        product = self.product(x, self.kernel, [ops.expand_dims(m, 1) for m in masks] if sequence else masks)
        return product + self.input_bias() if self.use_bias else product

    def input_bias(self) -> Any:
        """What `from_input` adds, (G·H,); all of the bias unless the subclass says otherwise."""
        return self.bias

    def from_state(self, h: Any, training: bool = False) -> Any:
        """U h of all gates, (batch, G·H), the state dropped out in training."""
        return self.product(h, self.recurrent_kernel, self.state_masks(h, training))

    def state_masks(self, h: Any, training: bool) -> list[Any]:
        """What drops the state before its products: a mask a gate, or none."""
        return self._masks(self.get_recurrent_dropout_mask, self.recurrent_dropout, h, training)

    @staticmethod
    def product(values: Any, kernel: Any, masks: Sequence[Any] = ()) -> Any:
        """`values` @ `kernel`; with masks the values times one mask for all columns, or one for each equal block of them."""
        if len(masks) < 2:
            return ops.matmul(values * masks[0] if masks else values, kernel)
        blocks = zip(masks, ops.split(kernel, len(masks), axis=-1), strict=True)
        return ops.concatenate([ops.matmul(values * mask, block) for mask, block in blocks], axis=-1)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """One step: x (batch, I) and states → new states; the subclass's equation."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        """One step in Keras' form: returns (output, states), the new states in the form of the old."""
        nested = isinstance(states, (list, tuple))
        before = list(states) if nested else [states]
        self._check_states(inputs, before)
        new = self.step(inputs, before, bool(training))
        return new[0], new if nested else new[0]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, one (batch, H) a state."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in self.states]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        plain = ("units", "use_bias", "dropout", "recurrent_dropout", "seed", "implementation")
        config = {name: getattr(self, name) for name in plain}
        for name in ("activation", "recurrent_activation"):
            config[name] = keras.activations.serialize(getattr(self, name))
        for role in ("kernel", "recurrent", "bias"):
            config[f"{role}_initializer"] = keras.initializers.serialize(getattr(self, f"{role}_initializer"))
            config[f"{role}_regularizer"] = keras.regularizers.serialize(getattr(self, f"{role}_regularizer"))
            config[f"{role}_constraint"] = keras.constraints.serialize(getattr(self, f"{role}_constraint"))
        return {**super().get_config(), **config}

    def _expect(self, holds: Any, name: str, expected: str, received: Any) -> None:
        expect(holds, type(self).__name__, name, expected, received)

    @staticmethod
    def _masks(draw: Any, rate: float, values: Any, training: bool) -> list[Any]:
        if not training or rate == 0:
            return []
        masks = draw(values)
        return list(masks) if isinstance(masks, (list, tuple)) else [masks]

    def _check_states(self, inputs: Any, states: list[Any]) -> None:
        batch, who = inputs.shape[0], type(self).__name__
        if len(states) != len(self.states):
            names = ", ".join(self.states)
            expected = f"{len(self.states)} of shape ({batch}, {self.units}): {names}"
            raise ValueError(f"{who}: expected `states` to be {expected}. Received: {len(states)}")
        for name, state in zip(self.states, states, strict=True):
            shape = tuple(state.shape)
            fits = len(shape) == 2 and shape[1] == self.units and (None in (batch, shape[0]) or batch == shape[0])
            if not fits:
                expected = f"({batch}, {self.units})"
                raise ValueError(f"{who}: expected state `{name}` to be of shape {expected}. Received: shape={shape}")


def check_arguments(
    who: str, units: Any, dropout: Any, recurrent_dropout: Any, seed: Any = None, implementation: Any = 2
) -> None:
    """Refuse values that a cell's or layer's arguments of these names do not take; raises ValueError, begun with `who`."""
    expect(is_whole(units) and units > 0, who, "units", "a positive integer", units)
    for name, value in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
        expect(is_share(value), who, name, "a number from 0 to below 1", value)
    expect(seed is None or is_whole(seed), who, "seed", "an integer or None", seed)
    expect(is_whole(implementation) and implementation in (1, 2), who, "implementation", "1 or 2", implementation)


def expect(holds: Any, who: str, name: str, expected: str, received: Any) -> None:
    """Raise ValueError with what was expected of an argument and received, unless it holds."""
    if not holds:
        raise ValueError(f"{who}: expected `{name}` to be {expected}. Received: {name}={received!r}")


def is_whole(value: Any) -> bool:
    """Whether it is an integer, and not a truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_share(value: Any) -> bool:
    """Whether it is a number from 0 to below 1, and not a truth value."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < 1

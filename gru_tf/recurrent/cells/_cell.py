"""What the custom cells share: the Keras contract of a cell, the weights of its gates, dropout.

A subclass names its `gates` and writes its equation in `step`; kernel, recurrent kernel and bias hold one
block of `units` columns a gate, in the order of `gates` (the layout of the stock Keras cells).
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import check_arguments, expect, is_share, whole
from gru_tf.recurrent.cells._dropout import CellDropout
from gru_tf.recurrent.cells._lora import KERNELS
from gru_tf.recurrent.cells._quantized import Quantized, columns_of, effective_kernel, matmul, split
from gru_tf.recurrent.orthogonal_by_gate import OrthogonalByGate

HALF = ("float16", "bfloat16")


class RecurrentCell(Quantized, keras.layers.Layer, CellDropout):
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
        weight_dropout: share of the recurrent weights that a sequence does without in training, in [0, 1); DropConnect.
        zoneout: share of each state that a step leaves as it was, drawn anew at each step in training, in [0, 1).
        seed: of the masks, which but for zoneout's are drawn once a sequence, as in Keras' own cells.
        implementation: 1 for an input mask of its own for each gate, 2 for one that all share; 1 with recurrent dropout.

    Shapes: input (batch, I); each state (batch, H); kernel (I, G·H); recurrent_kernel (H, G·H); bias (G·H,)
    or what the subclass says, with G the number of gates.

    Raises:
        ValueError: for a value that an argument does not take, and at a call for states of a wrong number or shape.
    """

    gates: tuple[str, ...] = ("h",)
    states: tuple[str, ...] = ("h",)
    recurrent = True  # whether there is a product with the state
    draws_first = False  # whether the masks' generator takes its seed before the initializers, as in Keras' SimpleRNNCell

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
        weight_dropout: float = 0.0,
        zoneout: float = 0.0,
        **kwargs: Any,
    ):
        units, seed, implementation = whole(units), whole(seed), whole(implementation)
        check_arguments(type(self).__name__, units, dropout, recurrent_dropout, seed, implementation)
        for name, value in (("weight_dropout", weight_dropout), ("zoneout", zoneout)):
            self._expect(is_share(value), name, "a number from 0 to below 1", value)
        if not self.recurrent:
            without = {"recurrent_dropout": recurrent_dropout, "recurrent_regularizer": recurrent_regularizer}
            without |= {"recurrent_constraint": recurrent_constraint, "weight_dropout": weight_dropout, "zoneout": zoneout}
            for name, value in without.items():
                self._expect(not value, name, "left out, as this cell has no recurrent kernel", value)
        super().__init__(**kwargs)
        self.units = units
        if self.draws_first:
            self.seed_generator = keras.random.SeedGenerator(seed)
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
        self.weight_dropout, self.zoneout = float(weight_dropout), float(zoneout)
        self.implementation = 1 if recurrent_dropout else implementation
        if self.implementation == 1 and len(self.gates) > 1:
            self.dropout_mask_count = len(self.gates)
        self._recurrent_kernel = None
        self.seed = seed
        if not self.draws_first:
            self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def state_sizes(self) -> list[int]:
        """Width of each state; H each unless the subclass says otherwise. The first is that of the output."""
        return [self.units] * len(self.states)

    @property
    def state_size(self) -> Any:
        """Width of the state, or a list of widths: what Keras asks a cell for."""
        sizes = self.state_sizes
        return sizes if sizes[1:] else sizes[0]

    @property
    def output_size(self) -> int:
        """Width of the output."""
        return self.state_sizes[0]

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shape of each state without the batch: (H,) unless the subclass says otherwise."""
        return [(size,) for size in self.state_sizes]

    def kernel_shape(self, features: int | None) -> tuple[int | None, ...]:
        """Shape of a kernel that takes so many features: (features, G·H) unless the subclass says otherwise."""
        return (features, sum(self.widths))

    @property
    def by_steps(self) -> str:
        """What of this cell only a loop over the steps computes, no fused kernel; empty for nothing."""
        return f"zoneout={self.zoneout}" if self.zoneout else ""

    @property
    def widths(self) -> tuple[int, ...]:
        """Columns of each gate's block; H each unless the subclass says otherwise."""
        return (self.units,) * len(self.gates)

    @property
    def recurrent_shape(self) -> tuple[int | None, ...]:
        """Shape of the recurrent kernel: that of a kernel which takes the output unless the subclass says otherwise."""
        return self.kernel_shape(self.output_size)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """Shape of the bias: one row of all columns, G·H, unless the subclass says otherwise."""
        return (sum(self.widths),)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias; a subclass that starts a gate elsewhere says so here.

        An initializer, not an assignment in `build`: Keras may build inside a trace, where assignments are lost.
        """
        return self.bias_initializer(shape, dtype=dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I)."""
        for name, shape, initializer, there in (
            ("kernel", self.kernel_shape(input_shape[-1]), self.kernel_initializer, True),
            ("recurrent_kernel", self.recurrent_shape, self.recurrent_initializer, self.recurrent),
            ("bias", self.bias_shape, self.initial_bias, self.use_bias),
        ):
            role = name.partition("_")[0]
            if there and name in KERNELS and self.quantization_mode:
                self.add_int8(name, shape)
                continue
            weight = None
            if there:
                weight = self.weight_of(role, name, shape, initializer)
            setattr(self, f"_{name}" if name in KERNELS else name, weight)
        self.add_own_weights()
        if self.lora_rank:  # last, as where LoRA comes to a built cell
            self.add_low_rank(self.lora_rank, self.lora_alpha)

    def add_own_weights(self) -> None:
        """Create what a subclass has beside kernels and bias; by default nothing."""

    kernel = effective_kernel("kernel")
    recurrent_kernel = effective_kernel("recurrent_kernel")

    def _drawing(self, initializer: Any) -> Callable[..., Any]:
        """The initializer as the weights need it: in float32 or gate by gate where it is orthogonal."""
        if isinstance(initializer, OrthogonalByGate):
            return partial(initializer, gates=len(self.gates))
        return in_float32(initializer)

    def weight_of(self, role: str, name: str, shape: tuple[int | None, ...], initializer: Any) -> Any:
        """A new weight with the regularizer and the constraint of a role: "kernel", "recurrent" or "bias"."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self._drawing(initializer),
            regularizer=getattr(self, f"{role}_regularizer"),
            constraint=getattr(self, f"{role}_constraint"),
        )

    def split(self, values: Any) -> list[Any]:
        """Cut the last axis of G·H into one array of H a gate."""
        widths = self.widths
        cuts = len(widths) if len(set(widths)) == 1 else list(accumulate(widths[:-1]))
        return list(ops.split(values, cuts, axis=-1))

    def from_input(self, x: Any, training: bool = False) -> Any:
        """W x + b of all gates, (batch, G·H), inputs dropped out in training; x (batch, I) or (batch, T, I)."""
        product = self.input_product(x, training)
        return product + self.input_bias() if self.use_bias else product

    def input_product(self, x: Any, training: bool = False) -> Any:
        """W x of all gates, (batch, G·H), inputs dropped out in training; x (batch, I) or (batch, T, I)."""
        sequence = len(x.shape) == 3
        masks = self.input_masks(x[:, 0] if sequence else x, training)
        return self.product(x, self.operand("kernel"), [ops.expand_dims(m, 1) for m in masks] if sequence else masks)

    def input_bias(self) -> Any:
        """What `from_input` adds, (G·H,); all of the bias unless the subclass says otherwise."""
        return self.bias

    def from_state(self, h: Any, training: bool = False, gates: Sequence[str] = ()) -> Any:
        """U h of all gates, (batch, G·H), or of some that lie side by side; the state dropped out in training."""
        kernel, masks = self.state_kernel(training), self.state_masks(h, training)
        if gates:
            first, last = self.gates.index(gates[0]), self.gates.index(gates[-1]) + 1
            kernel = columns_of(kernel, first * self.units, last * self.units)
            masks = masks[first:last] if len(masks) > 1 else masks
        return self.product(h, kernel, masks)

    @staticmethod
    def product(values: Any, kernel: Any, masks: Sequence[Any] = (), multiply: Callable[[Any, Any], Any] = matmul) -> Any:
        """`values` @ `kernel`; with masks the values times one mask for all columns, or one for each equal block of them."""
        if len(masks) < 2:
            return multiply(values * masks[0] if masks else values, kernel)
        blocks = zip(masks, split(kernel, len(masks)), strict=True)
        return ops.concatenate([multiply(values * mask, block) for mask, block in blocks], axis=-1)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """One step: x (batch, I) and states → new states; the subclass's equation."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False, noise: Any = None) -> tuple[Any, Any]:
        """One step in Keras' form: returns (output, states), the new states in the form of the old.

        Args:
            inputs: (batch, I).
            states: one (batch, H) or a list of them.
            training: whether anything is dropped.
            noise: (batch, ΣH) uniform numbers that decide what zones out; None to draw them.

        Raises:
            ValueError: for states of a wrong number or shape.
        """
        nested = isinstance(states, (list, tuple))
        before = list(states) if nested else [states]
        self._check_states(inputs, before)
        new = self.zoned_out(before, self.step(inputs, before, bool(training)), bool(training), noise)
        return new[0], new if nested else new[0]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, one (batch, H) a state."""
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype) for shape in self.state_shapes]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        plain = ("units", "use_bias", "dropout", "recurrent_dropout", "seed", "implementation")
        config = {name: getattr(self, name) for name in plain}
        # left out where they are off: files then load where these options are unknown
        config |= {name: rate for name in ("weight_dropout", "zoneout") if (rate := getattr(self, name))}
        for name in ("activation", "recurrent_activation"):
            config[name] = keras.activations.serialize(getattr(self, name))
        for role in ("kernel", "recurrent", "bias"):
            config[f"{role}_initializer"] = keras.initializers.serialize(getattr(self, f"{role}_initializer"))
            config[f"{role}_regularizer"] = keras.regularizers.serialize(getattr(self, f"{role}_regularizer"))
            config[f"{role}_constraint"] = keras.constraints.serialize(getattr(self, f"{role}_constraint"))
        return {**super().get_config(), **config}

    def _expect(self, holds: Any, name: str, expected: str, received: Any) -> None:
        expect(holds, type(self).__name__, name, expected, received)

    def _check_states(self, inputs: Any, states: list[Any]) -> None:
        batch, who, shapes = inputs.shape[0], type(self).__name__, self.state_shapes
        expected = [(batch, *shape) for shape in shapes]
        if len(states) != len(shapes):
            each = ", ".join(f"{name} {shape}" for name, shape in zip(self.states, expected, strict=True))
            each = each if len(set(shapes)) > 1 else f"shape {expected[0]}: {', '.join(self.states)}"
            raise ValueError(f"{who}: expected `states` to be {len(shapes)} of {each}. Received: {len(states)}")
        for name, one, state in zip(self.states, expected, states, strict=True):
            shape = tuple(state.shape)
            fits = len(shape) == len(one) and shape[1:] == one[1:] and (None in (batch, shape[0]) or batch == shape[0])
            if not fits:
                raise ValueError(f"{who}: expected state `{name}` to be of shape {one}. Received: shape={shape}")


def copied(initializer: Any) -> Any:
    """An initializer of the same configuration; one without a seed gives the same numbers each time it is called."""
    config = keras.initializers.serialize(initializer)
    return keras.initializers.deserialize(config) if isinstance(initializer, keras.Initializer) else initializer


def in_float32(initializer: Any) -> Callable[..., Any]:
    """An orthogonal initializer that draws in float32 for half precision, in which no backend can orthogonalise."""
    if not isinstance(initializer, keras.initializers.Orthogonal):
        return initializer  # type: ignore[no-any-return]

    def draw(shape: Any, dtype: Any = None) -> Any:
        half = dtype is not None and keras.backend.standardize_dtype(dtype) in HALF
        return ops.cast(initializer(shape, dtype="float32"), dtype) if half else initializer(shape, dtype=dtype)

    return draw

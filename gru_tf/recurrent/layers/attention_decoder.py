"""The layer that runs recurrent layers over what is written and lets each step look back at a memory.

    s_t = layers(x_t, s_{t−1})               without input feeding: the recurrence sees nothing of the attention
    s_t = layers([x_t; f_{t−1}], s_{t−1})    with it; f_t = s̃_t, or c_t without the attention layer; f_0 = 0
    s̃_t, c_t = attention of s_t to the memory                          (`gru_tf.recurrent.layers.memory_attention`)

or, with `attend_first`,

    c_t = attention of s_{t−1} to the memory,    s_t = layers([x_t; c_t], s_{t−1})

Without either all s_t are computed first, by the layers' fused kernels where they have one, and then all s̃_t at once. With
input feeding (Luong et al. 2015, section 3.3) and `attend_first` (Bahdanau et al. 2015, A.2.2) one step follows the other.

References: M.-T. Luong, H. Pham, C. D. Manning, EMNLP 2015, arXiv 1508.04025; D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015,
arXiv 1409.0473.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import RNN as StockRNN  # noqa: N811, of its own name: a program may put another class in its place

from gru_tf.recurrent import masked_loop
from gru_tf.recurrent.cells._arguments import expect
from gru_tf.recurrent.layers import ragged
from gru_tf.recurrent.layers.flat_states import (
    as_cell,
    dropout_drawn,
    initial_states,
    output_place,
    output_size,
    run_cell,
    states_of,
    zoneout_noise,
)
from gru_tf.recurrent.layers.memory_attention import (
    MemoryAttention,
    check_mask,
    check_memory,
    check_policy,
    check_rows,
    mask_of,
)
from gru_tf.recurrent.layers.rnn import RNN

WHO = "AttentionDecoder"


@keras.saving.register_keras_serializable(package="gru_tf")
class AttentionDecoder(keras.layers.Layer):
    """Recurrent layers that write a sequence and attend to another, in training over all steps, in decoding step by step.

    Args:
        layers: a recurrent layer or a cell, or a list of them from the first to the last: `gru_tf.LSTM(256)`,
            `keras.layers.GRU(64)`, `gru_tf.RNN(cell)`, a cell alone. They are set to return sequences and states.
            Layers without a state, e.g. `keras.layers.Dropout`, may stand between and behind them where steps are not
            computed one after the other.
        score: "general", "dot" (Luong et al. 2015, eq. 8) or "additive" (Bahdanau et al. 2015, A.1.2).
        units: A, width of s̃ and of the additive score; that of the last recurrent layer, H, where it is None.
        scaled: whether "general" and "dot" are multiplied by a learned number.
        attention_layer: whether the output is s̃_t = tanh(W_c [c_t; s_t]); else [c_t; s_t].
        input_feeding: whether s̃ of the step before (without the attention layer: c) is appended to the input.
        attend_first: whether the query is the state before the step, s_{t−1}, and c_t is appended to the input, as in
            Bahdanau et al.; else the query is s_t, as in Luong et al. and TensorFlow Addons.
        return_state: whether the last states follow the output, with input feeding then what is fed.
        return_alignments: whether the alignments follow the output, before the states.
        attention: parts to use that there are already; the six arguments from `score` on are then theirs.
        **kwargs: `name`, `dtype`, `trainable`; the layers have a `dtype` of their own.

    Call arguments: `decoder(sequences, memory, initial_state=None, sequences_mask=None, memory_mask=None, training=None)`.
    Both masks come by themselves with Keras tensors that have one, as behind `keras.layers.Embedding(mask_zero=True)`.

    Shapes: sequences (batch, T, I), what stands before each target; memory (batch, S, W); masks (batch, T), (batch, S);
    initial_state: each layer's in a list, zeros where it is None, with what is fed at its end or zeros for that; output
    (batch, T, A), or (batch, T, W + H) without the attention layer; alignments (batch, T, S). Padded steps of `sequences`
    keep the states and have outputs and alignments of 0. In a row of the memory without a real step c is 0.

    Raises:
        ValueError: for impossible arguments, and at a call for arrays of another shape.

    Example:
        >>> decoder = gru_tf.AttentionDecoder(gru_tf.LSTM(32), score="additive", units=16)
        >>> decoder(keras.random.normal((8, 5, 4)), memory=keras.random.normal((8, 20, 12))).shape
        (8, 5, 16)
    """

    def __init__(
        self,
        layers: Any,
        score: str = "general",
        units: int | None = None,
        scaled: bool = False,
        attention_layer: bool = True,
        input_feeding: bool = False,
        attend_first: bool = False,
        return_state: bool = False,
        return_alignments: bool = False,
        attention: MemoryAttention | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_policy(WHO, self.dtype_policy)
        self.layers = [_over_time(layer) for layer in (layers if isinstance(layers, (list, tuple)) else [layers])]
        first_recurs = bool(self.layers) and isinstance(self.layers[0], StockRNN)
        expect(first_recurs, WHO, "layers", "recurrent layers or cells, the first of them at least", layers)
        *lower, top = self.recurrent
        options = (score, units, scaled, attention_layer, input_feeding, attend_first)
        self.attention = attention or MemoryAttention(WHO, output_size(top.cell), *options, dtype=self.dtype_policy)
        self._stepwise = self.attention.input_feeding or self.attention.attend_first
        between = [layer.name for layer in self.layers if not isinstance(layer, StockRNN)]
        alone = "recurrent ones alone with input_feeding or attend_first; cells have `dropout`"
        expect(not (self._stepwise and between), WHO, "layers", alone, between)
        regularised = [layer.name for layer in self.recurrent if layer.activity_regularizer is not None]
        outputs = "without activity_regularizer, which has no outputs of the layer with input_feeding or attend_first"
        expect(not (self._stepwise and regularised), WHO, "layers", outputs, regularised)
        below = sum(len(keras.tree.flatten(layer.cell.state_size)) for layer in lower)
        self._place = below + output_place(WHO, top.cell) if self.attention.attend_first else 0
        self.return_state, self.return_alignments = bool(return_state), bool(return_alignments)
        self.supports_masking = True

    @property
    def recurrent(self) -> list[Any]:
        """The recurrent ones among the layers."""
        return [layer for layer in self.layers if isinstance(layer, StockRNN)]

    def build(self, sequences_shape: Any, memory_shape: Any, initial_state_shape: Any = None) -> None:
        """Create the weights for sequences (batch, T, I) and a memory (batch, S, W)."""
        for name, shape in (("sequences", sequences_shape), ("memory", memory_shape)):
            expect(len(shape) == 3 and shape[-1], WHO, name, "of shape (batch, steps, width)", tuple(shape))
        self._memory_width = memory_shape[-1]
        shape = (*sequences_shape[:2], sequences_shape[-1] + self.attention.added_width(self._memory_width))
        for layer in self.layers:
            if not layer.built:
                layer.build(shape)
            recurs = isinstance(layer, StockRNN)
            shape = (*shape[:2], output_size(layer.cell)) if recurs else tuple(layer.compute_output_shape(shape))
        width = self.attention.width
        expect(shape[-1] == width, WHO, "layers", f"to end with the width of the last recurrent one, {width}", shape[-1])
        self.attention.build(tuple(memory_shape))

    def call(
        self,
        sequences: Any,
        memory: Any,
        initial_state: Any = None,
        sequences_mask: Any = None,
        memory_mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        """The output, and what else is to be returned; shapes as in the class's description."""
        for name, value in (("sequences", sequences), ("memory", memory)):
            expect(not ragged.is_ragged(value), WHO, name, "padded, with a mask beside it", "a ragged tensor")
        check_memory(WHO, memory, memory_mask)
        check_rows(WHO, "memory", sequences.shape[0], [memory], of="sequences")
        check_mask(WHO, "sequences_mask", sequences_mask, sequences.shape)
        mask = None if sequences_mask is None else ops.cast(sequences_mask, "bool")
        if mask is not None:  # not a number times zero is not a number: what a padded step holds is not computed with
            sequences = ops.where(mask[:, :, None], sequences, ops.zeros_like(sequences))
        remembered, states = self.attention.remember(memory, memory_mask), self._begin(initial_state, sequences)
        if self._stepwise:
            outputs, query, states = self._step_by_step(sequences, remembered, states, mask, bool(training))
            alignments = self.attention.context(query, remembered, True)[1] if self.return_alignments else None
        else:
            s, states = self.recur(sequences, states, mask, training)
            context, alignments = self.attention.context(s, remembered, self.return_alignments)
            outputs = self.attention.output(context, s)
        returned = [outputs, alignments] if self.return_alignments else [outputs]
        if mask is not None:
            returned = [ops.where(mask[:, :, None], array, ops.zeros_like(array)) for array in returned]
        returned += [ops.cast(state, self.compute_dtype) for state in states] if self.return_state else []
        return tuple(returned) if len(returned) > 1 else outputs if mask is None else returned[0]

    def recur(self, sequences: Any, states: Sequence[Any], mask: Any = None, training: bool | None = None) -> Any:
        """All s_t (batch, T, H) and the last states, of sequences and states in a flat list; sees nothing of the memory."""
        asked = {name: value for name, value in (("mask", mask), ("training", training)) if value is not None}
        x, rest, after = sequences, list(states), []
        for layer in self.layers:
            if isinstance(layer, StockRNN):
                given, rest = states_of(layer, rest)
                x, *new = layer(x, initial_state=given, **asked)
                after += keras.tree.flatten(new)
            else:
                x = layer(x, **({"training": training} if layer._call_has_training_arg and training is not None else {}))
        return x, after

    def remember(self, memory: Any, memory_mask: Any = None) -> list[Any]:
        """What `step` attends to, of a memory (batch, S, W) and, where steps are padding, a mask (batch, S).

        Without a mask it is the one that comes with a memory that a Keras layer returned, if there is one.

        Raises:
            ValueError: for arrays of another shape.
        """
        memory_mask = mask_of(memory, memory_mask)
        check_memory(WHO, memory, memory_mask)
        return self.attention.remember(memory, memory_mask)

    def step(self, inputs: Any, states: Sequence[Any], memory: Sequence[Any], training: bool = False) -> tuple[Any, ...]:
        """One step of decoding: (output (batch, A), states), with `return_alignments` (output, alignments, states).

        Args:
            inputs: (batch, I), the embedding of what was written last.
            states: in a flat list, as `get_initial_state`, `return_state` or the step before gave them.
            memory: what `remember` gave.
            training: whether dropout is on.
        """
        check_rows(WHO, "states", inputs.shape[0], states, of="inputs")
        check_rows(WHO, "memory", inputs.shape[0], memory, of="inputs")
        output, _, alignments, after = self._step(inputs, states, memory, training, self.return_alignments)
        return (output, alignments, after) if self.return_alignments else (output, after)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Each layer's own initial states in a flat list, with input feeding then zeros for what is fed."""
        states = [state for layer in self.recurrent for state in initial_states(layer.cell, batch_size)]
        if not self.attention.input_feeding:
            return states
        expect(self.built, WHO, "layer", "built before its initial state is asked for", self.name)
        return [*states, ops.zeros((batch_size, self._state_sizes()[-1]), self.compute_dtype)]

    def _step(
        self,
        x: Any,
        states: Sequence[Any],
        memory: Sequence[Any],
        training: bool,
        alignments: bool = False,
        noise: Sequence[Any] | None = None,
    ) -> Any:
        """One step: (output, query, alignments or None, states); `noise` is for each recurrent layer's zoneout."""
        sizes = self._state_sizes()
        expect(len(states) == len(sizes), WHO, "states", f"{len(sizes)} arrays of widths {sizes}", len(states))

        def run(x: Any, rest: list[Any]) -> tuple[Any, list[Any]]:
            after: list[Any] = []
            drawn = iter(noise or [None] * len(self.recurrent))
            for layer in self.layers:
                if isinstance(layer, StockRNN):
                    given, rest = states_of(layer, rest)
                    x, new = run_cell(layer.cell, x, given, training, next(drawn))
                    after += new
                else:
                    x = layer(x, **({"training": training} if layer._call_has_training_arg else {}))
            return x, after

        return self.attention.step(run, x, states, memory, self._place, alignments)

    def _step_by_step(self, sequences: Any, memory: list[Any], states: list[Any], mask: Any, training: bool) -> Any:
        """All steps by the backend's loop: outputs, queries, last states. Masks of dropout are drawn before it."""
        width = self.attention.width
        noise, parts = zoneout_noise([layer.cell for layer in self.recurrent] if training else [], sequences)

        def step(x: Any, before: list[Any], *noise: Any) -> tuple[Any, list[Any]]:
            output, query, _, after = self._step(x, before, memory, training, noise=parts(noise[0]) if noise else None)
            return ops.concatenate([ops.cast(query, output.dtype), output], axis=-1), after

        added = ops.zeros((ops.shape(sequences)[0], self.attention.added_width(self._memory_width)), sequences.dtype)
        first = ops.concatenate([sequences[:, 0], added], axis=-1)
        size = (width + self.attention.output_width(self._memory_width),)
        with dropout_drawn(self.recurrent if training else [], first, states):
            _, both, after = masked_loop.run(
                step, sequences, states, mask, noise, output_shape=size, return_all_outputs=True
            )
        return both[:, :, width:], both[:, :, :width], after

    def _state_sizes(self, memory_width: int | None = None) -> list[int]:
        """Of each state, in a flat list; None for the width of the memory that the layer was built for."""
        sizes = [size for layer in self.recurrent for size in keras.tree.flatten(layer.cell.state_size)]
        if not self.attention.input_feeding:
            return sizes
        return [*sizes, self.attention.fed_width(self._memory_width if memory_width is None else memory_width)]

    def _begin(self, initial_state: Any, sequences: Any) -> list[Any]:
        """The states before the first step, flat, in the types that cells compute in."""
        begin = self.get_initial_state(ops.shape(sequences)[0])
        if initial_state is None:
            return begin
        states, sizes = keras.tree.flatten(initial_state), self._state_sizes()
        if self.attention.input_feeding and len(states) == len(sizes) - 1:
            states = [*states, begin[-1]]
        shapes, batch = [tuple(state.shape) for state in states], sequences.shape[0]
        fits = len(shapes) == len(sizes) and all(
            len(shape) == 2 and shape[1] == size and (None in (batch, shape[0]) or shape[0] == batch)
            for shape, size in zip(shapes, sizes, strict=True)
        )
        if not fits:
            expected = f"{len(sizes)} arrays of shape (batch, units) = {[(batch, size) for size in sizes]}"
            raise ValueError(f"{WHO}: expected `initial_state` to be {expected}. Received: shapes={shapes}")
        return [ops.cast(state, like.dtype) for state, like in zip(states, begin, strict=True)]

    def compute_output_shape(self, sequences_shape: Any, memory_shape: Any, initial_state_shape: Any = None) -> Any:
        """The output's shape; the alignments' and the states' as they are returned."""
        batch, timesteps = sequences_shape[:2]
        shapes: list[tuple[Any, ...]] = [(batch, timesteps, self.attention.output_width(memory_shape[-1]))]
        if self.return_alignments:
            shapes.append((batch, timesteps, memory_shape[1]))
        if self.return_state:
            shapes += [(batch, size) for size in self._state_sizes(memory_shape[-1])]
        return tuple(shapes) if len(shapes) > 1 else shapes[0]

    def compute_mask(self, _: Any, mask: Any = None) -> Any:
        """The mask of the output: that of `sequences`."""
        mask = keras.tree.flatten(mask)[0] if isinstance(mask, (list, tuple)) else mask
        more = (1 if self.return_alignments else 0) + (len(self._state_sizes(1)) if self.return_state else 0)
        return [mask, *[None] * more] if more else mask

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        layers = [keras.saving.serialize_keras_object(layer) for layer in self.layers]
        own = {name: getattr(self, name) for name in ("return_state", "return_alignments")}
        return {**super().get_config(), "layers": layers, **self.attention.options(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AttentionDecoder":
        """The layer of this configuration."""
        adapted = config.get("adapted", {})
        own = {name: value for name, value in config.items() if name != "adapted"}
        layer = cls(**{**own, "layers": [keras.saving.deserialize_keras_object(layer) for layer in config["layers"]]})
        layer.attention.restore(adapted)
        return layer


def _over_time(layer: Any) -> Any:
    """The layer, or `keras.layers.RNN` around a cell, set to return sequences and states."""
    expect(isinstance(layer, keras.layers.Layer), WHO, "layers", "recurrent layers or cells", layer)
    if hasattr(layer, "state_size") and not isinstance(layer, StockRNN):
        return RNN(as_cell(WHO, layer), return_sequences=True, return_state=True, dtype=layer.dtype_policy)
    if not isinstance(layer, StockRNN):
        other = isinstance(layer, keras.layers.Bidirectional) or hasattr(layer, "return_state")
        expect(not other, WHO, "layers", "recurrent layers in one direction that have a cell", layer.name)
        return layer
    of_vectors = getattr(layer.input_spec, "ndim", None) in (None, 3)
    expect(of_vectors, WHO, "layers", "recurrent layers over vectors, not images", layer.name)
    expect(not layer.go_backwards and not layer.stateful, WHO, "layers", "neither backward nor stateful", layer.name)
    returns = layer.return_sequences and layer.return_state
    needed = "made with return_sequences=True, return_state=True where they are used already"
    expect(returns or not layer.built, WHO, "layers", needed, layer.name)
    layer.return_sequences = layer.return_state = True
    return layer

"""A cell that attends: any Keras cell, whose output of each step looks back at a memory.

    s_t = cell([x_t; f_{t−1}], s_{t−1})      with input feeding                        (Luong et al. 2015, section 3.3)
    s_t = cell(x_t, s_{t−1})                 without
    s̃_t, c_t = attention of s_t to the memory                          (`gru_tf.recurrent.layers.memory_attention`)
    f_t = s̃_t, or c_t without the attention layer; f_0 = 0

or, with `attend_first`,

    c_t = attention of s_{t−1} to the memory,    s_t = cell([x_t; c_t], s_{t−1})       (Bahdanau et al. 2015, A.2.2)

References: M.-T. Luong, H. Pham, C. D. Manning, EMNLP 2015, arXiv 1508.04025; D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015,
arXiv 1409.0473.
"""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._arguments import expect
from gru_tf.recurrent.layers.flat_states import as_cell, in_form, initial_states, output_place, output_size, run_cell
from gru_tf.recurrent.layers.memory_attention import MemoryAttention, check_memory, check_policy, check_rows, mask_of


@keras.saving.register_keras_serializable(package="gru_tf")
class AttentionCell(keras.layers.Layer):
    """One step of a recurrent network that attends to a memory: `output, states = cell(x_t, states, memory)`.

    `memory` is what `remember` makes of the sequence attended to, once for all steps. It is an argument and no state: a
    loop over steps closes over it, where states would be copied from step to step and kept for each by the backward pass.
    `keras.layers.RNN`, which hands a cell inputs and states alone, therefore cannot run this cell;
    `gru_tf.AttentionDecoder` is the layer that does, and `tf.while_loop`, `jax.lax.scan` or a Python loop do too.

    Args:
        cell: a Keras cell, or a list of them, of which `keras.layers.StackedRNNCells` is made.
        score: "general", "dot" (Luong et al. 2015, eq. 8) or "additive" (Bahdanau et al. 2015, A.1.2).
        units: A, width of s̃ and of the additive score; that of the cell's output, H, where it is None.
        scaled: whether "general" and "dot" are multiplied by a learned number.
        attention_layer: whether the output is s̃_t = tanh(W_c [c_t; s_t]); else [c_t; s_t].
        input_feeding: whether s̃ of the step before (without the attention layer: c) is appended to the input.
        attend_first: whether the query is the state before the step, s_{t−1}, and c_t is appended to the input, as in
            Bahdanau et al.; else the query is s_t, as in Luong et al. and TensorFlow Addons.
        return_alignments: whether the output of a step is (output, alignments).
        **kwargs: `name`, `dtype`, `trainable`.

    Shapes: inputs (batch, I); states those of the cell in a flat list, with input feeding then f (batch, A); memory of
    (batch, S, W); output (batch, A), or (batch, W + H) without the attention layer; alignments (batch, S). In a row of the
    memory without a real step c and alignments are 0.

    Raises:
        ValueError: for impossible arguments, and at a call without a memory or with states of another number.

    Example:
        >>> cell = gru_tf.AttentionCell(keras.layers.GRUCell(32), score="additive", input_feeding=True)
        >>> cell.build((8, 4), memory_shape=(8, 20, 16))
        >>> memory = cell.remember(keras.random.normal((8, 20, 16)))
        >>> output, states = cell(keras.random.normal((8, 4)), cell.get_initial_state(8), memory)
    """

    def __init__(
        self,
        cell: Any,
        score: str = "general",
        units: int | None = None,
        scaled: bool = False,
        attention_layer: bool = True,
        input_feeding: bool = False,
        attend_first: bool = False,
        return_alignments: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_policy("AttentionCell", self.dtype_policy)
        self.cell = as_cell("AttentionCell", cell)
        options = (score, units, scaled, attention_layer, input_feeding, attend_first)
        self.attention = MemoryAttention("AttentionCell", output_size(self.cell), *options, dtype=self.dtype_policy)
        self._place = output_place("AttentionCell", self.cell) if attend_first else 0
        self.return_alignments = bool(return_alignments)

    def build(self, inputs_shape: Any, states_shape: Any = None, memory_shape: Any = None) -> None:
        """Create the weights for inputs of shape (batch, I) and a memory of shape (batch, S, W).

        Args:
            inputs_shape: of one step's inputs.
            states_shape: not needed.
            memory_shape: of the memory, or the shapes of what `remember` made of it.
        """
        expect(memory_shape is not None, "AttentionCell", "memory_shape", "the memory's shape", memory_shape)
        values = memory_shape[1] if isinstance(memory_shape[0], (list, tuple)) else memory_shape
        self.attention.build(tuple(values))
        if not self.cell.built:
            self.cell.build((inputs_shape[0], inputs_shape[-1] + self.attention.added_width(values[-1])))
        self._memory_width = values[-1]

    def remember(self, memory: Any, memory_mask: Any = None) -> list[Any]:
        """What `call` attends to, of a memory (batch, S, W) and, where steps are padding, a mask (batch, S).

        Without a mask it is the one that comes with a memory that a Keras layer returned, if there is one.
        """
        memory_mask = mask_of(memory, memory_mask)
        check_memory("AttentionCell", memory, memory_mask)
        return self.attention.remember(memory, memory_mask)

    @property
    def state_size(self) -> list[int]:
        """Of each state: the cell's, flat, and with input feeding what is fed, whose width may need the memory's."""
        sizes = keras.tree.flatten(self.cell.state_size)
        fed = self.attention.fed_width(getattr(self, "_memory_width", 0))
        return [*sizes, fed] if self.attention.input_feeding else sizes

    @property
    def output_size(self) -> int:
        """Width of the output, which without the attention layer needs the memory's."""
        return self.attention.output_width(getattr(self, "_memory_width", 0))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The cell's own, and zeros for what is fed; once the cell is built."""
        expect(self.built, "AttentionCell", "cell", "built before its initial state is asked for", self.name)
        states = initial_states(self.cell, batch_size)
        if not self.attention.input_feeding:
            return states
        return [*states, ops.zeros((batch_size, self.state_size[-1]), self.compute_dtype)]

    def call(self, inputs: Any, states: Any, memory: Any = None, training: bool = False) -> tuple[Any, list[Any]]:
        """One step: returns (output, states), or ((output, alignments), states)."""
        given = isinstance(memory, (list, tuple)) and len(memory) in (2, 3)
        expect(given, "AttentionCell", "memory", "what `remember` gave; gru_tf.AttentionDecoder passes it", type(memory))
        states, count = keras.tree.flatten(states), len(self.state_size)
        expect(len(states) == count, "AttentionCell", "states", f"{count} arrays of widths {self.state_size}", len(states))
        check_rows("AttentionCell", "states", inputs.shape[0], states, of="inputs")
        check_rows("AttentionCell", "memory", inputs.shape[0], memory, of="inputs")

        def run(x: Any, before: list[Any]) -> tuple[Any, list[Any]]:
            return run_cell(self.cell, x, in_form(self.cell, before), training)

        asked = self.return_alignments
        output, _, alignments, after = self.attention.step(run, inputs, states, memory, self._place, asked)
        return ((output, alignments) if asked else output), after

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        own = {"cell": keras.saving.serialize_keras_object(self.cell), "return_alignments": self.return_alignments}
        return {**super().get_config(), **own, **self.attention.options()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AttentionCell":
        """The cell of this configuration."""
        adapted = config.get("adapted", {})
        own = {name: value for name, value in config.items() if name != "adapted"}
        cell = cls(**{**own, "cell": keras.saving.deserialize_keras_object(config["cell"])})
        cell.attention.restore(adapted)
        return cell

"""One step at a time: a trained network that keeps its states from call to call, with the outputs of the whole sequence.

    x_t → embedding or scale → layer 1 with its states → … → layer n with its states → head → y_t

Each layer's cell is called once per step, so every cell that `keras.layers.RNN` can run can be streamed, stock or custom.
Where the fused CPU kernels have all cells of a model, `Streaming` computes the step by them and NumPy, else by TensorFlow.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.interchange import kernel_step
from gru_tf.interchange.keras_model import IDLE, in_line
from gru_tf.recurrent.layers import flat_states

STATES = ("h", "c")
# layers that compute each step by itself, whatever comes before or after it
POINTWISE = (
    keras.layers.Embedding,
    keras.layers.Rescaling,
    keras.layers.Dense,
    keras.layers.Activation,
    keras.layers.LayerNormalization,
)


class OneStep:
    """The computation of one step of a Keras model, as a function of the step's input and the states before it.

    Args:
        model: an input, an embedding or a scale, recurrent layers of any cell in one direction, dense layers, in this order.

    Attributes:
        states: name and units of each state, layer by layer: "layer0_forward_h", and of an LSTM also "layer0_forward_c".
        tokens: how many tokens the embedding has; None where the model reads arrays.
        features: I, of an input (batch, I); None where it reads token numbers (batch,).
        dtype: of the input.

    Raises:
        UserError: for a layer that needs the whole sequence, with the reason, and for an unknown layer.
    """

    def __init__(self, model: Any):
        self.layers = [layer for layer in in_line(model) if not isinstance(layer, IDLE)]
        self.states: list[tuple[str, int]] = []
        self.counts: dict[int, int] = {}  # place of a recurrent layer → how many states it has
        for place, layer in enumerate(self.layers):
            _check(model, layer)
            if isinstance(layer, keras.layers.RNN):
                sizes = keras.tree.flatten(layer.cell.state_size)
                names = STATES[: len(sizes)] if len(sizes) <= len(STATES) else [f"s{n}" for n in range(len(sizes))]
                self.states += [(f"layer{len(self.counts)}_forward_{n}", s) for n, s in zip(names, sizes, strict=True)]
                self.counts[place] = len(sizes)
        if not self.counts:
            raise UserError(f"model '{model.name}': expected at least one recurrent layer. Received: none")
        embedding = next((layer for layer in self.layers if isinstance(layer, keras.layers.Embedding)), None)
        self.tokens = None if embedding is None else int(embedding.input_dim)
        if embedding is None and len(model.inputs[0].shape) != 3:
            received = f"shape {tuple(model.inputs[0].shape)}"
            raise UserError(f"model '{model.name}': expected inputs (batch, T, features). Received: {received}")
        self.features = None if embedding is not None else int(model.inputs[0].shape[-1])
        self.dtype = "int32" if embedding is not None else str(model.inputs[0].dtype)
        self.state_dtype = str(next(iter(self.layers[place] for place in self.counts)).compute_dtype)

    def __call__(self, x: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Output (batch, O) and new states for an input (batch, I), or token numbers (batch,), and states (batch, H)."""
        remaining, new = list(states), []
        for place, layer in enumerate(self.layers):
            if place in self.counts:
                own = [remaining.pop(0) for _ in range(self.counts[place])]
                x, after = flat_states.run_cell(layer.cell, x, flat_states.in_form(layer.cell, own), training=False)
                new += after
            else:
                x = layer(x)
        return x, new


def _check(model: Any, layer: Any) -> None:
    where = f"model '{model.name}': {type(layer).__name__} '{layer.name}'"
    if isinstance(layer, keras.layers.Bidirectional) or getattr(layer, "go_backwards", False):
        raise UserError(
            f"{where}: expected layers that read forwards, because the output of a step must not depend on later steps."
            " Received: a layer that begins at the sequence's end"
        )
    if not isinstance(layer, (keras.layers.RNN, *POINTWISE)) or not _normalizes_steps(layer):
        known = ", ".join(kind.__name__ for kind in POINTWISE)
        raise UserError(f"{where}: expected recurrent layers, or layers that compute each step by itself: {known}")


def _normalizes_steps(layer: Any) -> bool:
    """Whether a layer norm acts on each step by itself; the other pointwise layers have no axis."""
    return getattr(layer, "axis", -1) in (-1, 2, [-1], [2], (-1,), (2,))


class Streaming:
    """A trained network that reads one step at a time and keeps its states: `step`, `state`, `reset`.

    After the steps of a sequence the last output is the model's output for the whole sequence, or for its last step.
    Every step counts as real; there is no mask.

    The model's weights are read when a sequence begins: here, at `reset`, and where states are assigned. Whoever changes
    them then calls `reset` or assigns `state`; what changes in the middle of a sequence does not count on the path
    "fused cpu", and counts from the next step by TensorFlow.

    Args:
        model: a Keras model of an input, an embedding or a scale, recurrent layers in one direction (stock, this
            project's, or `keras.layers.RNN` over any cell), dense layers; imported, or trained here.
        batch: sequences that run side by side, each with its own states.

    Attributes:
        kernel_path: what computes the steps of this sequence: "fused cpu", this project's kernels and NumPy, in a tenth of
            the time or less; or "tensorflow: " and why, such as "tensorflow: RNN 'rnn': the kernels have no JANETCell".

    Raises:
        UserError: for a model that cannot be streamed, e.g. one that reads in both directions, naming the layer.

    Example:
        >>> model = gru_tf.stacked("gru", [32, 32], features=4, outputs=1, return_sequences=True)
        >>> streaming = gru_tf.Streaming(model)
        >>> sequence = numpy.random.default_rng(0).normal(size=(20, 4))
        >>> outputs = [streaming.step(x) for x in sequence]  # each (1,): the rows of model(sequence[None])[0]
        >>> saved = streaming.state                          # to continue from here later: streaming.state = saved
        >>> streaming.reset()                                # a new sequence
    """

    def __init__(self, model: Any, batch: int | None = None):
        self.batch = batch
        rows = batch or 1
        self._one = OneStep(model)
        self._shape = (rows,) if self._one.features is None else (rows, self._one.features)
        self._rows = rows
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence with all states zero, and with the weights that the model has now."""
        self._begin([np.zeros((self._rows, units), self._one.state_dtype) for _, units in self._one.states])

    def _begin(self, states: list[Array]) -> None:
        why = kernel_step.why_not(self._one.layers, self._one.dtype)
        self.kernel_path = f"tensorflow: {why}" if why else "fused cpu"
        self._advance = self._compiled if why else kernel_step.KernelStep(self._one.layers, self._rows)
        self._states = states

    @cached_property
    def _compiled(self) -> Callable[[Array, list[Array]], tuple[Array, list[Array]]]:
        """The step as a TensorFlow function between NumPy arrays, compiled once."""
        import tensorflow as tf

        states = [tf.TensorSpec((self._rows, units), self._one.state_dtype) for _, units in self._one.states]
        inputs = tf.TensorSpec(self._shape, self._one.dtype)
        function = tf.function(self._one, input_signature=[inputs, states], autograph=False)

        def advance(x: Array, states: list[Array]) -> tuple[Array, list[Array]]:
            output, after = function(x, states)
            return output.numpy(), [state.numpy() for state in after]

        return advance

    def step(self, x: Any) -> Array:
        """The output (O,) for one step (I,), or for a token's number; with `batch`, (batch, O) for (batch, I).

        Raises:
            ValueError: for an input of another shape, or a number that is not a token. The states are then unchanged.
        """
        inputs = np.asarray(x)
        expected = self._shape if self.batch else self._shape[1:]
        if inputs.shape != expected:
            raise ValueError(f"Streaming: expected a step of shape {expected}. Received: shape {inputs.shape}")
        tokens = self._one.tokens
        if tokens is not None and not (inputs.dtype.kind in "iu" and np.all((inputs >= 0) & (inputs < tokens))):
            raise ValueError(f"Streaming: expected whole numbers from 0 to {tokens - 1}. Received: {x!r}")
        output, self._states = self._advance(inputs.reshape(self._shape).astype(self._one.dtype), self._states)
        return output if self.batch else output[0]

    @property
    def state(self) -> dict[str, Array]:
        """A copy of each state by name, (batch, H): "layer0_forward_h" and so on; assigned, they are where it goes on."""
        return {name: state.copy() for (name, _), state in zip(self._one.states, self._states, strict=True)}

    @state.setter
    def state(self, states: Mapping[str, Any]) -> None:
        names = [name for name, _ in self._one.states]
        if set(states) != set(names):
            wrong = next((name for name in states if name not in names), "")
            near = did_you_mean(wrong, names) if wrong else ""
            raise ValueError(f"Streaming: expected the states {', '.join(names)}.{near} Received: {', '.join(states)}")
        arrays = [np.array(states[name], self._one.state_dtype, order="C") for name in names]
        for (name, units), array in zip(self._one.states, arrays, strict=True):
            if array.shape != (self._rows, units):
                expected = f"state {name} of shape {(self._rows, units)}"
                raise ValueError(f"Streaming: expected {expected}. Received: shape {array.shape}")
        self._begin(arrays)

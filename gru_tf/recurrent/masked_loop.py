"""A recurrence step by step over a batch of sequences, with one rule for masked steps on every backend of Keras.

A masked step changes nothing: the states are carried, and the output is that of the step before. Before a row's first real
step it is the initial state, for the output of a cell is its first state: so a sequence read in two parts gives what it
gives as a whole, wherever it is cut. With `zero_output_for_mask` the output of a masked step is zero.

Keras' own backends differ: TensorFlow and PyTorch begin with a zero output, JAX with the state.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops
from keras.src import backend  # Keras' loop has no public name


class _Two(NamedTuple):
    """What is read at each step: x, and beside it whether the step is real, or noise."""

    x: Any
    first: Any

    @property
    def shape(self) -> Any:
        """Of x: Keras' loop asks its inputs for the number of steps."""
        return self.x.shape


class _Three(NamedTuple):
    """The same with both beside it."""

    x: Any
    first: Any
    second: Any

    @property
    def shape(self) -> Any:
        """Of x."""
        return self.x.shape


_READ = (lambda x: x, _Two, _Three)  # by how many things are read beside x


def run(
    step: Callable[..., tuple[Any, Any]],
    sequences: Any,
    initial_states: Sequence[Any],
    mask: Any = None,
    noise: Any = None,
    *,
    output_shape: tuple[int, ...] | None = None,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = False,
) -> tuple[Any, Any, list[Any]]:
    """All steps: (last output (batch, …), outputs (batch, T, …) in the order of reading, last states).

    Args:
        step: `step(x, states)` or `step(x, states, noise)` → (output, new states).
        sequences: (batch, T, …).
        initial_states: a list of (batch, …), or of lists of them.
        mask: (batch, T), true at real steps; or None.
        noise: (batch, T, …), read along with the sequences; or None.
        output_shape: of the output of a step, without the batch; that of the first state if None.
        go_backwards: whether steps are read from the last to the first.
        unroll: whether the steps are written out instead of looped over.
        zero_output_for_mask: whether a masked step's output is zero.
        return_all_outputs: whether every step's output is wanted; else `outputs` may be the last one alone.
    """
    states = list(initial_states)
    real = None if mask is None else ops.expand_dims(ops.cast(mask, "bool"), -1)
    beside = tuple(values for values in (real, noise) if values is not None)

    def plain(inputs: Any, states: Any) -> tuple[Any, list[Any]]:
        x, rest = (inputs[0], inputs[len(inputs) - (noise is not None) :]) if beside else (inputs, ())
        output, new = step(x, list(states), *rest)
        return output, list(keras.tree.pack_sequence_as(list(initial_states), keras.tree.flatten(new)))

    def masked(inputs: Any, carried: Any) -> tuple[Any, list[Any]]:
        before, *states = carried
        output, new = plain(inputs, states)
        there = inputs[1]
        pairs = zip(keras.tree.flatten(new), keras.tree.flatten(states), strict=True)
        new = keras.tree.pack_sequence_as(list(initial_states), [_where(there, n, s) for n, s in pairs])
        kept = _where(there, output, before)
        return (_where(there, output, ops.zeros_like(output)) if zero_output_for_mask else kept), [kept, *new]

    last, outputs, after = backend.rnn(
        plain if mask is None else masked,
        _READ[len(beside)](sequences, *beside),
        states if mask is None else [_output_before(states, output_shape), *states],
        go_backwards=go_backwards,
        unroll=unroll,
        input_length=sequences.shape[1],
        return_all_outputs=return_all_outputs,
    )
    return last, outputs, list(after) if mask is None else list(after)[1:]


def _where(real: Any, new: Any, old: Any) -> Any:
    """`new` at the rows that are real, `old` at the others; `real` is (batch, 1)."""
    return ops.where(ops.reshape(real, (-1, *[1] * (len(new.shape) - 1))), new, old)


def _output_before(states: list[Any], shape: tuple[int, ...] | None) -> Any:
    """The output before the first step: the first state of the last cell; zeros where that is no output by its shape."""
    cell = states[-1] if keras.tree.is_nested(states[-1]) else states
    first = keras.tree.flatten(cell)[0]
    if shape is None or tuple(first.shape[1:]) == tuple(shape):
        return first
    return ops.zeros((ops.shape(first)[0], *shape), dtype=first.dtype)

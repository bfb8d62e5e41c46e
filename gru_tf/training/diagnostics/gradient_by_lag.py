"""‖∂L/∂state‖ against lag: how much of the loss's gradient reaches earlier states, by automatic differentiation.

The recurrence is unrolled step by step through the layer's own cell, and each step's states are where the gradient is
read. On TensorFlow's backend only: gradients have no common form across Keras' backends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.experiment.reading import Quartiles
from gru_tf.foundation.array import Array
from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.training.diagnostics.recurrence import Call, Place, run


@dataclass(frozen=True)
class Gradients:
    """Of one recurrent layer, in one direction: norms of the loss's gradient, for each sequence and lag.

    Lag k is k steps before the last real step in the layer's own order of reading; NaN beyond a sequence's first step.

    Args:
        place: which layer and direction.
        states: ‖∂L/∂s_t‖ for each part s of the state, (batch, T) each, in the cell's order.
        whole: the same of all parts together, (batch, T): the Euclidean norm over them.
    """

    place: Place
    states: tuple[Array, ...]
    whole: Array

    def quartiles(self) -> Quartiles:
        """Median and quartiles over sequences of `whole`, by lag, up to the longest sequence's first step."""
        return quartiles(self.whole)


def quartiles(norms: Array) -> Quartiles:
    """Median and quartiles over sequences, by lag; norms is (batch, T), NaN where a sequence has no such lag."""
    real = norms[:, ~np.isnan(norms).all(axis=0)]
    low, median, high = np.nanquantile(real, (0.25, 0.5, 0.75), axis=0)
    return Quartiles(low=low.tolist(), median=median.tolist(), high=high.tolist())


def gradients(model: Any, inputs: Any, targets: Any, loss: Any = None, lengths: Any = None) -> tuple[Gradients, ...]:
    """The norm of ∂L/∂(state after step t) for every recurrent layer of `model`, against lag T − t.

    L is the loss of one sequence; where the loss has a value at each step, that of the sequence's last real step, so that
    the lag has one meaning (Pascanu et al., arXiv 1211.5063, 2013, eq. 4: ∂E_t/∂x_k). A state's gradient holds every way
    from that state to the loss: through later steps, and through the output of its own step. For a cell with several
    states the state of step t is all that it hands on, (h_t, c_t) for an LSTM, whose parts are independent coordinates:
    ∂L/∂c_t is what goes through c_{t+1}, the way that the cell was made for and that ∂L/∂h_t does not show. Look at
    `whole` to compare cells, at `states` to see which part carries it.

    Args:
        model: a Keras model, or a recurrent layer.
        inputs: what it takes, a batch.
        targets: what the loss takes.
        loss: function of targets and outputs → (batch,) or (batch, T); or a Keras loss or its name; the one that the model
            was compiled with if None.
        lengths: (batch,) real steps of each sequence, for inputs that are padded without a mask; all if None.

    Raises:
        ValueError: where there is no recurrent layer or loss, a loss has no value for each sequence, a cell's output is
            not its first state, or Keras runs on another backend.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"gradients: expected TensorFlow as Keras' backend. Received: {keras.backend.backend()!r}")
    import tensorflow as tf

    sequence_loss = _sequence_loss(model, loss)
    calls: list[tuple[Call, list[list[Any]]]] = []

    def listen(call: Call, own: Callable[[], Any]) -> Any:
        states_by_step: list[list[Any]] = []
        calls.append((call, states_by_step))
        return _unrolled(call, tape, states_by_step)

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        losses = sequence_loss(targets, run(model, inputs, listen))
        if len(losses.shape) == 2:
            last = calls[0][0].real(lengths)[:, :: -1 if calls[0][0].place.direction == "backward" else 1]
            losses = tf.gather(losses, last.shape[1] - 1 - np.argmax(last[:, ::-1], axis=1), batch_dims=1)
        if len(losses.shape) != 1:
            raise ValueError(
                f"gradients: expected a loss for each sequence, (batch,). Received: shape {tuple(losses.shape)}"
            )
        total = tf.reduce_sum(losses)
    slopes = tape.gradient(total, [steps for _, steps in calls], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return tuple(_by_lag(call, steps, call.real(lengths)) for (call, _), steps in zip(calls, slopes, strict=True))


def _sequence_loss(model: Any, loss: Any) -> Callable[[Any, Any], Any]:
    """The loss as a function that does not reduce over sequences."""
    loss = getattr(model, "loss", None) if loss is None else loss
    if loss is None:
        raise ValueError(f"gradients: expected `loss`, for {model.name} is not compiled with one. Received: loss=None")
    loss = keras.losses.get(loss)
    return loss.call if isinstance(loss, keras.losses.Loss) else loss  # type: ignore[no-any-return]


def _unrolled(call: Call, tape: Any, states_by_step: list[list[Any]]) -> tuple[Any, Any, list[Any]]:
    """`keras.layers.RNN.inner_loop` in plain steps; each step's states are watched and appended to `states_by_step`."""
    states, outputs = call.states, []
    # before a row's first real step: the state in this project's layers, zeros in Keras' own
    previous = states[0] if isinstance(call.layer, RNN) else ops.zeros_like(states[0])
    for t in range(call.sequence.shape[1]):
        out, new = call.layer.cell(call.sequence[:, t], states)
        new = list(new) if isinstance(new, (list, tuple)) else [new]
        if out is not new[0]:
            kind = type(call.layer.cell).__name__
            raise ValueError(f"{call.layer.name}: expected a cell whose output is its first state. Received: {kind}")
        step = None if call.mask is None else ops.expand_dims(call.mask[:, t], -1)
        if step is not None:
            new = [ops.where(step, n, s) for n, s in zip(new, states, strict=True)]
        states = [_watched(tape, state) for state in new]
        states_by_step.append(states)
        out = states[0]
        if step is not None:
            out = ops.where(step, out, ops.zeros_like(out) if call.layer.zero_output_for_mask else previous)
        previous = out
        outputs.append(out)
    return outputs[-1], ops.stack(outputs, axis=1), states


def _watched(tape: Any, state: Any) -> Any:
    """A state as a leaf of its own, so that c's gradient excludes h's path to the loss, and h's excludes that of c."""
    import tensorflow as tf

    state = tf.identity(state)
    tape.watch(state)
    return state


def _by_lag(call: Call, slopes: list[list[Any]], real: Any) -> Gradients:
    """Norms by lag, from the gradients of each step's states in the order of reading."""
    parts = [np.stack([np.linalg.norm(step[i], axis=-1) for step in slopes], axis=1) for i in range(len(slopes[0]))]
    by_lag = tuple(_backwards(np.asarray(part, np.float64), real) for part in parts)
    return Gradients(call.place, by_lag, np.sqrt(sum(np.square(part) for part in by_lag)))


def _backwards(norms: Array, real: Any) -> Array:
    """(batch, T) by step → by lag: each sequence's real steps, the last one first, then NaN."""
    lags = np.full(norms.shape, np.nan)
    for row, values, steps in zip(lags, norms, real, strict=True):
        row[: steps.sum()] = values[steps][::-1]
    return lags

"""Recurrent layers over whole sequences in NumPy, forward and back through time; knows nothing of this project.

The equations are those of the papers; a masked step carries the states, and its output is the output before it (before
the first real step the initial state), or zeros with `zero_output_for_mask`.
Numbers are computed in the inputs' type: float64, or long double where differences are taken.

Shapes: inputs (batch, T, I), states (batch, H), kernel (I, G·H), recurrent kernel (H, G·H), bias (G·H,), or (2, 3H) for a
GRU that resets after the product. Blocks in Keras' order: h; i, f, c, o; z, r, h.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru, reset before": 3}
STATES = {"rnn": 1, "lstm": 2, "gru": 1, "gru, reset before": 1}


@dataclass(frozen=True)
class Layer:
    """What a layer does, without its weights."""

    cell: str
    convention: str = "keep"
    go_backwards: bool = False
    return_sequences: bool = True
    zero_output_for_mask: bool = False

    @property
    def bias_shape(self):
        """Of the bias, in gates by units."""
        return (2, 3) if self.cell == "gru" else (GATES[self.cell],)


@dataclass(frozen=True)
class Arrays:
    """What a layer is given; gradients come in the same form, with None where there is nothing to derive by."""

    inputs: np.ndarray
    states: list
    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray | None = None
    mask: np.ndarray | None = None

    def named(self):
        """Name → array of all that a gradient can be taken by."""
        found = {"inputs": self.inputs, "kernel": self.kernel, "recurrent kernel": self.recurrent_kernel}
        found |= {f"state {n}": state for n, state in enumerate(self.states)}
        return found if self.bias is None else found | {"bias": self.bias}

    def with_named(self, arrays):
        """The same with other arrays under the names of `named`."""
        states = [arrays[f"state {n}"] for n in range(len(self.states))]
        weights = (arrays["kernel"], arrays["recurrent kernel"], arrays.get("bias"))
        return Arrays(arrays["inputs"], states, *weights, self.mask)

    def astype(self, dtype):
        """The same numbers in another type."""
        return self.with_named({name: array.astype(dtype) for name, array in self.named().items()})


class Result(NamedTuple):
    """What a layer gives: `outputs` is (batch, T, H), or (batch, 1, H) with the last step alone."""

    last: np.ndarray
    outputs: np.ndarray
    states: list


@dataclass
class _Trace:
    steps: list = field(default_factory=list)  # of every step, in the order of reading: (t, mask column, what the cell kept)


def forward(layer, arrays):
    """The layer's result."""
    return _run(layer, arrays, _Trace())


def gradient(layer, arrays, d_outputs, d_states, d_last=None):
    """∂L/∂(inputs, states, kernel, recurrent kernel, bias), where L changes by these with the result."""
    trace = _Trace()
    _run(layer, arrays, trace)
    d_inputs = np.zeros_like(arrays.inputs)
    d_weights = {name: np.zeros_like(array) for name, array in arrays.named().items() if name.endswith(("kernel", "bias"))}
    d_states = [np.array(d, arrays.inputs.dtype) for d in d_states]
    d_from_next = np.zeros_like(d_states[0])  # by the output, from later masked steps that repeat it
    for place in reversed(range(len(trace.steps))):
        t, real, kept = trace.steps[place]
        is_last = place == len(trace.steps) - 1
        d_output = d_from_next
        if layer.return_sequences or is_last:
            d_output = d_output + d_outputs[:, place if layer.return_sequences else 0]
        if d_last is not None and is_last:
            d_output = d_output + d_last
        d_new = [np.where(real, d, 0) for d in d_states]
        d_new[0] = d_new[0] + np.where(real, d_output, 0)
        d_inputs[:, t], d_old = BACK[layer.cell](layer, arrays, kept, d_new, d_weights)
        d_states = [old + np.where(real, 0, d) for old, d in zip(d_old, d_states, strict=True)]
        d_from_next = np.where(real, 0, 0 if layer.zero_output_for_mask else d_output)
    d_states[0] = d_states[0] + d_from_next
    return Arrays(d_inputs, d_states, d_weights["kernel"], d_weights["recurrent kernel"], d_weights.get("bias"))


def _run(layer, arrays, trace):
    batch, steps, _ = arrays.inputs.shape
    states, output = list(arrays.states), arrays.states[0]
    outputs = np.zeros((batch, steps, output.shape[1]), output.dtype)
    for place, t in enumerate(reversed(range(steps)) if layer.go_backwards else range(steps)):
        real = np.ones((batch, 1), bool) if arrays.mask is None else arrays.mask[:, t, None].astype(bool)
        new, kept = STEP[layer.cell](layer, arrays, arrays.inputs[:, t], states)
        trace.steps.append((t, real, kept))
        output = np.where(real, new[0], 0 if layer.zero_output_for_mask else output)
        states = [np.where(real, n, old) for n, old in zip(new, states, strict=True)]
        outputs[:, place] = output
    return Result(output, outputs if layer.return_sequences else output[:, None], states)


def sigmoid(x):
    """In any type, without overflow."""
    return (1 + np.tanh(x / 2)) / 2


def _bias(arrays, row=None):
    """The bias, or one row of two; zero where there is none."""
    if arrays.bias is None:
        return 0
    return arrays.bias if row is None else arrays.bias[row]


# --- SimpleRNN: h' = tanh(x W + h U + b) ---


def _rnn(layer, arrays, x, states):
    h = np.tanh(x @ arrays.kernel + states[0] @ arrays.recurrent_kernel + _bias(arrays))
    return [h], (x, states[0], h)


def _rnn_back(layer, arrays, kept, d_new, d_weights):
    x, before, h = kept
    return _through_sums(arrays, x, before, d_new[0] * (1 - h**2), d_weights)


# --- LSTM: c' = f ∘ c + i ∘ tanh(a_c), h' = o ∘ tanh(c') ---


def _lstm(layer, arrays, x, states):
    sums = x @ arrays.kernel + states[0] @ arrays.recurrent_kernel + _bias(arrays)
    a_i, a_f, a_c, a_o = np.split(sums, 4, axis=1)
    i, f, candidate, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_c), sigmoid(a_o)
    c = f * states[1] + i * candidate
    return [o * np.tanh(c), c], (x, *states, i, f, candidate, o, c)


def _lstm_back(layer, arrays, kept, d_new, d_weights):
    x, before, c_before, i, f, candidate, o, c = kept
    d_h, d_c = d_new
    d_c = d_c + d_h * o * (1 - np.tanh(c) ** 2)
    parts = (
        d_c * candidate * i * (1 - i),
        d_c * c_before * f * (1 - f),
        d_c * i * (1 - candidate**2),
        d_h * np.tanh(c) * o * (1 - o),
    )
    d_x, (d_before,) = _through_sums(arrays, x, before, np.concatenate(parts, axis=1), d_weights)
    return d_x, [d_before, d_c * f]


# --- GRU: h' = z ∘ h + (1 − z) ∘ h̃ in the convention "keep", (1 − z) ∘ h + z ∘ h̃ in "write" ---


def _new_state(layer, z, h, candidate):
    return z * h + (1 - z) * candidate if layer.convention == "keep" else (1 - z) * h + z * candidate


def _new_state_back(layer, z, h, candidate, d):
    """By z, h and the candidate."""
    if layer.convention == "keep":
        return d * (h - candidate), d * z, d * (1 - z)
    return d * (candidate - h), d * (1 - z), d * z


def _reset_after(layer, arrays, x, states):
    (h,) = states
    a_z, a_r, a_h = np.split(x @ arrays.kernel + _bias(arrays, 0), 3, axis=1)
    s_z, s_r, s_h = np.split(h @ arrays.recurrent_kernel + _bias(arrays, 1), 3, axis=1)
    z, r = sigmoid(a_z + s_z), sigmoid(a_r + s_r)
    candidate = np.tanh(a_h + r * s_h)
    return [_new_state(layer, z, h, candidate)], (x, h, z, r, s_h, candidate)


def _reset_after_back(layer, arrays, kept, d_new, d_weights):
    x, h, z, r, s_h, candidate = kept
    d_z, d_h, d_candidate = _new_state_back(layer, z, h, candidate, d_new[0])
    d_z, d_a = d_z * z * (1 - z), d_candidate * (1 - candidate**2)
    d_r = d_a * s_h * r * (1 - r)
    d_sums, d_products = np.concatenate([d_z, d_r, d_a], axis=1), np.concatenate([d_z, d_r, d_a * r], axis=1)
    d_weights["kernel"] += x.T @ d_sums
    d_weights["recurrent kernel"] += h.T @ d_products
    if "bias" in d_weights:
        d_weights["bias"] += np.stack([d_sums.sum(axis=0), d_products.sum(axis=0)])
    return d_sums @ arrays.kernel.T, [d_h + d_products @ arrays.recurrent_kernel.T]


def _reset_before(layer, arrays, x, states):
    (h,) = states
    a_z, a_r, a_h = np.split(x @ arrays.kernel + _bias(arrays), 3, axis=1)
    u_z, u_r, u_h = np.split(arrays.recurrent_kernel, 3, axis=1)
    z, r = sigmoid(a_z + h @ u_z), sigmoid(a_r + h @ u_r)
    candidate = np.tanh(a_h + (r * h) @ u_h)
    return [_new_state(layer, z, h, candidate)], (x, h, z, r, candidate)


def _reset_before_back(layer, arrays, kept, d_new, d_weights):
    x, h, z, r, candidate = kept
    u_z, u_r, u_h = np.split(arrays.recurrent_kernel, 3, axis=1)
    d_z, d_h, d_candidate = _new_state_back(layer, z, h, candidate, d_new[0])
    d_z, d_a = d_z * z * (1 - z), d_candidate * (1 - candidate**2)
    d_reset = d_a @ u_h.T
    d_r = d_reset * h * r * (1 - r)
    d_sums = np.concatenate([d_z, d_r, d_a], axis=1)
    d_weights["kernel"] += x.T @ d_sums
    d_weights["recurrent kernel"] += np.concatenate([h.T @ d_z, h.T @ d_r, (r * h).T @ d_a], axis=1)
    if "bias" in d_weights:
        d_weights["bias"] += d_sums.sum(axis=0)
    return d_sums @ arrays.kernel.T, [d_h + d_reset * r + d_z @ u_z.T + d_r @ u_r.T]


def _through_sums(arrays, x, h, d_sums, d_weights):
    """Back through x W + h U + b: the weights' gradients are added up, those by x and [h] returned."""
    d_weights["kernel"] += x.T @ d_sums
    d_weights["recurrent kernel"] += h.T @ d_sums
    if "bias" in d_weights:
        d_weights["bias"] += d_sums.sum(axis=0)
    return d_sums @ arrays.kernel.T, [d_sums @ arrays.recurrent_kernel.T]


STEP = {"rnn": _rnn, "lstm": _lstm, "gru": _reset_after, "gru, reset before": _reset_before}
BACK = {"rnn": _rnn_back, "lstm": _lstm_back, "gru": _reset_after_back, "gru, reset before": _reset_before_back}

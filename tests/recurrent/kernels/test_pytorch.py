"""`operations.sequence` against PyTorch's layers, with weights brought over by `gru_tf.recurrent.gates`."""

import numpy as np
import pytest
import tensorflow as tf

from gru_tf.recurrent.gates import read
from gru_tf.recurrent.kernels import operations

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("library")]
BATCH, STEPS, FEATURES, UNITS = 5, 7, 3, 13
CELLS = {"rnn": ("RNN", "keras_rnn"), "lstm": ("LSTM", "keras_lstm"), "gru": ("GRU", "keras")}
WITHIN = {"float32": 2e-6, "float64": 1e-12}  # both round in float32, neither is exact
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def close(actual, expected, dtype):
    expected = np.asarray(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=WITHIN[dtype] * max(1, np.abs(expected).max()))


def in_keras_layout(cell, arrays):
    """Kernel, recurrent kernel and bias in Keras' layout, from arrays in PyTorch's: weights, or gradients by them."""
    gates = read(arrays, f"pytorch_{cell}")
    return (gates if cell == "gru" else gates.with_one_bias()).write(CELLS[cell][1])


@pytest.mark.parametrize("dtype", list(WITHIN))
@pytest.mark.parametrize("cell", list(CELLS))
def test_results_and_gradients_are_those_of_pytorch(cell, dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    rng = np.random.default_rng(3)

    def normal(*shape):
        return rng.normal(size=shape).astype(dtype)

    layer = getattr(torch.nn, CELLS[cell][0])(FEATURES, UNITS, batch_first=True, dtype=getattr(torch, dtype))
    x, states = normal(BATCH, STEPS, FEATURES), [normal(BATCH, UNITS) for _ in range(2 if cell == "lstm" else 1)]
    d_outputs, d_states = normal(BATCH, STEPS, UNITS), [normal(BATCH, UNITS) for _ in states]

    theirs = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    first = [state[None] for state in theirs[1:]]
    outputs, last = layer(theirs[0], tuple(first) if cell == "lstm" else first[0])
    last = list(last) if cell == "lstm" else [last]
    loss = (outputs * torch.tensor(d_outputs)).sum() + sum(
        (s[0] * torch.tensor(d)).sum() for s, d in zip(last, d_states, strict=True)
    )
    loss.backward()

    weights = {name: getattr(layer, f"{name}_l0") for name in NAMES}
    written = in_keras_layout(cell, {name: w.detach().numpy() for name, w in weights.items()})
    given = [tf.constant(a) for a in (x, *states, *written.values())]
    with tf.GradientTape() as tape:
        tape.watch(given)
        inputs, *rest = given
        _, ours, new = operations.sequence(
            cell, inputs, rest[: len(states)], *rest[len(states) :], return_sequences=True, training=True
        )
    gradients = tape.gradient([ours, *new], given, [tf.constant(d) for d in (d_outputs, *d_states)])

    close(ours, outputs.detach(), dtype)
    for state, expected in zip(new, last, strict=True):
        close(state, expected.detach()[0], dtype)
    for gradient, expected in zip(gradients, theirs, strict=False):
        close(gradient, expected.grad, dtype)

    derived = {name: w.grad.numpy() for name, w in weights.items()}
    if cell != "gru":  # a bias in two parts: each part's gradient is the sum's
        close(derived["bias_ih"], derived["bias_hh"], dtype)
        derived["bias_hh"] = np.zeros_like(derived["bias_hh"])
    for gradient, expected in zip(gradients[1 + len(states) :], in_keras_layout(cell, derived).values(), strict=True):
        close(gradient, expected, dtype)

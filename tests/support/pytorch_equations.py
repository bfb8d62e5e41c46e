"""PyTorch's recurrent layers written out in NumPy, as its reference pages give them; knows nothing of this project."""

import numpy as np
from scipy.special import expit as sigmoid

GATES = {"gru": 3, "lstm": 4, "rnn": 1}


def weights(cell, features=3, units=4, layers=2, directions=1, biases=True, prefix="rnn.", dtype="float32", seed=0):
    """A state_dict with random numbers, large enough that no mistake stays small."""
    rng, rows = np.random.default_rng(seed), GATES[cell] * units
    arrays = {}
    for layer in range(layers):
        width = features if layer == 0 else units * directions
        for way in ("", "_reverse")[:directions]:
            shapes = {"weight_ih": (rows, width), "weight_hh": (rows, units)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if biases else {}
            for name, shape in shapes.items():
                arrays[f"{prefix}{name}_l{layer}{way}"] = (rng.normal(size=shape) * 0.7).astype(dtype)
    return arrays


def run(cell, state_dict, x, prefix="rnn.", nonlinearity=np.tanh):
    """(batch, T, I) → output (batch, T, D·H), and final states, forward before backward, h before c."""
    states, layer, x = [], 0, np.asarray(x, "float64")
    while f"{prefix}weight_ih_l{layer}" in state_dict:
        outputs = []
        for way in ("", "_reverse"):
            if f"{prefix}weight_ih_l{layer}{way}" in state_dict:
                parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                own = [state_dict.get(f"{prefix}{part}_l{layer}{way}", np.zeros(1)) for part in parts]
                order = range(x.shape[1])[:: -1 if way else 1]
                every, final = direction(cell, [a.astype("float64") for a in own], x, order, nonlinearity)
                outputs.append(every)
                states += final
        x, layer = np.concatenate(outputs, axis=-1), layer + 1
    return x, states


def direction(cell, own, x, order, nonlinearity):
    w, u, b, c = own
    units = u.shape[1]
    h, memory = np.zeros((2, len(x), units))
    every = np.zeros((*x.shape[:2], units))
    for t in order:
        a, s = x[:, t] @ w.T + b, h @ u.T + c
        if cell == "gru":
            a_r, a_z, a_n = np.split(a, 3, axis=1)
            s_r, s_z, s_n = np.split(np.broadcast_to(s, a.shape), 3, axis=1)
            r, z = sigmoid(a_r + s_r), sigmoid(a_z + s_z)
            h = (1 - z) * np.tanh(a_n + r * s_n) + z * h
        elif cell == "lstm":
            i, f, g, o = np.split(a + s, 4, axis=1)
            memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(memory)
        else:
            h = nonlinearity(a + s)
        every[:, t] = h
    return every, [h, memory] if cell == "lstm" else [h]

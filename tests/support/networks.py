"""Random networks of any shape for property tests, and what each computes, step by step in NumPy."""

import os
from typing import Any

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from scipy.special import expit as sigmoid

from gru_tf.interchange.network import Linear, Network, Recurrent
from gru_tf.recurrent.gates import GATES, GateWeights

Array = np.ndarray
PIXEL = float(np.float32(1 / 255))  # Keras' Rescaling rounds its scale to float32, in float64 too
EXPLORE = int(os.environ.get("GRU_TF_EXPLORE", "0"))  # so many new examples instead of a few that are always the same
ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),  # Keras 3's
}


def examples(count: int) -> settings:
    """Settings of a property test: the same examples at each run, however long one takes.

    Failures are not made smaller: that would take minutes, and networks are small.
    """
    phases = (Phase.explicit, Phase.generate)
    return settings(max_examples=EXPLORE or count, derandomize=not EXPLORE, deadline=None, database=None, phases=phases)


def uniform(rng: np.random.Generator, dtype: str, units: int, *shape: int) -> Array:
    """As frameworks begin, somewhat larger: between ±1.5/√H."""
    return (rng.uniform(-1.5, 1.5, shape) / np.sqrt(units)).astype(dtype)


@st.composite
def gates(draw: Any, cell: str, features: int, units: int, letters: str, dtype: str, reset_after: bool) -> GateWeights:
    """Weights of a cell with biases of the letters given."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = {"W": (features, units), "U": (units, units), "b": (units,), "c": (units,)}
    names = [f"{letter}_{gate}" for letter in "WU" + letters for gate in GATES[cell]]
    blocks = {name: uniform(rng, dtype, units, *shapes[name[0]]) for name in names}
    return GateWeights(blocks, *(("keep", reset_after) if cell == "gru" else (None, None)), cell)


@st.composite
def networks(draw: Any, dtypes: tuple[str, ...] = ("float32", "float64"), foreign: bool = False) -> Network:
    """Networks of one to three layers.

    Args:
        draw: given by hypothesis.
        dtypes: of the weights.
        foreign: whether only what PyTorch and ONNX have in common: one cell and size in all layers, all in one direction or
            two, tanh and sigmoid, the reset after the product.
    """
    dtype = draw(st.sampled_from(dtypes))
    sizes = st.integers(1, 9)
    layers: list[Recurrent] = []
    embedding, scale = None, 1.0
    width = draw(st.integers(1, 7))
    if draw(st.booleans()):
        embedding = uniform(np.random.default_rng(draw(st.integers(0, 99))), dtype, width, draw(st.integers(1, 12)), width)
    elif not foreign:
        scale = draw(st.sampled_from([1.0, 0.5, PIXEL]))
    for n in range(draw(st.integers(1, 3))):
        if not (foreign and n):
            cell, units, biases = draw(st.sampled_from(list(GATES))), draw(sizes), draw(st.sampled_from(["", "b", "bc"]))
            both, reset_after = draw(st.booleans()), foreign or draw(st.booleans())
            biases = biases if foreign or (cell == "gru" and reset_after) else biases[:1]
        weights = gates(cell, width, units, biases, dtype, reset_after)
        options: dict[str, Any] = {}
        if not foreign:
            options["reverse"] = not both and draw(st.booleans())
            options["activation"] = draw(st.sampled_from(["tanh", "relu"] if cell == "rnn" else ["tanh", "sigmoid"]))
            options["recurrent_activation"] = (
                "sigmoid" if cell == "rnn" else draw(st.sampled_from(["sigmoid", "hard_sigmoid"]))
            )
        layers.append(Recurrent(draw(weights), draw(weights) if both else None, name=f"layer {n}", **options))
        width = layers[-1].width
    head = []
    for n in range(draw(st.integers(0, 2))):
        rng, outputs = np.random.default_rng(draw(st.integers(0, 99))), draw(sizes)
        bias = uniform(rng, dtype, width, outputs) if draw(st.booleans()) else None
        head.append(Linear(uniform(rng, dtype, width, width, outputs), bias, f"linear {n}"))
        width = outputs
    every_step, masked = draw(st.booleans()), draw(st.booleans())
    return Network(tuple(layers), embedding, tuple(head), every_step, masked, scale, "drawn")


def dtype_of(network: Network) -> str:
    """Of its weights."""
    return str(next(iter(network.layers[0].forward.blocks.values())).dtype)


def inputs(network: Network, timesteps: int, batch: int, seed: int) -> tuple[Array, Array]:
    """Sequences, or token numbers, and how many real steps each has, at least one."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, timesteps + 1, batch) if network.masked else np.full(batch, timesteps)
    if network.tokens:
        return rng.integers(0, network.tokens, (batch, timesteps)).astype("int32"), lengths
    return rng.normal(size=(batch, timesteps, network.features)) / network.scale, lengths


def compute(network: Network, x: Array, lengths: Array, first: list[Array] | None = None) -> tuple[list[Array], list[Array]]:
    """What the network is, in NumPy float64: sequence by sequence, only its real steps, gate by gate.

    Returns the outputs of each sequence, (length, O), or (O,) of the last step alone, and the final states, each (batch, H).
    """
    outputs: list[Array] = []
    finals: list[list[Array]] = []
    for row, (sequence, length) in enumerate(zip(x, lengths, strict=True)):
        steps = sequence[:length]
        steps = steps * network.scale if network.embedding is None else network.embedding[steps].astype("float64")
        left = None if first is None else [state[row] for state in first]
        final: list[Array] = []
        for layer in network.layers:
            sides = []
            for number, weights in enumerate(layer.directions):
                backwards = layer.reverse or number == 1
                count = 2 if weights.cell == "lstm" else 1
                states = (
                    [np.zeros(weights.units) for _ in range(count)] if left is None else [left.pop(0) for _ in range(count)]
                )
                out, states = _direction(layer, weights, steps[::-1] if backwards else steps, states)
                sides.append(out[::-1] if backwards else out)
                final += states
            # a direction's last step is the one that it reads last
            ends = [side[0] if layer.reverse or n else side[-1] for n, side in enumerate(sides)]
            steps = np.concatenate(sides, axis=1)
        out = steps if network.every_step else np.concatenate(ends)
        for linear in network.head:
            out = out @ linear.kernel + (0 if linear.bias is None else linear.bias)
        outputs.append(out)
        finals.append(final)
    return outputs, [np.array(state) for state in zip(*finals, strict=True)]


def _direction(layer: Recurrent, weights: GateWeights, steps: Array, states: list[Array]) -> tuple[Array, list[Array]]:
    w = dict.fromkeys((f"{letter}_{g}" for letter in "bc" for g in GATES[weights.cell]), 0.0)
    w |= {name: block.astype("float64") for name, block in weights.blocks.items()}
    new, gate = ACTIVATIONS[layer.activation], ACTIVATIONS[layer.recurrent_activation]
    outputs = []
    for x in steps:
        states = _step(w, weights, new, gate, x, states)
        outputs.append(states[0])
    return np.array(outputs), states


def _step(w: dict[str, Any], weights: GateWeights, new: Any, gate: Any, x: Array, states: list[Array]) -> list[Array]:
    h = states[0]

    def whole(g: str) -> Array:
        return x @ w[f"W_{g}"] + w[f"b_{g}"] + h @ w[f"U_{g}"] + w[f"c_{g}"]

    if weights.cell == "rnn":
        return [new(whole("h"))]
    if weights.cell == "lstm":
        c = gate(whole("f")) * states[1] + gate(whole("i")) * new(whole("c"))
        return [gate(whole("o")) * new(c), c]
    z, r = gate(whole("z")), gate(whole("r"))
    if weights.reset_after:
        candidate = new(x @ w["W_h"] + w["b_h"] + r * (h @ w["U_h"] + w["c_h"]))
    else:
        candidate = new(x @ w["W_h"] + w["b_h"] + (r * h) @ w["U_h"] + w["c_h"])
    return [z * h + (1 - z) * candidate]


def relative(received: Any, expected: Any) -> float:
    """The largest difference, in terms of the largest number expected, or of 1 where all are smaller."""
    received, expected = np.asarray(received, "float64"), np.asarray(expected, "float64")
    assert received.shape == expected.shape
    return float(np.abs(received - expected).max() / max(1.0, np.abs(expected).max()))

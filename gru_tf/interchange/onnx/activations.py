"""Activations that ONNX and Keras define alike, by both names."""

import math
from collections.abc import Mapping
from typing import Any

from gru_tf.foundation.errors import did_you_mean
from gru_tf.interchange.onnx.values import UnreadableError

# Keras → ONNX, alpha, beta; None where it has no such number
SAME: dict[str, tuple[str, float | None, float | None]] = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),  # relu6(x + 3) / 6
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
    "elu": ("Elu", 1.0, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
    "linear": ("Affine", 1.0, 0.0),
}
DEFAULT = {"gru": ("Sigmoid", "Tanh"), "lstm": ("Sigmoid", "Tanh", "Tanh"), "rnn": ("Tanh",)}
NUMBERS = {  # ONNX: alpha, beta where the node gives none
    "HardSigmoid": (0.2, 0.5), "Elu": (1.0, None), "LeakyRelu": (0.01, None), "Affine": (1.0, 0.0),
    "ScaledTanh": (1.0, 1.0), "ThresholdedRelu": (1.0, None),
}  # fmt: skip
CLOSE = 1e-6  # attributes are float32


def named(cell: str, attributes: Mapping[str, Any], directions: int) -> tuple[tuple[str, ...], bool]:
    """Keras' names of a node's activations, gates first, and whether they are the standard's own.

    Raises:
        UnreadableError: for one that Keras has not, or where directions or an LSTM's two outputs differ in theirs.
    """
    default = DEFAULT[cell]
    given = [str(each) for each in attributes.get("activations", default * directions)]
    if len(given) != len(default) * directions:
        expected = f"{len(default) * directions} activations, {len(default)} a direction"
        raise UnreadableError(f"expected {expected}. Received: {', '.join(given)}")
    alphas, betas = (list(attributes.get(f"activation_{name}", ())) for name in ("alpha", "beta"))
    found = [_keras(name, alphas, betas) for name in given]
    first = found[: len(default)]
    if found != first * directions:
        raise UnreadableError(f"expected the same activations in both directions. Received: {', '.join(given)}")
    if cell == "lstm" and first[1] != first[2]:
        raise UnreadableError(f"expected one activation of candidate and output. Received: {first[1]} and {first[2]}")
    plain = [name.lower() for name in given] == [name.lower() for name in default * directions]
    return tuple(first[:2]), plain


def _keras(name: str, alphas: list[float], betas: list[float]) -> str:
    """Keras' name; takes its numbers from the front of both lists."""
    known = {onnx.lower(): (keras, onnx) for keras, (onnx, _, _) in SAME.items()}
    valid = [onnx for onnx, _, _ in SAME.values()]
    if name.lower() not in known:
        raise UnreadableError(f"expected activations out of {', '.join(valid)}.{did_you_mean(name, valid)} Received: {name}")
    keras, onnx = known[name.lower()]
    usual = NUMBERS.get(onnx, (None, None))
    got = tuple(
        None if number is None else (given.pop(0) if given else number)
        for number, given in zip(usual, (alphas, betas), strict=True)
    )
    wanted = SAME[keras][1:]
    if any(
        a is not None and b is not None and not math.isclose(a, b, rel_tol=CLOSE) for a, b in zip(got, wanted, strict=True)
    ):
        raise UnreadableError(
            f"expected {onnx} as Keras' {keras} has it, alpha and beta {_shown(wanted)}. Received: {_shown(got)}"
        )
    return keras


def _shown(numbers: tuple[float | None, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers if number is not None)


def attributes(cell: str, gate: str, activation: str, directions: int) -> dict[str, Any]:
    """Attributes of a node with these activations of Keras; none for the standard's own.

    Raises:
        ValueError: for an activation that ONNX has not, naming it.
    """
    for name in (gate, activation):
        if name not in SAME:
            raise ValueError(f"expected activations out of {', '.join(SAME)}.{did_you_mean(name, SAME)} Received: {name}")
    chosen = [SAME[activation if onnx == "Tanh" else gate] for onnx in DEFAULT[cell]] * directions
    names = [onnx for onnx, _, _ in chosen]
    if names == list(DEFAULT[cell]) * directions:
        return {}
    numbers = {
        "activation_alpha": [alpha for _, alpha, _ in chosen if alpha is not None],
        "activation_beta": [beta for _, _, beta in chosen if beta is not None],
    }
    return {"activations": names} | {key: value for key, value in numbers.items() if value}

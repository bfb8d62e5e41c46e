"""Activations that ONNX and Keras define in the same way, under both names."""

import math
from collections.abc import Mapping
from typing import Any

from gru_tf.foundation.errors import did_you_mean
from gru_tf.interchange.onnx.values import UnreadableError

# Keras → ONNX, alpha, beta; None if it has no such number
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
KERAS_2: dict[str, tuple[str, float | None, float | None]] = {
    "keras2_hard_sigmoid": ("HardSigmoid", 0.2, 0.5)  # the name of `gru_tf.recurrent.layers.hard_sigmoid`
}
WRITTEN = SAME | KERAS_2
DEFAULT = {"gru": ("Sigmoid", "Tanh"), "lstm": ("Sigmoid", "Tanh", "Tanh"), "rnn": ("Tanh",)}
NUMBERS = {  # ONNX: alpha, beta if the node gives none
    "HardSigmoid": (0.2, 0.5), "Elu": (1.0, None), "LeakyRelu": (0.01, None), "Affine": (1.0, 0.0),
    "ScaledTanh": (1.0, 1.0), "ThresholdedRelu": (1.0, None),
}  # fmt: skip
CLOSE = 1e-6  # attributes are float32


def keras_activations(
    cell: str, attributes: Mapping[str, Any], directions: int, more: Mapping[str, Any] | None = None
) -> tuple[tuple[str, ...], bool]:
    """Keras' names of a node's activations, gates first, and whether they are the standard's default.

    Args:
        cell: "gru", "lstm" or "rnn".
        attributes: of the node.
        directions: 1 or 2.
        more: activations besides those that are `SAME` in both.

    Raises:
        UnreadableError: for one that Keras does not have, and if directions, or an LSTM's candidate and output, differ.
    """
    default = DEFAULT[cell]
    names = [str(each) for each in attributes.get("activations", default * directions)]
    if len(names) != len(default) * directions:
        expected = f"{len(default) * directions} activations, {len(default)} per direction"
        raise UnreadableError(f"expected {expected}. Received: {', '.join(names)}")
    alphas, betas = (list(attributes.get(f"activation_{name}", ())) for name in ("alpha", "beta"))
    activations = [_keras(name, alphas, betas, more or {}) for name in names]
    first = activations[: len(default)]
    if activations != first * directions:
        raise UnreadableError(f"expected the same activations in both directions. Received: {', '.join(names)}")
    if cell == "lstm" and first[1] != first[2]:
        raise UnreadableError(f"expected the same activation for candidate and output. Received: {first[1]} and {first[2]}")
    plain = [name.lower() for name in names] == [name.lower() for name in default * directions]
    return tuple(first[:2]), plain


def _keras(name: str, alphas: list[float], betas: list[float], more: Mapping[str, Any]) -> str:
    """Keras' name; takes its numbers from the front of both lists."""
    known = {**SAME, **more}
    fitting = [keras for keras, (onnx, _, _) in known.items() if onnx.lower() == name.lower()]
    valid = list(dict.fromkeys(onnx for onnx, _, _ in known.values()))
    if not fitting:
        raise UnreadableError(
            f"expected one of the activations {', '.join(valid)}.{did_you_mean(name, valid)} Received: {name}"
        )
    onnx = known[fitting[0]][0]
    defaults = NUMBERS.get(onnx, (None, None))
    received = tuple(
        None if number is None else (listed.pop(0) if listed else number)
        for number, listed in zip(defaults, (alphas, betas), strict=True)
    )
    for keras in fitting:
        pairs = zip(received, known[keras][1:], strict=True)
        if all(a is None or b is None or math.isclose(a, b, rel_tol=CLOSE) for a, b in pairs):
            return keras
    numbers = " or ".join(f"{_list(known[keras][1:])}, as in Keras' {keras}" for keras in fitting)
    raise UnreadableError(f"expected {onnx} with alpha and beta {numbers}. Received: {_list(received)}")


def _list(numbers: tuple[float | None, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers if number is not None)


def attributes(cell: str, gate: str, activation: str, directions: int) -> dict[str, Any]:
    """Attributes of a node with these activations of Keras; none for the standard's default.

    Raises:
        ValueError: for an activation that ONNX does not have, naming it.
    """
    for name in (gate, activation):
        if name not in WRITTEN:
            raise ValueError(
                f"expected one of the activations {', '.join(WRITTEN)}.{did_you_mean(name, WRITTEN)} Received: {name}"
            )
    activations = [WRITTEN[activation if onnx == "Tanh" else gate] for onnx in DEFAULT[cell]] * directions
    names = [onnx for onnx, _, _ in activations]
    if names == list(DEFAULT[cell]) * directions:
        return {}
    numbers = {
        "activation_alpha": [alpha for _, alpha, _ in activations if alpha is not None],
        "activation_beta": [beta for _, _, beta in activations if beta is not None],
    }
    return {"activations": names} | {key: value for key, value in numbers.items() if value}

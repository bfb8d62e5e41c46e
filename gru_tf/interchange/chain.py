"""The order of the parts of a network, as a user states it where a file does not, and the network in that order.

An item is the name of a module in the file, or of an activation: "lstm1,relu,norm=layer_norm:1e-6,fc,softmax". What a name
alone does not tell follows "=": the kind of a module; and ":": a number, such as the epsilon of a normalization.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.parts import ACTIVATIONS, Activation, Part

KINDS = ("embedding", "linear", "layer_norm", "batch_norm")  # of modules whose name and shapes may not tell
IDLE = ("dropout", "identity", "none")  # compute nothing outside training
OTHER_NAMES = {  # PyTorch's, and other common ones → Keras'
    "hardsigmoid": "hard_sigmoid", "hardswish": "hard_silu", "hard_swish": "hard_silu", "hardtanh": "hard_tanh",
    "leakyrelu": "leaky_relu", "logsigmoid": "log_sigmoid", "logsoftmax": "log_softmax", "swish": "silu",
    "tanhshrink": "tanh_shrink",
}  # fmt: skip
SLOPE = 0.01  # of PyTorch's leaky ReLU and of ONNX'
ITEM = re.compile(r"(?P<name>[^=]+?)(?:=(?P<kind>[a-z_]+))?(?::(?P<number>[^:]+))?")


@dataclass(frozen=True)
class Item:
    """What stands at one place.

    Args:
        name: of a module or an activation.
        kind: one of `KINDS`, "" where the name tells.
        number: an epsilon or a slope, None for the usual one.
    """

    name: str
    kind: str = ""
    number: float | None = None


def parse(given: str | Sequence[str], option: str) -> tuple[Item, ...]:
    """Items, separated by commas, or already apart.

    Args:
        given: by the user.
        option: that it was given with, for messages.

    Raises:
        UserError: for a kind or a number that is none.
    """
    texts = given.split(",") if isinstance(given, str) else [text for each in given for text in each.split(",")]
    return tuple(_item(text.strip(), option) for text in texts if text.strip())


def _item(text: str, option: str) -> Item:
    match = ITEM.fullmatch(text)
    kind, number = (match["kind"] or "", match["number"]) if match else ("", None)
    if match is None or (kind and kind not in KINDS):
        near = did_you_mean(kind, KINDS)
        expected = f"NAME, or NAME=KIND of {', '.join(KINDS)}"
        raise UserError(f"{option_names.where(option)}: expected {expected}.{near} Received: '{text}'")
    try:
        value = None if number is None else float(number)
    except ValueError:
        raise UserError(f"{option_names.where(option)}: expected a number after ':'. Received: '{text}'") from None
    return Item(match["name"], kind, value)


def activation(item: Item, modules: Collection[str], option: str) -> Activation | None:
    """The activation that an item names; None for one that computes nothing outside training.

    Args:
        item: that is no module's name.
        modules: names of the file's modules, for messages.
        option: that it was given with.

    Raises:
        UserError: for a name that is neither, with the nearest.
    """
    lower = item.name.lower()
    name = OTHER_NAMES.get(lower, lower)
    if name in IDLE and not item.kind:
        return None
    if name == "leaky_relu" and not item.kind:
        return Activation(name, SLOPE if item.number is None else item.number)
    if name not in ACTIVATIONS or item.kind or item.number is not None:
        known = (*modules, *ACTIVATIONS, "leaky_relu", *IDLE)
        expected = f"a module of the file ({', '.join(modules) or 'none'}) or an activation"
        received = f"'{item.name}'" if name not in ACTIVATIONS else f"'{item.name}' with a kind or a number"
        raise UserError(
            f"{option_names.where(option)}: expected {expected}.{did_you_mean(item.name, known)} Received: {received}"
        )
    return Activation(name)


def assemble(elements: Iterable[Recurrent | Part]) -> dict[str, Any]:
    """The arguments `before`, `layers` and `head` of a `Network` that computes these, one after the other."""
    before: list[Part] = []
    layers: list[Recurrent] = []
    since: list[Part] = before  # what came after the last recurrent layer
    for element in elements:
        if isinstance(element, Recurrent):
            if layers:
                layers[-1] = replace(layers[-1], after=tuple(since))
            layers.append(element)
            since = []
        else:
            since.append(element)
    head = since if layers else []
    return {"before": tuple(before), "layers": tuple(layers), "head": tuple(head)}

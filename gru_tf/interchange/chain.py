"""The order of the parts of a network, as a user states it where a file does not, and the network in that order.

An item is the name of a module in the file, or of an activation: "lstm1,relu,norm=layer_norm:1e-6,fc,softmax". What a name
alone does not tell follows "=": the kind of a module; and ":": a number, such as the epsilon of a normalization.
"""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, shown
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
REST = re.compile(r"(?:=(?P<kind>[a-z_]+))?(?::(?P<number>[^:]+))?")
ITEM = re.compile(rf"(?P<name>[^=:]+?){REST.pattern}")
NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")


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


def parse(given: str | Sequence[str], option: str, names: Collection[str] = ()) -> tuple[Item, ...]:
    """Items, separated by commas, or already apart.

    Args:
        given: by the user; an empty list states nothing.
        option: that it was given with, for messages.
        names: of the file's modules, which may themselves hold commas, equals signs and colons.

    Raises:
        UserError: for no item, a kind or a number that is none.
    """
    texts = [given] if isinstance(given, str) else given
    if texts in ((), []):
        return ()
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise UserError(f"{option_names.where(option)}: expected names. Received: {shown(given)}")
    items = [_item(part, option, names) for text in texts for part in _apart(text, names)]
    if not items:
        raise UserError(f"{option_names.where(option)}: expected at least one name, or 'none'. Received: {shown(given)}")
    return tuple(items)


def _apart(text: str, names: Collection[str]) -> list[str]:
    """A text at its commas, but for those in a module's name."""
    known = [re.escape(name) for name in sorted(names, key=len, reverse=True) if name]
    part = re.compile(rf"\s*((?:(?:{'|'.join(known)})(?=[,=:\s]|$))?[^,]*)(?:,|$)" if known else r"\s*([^,]*)(?:,|$)")
    return [match[1].strip() for match in part.finditer(text) if match[1].strip()]


def _item(text: str, option: str, names: Collection[str]) -> Item:
    own = next((name for name in sorted(names, key=len, reverse=True) if name and text.startswith(name)), "")
    rest = REST.fullmatch(text[len(own) :]) if own else None
    match = rest or ITEM.fullmatch(text)
    kind = (match["kind"] or "") if match else ""
    if match is None or (kind and kind not in KINDS):
        near = did_you_mean(kind, KINDS)
        expected = f"NAME, or NAME=KIND of {', '.join(KINDS)}, with a number behind ':' if any"
        raise UserError(f"{option_names.where(option)}: expected {expected}.{near} Received: '{text}'")
    number = match["number"]
    if number is not None and not (NUMBER.fullmatch(number) and math.isfinite(float(number)) and float(number) >= 0):
        expected = "a finite number of at least 0 after ':'"
        raise UserError(f"{option_names.where(option)}: expected {expected}. Received: '{text}'")
    return Item(own if rest else match["name"], kind, None if number is None else float(number))


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

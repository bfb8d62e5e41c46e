"""What a file of weights holds: layers by name, in the order that the file has, and arrays by their names in the layer."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gru_tf.foundation.array import Array

ROLES = (  # names of arrays in Keras' layers; longer before those that end them
    "recurrent_kernel", "kernel", "bias", "embeddings", "moving_mean", "moving_variance", "gamma", "beta",
)  # fmt: skip
CELL = re.compile(r"cell|cells|stacked_rnn_cells(_\d+)?|(gru|lstm|simple_rnn)_cell(_v\d)?(_\d+)?|layer|(for|back)ward_.+")


@dataclass(frozen=True, eq=False)
class Entry:
    """An array of a layer.

    Args:
        key: its name in the file.
        within: where it is in the layer: "" or such as "forward_gru/gru_cell".
        role: one of `ROLES`; for others the name that the file has.
        array: its numbers.
    """

    key: str
    within: str
    role: str
    array: Array


@dataclass(frozen=True, eq=False)
class FileLayer:
    """A layer of the file.

    Args:
        name: in the file; "outer/inner" in a model within the model.
        entries: its arrays, in the layer's own order; none of one without weights.
        kind: its class in snake case, where the file says it.
        alias: another name that the file has for it.
        rank: its place among layers of the same class and model, where the file says that.
        original: the file's arrays, where `entries` are made of them.
        in_order: whether its parts, such as stacked cells, come in the order in which they compute.
    """

    name: str
    entries: tuple[Entry, ...] = ()
    kind: str = ""
    alias: str = ""
    rank: tuple[str, int] | None = None
    original: tuple[Array, ...] = ()
    in_order: bool = False

    def described(self) -> list[str]:
        """Names and shapes of its arrays, for messages."""
        return [f"{entry.key} {entry.array.shape}" for entry in self.entries]


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """The layers of a file.

    Args:
        layers: in the file's order, those without weights included where the file lists them.
        source: program and format, for messages and the record.
        ordered: whether this is the order in which they compute; if not, `doubt` says why.
        doubt: why the order is not known.
        nested: models within the model, whose layers without weights the file does not list.
        version: of Keras, "" where it is not recorded.
        keras_2: whether Keras 2 is known to have written it.
        lists_all: whether all that computes is listed, layers without weights included.
        assumed: what the arrays could be, too, and how to say so.
    """

    layers: tuple[FileLayer, ...]
    source: str
    ordered: bool
    doubt: str = ""
    nested: tuple[str, ...] = ()
    version: str = ""
    keras_2: bool = False
    lists_all: bool = True
    assumed: tuple[str, ...] = ()


def named(key: str) -> tuple[list[str], str]:
    """The components of an array's name before its last, and the last: its role; ":0" at the end says nothing."""
    plain = re.sub(r":\d+$", "", key)
    *path, last = [part for part in plain.split("/" if "/" in plain else ".") if part]
    if not path and last not in ROLES:  # "gru_kernel"
        role = next((role for role in ROLES if last.endswith(f"_{role}")), None)
        return ([last.removesuffix(f"_{role}")], role) if role else ([], last)
    return path, last


def split(path: list[str]) -> tuple[str, str]:
    """The layer and the part within it, of the components before an array's role."""
    end = len(path)
    while end > 1 and (CELL.fullmatch(path[end - 1]) or (path[end - 2] == "cells" and path[end - 1].isdigit())):
        end -= 1
    return "/".join(path[:end]), "/".join(path[end:])


def of_names(arrays: Mapping[str, Array]) -> list[FileLayer]:
    """Layers of arrays named as in Keras: "gru/kernel", "gru/gru_cell/recurrent_kernel:0", "dense_bias"."""
    layers: dict[str, list[Entry]] = {}
    for key, array in arrays.items():
        path, role = named(key)
        layer, within = split(path)
        layers.setdefault(layer or role, []).append(Entry(key, within, role, array))
    return [FileLayer(name, tuple(_in_order(entries))) for name, entries in layers.items()]


def _in_order(entries: Iterable[Entry]) -> Iterator[Entry]:
    """In the order that Keras' layers have: by part, and kernel, recurrent kernel, bias in each."""
    order = ("kernel", "recurrent_kernel", "bias", "embeddings", "gamma", "beta", "moving_mean", "moving_variance")
    parts = list(dict.fromkeys(entry.within for entry in entries))
    parts.sort(key=lambda part: "backward" in part)
    rank = {role: n for n, role in enumerate(order)}
    yield from sorted(entries, key=lambda entry: (parts.index(entry.within), rank.get(entry.role, len(rank))))

"""The canonical form: weights of a cell gate by gate, read from any layout and written to any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.gates.layouts import check_convention, layout
from gru_tf.recurrent.gates.packing import GATES, Layout


@dataclass(frozen=True, eq=False)
class GateWeights:
    """Weights of a cell gate by gate; `read` and `from_layer` make them.

    Args:
        blocks: W_g and U_g of every gate g, and the biases b_g, c_g that there are.
        convention: of a GRU, "keep" or "write"; None for other cells.
        reset_after: of a GRU, whether the reset acts after the product with U_h; None for other cells.
        cell: "gru", "lstm" or "rnn".
    """

    blocks: Mapping[str, Array]
    convention: str | None = None
    reset_after: bool | None = None
    cell: str = "gru"

    def __post_init__(self) -> None:
        if self.cell == "gru":
            check_convention(self.convention)
        needed = [f"{letter}_{gate}" for letter in "WU" for gate in GATES[self.cell]]
        if not set(needed) <= self.blocks.keys():
            raise ValueError(f"GateWeights: expected blocks {', '.join(needed)}. Received: {', '.join(self.blocks)}")

    @property
    def features(self) -> int:
        """I."""
        return int(self.blocks[f"W_{GATES[self.cell][0]}"].shape[0])

    @property
    def units(self) -> int:
        """H."""
        return int(self.blocks[f"W_{GATES[self.cell][0]}"].shape[1])

    @property
    def biased(self) -> bool:
        """Whether there are biases."""
        return any(name[0] in "bc" for name in self.blocks)

    def in_convention(self, convention: str | None) -> "GateWeights":
        """The same function in the other convention: every block of the update gate negated, which rounds nothing.

        As σ(−a) = 1 − σ(a); under a gate activation without that symmetry it is another function.

        Raises:
            ValueError: where `convention` is neither of the two.
        """
        if self.cell == "gru":
            check_convention(convention)
        if convention == self.convention:
            return self
        blocks = {name: -block if name.endswith("_z") else block for name, block in self.blocks.items()}
        return replace(self, blocks=blocks, convention=convention)

    def with_one_bias(self) -> "GateWeights":
        """The same function with b + c in the place of b: exact but for the rounding of that sum.

        Raises:
            ValueError: where the reset acts after the product and c_h is not zero: no b_h stands for it.
        """
        blocks = dict(self.blocks)
        for name in [name for name in self.blocks if name.startswith("c")]:
            if name == "c_h" and self.reset_after:
                continue
            c, b = blocks.pop(name), f"b{name[1:]}"
            blocks[b] = blocks[b] + c if b in blocks else c
        if np.any(blocks.get("c_h", 0)):
            raise ValueError(
                "gates: expected c_h = 0, for with reset_after=True it acts through the reset gate and no single bias can"
                f" hold it. Received: c_h up to {np.abs(blocks['c_h']).max():g}"
            )
        blocks.pop("c_h", None)
        return replace(self, blocks=blocks)

    def with_forget_bias(self, added: float) -> "GateWeights":
        """An LSTM whose forget gate has this much more bias: what a program added while it ran becomes a weight.

        Raises:
            ValueError: where it is no LSTM.
        """
        if self.cell != "lstm":
            raise ValueError(f"gates: expected an LSTM, which alone has a forget gate. Received: cell={self.cell!r}")
        nothing = np.zeros_like(self.blocks["W_f"][0])
        blocks = {f"b_{gate}": nothing for gate in GATES["lstm"]} | dict(self.blocks)
        blocks["b_f"] = blocks["b_f"] + np.asarray(added, nothing.dtype)
        return replace(self, blocks=blocks)

    def write(self, target: str | Layout, biases: bool | None = None) -> dict[str, Array]:
        """The arrays of a layout by name, in its convention; in the weights' own where the layout says nothing of it.

        Args:
            target: a layout or its name.
            biases: whether the arrays of biases are written, zeros where there are none; None: where there are any.

        Raises:
            ValueError: where the layout has another reset, or no place for a bias that is not zero.
        """
        target = layout(target) if isinstance(target, str) else target
        if target.cell != self.cell:
            raise ValueError(
                f"gates: expected weights of cell '{target.cell}' for layout '{target.name}'. Received: cell '{self.cell}'"
            )
        if target.reset_after not in (None, self.reset_after):
            raise ValueError(
                f"gates: expected weights with reset_after={target.reset_after}, for reset before and after are different"
                f" functions and no weights of the one compute the other. Received: reset_after={self.reset_after}"
            )
        blocks = self.in_convention(target.convention or self.convention).blocks
        biases = self.biased if biases is None else biases
        arrays = [packed for packed in target.arrays if biases or not packed.holds_biases]
        placed = {name for packed in arrays for name in packed.blocks}
        for name in blocks.keys() - placed:
            if np.any(blocks[name]):
                raise ValueError(
                    f"gates: expected {name} = 0, for layout '{target.name}'{'' if biases else ' without biases'} has no"
                    f" place for it. Received: {name} up to {np.abs(blocks[name]).max():g}"
                )
        nothing = np.zeros_like(blocks[f"W_{GATES[self.cell][0]}"][0])
        filled = {name: nothing for name in placed if name[0] in "bc"} | dict(blocks)
        return {packed.name: packed.join(filled) for packed in arrays}


def read(weights: Mapping[str, Any] | Sequence[Any], source: str | Layout, units: int | None = None) -> GateWeights:
    """Gates from the arrays of a layout.

    Args:
        weights: arrays by name, or all in the layout's order, as from a Keras layer's `get_weights`; with or without the
            biases. Whole numbers become float64, everything else keeps its type.
        source: a layout or its name.
        units: H, where the layout is one vector, which does not say it.

    Raises:
        ValueError: where arrays are missing, unknown or of the wrong shape, or where the layout does not say its
            convention or reset: a text's weights mean nothing without them.
    """
    source = layout(source) if isinstance(source, str) else source
    if source.cell == "gru" and (source.convention is None or source.reset_after is None):
        raise ValueError(
            f"gates: expected a convention and a reset with layout '{source.name}', such as"
            f" layout('{source.name}', convention='write', reset_after=False)."
            f" Received: convention={source.convention!r}, reset_after={source.reset_after!r}"
        )
    arrays = {name: _floating(array) for name, array in _named(weights, source).items()}
    present = [packed for packed in source.arrays if packed.name in arrays]
    first = next(packed for packed in present if "W" in packed.kinds)
    features, units = first.sizes(arrays[first.name], units)
    blocks: dict[str, Array] = {}
    for packed in present:
        expected, received = packed.shape(features, units), arrays[packed.name].shape
        if received != expected:
            raise ValueError(
                f"gates: expected {packed.name} of shape {packed.formula()} = {expected}, with I = {features} and"
                f" H = {units} by {first.name}. Received: shape {received}"
            )
        blocks |= packed.cut(arrays[packed.name], features, units)
    return GateWeights(blocks, source.convention, source.reset_after, source.cell)


def convert(
    weights: Mapping[str, Any] | Sequence[Any], source: str | Layout, target: str | Layout, units: int | None = None
) -> dict[str, Array]:
    """Arrays of one layout → arrays of another that compute the same function; see `read` and `GateWeights.write`."""
    return read(weights, source, units).write(target)


def _named(weights: Mapping[str, Any] | Sequence[Any], source: Layout) -> Mapping[str, Any]:
    """The arrays by name: all of the layout's, or all but the biases."""
    names = [packed.name for packed in source.arrays]
    needed = [packed.name for packed in source.arrays if not packed.holds_biases]
    received = list(weights) if isinstance(weights, Mapping) else (needed if len(weights) == len(needed) else names)
    if len(received) != len(weights) or set(received) not in (set(names), set(needed)):
        held = ", ".join(received) if isinstance(weights, Mapping) else f"{len(weights)} arrays"
        without = f", or {', '.join(needed)}" if needed != names else ""
        raise ValueError(f"gates: expected {', '.join(names)}{without} in layout '{source.name}'. Received: {held}")
    return weights if isinstance(weights, Mapping) else dict(zip(received, weights, strict=True))


def _floating(array: Any) -> Array:
    values = np.asarray(array)
    return values.astype(np.float64) if values.dtype.kind in "biu" else values

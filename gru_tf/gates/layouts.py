"""Layouts of a GRU's weights, as data: of which blocks each array is made, and how they lie in it.

Blocks are called as in `gru_tf.gates`: W_z, U_z, b_z, c_z and so on. A new layout is a new entry in `LAYOUTS`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gru_tf.errors import did_you_mean

Array = np.ndarray[Any, np.dtype[Any]]
CONVENTIONS = ("keep", "write")


@dataclass(frozen=True)
class Packed:
    """One array of a layout.

    Args:
        name: of the array.
        rows: its grid of blocks, such as (("U_z",), ("W_z",)) for U_z above W_z; biases alone in one row are a vector.
        transposed: whether the array is the transpose of that grid, to act on column vectors.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    transposed: bool = False

    @property
    def kinds(self) -> list[str]:
        """W, U, b or c for each row of blocks."""
        return [row[0][0] for row in self.rows]

    @property
    def holds_biases(self) -> bool:
        """Whether there is nothing in it but biases."""
        return set(self.kinds) <= {"b", "c"}

    def formula(self) -> str:
        """Its shape in letters, such as (H + I, H)."""
        symbols = Counter({"W": "I", "U": "H"}.get(kind, "") for kind in self.kinds)
        height = " + ".join(_times(count, symbol) for symbol, count in symbols.items())
        return self._arranged(height, _times(len(self.rows[0]), "H"))

    def shape(self, features: int, units: int) -> tuple[int, ...]:
        """Its shape for I features and H units."""
        edges = [sum(self._heights(features, units)), units * len(self.rows[0])]
        return tuple(edges[1:] if self._is_vector else edges[::-1] if self.transposed else edges)

    def sizes(self, array: Array) -> tuple[int, int]:
        """I and H, read off an array that holds input kernels.

        Raises:
            ValueError: where its shape fits no I and H.
        """
        height, width = (array.T if self.transposed else array).shape if array.ndim == 2 else (0, 0)
        units = width // len(self.rows[0])
        features = (height - sum(self._heights(0, units))) // self.kinds.count("W")
        if min(units, features) < 1 or self.shape(features, units) != array.shape:
            raise ValueError(f"gates: expected {self.name} of shape {self.formula()}. Received: shape {array.shape}")
        return features, units

    def cut(self, array: Array, features: int, units: int) -> dict[str, Array]:
        """The blocks in an array of this shape, as copies."""
        grid = np.atleast_2d(array.T if self.transposed else array)
        edges = np.cumsum(self._heights(features, units))[:-1]
        return {
            name: np.array(block[0] if name[0] in "bc" else block)
            for names, row in zip(self.rows, np.split(grid, edges), strict=True)
            for name, block in zip(names, np.split(row, len(names), axis=1), strict=True)
        }

    def join(self, blocks: Mapping[str, Array]) -> Array:
        """The array that these blocks make."""
        grid = np.block([[np.atleast_2d(blocks[name]) for name in row] for row in self.rows])
        return np.ascontiguousarray(grid[0] if self._is_vector else grid.T if self.transposed else grid)

    @property
    def _is_vector(self) -> bool:
        return self.holds_biases and len(self.rows) == 1

    def _heights(self, features: int, units: int) -> list[int]:
        return [{"W": features, "U": units}.get(kind, 1) for kind in self.kinds]

    def _arranged(self, height: str, width: str) -> str:
        if self._is_vector:
            return f"({width},)"
        return f"({width}, {height})" if self.transposed else f"({height}, {width})"


def _times(count: int, symbol: str) -> str:
    return symbol if symbol and count == 1 else f"{count}{symbol}"


@dataclass(frozen=True)
class Layout:
    """How weights lie in arrays, and what they mean.

    Args:
        name: what it is called here.
        arrays: in the order in which they are given as a list; those of biases alone may be absent, all together.
        convention: "keep" or "write"; None where the layout says nothing of it.
        reset_after: whether the reset acts after the product; None where the layout says nothing of it.
        reference: who lays weights out like this.
    """

    name: str
    arrays: tuple[Packed, ...]
    convention: str | None
    reset_after: bool | None
    reference: str


def _joined(letters: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(f"{letter}_{gate}" for gate in "zrh") for letter in letters)


def _concatenated(transposed: bool) -> tuple[Packed, ...]:
    matrices = (Packed(f"W_{gate}", ((f"U_{gate}",), (f"W_{gate}",)), transposed) for gate in "zrh")
    return (*matrices, *(Packed(f"b_{gate}", ((f"b_{gate}",),)) for gate in "zrh"))


_KERNELS = (Packed("kernel", _joined("W")), Packed("recurrent_kernel", _joined("U")))

LAYOUTS = {
    known.name: known
    for known in (
        Layout("keras", (*_KERNELS, Packed("bias", _joined("bc"))), "keep", True, "keras.layers.GRU(reset_after=True)"),
        Layout(
            "keras_reset_before",
            (*_KERNELS, Packed("bias", _joined("b"))),
            "keep",
            False,
            "keras.layers.GRU(reset_after=False)",
        ),
        # [h, x] W: the first H rows act on h, the rest on x
        Layout("concatenated", _concatenated(transposed=False), None, None, "row vectors, [h, x] W_z"),
        # W [h; x] as texts print it: the same matrix transposed, whose first H columns act on h
        Layout("concatenated_columns", _concatenated(transposed=True), None, None, "column vectors, W_z·[h, x]"),
        Layout(
            "derivation",
            tuple(
                Packed(f"W_{gate}{source}", ((f"{letter}_{gate}",),), transposed=True)
                for gate in "zrh"
                for source, letter in (("x", "W"), ("h", "U"))
            ),
            "write",
            False,
            "column vectors, W_zx x + W_zh h: gru_tf.derivation",
        ),
    )
}


def layout(name: str, convention: str | None = None, reset_after: bool | None = None) -> Layout:
    """The layout called `name`, with what it means settled or changed: the arrays stay where they are.

    Args:
        name: one of `LAYOUTS`.
        convention: "keep" or "write" (a gru_tf.GRUCell has Keras' layout in either); None for the layout's own.
        reset_after: whether the reset acts after the product; None for the layout's own. Keras' two layouts differ in their
            biases and cannot be told otherwise.

    Raises:
        ValueError: for an unknown name or convention, or a reset that the layout does not have.
    """
    if name not in LAYOUTS:
        valid = ", ".join(LAYOUTS)
        raise ValueError(f"gates: expected a layout out of {valid}.{did_you_mean(name, LAYOUTS)} Received: name={name!r}")
    found = LAYOUTS[name]
    if convention is not None:
        check_convention(convention)
        found = replace(found, convention=convention)
    if reset_after is not None and found.reset_after not in (None, reset_after):
        raise ValueError(f"gates: expected reset_after={found.reset_after} in layout '{name}'. Received: {reset_after}")
    return found if reset_after is None else replace(found, reset_after=reset_after)


def check_convention(convention: str) -> None:
    """Raise ValueError for a convention other than "keep" and "write"."""
    if convention not in CONVENTIONS:
        raise ValueError(f"gates: expected `convention` to be 'keep' or 'write'. Received: convention={convention!r}")

"""How blocks lie in arrays: what a layout is made of.

Blocks are called as in `gru_tf.recurrent.gates`: W_z, U_z, b_z, c_z and so on.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array

GATES = {"gru": "zrh", "lstm": "ifco", "rnn": "h"}  # cell → its gates, in Keras' order


@dataclass(frozen=True)
class Packed:
    """One array of a layout.

    Args:
        name: of the array.
        rows: its grid of blocks, such as (("U_z",), ("W_z",)) for U_z above W_z; biases alone in one row are a vector.
        transposed: whether the array is the transpose of that grid, to act on column vectors.
        folded: whether each matrix has the numbers of its transpose, row by row, in its own shape.
        flat: whether all blocks, matrices transposed, are strung together row by row into one vector.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    transposed: bool = False
    folded: bool = False
    flat: bool = False

    @property
    def blocks(self) -> list[str]:
        """The names of its blocks."""
        return [name for row in self.rows for name in row]

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
        if self.flat:
            count = Counter(name[0] for name in self.blocks)
            each = {"W": "IH", "U": "HH"}
            return f"({' + '.join(_times(number, each.get(kind, 'H')) for kind, number in count.items())},)"
        symbols = Counter({"W": "I", "U": "H"}.get(kind, "") for kind in self.kinds)
        height = " + ".join(_times(count, symbol) for symbol, count in symbols.items())
        return self._arranged(height, _times(len(self.rows[0]), "H"))

    def shape(self, features: int, units: int) -> tuple[int, ...]:
        """Its shape for I features and H units."""
        if self.flat:
            return (sum(math.prod(_shape(name, features, units)) for name in self.blocks),)
        edges = [sum(self._heights(features, units)), units * len(self.rows[0])]
        return tuple(edges[1:] if self._is_vector else edges[::-1] if self.transposed else edges)

    def sizes(self, array: Array, units: int | None = None) -> tuple[int, int]:
        """I and H, read off an array that holds input kernels.

        Args:
            array: of any shape.
            units: H, where the array does not say it.

        Raises:
            ValueError: where its shape fits no I and H.
        """
        if self.flat:
            return self._sizes_of_flat(array, units)
        height, width = (array.T if self.transposed else array).shape if array.ndim == 2 else (0, 0)
        units = width // len(self.rows[0])
        features = (height - sum(self._heights(0, units))) // self.kinds.count("W")
        if min(units, features) < 1 or self.shape(features, units) != array.shape:
            raise ValueError(f"gates: expected {self.name} of shape {self.formula()}. Received: shape {array.shape}")
        return features, units

    def _sizes_of_flat(self, array: Array, units: int | None) -> tuple[int, int]:
        if not units:
            raise ValueError(
                f"gates: expected `units` beside {self.name}, for a vector does not say them. Received: {units}"
            )
        kernels = sum(name[0] == "W" for name in self.blocks)
        features = (array.size - self.shape(0, units)[0]) // (kernels * units)
        if features < 1 or self.shape(features, units) != array.shape:
            raise ValueError(
                f"gates: expected {self.name} of shape {self.formula()} with H = {units}. Received: shape {array.shape}"
            )
        return features, units

    def cut(self, array: Array, features: int, units: int) -> dict[str, Array]:
        """The blocks in an array of this shape, as copies."""
        if self.flat:
            shapes = [_shape(name, features, units) for name in self.blocks]
            ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
            parts = zip(self.blocks, shapes, np.split(array, ends), strict=True)
            return {name: np.array(part.reshape(shape[::-1]).T) for name, shape, part in parts}
        blocks = self._grid_cut(array, features, units)
        return {name: _unfolded(block) for name, block in blocks.items()} if self.folded else blocks

    def _grid_cut(self, array: Array, features: int, units: int) -> dict[str, Array]:
        grid = np.atleast_2d(array.T if self.transposed else array)
        edges = np.cumsum(self._heights(features, units))[:-1]
        return {
            name: np.array(block[0] if name[0] in "bc" else block)
            for names, row in zip(self.rows, np.split(grid, edges), strict=True)
            for name, block in zip(names, np.split(row, len(names), axis=1), strict=True)
        }

    def join(self, blocks: Mapping[str, Array]) -> Array:
        """The array that these blocks make."""
        if self.flat:
            return np.concatenate([blocks[name].T.ravel() for name in self.blocks])
        if self.folded:
            blocks = {name: _folded(block) for name, block in blocks.items()}
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


def _shape(name: str, features: int, units: int) -> tuple[int, ...]:
    """Of a block."""
    return {"W": (features, units), "U": (units, units)}.get(name[0], (units,))


def _folded(block: Array) -> Array:
    return block.T.reshape(block.shape)


def _unfolded(block: Array) -> Array:
    return np.ascontiguousarray(block.reshape(block.shape[::-1]).T)


def _times(count: int, symbol: str) -> str:
    return symbol if symbol and count == 1 else f"{count}{symbol}"


@dataclass(frozen=True)
class Layout:
    """How weights lie in arrays, and what they mean.

    Args:
        name: what it is called here.
        arrays: in the order in which they are given as a list; those of biases alone may be absent, all together.
        convention: of a GRU, "keep" or "write"; None where the layout says nothing of it, and for other cells.
        reset_after: of a GRU, whether the reset acts after the product; None likewise.
        reference: who lays weights out like this.
        cell: "gru", "lstm" or "rnn".
    """

    name: str
    arrays: tuple[Packed, ...]
    convention: str | None
    reset_after: bool | None
    reference: str
    cell: str = "gru"

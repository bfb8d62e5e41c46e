"""Layers of a file of weights as parts of a network, by the names and shapes of their arrays."""

import re
from dataclasses import dataclass, replace

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import option_names
from gru_tf.interchange.named_weights import cells, stacked_cells
from gru_tf.interchange.named_weights.cells import Functions
from gru_tf.interchange.named_weights.contents import Entry, FileLayer
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.parts import BatchNorm, LayerNorm, Linear, Part

EPSILON = 1e-3  # Keras' default of both normalizations, which no file of weights records
NORMS = ("layer_norm", "batch_norm")
OTHER_NORMS = re.compile(r"(?:.*/)?(group|instance|rms|unit|spectral|weight)_?norm.*")  # with arrays of the same names
ONE_OF_TWO = {("layer_normalization", 1), ("batch_normalization", 3)}  # class and number of arrays
BY_NAME = "load the weights in Python and save them by name: np.savez(FILE, **{w.path: w.numpy() for w in model.weights})"
STATISTICS = {"moving_mean", "moving_variance"}


@dataclass(frozen=True, eq=False)
class Module:
    """A layer with weights.

    Args:
        layer: of the file.
        kind: "embedding", "recurrent", "linear", "layer_norm" or "batch_norm".
        elements: what it computes, one after the other; none of an embedding.
        table: of an embedding.
        takes: features, None for an embedding.
        gives: features.
    """

    layer: FileLayer
    kind: str
    elements: tuple[Recurrent | Part, ...]
    table: Array | None
    takes: int | None
    gives: int

    @property
    def name(self) -> str:
        """In the file."""
        return self.layer.name

    @property
    def merged(self) -> int | None:
        """Features that a Bidirectional gives with a merge_mode other than concat; None for other layers."""
        last = self.elements[-1] if self.elements else None
        return last.forward.units if isinstance(last, Recurrent) and last.backward is not None else None

    def with_epsilon(self, epsilon: float) -> "Module":
        """A normalization with another epsilon."""
        return replace(self, elements=(replace(self.norm, epsilon=epsilon),))

    @property
    def norm(self) -> LayerNorm | BatchNorm:
        """Of a normalization; raises TypeError for others."""
        (norm,) = self.elements
        if not isinstance(norm, LayerNorm | BatchNorm):
            raise TypeError(f"expected a normalization. Received: {self.kind}")
        return norm


def read(layer: FileLayer, functions: Functions, where: str) -> Module:
    """A layer with weights as a module.

    Args:
        layer: of the file.
        functions: of recurrent layers, which the file does not record.
        where: the file, for messages.

    Raises:
        UserError: for a layer that is none of these, with its arrays.
    """
    layer = replace(layer, entries=tuple(_floats(entry, where) for entry in layer.entries))
    if cells.is_recurrent(layer):
        layer = stacked_cells.in_order(layer, where)
        recurrent = cells.read(layer, functions, where)
        return Module(layer, "recurrent", recurrent, None, *cells.widths(recurrent))
    arrays = {entry.role: entry.array for entry in layer.entries}
    alone = len(arrays) == len(layer.entries) and len({entry.within for entry in layer.entries}) == 1
    part = _part(layer, arrays) if alone else None
    if alone and arrays.keys() == {"embeddings"} and arrays["embeddings"].ndim == 2:
        table = arrays["embeddings"]
        return Module(layer, "embedding", (), table, None, int(table.shape[1]))
    if (layer.kind, len(layer.entries)) in ONE_OF_TWO and all(array.ndim == 1 for array in arrays.values()):
        raise _one_of_two(layer, where)
    if part is None or part.takes is None or part.gives is None:
        leave = option_names.called("leave_out", layer.name)
        expected = f"an embedding, a GRU, LSTM or SimpleRNN, Dense, LayerNormalization or BatchNormalization, or {leave}"
        raise UserError(f"{where}: {layer.name}: expected {expected}. Received: {several(layer.described())}")
    kind = {Linear: "linear", LayerNorm: "layer_norm", BatchNorm: "batch_norm"}[type(part)]
    return Module(layer, kind, (part,), None, part.takes, part.gives)


def _one_of_two(layer: FileLayer, where: str) -> UserError:
    """For a normalization with a scale alone or a shift alone, in a file that numbers arrays: they look alike."""
    leave = option_names.called("leave_out", layer.name)
    expected = f"gamma and beta, or names of its arrays; {BY_NAME}; or {leave}"
    received = f"one of the two, which a file without names does not tell apart: {several(layer.described())}"
    return UserError(f"{where}: {layer.name}: expected {expected}. Received: {received}")


def _floats(entry: Entry, where: str) -> Entry:
    """With its numbers as float32 or float64."""
    if entry.array.dtype.kind != "f":
        layer_of = option_names.called("leave_out")
        expected = f"floating-point numbers, or its layer in {layer_of}"
        raise UserError(f"{where}: {entry.key}: expected {expected}. Received: {entry.array.dtype}")
    return replace(entry, array=entry.array.astype("float32")) if entry.array.dtype.itemsize < 4 else entry


def _part(layer: FileLayer, arrays: dict[str, Array]) -> Linear | LayerNorm | BatchNorm | None:
    roles, shapes = set(arrays), {array.shape for array in arrays.values()}
    name = layer.name
    if "kernel" in roles and roles <= {"kernel", "bias"} and arrays["kernel"].ndim == 2:
        kernel, bias = arrays["kernel"], arrays.get("bias")
        return Linear(kernel, bias, name) if bias is None or bias.shape == kernel.shape[1:] else None
    flat = len(shapes) == 1 and len(next(iter(shapes))) == 1
    if not flat or not roles or not roles <= {"gamma", "beta"} | STATISTICS:
        return None
    gamma, beta = arrays.get("gamma"), arrays.get("beta")
    if roles >= STATISTICS:
        return BatchNorm(arrays["moving_mean"], arrays["moving_variance"], gamma, beta, EPSILON, name)
    if roles & STATISTICS or OTHER_NORMS.fullmatch(layer.kind or name):
        return None
    scale = np.ones_like(beta) if gamma is None else gamma
    return LayerNorm(scale, beta, EPSILON, name)

"""Modules of a PyTorch state_dict that hold a matrix: linear layers and embeddings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.network import Linear
from gru_tf.interchange.pytorch.norms import ANY
from gru_tf.interchange.pytorch.stacks import TorchStack
from gru_tf.interchange.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Matrix:
    """A module with a matrix, and a bias if it has one.

    Args:
        name: of the module, "" at the top.
        weight: (O, I) of a linear layer, (tokens, width) of an embedding.
        bias: (O,), or None.
    """

    name: str
    weight: Tensor
    bias: Tensor | None = None

    @property
    def outputs(self) -> int:
        """O, or the number of tokens."""
        return self.weight.shape[0]

    @property
    def inputs(self) -> int:
        """I, or the embedding's width."""
        return self.weight.shape[1]

    @property
    def called_embedding(self) -> bool:
        """Whether its name says that it is an embedding, and nothing says that it is none."""
        return "emb" in self.name.lower() and self.bias is None

    @property
    def called_norm(self) -> bool:
        """Whether its name says that it is a normalisation over several axes."""
        return bool(ANY.search(self.name))

    def tensors(self) -> Iterator[Tensor]:
        """Its entries."""
        yield self.weight
        if self.bias is not None:
            yield self.bias

    def linear(self) -> Linear:
        """As a layer; raises UserError if the bias does not fit the matrix."""
        if self.bias is not None and self.bias.shape != (self.outputs,):
            expected = f"shape {(self.outputs,)} beside {self.weight.key} {self.weight.shape}"
            raise UserError(f"{self.bias.key}: expected {expected}. Received: {self.bias.shape}")
        bias = None if self.bias is None else self.bias.array()
        return Linear(np.ascontiguousarray(self.weight.array().T), bias, self.name)


def find(entries: Mapping[str, Tensor]) -> dict[str, Matrix]:
    """Name → module, of all with a matrix called "weight"."""
    matrices: dict[str, Matrix] = {}
    for key, tensor in entries.items():
        module, dot, last = key.rpartition(".")
        if last == "weight" and len(tensor.shape) == 2 and min(tensor.shape) > 0:
            matrices[module] = Matrix(module, tensor, entries.get(f"{module}{dot}bias"))
    return matrices


def named(key: str, matrices: Mapping[str, Matrix], option: str) -> Matrix:
    """The matrix that an option names by key or module; raises UserError if there is none."""
    matrix = matrices.get(key.removesuffix("weight").removesuffix("."))
    if matrix is None:
        keys = [each.weight.key for each in matrices.values()]
        near = did_you_mean(key, [*matrices, *keys])
        expected = f"one of {several(keys)}" if matrices else "none, as there is no matrix"
        raise UserError(f"{option_names.where(option)}: expected {expected}.{near} Received: '{key}'")
    if option == "embedding" and matrix.bias is not None:
        raise UserError(f"{option_names.where(option)}: {key}: expected a matrix without bias. Received: {matrix.bias.key}")
    return matrix


def is_nearest(name: str, chosen: Sequence[TorchStack], others: Iterable[TorchStack]) -> bool:
    """Whether the chosen stacks are nearer to a module, in the tree of modules, than any other stack."""
    own = max(_common_depth(name, stack.name) for stack in chosen)
    return all(_common_depth(name, stack.name) < own for stack in others)


def _common_depth(one: str, other: str) -> int:
    """Number of modules that contain both."""
    pairs = zip(one.split(".")[:-1], other.split(".")[:-1], strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(one.count("."), other.count(".")))


def list_entries(tensors: Iterable[Tensor]) -> list[str]:
    """Keys and shapes, for messages."""
    return [f"{tensor.key} {tensor.shape}" for tensor in tensors]

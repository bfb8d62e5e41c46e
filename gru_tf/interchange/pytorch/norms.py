"""Normalisations in a PyTorch state_dict: of batches, by their kept statistics; of layers, by name or by the user's word."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import option_names
from gru_tf.interchange.parts import BatchNorm, LayerNorm
from gru_tf.interchange.tensor import Tensor

EPSILON = 1e-5  # of torch.nn.LayerNorm and BatchNorm1d, if the program gives no other
STATISTICS = ("running_mean", "running_var")
LAYER = re.compile(r"(?:^|[._\d])ln(?:$|[._\d])|layer_?norm|lnorm", re.IGNORECASE)
ANY = re.compile(r"norm|(?:^|[._\d])(?:ln|bn|gn)(?:$|[._\d])", re.IGNORECASE)
OTHER = re.compile(r"rms|group|instance|(?:^|[._])[gi]n(?:$|[._\d])", re.IGNORECASE)  # names of other normalisations


@dataclass(frozen=True, eq=False)
class Norm:
    """A module with vectors that normalises features.

    Args:
        name: of the module.
        vectors: "weight", "bias", "running_mean" and "running_var" → its entry, those that it has; each (F,).
        counter: its entry "num_batches_tracked", which no output depends on; None without one.
        kind: "batch_norm", "layer_norm", or "" where neither entries nor name tell.
        epsilon: added to the variance.
    """

    name: str
    vectors: Mapping[str, Tensor]
    counter: Tensor | None = None
    kind: str = ""
    epsilon: float = EPSILON

    @property
    def called_norm(self) -> bool:
        """Whether entries or name say that it is a normalisation of some kind; a vector alone may be anything."""
        return bool(self.kind or "bias" in self.vectors or ANY.search(self.name))

    @property
    def width(self) -> int:
        """F."""
        return next(iter(self.vectors.values())).shape[0]

    def tensors(self) -> Iterator[Tensor]:
        """Its entries."""
        yield from self.vectors.values()
        if self.counter is not None:
            yield self.counter

    def part(self) -> LayerNorm | BatchNorm:
        """As a part of a network; raises UserError where its kind is unknown, or its vectors differ in length."""
        arrays = {name: tensor.array() for name, tensor in self.vectors.items()}
        if len({array.shape for array in arrays.values()}) > 1:
            received = ", ".join(f"{tensor.key} {tensor.shape}" for tensor in self.vectors.values())
            raise UserError(f"{self.name}: expected vectors of one length. Received: {received}")
        gamma, beta = arrays.get("weight"), arrays.get("bias")
        if self.kind == "batch_norm" and all(name in arrays for name in STATISTICS):
            mean, variance = (arrays[name] for name in STATISTICS)
            if variance.min() < 0:
                key = self.vectors["running_var"].key
                raise UserError(f"{key}: expected variances of at least 0. Received: {variance.min():g}")
            return BatchNorm(mean, variance, gamma, beta, self.epsilon, self.name)
        if self.kind == "layer_norm" and gamma is not None and not set(STATISTICS) & set(arrays):
            return LayerNorm(gamma, beta, self.epsilon, self.name)
        raise UserError(f"{self.name}: {self._unknown()}")

    def _unknown(self) -> str:
        entries = ", ".join(f"{tensor.key} {tensor.shape}" for tensor in self.vectors.values())
        if self.kind:
            return f"expected the vectors of a {self.kind}. Received: {entries}"
        item = option_names.called("order", f"…,{self.name}=layer_norm,…")
        expected = "a batch norm (running_mean, running_var) or a layer norm, which a state_dict names alike with others"
        return f"expected {expected}: {item} if it is one. Received: {entries}"


def find(entries: Mapping[str, Tensor]) -> dict[str, Norm]:
    """Name → module, of all with a vector called "weight", or with kept statistics."""
    vectors: dict[str, dict[str, Tensor]] = {}
    for key, tensor in entries.items():
        module, _, last = key.rpartition(".")
        if last in ("weight", "bias", *STATISTICS) and len(tensor.shape) == 1 and tensor.shape[0] > 0:
            vectors.setdefault(module, {})[last] = tensor
    norms = {}
    for module, own in vectors.items():
        if module and ("weight" in own or all(name in own for name in STATISTICS)):
            counter = entries.get(f"{module}.num_batches_tracked")
            norms[module] = Norm(module, own, counter, _kind(module, own))
    return norms


def _kind(module: str, vectors: Mapping[str, Tensor]) -> str:
    if set(STATISTICS) <= set(vectors):
        return "batch_norm"
    named = LAYER.search(module) and not OTHER.search(module)
    return "layer_norm" if named and {"weight", "bias"} <= set(vectors) else ""  # without a bias it may be an RMS norm

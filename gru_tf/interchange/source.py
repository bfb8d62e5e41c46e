"""The result of a reader: the network, the source framework's own computation of it, and warnings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import Network

LENGTHS, BATCHES = (1, 2, 7, 30), (1, 3)  # to verify with, where the file accepts any


class Computation(Protocol):
    """The source framework's own computation of the file."""

    def __call__(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """Output and final states, as `building.build(network, states=True)` orders them.

        Args:
            inputs: (batch, T, I), or token numbers (batch, T).
            lengths: (batch,) real steps of each sequence, for a masked network; None: all.
        """


class ExactComputation(Computation, Protocol):
    """A computation that the framework can do in float64 as well."""

    def in_float32(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """The same in float32."""

    def in_float64(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """The same in float64, with the file's weights as they are."""


class NotComputable(Exception):  # noqa: N818  # a reason, not a mistake
    """Why no framework computes a file independently of its reader; in words that follow "not verified: "."""


Framework = Callable[[], tuple[str, Computation] | None]  # see `ForeignModel.framework`


@dataclass(frozen=True, eq=False)
class ForeignModel:
    """A file of another framework that was read.

    Args:
        network: in the file.
        source: framework and format, e.g. "PyTorch state_dict"; part of messages and of the model's record.
        framework: returns name and version of the framework and its own computation, e.g. ("PyTorch 2.13.0", run); or
            None where it is not installed. Called only to verify, because it may import the framework.
        warnings: sentences on what the file states wrongly, and on what was done about it.
        beside: further files with some of its weights.
        lengths, batches: steps and sequences to verify with; for a file of fixed shape, those that it accepts.
        scope: what is compared, in a phrase; "" for all that the file computes.
        uncovered: phrases on what no comparison with this file detects: what it does not record, and what was left out.
        in_float64: returns the network with numbers computed from the file's in float64, such as sums of biases; None where
            those of `network` are the file's own.
    """

    network: Network
    source: str
    framework: Framework = lambda: None
    warnings: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    lengths: tuple[int, ...] = LENGTHS
    batches: tuple[int, ...] = BATCHES
    scope: str = ""
    uncovered: tuple[str, ...] = ()
    in_float64: Callable[[], Network] | None = None


@dataclass(frozen=True, eq=False)
class GraphModel:
    """A file of another framework that is more than a network, as a Keras model.

    Args:
        build: a type such as "float32" → the Keras model, with its weights; raises UserError where Keras cannot build it.
        source, framework, warnings, beside, lengths, batches: as in `ForeignModel`; the computation takes and returns what
            the model does.
    """

    build: Callable[[str], Any]
    source: str
    framework: Framework = lambda: None
    warnings: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    lengths: tuple[int, ...] = LENGTHS
    batches: tuple[int, ...] = BATCHES

"""What a reader makes of a foreign file: the network, how the source framework computes it, and what to warn of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import Network

LENGTHS, BATCHES = (1, 2, 7, 30), (1, 3)  # what is verified with, where the file takes any


class Computation(Protocol):
    """The source framework's own computation of the file."""

    def __call__(self, inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        """Output and final states, as `building.build(network, states=True)` orders them.

        Args:
            inputs: (batch, T, I), or token numbers (batch, T).
            lengths: (batch,) real steps of each sequence, of a masked network; None: all.
        """


@dataclass(frozen=True, eq=False)
class ForeignModel:
    """A file that was read.

    Args:
        network: what is in it.
        source: framework and format, e.g. "PyTorch state_dict"; stands in messages and in the model's metadata.
        framework: makes the framework's own computation, and its name with version, e.g. ("PyTorch 2.13.0", run); returns
            None where the framework is not installed. Called only to verify, for it may import the framework.
        warnings: sentences on what the file says wrongly or leaves open.
        beside: further files that its weights lie in.
        lengths, batches: steps and sequences to verify with; of a file of fixed shape, those that it takes.
    """

    network: Network
    source: str
    framework: Callable[[], tuple[str, Computation] | None] = lambda: None
    warnings: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    lengths: tuple[int, ...] = LENGTHS
    batches: tuple[int, ...] = BATCHES

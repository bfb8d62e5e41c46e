"""The copy memory problem: reproduce ten symbols, in order, after a long stretch of blanks.

A sequence is `copied` symbols, then `delay` − 1 blanks, one marker, and `copied` blanks: `delay` + 2 · `copied` steps. The
target is the blank at every step but the last `copied`, where it is the symbols in their order. So every symbol
must be remembered for `delay` + `copied` steps.

Worked example, copied=3, alphabet=2, delay=4, with the symbols 1 and 2, the blank · and the marker :

    input    2 1 1 · · · : · · ·
    target   · · · · · · · 2 1 1
"""

import math
from typing import ClassVar

import numpy as np

from gru_tf.tasks import Array, Count, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import Alphabet, Memory, one_hot, power


class CopyMemory(Memory):
    """Reproduce the symbols at the beginning of the sequence.

    Laid out as in Arjovsky et al., one-hot as there, with 10 symbols of 8 and delays of 100 to 2,000. In Bai et al. the
    marker is repeated to the end, one step for each symbol to write, and inputs are plain numbers from 0 to 9.

    Args:
        delay: T, steps from the last symbol read to the first one to write, that of the marker included.
        copied: symbols to remember.
        alphabet: how many different symbols there are; 0 is the blank and `alphabet` + 1 the marker.
    """

    question: ClassVar[str] = "Over how long a delay can ten symbols be remembered in order?"
    reference: ClassVar[str] = (
        "S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997;"
        " M. Arjovsky, A. Shah, Y. Bengio, arXiv 1511.06464, 2015; S. Bai, J. Z. Kolter, V. Koltun, arXiv 1803.01271, 2018"
    )
    grows: ClassVar[str] = "delay"

    delay: Count = 50
    copied: Count = 10
    alphabet: Alphabet = 8

    @property
    def signature(self) -> Signature:
        """`delay` + 2 · `copied` steps, one-hot over symbols, blank and marker; at each the blank (0) or a symbol."""
        return Signature(
            self.delay + 2 * self.copied,
            features=self.alphabet + 2,
            outputs=self.alphabet + 1,
            target="class",
            per_step=True,
            varying=self.varies,
        )

    def length_of(self, steps: Array) -> Array:
        """The delay."""
        return steps - 2 * self.copied

    @property
    def metric(self) -> Metric:
        """Nats per step, over all steps; the baseline has copied · ln(alphabet) / (delay + 2 · copied).

        It knows the time but no symbol: it predicts the blank, at no cost, until the last `copied` steps, each of which
        costs ln(alphabet). With 10 symbols of 8 that is 10 · ln 8 / (T + 20), or 0.0204 at T = 1000. Its accuracy is
        (delay + copied + copied / alphabet) / (delay + 2 · copied). On "longer" its delay is longer and its loss lower.
        Where delays vary, T is their mean.
        """
        chance, longer = (
            self.copied * math.log(self.alphabet) / (float(np.mean(delays)) + 2 * self.copied) if len(delays) else math.nan
            for delays in (self.training_lengths, self.longer_lengths)
        )
        chances = {} if math.isnan(longer) else {"longer": longer}
        trivial = "blanks, then a uniform guess"
        return Metric("nll", "min", chance, solved=0.0, also=("accuracy",), trivial=trivial, chances=chances)

    @property
    def space(self) -> int:
        """`alphabet` ^ copied."""
        return power(self.alphabet, self.copied)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, copied) symbols from 1 to `alphabet`."""
        return rng.integers(1, self.alphabet + 1, (count, self.copied), np.uint8)

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, T, alphabet + 2) uint8, targets (N, T) int32, T = delay + 2 · copied."""
        read = np.zeros((len(symbols), self.delay + 2 * self.copied), np.uint8)
        read[:, : self.copied] = symbols
        read[:, -self.copied - 1] = self.alphabet + 1
        targets = np.zeros(read.shape, np.int32)
        targets[:, -self.copied :] = symbols
        return Examples.unpadded(one_hot(read, self.alphabet + 2), targets)


TASK = CopyMemory

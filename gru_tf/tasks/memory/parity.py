"""Parity: is the number of ones in a string of bits odd?

A single bit of memory is enough, but every input bit counts: a network that misses one of them knows nothing, so there is
no partial solution for a gradient to improve on. With one target, at the end, it is among the hardest tasks to learn by
gradient descent; with a target at every step (`running`) it is easy.

Worked example, length=6:

    bits      1 0 1 1 0 0
    running   1 1 0 1 1 1    → class 1, odd
"""

from typing import ClassVar

import numpy as np

from gru_tf.tasks import Array, Count, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import Memory, power


class Parity(Memory):
    """Classify a string of bits as even (0) or odd (1).

    Delétang et al. train on lengths up to 40 and test on lengths from 41 to 500, with a target at the end only:
    {shortest: 1, length: 40, test_longest: 500}.

    Args:
        length: T, bits of a string.
        running: whether every step has a target, the parity of the bits so far, or only the last.
    """

    question: ClassVar[str] = "Is the number of ones in a string of bits odd?"
    reference: ClassVar[str] = (
        "Y. Bengio, P. Simard, P. Frasconi, Learning Long-Term Dependencies with Gradient Descent is Difficult, IEEE"
        " Transactions on Neural Networks 5(2), 1994; G. Delétang et al., arXiv 2207.02098, 2022"
    )

    length: Count = 16
    running: bool = False

    @property
    def signature(self) -> Signature:
        """`length` steps of one bit, as a number; two classes, once or at every step."""
        return Signature(self.length, features=1, outputs=2, target="class", per_step=self.running, varying=self.varies)

    @property
    def metric(self) -> Metric:
        """Accuracy; the baseline has 1/2, as flipping the first bit pairs every even string with an odd one."""
        return Metric("accuracy", "max", chance=0.5, solved=1.0, also=("nll",), trivial="a uniform guess")

    @property
    def space(self) -> int:
        """2 ^ length."""
        return power(2, self.length)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, length) bits."""
        return rng.integers(0, 2, (count, self.length), np.uint8)

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, length, 1) uint8; targets (N,) int32, or (N, length) where they are running."""
        parities = np.cumsum(symbols, axis=1, dtype=np.int32) % 2
        return Examples.unpadded(symbols[..., None], parities if self.running else parities[:, -1])


TASK = Parity

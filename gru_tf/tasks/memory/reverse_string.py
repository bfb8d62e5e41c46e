"""Reversing a string: read symbols, then write them in the opposite order.

A sequence is `length` symbols, drawn uniformly, then as many blanks; at each blank the target is the next symbol from the
end. Before the blanks there is no target. A network with a finite memory cannot do it for strings of any length: what is
needed is a stack.

Worked example, length=4, alphabet=2, with the blank ·

    input    0 1 1 1 · · · ·
    target           1 1 1 0
"""

from typing import ClassVar

import numpy as np

from gru_tf.tasks import Array, Count, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import Alphabet, Memory, one_hot, power


class ReverseString(Memory):
    """Reproduce a string from its end.

    Delétang et al. have strings of two symbols, train on lengths up to 40 and test on lengths from 41 to 500:
    {shortest: 1, length: 40, test_longest: 500}. Their score is the mean over lengths, recorded as `mean_over_lengths`.

    Args:
        length: symbols to read, half of the steps.
        alphabet: how many different symbols there are; `alphabet` itself is the blank.
    """

    question: ClassVar[str] = "Can a string be reproduced in the opposite order?"
    reference: ClassVar[str] = (
        "G. Delétang et al., Neural Networks and the Chomsky Hierarchy, arXiv 2207.02098, 2022: reverse string"
    )

    length: Count = 16
    alphabet: Alphabet = 2

    def length_of(self, steps: Array) -> Array:
        """Symbols read."""
        return steps // 2

    @property
    def signature(self) -> Signature:
        """2 · `length` steps, one-hot over symbols and blank; at each blank one of `alphabet` classes."""
        return Signature(
            2 * self.length,
            features=self.alphabet + 1,
            outputs=self.alphabet,
            target="class",
            per_step=True,
            varying=self.varies,
        )

    @property
    def metric(self) -> Metric:
        """Accuracy over the symbols to write; each is uniform, so the baseline, a uniform guess, has 1 / alphabet."""
        return Metric("accuracy", "max", chance=1 / self.alphabet, solved=1.0, also=("nll",), trivial="a uniform guess")

    @property
    def space(self) -> int:
        """`alphabet` ^ length."""
        return power(self.alphabet, self.length)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, length) symbols from 0 to `alphabet` − 1."""
        return rng.integers(0, self.alphabet, (count, self.length), np.uint8)

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, 2 · length, alphabet + 1) uint8, targets (N, 2 · length) int32."""
        blanks = np.full_like(symbols, self.alphabet)
        targets = np.full((len(symbols), 2 * self.length), -1, np.int32)
        targets[:, self.length :] = symbols[:, ::-1]
        return Examples.unpadded(one_hot(np.concatenate([symbols, blanks], axis=1), self.alphabet + 1), targets)


TASK = ReverseString

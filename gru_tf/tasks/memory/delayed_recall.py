"""Delayed recall: at every step, output the symbol read `lag` steps before.

The memory needed is exactly `lag` symbols, at every step, the oldest of which is then dropped: a network with too little
of it fails at once, however long it trains. The first `lag` steps have no target.

Worked example, lag=2, with symbols 0 to 3:

    input    3 0 2 2 1 0
    target       3 0 2 2
"""

from typing import ClassVar

import numpy as np

from gru_tf.tasks import Array, Count, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import Alphabet, Memory, one_hot, power


class DelayedRecall(Memory):
    """Reproduce each symbol after a fixed lag.

    Jaeger's measure of short-term memory, with one-hot symbols in place of real numbers, so that a prediction is right or
    wrong.

    Args:
        length: T, steps of a sequence.
        lag: steps between a symbol and its recall, less than `length`; the same in "longer".
        alphabet: how many different symbols there are.
    """

    question: ClassVar[str] = "At every step, which symbol was read a fixed number of steps before?"
    reference: ClassVar[str] = "H. Jaeger, Short Term Memory in Echo State Networks, GMD Report 152, 2001"

    length: Count = 50
    lag: Count = 10
    alphabet: Alphabet = 4

    def check(self) -> None:
        """At least one step has a target."""
        if self.lag >= self.length:  # of the shortest sequence
            raise ValueError(f"received lag = {self.lag}, expected less than length = {self.length}: no step has a target")

    @property
    def signature(self) -> Signature:
        """`length` steps, one-hot over `alphabet` symbols, and as many classes at every step from `lag` on."""
        return Signature(
            self.length,
            features=self.alphabet,
            outputs=self.alphabet,
            target="class",
            per_step=True,
            varying=self.varies,
        )

    @property
    def metric(self) -> Metric:
        """Accuracy over the steps that have a target; the baseline, a uniform guess, has 1 / alphabet.

        No model without memory does better, whether or not it sees the present symbol: symbols are independent.
        """
        return Metric("accuracy", "max", chance=1 / self.alphabet, solved=1.0, also=("nll",), trivial="a uniform guess")

    @property
    def space(self) -> int:
        """`alphabet` ^ length."""
        return power(self.alphabet, self.length)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, length) symbols from 0 to `alphabet` − 1."""
        return rng.integers(0, self.alphabet, (count, self.length), np.uint8)

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, length, alphabet) uint8, targets (N, length) int32."""
        targets = np.full(symbols.shape, -1, np.int32)
        targets[:, self.lag :] = symbols[:, : -self.lag]
        return Examples.unpadded(one_hot(symbols, self.alphabet), targets)


TASK = DelayedRecall

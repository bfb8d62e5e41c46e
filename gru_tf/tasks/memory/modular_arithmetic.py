"""Modular arithmetic: the value of a sum of products, without brackets, as a remainder.

A sequence is digits from 0 to `modulus` − 1 with +, − or × between them, all drawn uniformly; the class is its value modulo
`modulus`. Multiplication comes before addition and subtraction. A finite memory is enough: the sum so far and the
product so far, with its sign, `modulus`² states. Lengths are odd; an even one means the odd one before it.

Worked example, length=7, modulus=5:

    2 × 4 − 1 + 3    → 8 − 1 + 3 = 10, class 0
"""

from functools import cache
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from gru_tf.tasks import Array, Count, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import Memory, one_hot, power

OPERATORS = 3
PLUS, MINUS, TIMES = range(OPERATORS)


class ModularArithmetic(Memory):
    """Classify an expression by its value.

    The variant without brackets of Delétang et al., who train on lengths up to 40 and test on lengths from 41 to 500, modulo
    5: {shortest: 1, length: 40, test_longest: 500}. Their inputs have a column more, for a blank that is never used.

    Args:
        length: T, digits and operators of an expression.
        modulus: m, by which the value is divided.
    """

    question: ClassVar[str] = "What is the value of a sum of products modulo five?"
    reference: ClassVar[str] = (
        "G. Delétang et al., Neural Networks and the Chomsky Hierarchy, arXiv 2207.02098, 2022: modular arithmetic (simple)"
    )

    length: Count = 15
    modulus: Annotated[int, Field(ge=2, le=30)] = 5

    def lengths_between(self, low: int, high: int) -> Array:
        """The odd ones, and for a single even one the one before it."""
        return np.arange(low - (low + 1) % 2 if low == high else low + (low + 1) % 2, high + 1, 2)

    @property
    def signature(self) -> Signature:
        """`length` steps, one-hot over digits, +, − and ×; `modulus` classes."""
        return Signature(
            self._steps, features=self.modulus + OPERATORS, outputs=self.modulus, target="class", varying=self.varies
        )

    @property
    def metric(self) -> Metric:
        """Accuracy; the baseline predicts 0, the most frequent value, since a product with a 0 is 0.

        A product of k uniform digits is 0 modulo a prime m with probability 1 − (1 − 1/m)^k; of a single digit all values
        are equally frequent. The frequencies of the whole are computed exactly, state by state.
        """
        chance, longer = (
            float(np.mean(zeros(self.modulus, int(lengths.max() + 1) // 2)[(lengths - 1) // 2])) if len(lengths) else None
            for lengths in (self.training_lengths, self.longer_lengths)
        )
        assert chance is not None  # noqa: S101, there is a length to train on
        chances = {} if longer is None else {"longer": longer}
        return Metric("accuracy", "max", chance, 1.0, also=("nll",), trivial="always 0", chances=chances)

    @property
    def space(self) -> int:
        """`modulus` ^ digits × 3 ^ operators."""
        return power(self.modulus, self._steps // 2 + 1) * power(OPERATORS, self._steps // 2)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, length) digits, and `modulus` + 0, 1 or 2 for +, − and ×."""
        symbols = np.empty((count, self._steps), np.uint8)
        symbols[:, ::2] = rng.integers(0, self.modulus, (count, self._steps // 2 + 1), np.uint8)
        symbols[:, 1::2] = self.modulus + rng.integers(0, OPERATORS, (count, self._steps // 2), np.uint8)
        return symbols

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, length, modulus + 3) uint8, targets (N,) int32."""
        digits, operators = symbols[:, ::2].astype(np.int32), symbols[:, 1::2] - self.modulus
        total, product = np.zeros(len(symbols), np.int32), digits[:, 0]
        for place in range(operators.shape[1]):
            operator, digit = operators[:, place], digits[:, place + 1]
            times = operator == TIMES
            total = np.where(times, total, total + product) % self.modulus
            product = np.where(times, product * digit, np.where(operator == MINUS, -digit, digit)) % self.modulus
        return Examples.unpadded(one_hot(symbols, self.modulus + OPERATORS), (total + product) % self.modulus)

    @property
    def _steps(self) -> int:
        return int(self.lengths_between(self.length, self.length)[0])


@cache
def zeros(modulus: int, most: int) -> Array:
    """(most,) how often the value of an expression of 1 to `most` digits is 0, exactly."""
    values = np.arange(modulus)
    sums = (values[:, None] + values) % modulus
    states = np.zeros((modulus, modulus))  # of the sum so far, and of the product so far with its sign
    states[0] = 1 / modulus
    often = []
    for _ in range(most):
        added = np.bincount(sums.ravel(), states.ravel(), modulus)  # the values that there are
        often.append(added[0])
        multiplied = np.zeros_like(states)
        for digit in values:
            np.add.at(multiplied, (values[:, None], values * digit % modulus), states / modulus)
        states = multiplied / OPERATORS + (1 - 1 / OPERATORS) * added[:, None] / modulus
    return np.array(often)


TASK = ModularArithmetic

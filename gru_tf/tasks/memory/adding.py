"""The adding problem: remember two marked numbers across a long sequence and output their sum.

Every step has two features: a number drawn uniformly from [0, 1] and a marker. Exactly two steps are marked with 1, one
in each half of the sequence; all other markers are 0. The single target, at the end, is the sum of the two marked
numbers. The longer the sequence, the longer a gradient must survive.

Worked example, length=6: 0.9 + 0.3 = 1.2

    number   0.2  0.9  0.5  0.7  0.1  0.3
    marker    0    1    0    0    0    1     → target 1.2
"""

import sys
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from gru_tf.tasks import Count, Examples, Metric, Signature, Splits, Task


class Adding(Task):
    """Add two marked numbers.

    As in Le et al. all sequences have one length and the numbers lie in [0, 1]; in Hochreiter and Schmidhuber lengths
    vary and the numbers lie in [−1, 1]. Le et al. train on 100,000 sequences and test on 10,000.

    Args:
        length: T, at least 2. The first mark is in the first T // 2 steps, the second in the rest.
        examples: sequences to train on.
        validation_examples: sequences to validate on.
        test_examples: sequences to test on, and as many again in the further test split "longer".
        longer: how many times longer the sequences of "longer" are; 1 for no such split.
    """

    question: ClassVar[str] = "Over how many steps can two numbers be remembered and added?"
    reference: ClassVar[str] = (
        "S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997, experiment 4;"
        " Q. V. Le, N. Jaitly, G. E. Hinton, arXiv 1504.00941, 2015"
    )
    licence: ClassVar[str] = "none needed: drawn from the seed"

    length: Annotated[int, Field(ge=2)] = 50
    examples: Count = 5000
    validation_examples: Count = 1000
    test_examples: Count = 1000
    longer: Count = 2

    @property
    def draws_data(self) -> bool:
        """True: pairs of numbers are drawn from the seed."""
        return True

    @property
    def signature(self) -> Signature:
        """`length` steps of 2 features; one value."""
        return Signature(timesteps=self.length, features=2, outputs=1, target="value")

    @property
    def baselines(self) -> tuple[str, ...]:
        """None: the best constant answer is known in closed form, and is the metric's `chance`."""
        return ()

    @property
    def metric(self) -> Metric:
        """Mean squared error; the baseline always predicts 1 and has the variance of a sum of two uniforms, 2 · 1/12 = 1/6.

        That is the expectation over test sets, whatever their length. Papers print a sample's value, such as 0.1767.
        """
        return Metric(name="mse", direction="min", chance=1 / 6, solved=0.0, trivial="the constant prediction 1")

    def splits(self, rng: np.random.Generator) -> Splits:
        """Fresh sequences from `rng`: inputs (N, T, 2) and targets (N, 1), both float32; "longer" is drawn last."""
        train, validation, test = (
            self._draw(rng, count, self.length) for count in (self.examples, self.validation_examples, self.test_examples)
        )
        if self.longer == 1:
            return Splits(train, validation, test)
        return Splits(train, validation, test, {"longer": self._draw(rng, self.test_examples, self.longer * self.length)})

    @property
    def most_fresh(self) -> int:
        """As many as fit the memory: of real numbers no two sequences are equal."""
        return sys.maxsize

    def fresh(self, rng: np.random.Generator, count: int, splits: Splits) -> Examples:
        """`count` sequences like those of training."""
        return self._draw(rng, count, self.length)

    @staticmethod
    def _draw(rng: np.random.Generator, count: int, length: int) -> Examples:
        rows, half = np.arange(count), length // 2
        inputs = np.zeros((count, length, 2), np.float32)
        inputs[..., 0] = rng.random((count, length), np.float32)
        first, second = (rng.integers(0, half, count), rng.integers(half, length, count))
        inputs[rows, first, 1] = inputs[rows, second, 1] = 1.0
        targets = inputs[rows, first, 0] + inputs[rows, second, 0]
        return Examples.unpadded(inputs, targets[:, None])


TASK = Adding

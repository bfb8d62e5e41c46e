"""The adding problem: remember two marked numbers across a long sequence and output their sum.

Every step has two features: a number drawn uniformly from [0, 1] and a marker. Exactly two steps are marked with 1, one
in each half of the sequence; all other markers are 0. The single target, at the end, is the sum of the two marked
numbers. The longer the sequence, the longer a gradient must survive.

Worked example, length=6: 0.9 + 0.3 = 1.2

    number   0.2  0.9  0.5  0.7  0.1  0.3
    marker    0    1    0    0    0    1     → target 1.2
"""

import sys
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.tasks import Array, Examples, Metric, Signature, Splits
from gru_tf.tasks.memory._lengths import Drawn, portions

LEAST = 2  # steps


class Adding(Drawn):
    """Add two marked numbers.

    As in Le et al. all sequences have one length, unless a range is given, and the numbers lie in [0, 1]; in Hochreiter
    and Schmidhuber lengths vary and the numbers lie in [−1, 1]. Le et al. train on 100,000 sequences and test on 10,000.

    Args:
        length: T, at least 2. The first mark is in the first T // 2 steps, the second in the rest.
    """

    question: ClassVar[str] = "Over how many steps can two numbers be remembered and added?"
    reference: ClassVar[str] = (
        "S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997, experiment 4;"
        " Q. V. Le, N. Jaitly, G. E. Hinton, arXiv 1504.00941, 2015"
    )

    length: Annotated[int, Field(ge=LEAST)] = 50

    @model_validator(mode="after")
    def _two_places(self) -> Self:
        if self.training_lengths[0] < LEAST:
            raise ValueError(f"received shortest = {self.shortest}, expected at least {LEAST}: two steps are marked")
        return self

    @property
    def signature(self) -> Signature:
        """`length` steps of 2 features; one value."""
        return Signature(timesteps=self.length, features=2, outputs=1, target="value", varying=self.varies)

    @property
    def metric(self) -> Metric:
        """Mean squared error; the baseline always predicts 1 and has the variance of a sum of two uniforms, 2 · 1/12 = 1/6.

        That is the expectation over test sets, whatever their length. Papers print a sample's value, such as 0.1767.
        """
        return Metric(name="mse", direction="min", chance=1 / 6, solved=0.0, trivial="the constant prediction 1")

    def splits(self, rng: np.random.Generator) -> Splits:
        """Fresh sequences from `rng`: inputs (N, T, 2) and targets (N, 1), both float32; "longer" is drawn last."""
        counts = [self.examples, self.validation_examples, self.test_examples]
        if self.shortest is None:
            train, validation, test = (self._draw(rng, count, self.length) for count in counts)
        else:
            drawn = self._draw(rng, sum(counts), rng.choice(self.training_lengths, sum(counts)))
            train, validation, test = portions(drawn, counts)
        if not len(self.longer_lengths):
            return Splits(train, validation, test)
        lengths = self.longer_lengths if self.varies else self.longer * self.length
        return Splits(train, validation, test, {"longer": self._draw(rng, self.test_examples, lengths)})

    @property
    def most_fresh(self) -> int:
        """As many as fit the memory: of real numbers no two sequences are equal."""
        return sys.maxsize

    def fresh(self, rng: np.random.Generator, count: int, splits: Splits) -> Examples:
        """`count` sequences like those of training."""
        return self._draw(rng, count, self.length if self.shortest is None else rng.choice(self.training_lengths, count))

    @staticmethod
    def _draw(rng: np.random.Generator, count: int, lengths: Array | int) -> Examples:
        """So many sequences, of one length or each of its own; NumPy draws otherwise where the bounds are arrays."""
        longest, rows = int(np.max(lengths)), np.arange(count)
        inputs = np.zeros((count, longest, 2), np.float32)
        inputs[..., 0] = rng.random((count, longest), np.float32)
        first, second = (rng.integers(0, lengths // 2, count), rng.integers(lengths // 2, lengths, count))
        each = np.broadcast_to(np.asarray(lengths, np.int32), count).copy()
        inputs[np.arange(longest) >= each[:, None], 0] = 0.0
        inputs[rows, first, 1] = inputs[rows, second, 1] = 1.0
        targets = inputs[rows, first, 0] + inputs[rows, second, 0]
        return Examples(inputs, targets[:, None], each)


TASK = Adding

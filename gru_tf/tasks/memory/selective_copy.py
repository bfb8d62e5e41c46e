"""Selective copying: pick symbols out of noise at random places and reproduce them in order.

A sequence is `length` steps, of which `copied`, at places drawn uniformly, hold a symbol and the others noise, then
`copied` markers. At each marker the target is the next symbol; before them there is none. Copy memory can be solved by
a fixed delay; here the network must select by content what to remember.

Worked example, length=7, copied=3, alphabet=4, with symbols 1 to 4, noise · and marker :

    input    · 3 · · 1 4 · : : :
    target                 3 1 4
"""

import math
from typing import ClassVar

import numpy as np

from gru_tf.tasks import Array, Count, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import PLENTY, Alphabet, Memory, power


class SelectiveCopy(Memory):
    """Reproduce the symbols of a sequence, in order, without its noise.

    Inputs are tokens, which the network embeds, as in Gu and Dao, who copy 16 tokens of a vocabulary of 16 over 4,096
    steps; with noise and marker in the vocabulary that is {length: 4080, copied: 16, alphabet: 14}.

    Args:
        length: steps that hold symbols and noise.
        copied: symbols to remember, at most `length`.
        alphabet: how many different symbols there are; token 0 is noise and token `alphabet` + 1 the marker.
        embedding: size of a token's embedding.
    """

    question: ClassVar[str] = "Can symbols be picked out of noise and reproduced in order?"
    reference: ClassVar[str] = (
        "A. Gu, T. Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, arXiv 2312.00752, 2023"
    )

    length: Count = 40
    copied: Count = 8
    alphabet: Alphabet = 8
    embedding: Count = 16

    def check(self) -> None:
        """There are places for all symbols."""
        if self.copied > self.length:
            raise ValueError(f"received copied = {self.copied}, expected at most length = {self.length}: one step a symbol")

    @property
    def signature(self) -> Signature:
        """`length` + `copied` tokens; at each marker one of `alphabet` classes, token − 1."""
        return Signature(
            timesteps=self.length + self.copied,
            features=self.embedding,
            outputs=self.alphabet,
            target="class",
            per_step=True,
            tokens=self.alphabet + 2,
            varying=self.varies,
        )

    def length_of(self, steps: Array) -> Array:
        """Steps without the markers."""
        return steps - self.copied

    @property
    def metric(self) -> Metric:
        """Accuracy over the symbols to write; each is uniform, so the baseline, a uniform guess, has 1 / alphabet."""
        return Metric("accuracy", "max", chance=1 / self.alphabet, solved=1.0, also=("nll",), trivial="a uniform guess")

    @property
    def space(self) -> int:
        """`alphabet` ^ copied × length! / (copied! (length − copied)!)."""
        places = math.comb(self.length, self.copied) if self.copied < PLENTY else 1
        return places * power(self.alphabet, self.copied)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, length) tokens: `copied` from 1 to `alphabet` in each row, the others 0."""
        taken, rows = np.zeros((count, self.length), bool), np.arange(count)
        for last in range(self.length - self.copied, self.length):  # R. W. Floyd's sample without replacement
            place = rng.integers(0, last + 1, count)
            taken[rows, np.where(taken[rows, place], last, place)] = True
        tokens = np.zeros(taken.shape, np.uint8)
        tokens[taken] = rng.integers(1, self.alphabet + 1, count * self.copied, np.uint8)
        return tokens

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, T) uint8, targets (N, T) int32, T = length + copied."""
        inputs = np.pad(symbols, ((0, 0), (0, self.copied)), constant_values=self.alphabet + 1)
        targets = np.full(inputs.shape, -1, np.int32)
        targets[:, self.length :] = symbols[symbols > 0].reshape(-1, self.copied).astype(np.int32) - 1
        return Examples.unpadded(inputs, targets)


TASK = SelectiveCopy

"""Memory tasks: sequences of symbols, drawn without repetition, and a further test on longer ones."""

import sys
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array, Examples, Splits
from gru_tf.tasks.memory._lengths import Drawn, joined, portions

Alphabet = Annotated[int, Field(ge=2, le=250)]  # symbols, blank and marker are numbers of one byte
PLENTY = 64  # 2⁶⁴ sequences are more than anybody draws: no larger power is computed


class Memory(Drawn):
    """Sequences each determined by a few symbols that are drawn uniformly.

    No two sequences of training, validation and test are equal: duplicates are redrawn. So that this changes neither the
    baseline nor the time to draw, no more than half of all possible sequences are drawn. Where lengths are drawn from a
    range, that holds for each length of which there are enough; of a length with fewer sequences than twice those to draw,
    such as the two strings of one bit, sequences are drawn with repetition, in every split.
    """

    @property
    @abstractmethod
    def space(self) -> int:
        """How many different sequences there are; any number above 2⁶⁴ where there are more than that."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """The symbols that determine a sequence, (count, …) uint8: uniform over the space, repetitions included."""

    @abstractmethod
    def pose(self, symbols: Array) -> Examples:
        """The inputs and targets of rows of `draw`."""

    def check(self) -> None:
        """Raise ValueError for options that contradict each other; by default none do."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.at_length(int(self.training_lengths[0]), self.shortest).check()
        total, room = self.examples + self.validation_examples + self.test_examples, self.space // 2
        if total > room and self.shortest is None:
            raise ValueError(
                f"received examples + validation_examples + test_examples = {total:,}, expected at most {room:,}: there are"
                f" {self.space:,} different sequences, and no more than half of them are drawn"
            )
        return self

    def at_length(self, length: int, shortest: int | None = None) -> Self:
        """The task with sequences of this length, one of a range that begins with `shortest`; null where it is alone."""
        return self.model_copy(update={self.grows: length, "shortest": shortest})

    @property
    def most_fresh(self) -> int:
        """As many as, with those that validate and test, are half of all possible sequences; of a range of lengths any."""
        if self.shortest is not None:
            return sys.maxsize
        return max(0, self.space // 2 - self.validation_examples - self.test_examples)

    def fresh(self, rng: np.random.Generator, count: int, splits: Splits) -> Examples:
        """`count` different sequences, none of which validates or tests; of a range, of lengths of which there are enough.

        Two calls may have sequences in common: where there are N in all, about `count`² / N of them.

        Raises:
            UserError: for more than `most_fresh`.
        """
        if count > self.most_fresh:
            raise UserError(f"fresh: expected at most {self.most_fresh:,} examples at a time. Received: {count:,}")
        held = {*contents(splits.validated), *contents(splits.test)}
        if self.shortest is not None:
            return self._of_lengths(rng, rng.choice(self.training_lengths, count), self.shortest, held)
        return self.pose(distinct(lambda wanted: self._free(rng, wanted, held), count))

    def _free(self, rng: np.random.Generator, count: int, held: Collection[bytes]) -> Array:
        """Up to `count` rows of `draw`, without those whose sequence is in `held`."""
        symbols = self.draw(rng, count)
        return symbols[[row not in held for row in contents(self.pose(symbols))]] if held else symbols

    def splits(self, rng: np.random.Generator) -> Splits:
        """Fresh sequences from `rng`; those of "longer" are drawn last."""
        counts = [self.examples, self.validation_examples, self.test_examples]
        if self.shortest is None:
            symbols = distinct(lambda count: self.draw(rng, count), sum(counts))
            train, validation, test = (self.pose(part) for part in np.split(symbols, np.cumsum(counts)[:-1]))
        else:
            lengths = rng.choice(self.training_lengths, sum(counts))
            train, validation, test = portions(self._of_lengths(rng, lengths, self.shortest), counts)
        beyond = self.longer_lengths
        if not len(beyond):
            return Splits(train, validation, test)
        if self.varies:
            return Splits(train, validation, test, more={"longer": self._of_lengths(rng, beyond, int(beyond[0]))})
        stretched = self.at_length(self.longer * self.longest)
        symbols = distinct(lambda count: stretched.draw(rng, count), self.test_examples)
        return Splits(train, validation, test, more={"longer": stretched.pose(symbols)})

    def _of_lengths(
        self, rng: np.random.Generator, lengths: Array, shortest: int, held: Collection[bytes] = frozenset()
    ) -> Examples:
        """A sequence of each of these lengths, which are of a range that begins with `shortest`, none of it in `held`."""
        parts, held_of = [], Counter(map(len, held))
        for length in np.unique(lengths):
            rows, own = np.flatnonzero(lengths == length), self.at_length(int(length), shortest)
            taken = held_of[len(contents(own.pose(own.draw(np.random.default_rng(0), 1)))[0])] if held else 0
            few = len(rows) + taken > own.space // 2
            symbols = own.draw(rng, len(rows)) if few else distinct(partial(own._free, rng, held=held), len(rows))
            parts.append((rows, own.pose(symbols.reshape(len(rows), -1))))
        return joined(parts, self.signature.per_step)


def distinct(draw: Callable[[int], Array], count: int) -> Array:
    """`count` different rows, uint8, from `draw`, whose argument is a number of rows; duplicates are dropped."""
    rows: dict[bytes, None] = {}
    while len(rows) < count:
        rows.update(dict.fromkeys(row.tobytes() for row in draw(count - len(rows))))
    return np.frombuffer(bytearray(b"".join(rows)), np.uint8).reshape(count, -1)


def contents(examples: Examples) -> list[bytes]:
    """What each sequence is, without its padding."""
    return [row[:length].tobytes() for row, length in zip(examples.inputs, examples.lengths, strict=True)]


def one_hot(symbols: Array, size: int) -> Array:
    """(N, T) whole numbers below `size` → (N, T, size) uint8."""
    return np.eye(size, dtype=np.uint8)[symbols]


def power(base: int, exponent: int) -> int:
    """`base` ** min(`exponent`, PLENTY), for a base of at least 2."""
    return int(base ** min(exponent, PLENTY))

"""What the tasks of remembered symbols share: sequences drawn without repetition, and a further test on longer ones."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.tasks import Array, Count, Examples, Splits, Task

Alphabet = Annotated[int, Field(ge=2, le=250)]  # symbols, blank and marker are numbers of one byte
PLENTY = 64  # 2⁶⁴ sequences are more than anybody draws: no larger power is worked out


class Memory(Task):
    """Sequences that follow from a few symbols drawn uniformly, of one length.

    No two sequences of training, validation and test are equal: one that has been drawn already is drawn again. So that
    this leaves chance levels and the time to draw as they are, no more than half of all possible sequences are drawn.

    Args:
        examples: sequences to train on.
        validation_examples: sequences to choose on.
        test_examples: sequences to test on, and again as many in the further test split "longer".
        longer: how many times longer the sequences of "longer" are; 1 for no such split.
    """

    licence: ClassVar[str] = "none needed: drawn from the seed"
    grows: ClassVar[str] = "length"  # the field that `longer` multiplies

    examples: Count = 5000
    validation_examples: Count = 1000
    test_examples: Count = 1000
    longer: Count = 2

    @property
    @abstractmethod
    def space(self) -> int:
        """How many different sequences there are; where they are more than 2⁶⁴, any number from there on."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """What a sequence follows from, (count, …) uint8: uniform over the space, repetitions included."""

    @abstractmethod
    def pose(self, symbols: Array) -> Examples:
        """Inputs and targets that follow from rows of `draw`."""

    def check(self) -> None:
        """Raise ValueError for options that contradict each other; unless overridden, none do."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.check()
        total, room = self.examples + self.validation_examples + self.test_examples, self.space // 2
        if total > room:
            raise ValueError(
                f"received examples + validation_examples + test_examples = {total:,}, expected at most {room:,}: there are"
                f" {self.space:,} different sequences, and no more than half of them are drawn"
            )
        return self

    def splits(self, rng: np.random.Generator) -> Splits:
        """Fresh sequences from `rng`; those of "longer" are drawn last."""
        ends = np.cumsum([self.examples, self.validation_examples, self.test_examples])
        symbols = distinct(lambda count: self.draw(rng, count), int(ends[-1]))
        train, validation, test = (self.pose(part) for part in np.split(symbols, ends[:-1]))
        if self.longer == 1:
            return Splits(train, validation, test)
        stretched = self.model_copy(update={self.grows: self.longer * getattr(self, self.grows)})
        symbols = distinct(lambda count: stretched.draw(rng, count), self.test_examples)
        return Splits(train, validation, test, more={"longer": stretched.pose(symbols)})


def distinct(draw: Callable[[int], Array], count: int) -> Array:
    """`count` different rows, uint8, out of `draw`, which gives as many rows as it is told; repeated ones are dropped."""
    found: dict[bytes, None] = {}
    while len(found) < count:
        found.update(dict.fromkeys(row.tobytes() for row in draw(count - len(found))))
    return np.frombuffer(bytearray(b"".join(found)), np.uint8).reshape(count, -1)


def one_hot(symbols: Array, size: int) -> Array:
    """(N, T) whole numbers below `size` → (N, T, size) uint8."""
    return np.eye(size, dtype=np.uint8)[symbols]


def whole(inputs: Array, targets: Array) -> Examples:
    """Examples of which every step is real."""
    return Examples(inputs, targets, np.full(len(inputs), inputs.shape[1], np.int32))


def power(base: int, exponent: int) -> int:
    """`base` ** `exponent`, up to the exponent from which on it is plenty, for a base of at least 2."""
    return int(base ** min(exponent, PLENTY))

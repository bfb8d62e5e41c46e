"""Memory tasks: sequences of symbols, drawn without repetition, and a further test on longer ones."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array, Count, Examples, Splits, Task

Alphabet = Annotated[int, Field(ge=2, le=250)]  # symbols, blank and marker are numbers of one byte
PLENTY = 64  # 2⁶⁴ sequences are more than anybody draws: no larger power is computed


class Memory(Task):
    """Sequences of one length, each determined by a few symbols that are drawn uniformly.

    No two sequences of training, validation and test are equal: duplicates are redrawn. So that this changes neither the
    baseline nor the time to draw, no more than half of all possible sequences are drawn.

    Args:
        examples: sequences to train on.
        validation_examples: sequences to validate on.
        test_examples: sequences to test on, and as many again in the further test split "longer".
        longer: how many times longer the sequences of "longer" are; 1 for no such split.
    """

    licence: ClassVar[str] = "none needed: drawn from the seed"
    grows: ClassVar[str] = "length"  # the field that `longer` multiplies

    examples: Count = 5000
    validation_examples: Count = 1000
    test_examples: Count = 1000
    longer: Count = 2

    @property
    def draws_data(self) -> bool:
        """True: sequences are drawn from the seed."""
        return True

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

    @property
    def baselines(self) -> tuple[str, ...]:
        """None: the best score without memory is known in closed form, and is the metric's `chance`."""
        return ()

    def check(self) -> None:
        """Raise ValueError for options that contradict each other; by default none do."""

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

    @property
    def most_fresh(self) -> int:
        """As many as, with those that validate and test, are half of all possible sequences."""
        return max(0, self.space // 2 - self.validation_examples - self.test_examples)

    def fresh(self, rng: np.random.Generator, count: int, splits: Splits) -> Examples:
        """`count` different sequences, none of which validates or tests.

        Two calls may have sequences in common: where there are N in all, about `count`² / N of them.

        Raises:
            UserError: for more than `most_fresh`.
        """
        if count > self.most_fresh:
            raise UserError(f"fresh: expected at most {self.most_fresh:,} examples at a time. Received: {count:,}")
        held = {*contents(splits.validated), *contents(splits.test)}

        def free(wanted: int) -> Array:
            symbols = self.draw(rng, wanted)
            return symbols[[row not in held for row in contents(self.pose(symbols))]]

        return self.pose(distinct(free, count))

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

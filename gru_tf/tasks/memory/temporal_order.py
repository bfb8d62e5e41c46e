"""Temporal order: in which order do two or three relevant symbols occur, far apart among distractors?

A sequence begins with E, ends with B and is otherwise drawn uniformly from the distractors a, b, c, d, except for two
(or three) steps, each X or Y with equal probability. Their order is the class: XX, XY, YX, YY are 0, 1, 2, 3; with three
relevant symbols XXX is 0, XXY is 1, and so on to YYY, which is 7.

The relevant steps lie, for a length of 100, at 10–20 and 50–60, or at 10–20, 33–43 and 66–76, counted from 0; for other
lengths in proportion, rounded down. Where lengths vary, the shortest decides.

Worked example, length=10, relevant=2, with the relevant steps at 1–2 and 5–6:

    E a Y d c b X a d B    → YX, class 2
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gru_tf.tasks import Array, Examples, Metric, Signature
from gru_tf.tasks.memory._memory import Memory, one_hot, power

DISTRACTORS, X, Y, BEGIN, END = 4, 4, 5, 6, 7  # a, b, c, d are 0 to 3
SYMBOLS = 8
LEAST = 10  # steps
PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}  # first and last place, in hundredths of the length


class TemporalOrder(Memory):
    """Classify a sequence by the order of its relevant symbols.

    As in experiments 6a (two relevant symbols) and 6b (three), one-hot as there. There lengths are drawn from 100 to 110,
    {shortest: 100, length: 110}; by default all sequences have one length.

    Args:
        length: T, the steps of a sequence with its E and B, at least 10.
        relevant: 2 or 3 relevant symbols, hence 4 or 8 classes.
    """

    question: ClassVar[str] = "In which order do two or three relevant symbols occur, far apart among distractors?"
    reference: ClassVar[str] = (
        "S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997, experiments 6a and 6b"
    )

    length: Annotated[int, Field(ge=LEAST)] = 100
    relevant: Literal[2, 3] = 2

    @property
    def signature(self) -> Signature:
        """`length` steps, one-hot over 8 symbols; 4 or 8 classes."""
        return Signature(self.length, features=SYMBOLS, outputs=2**self.relevant, target="class", varying=self.varies)

    @property
    def metric(self) -> Metric:
        """Accuracy; all classes are equally frequent, so any constant prediction, the baseline, has 1/4, or 1/8."""
        return Metric("accuracy", "max", chance=0.5**self.relevant, solved=1.0, also=("nll",), trivial="a uniform guess")

    def check(self) -> None:
        """The shortest sequence has places for all that a sequence holds."""
        if (self.shortest or self.length) < LEAST:
            raise ValueError(
                f"received shortest = {self.shortest}, expected at least {LEAST}: the relevant symbols lie apart"
            )

    @property
    def space(self) -> int:
        """4 ^ (length − 2 − relevant) distractors × 2 ^ relevant orders × places."""
        places = int(np.prod([last - first for first, last in self._places()]))
        return places * 2**self.relevant * power(DISTRACTORS, self.length - 2 - self.relevant)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """(count, length) symbols from 0 to 7: a, b, c, d, X, Y, E, B."""
        symbols = rng.integers(0, DISTRACTORS, (count, self.length), np.uint8)
        symbols[:, 0], symbols[:, -1] = BEGIN, END
        for first, last in self._places():
            symbols[np.arange(count), rng.integers(first, last, count)] = rng.integers(X, Y + 1, count, np.uint8)
        return symbols

    def pose(self, symbols: Array) -> Examples:
        """Inputs (N, length, 8) uint8, targets (N,) int32."""
        relevant = symbols[(symbols == X) | (symbols == Y)].reshape(-1, self.relevant) == Y
        weights = 2 ** np.arange(self.relevant, dtype=np.int32)[::-1]
        return Examples.unpadded(one_hot(symbols, SYMBOLS), relevant @ weights)

    def _places(self) -> list[tuple[int, int]]:
        """Where a relevant symbol may lie: the first step and the one after the last."""
        length = self.shortest or self.length
        return [(first * length // 100, last * length // 100 + 1) for first, last in PLACES[self.relevant]]


TASK = TemporalOrder

"""Sequences drawn from the seed, of one length or of lengths from a range, and a further test on longer ones.

With `shortest` each sequence of training, validation and test has a length of its own, drawn uniformly. With a test range
the sequences of "longer" have lengths spread evenly over it, each as often as any other, so that a mean over lengths is as
exact as there are sequences for. Delétang et al. (arXiv 2207.02098) train on lengths of 1 to 40 and test on 41 to 500:
{shortest: 1, length: 40, test_shortest: 41, test_longest: 500}.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from pydantic import model_validator

from gru_tf.tasks import Array, Count, Evaluation, Examples, Splits, Tally, Task


class Drawn(Task):
    """Sequences that are drawn from the seed.

    Args:
        examples: sequences to train on.
        validation_examples: sequences to validate on.
        test_examples: sequences to test on, and as many again in the further test split "longer".
        longer: how many times longer the sequences of "longer" are; 1 for no such split.
        shortest: least length, where lengths are drawn uniformly up to the length of the task; null for one length.
        test_shortest: least length in "longer" where there is `test_longest`, above the length of the task; null for the
            first above it.
        test_longest: greatest length in "longer", in place of `longer`; null for sequences `longer` times as long.
    """

    licence: ClassVar[str] = "none needed: drawn from the seed"
    grows: ClassVar[str] = "length"  # the field that says how long a sequence is

    examples: Count = 5000
    validation_examples: Count = 1000
    test_examples: Count = 1000
    longer: Count = 2
    shortest: Count | None = None
    test_shortest: Count | None = None
    test_longest: Count | None = None

    @property
    def draws_data(self) -> bool:
        """True: sequences are drawn from the seed."""
        return True

    @property
    def baselines(self) -> tuple[str, ...]:
        """None: the best score without memory is known in closed form, and is the metric's `chance`."""
        return ()

    @property
    def longest(self) -> int:
        """The greatest length of training, the field that `grows` names."""
        return int(getattr(self, self.grows))

    @property
    def varies(self) -> bool:
        """Whether a network meets padding: whether lengths vary in any split."""
        return self.shortest is not None or self.test_longest is not None

    def lengths_between(self, low: int, high: int) -> Array:
        """The lengths that a sequence may have, both ends included."""
        return np.arange(low, high + 1)

    def length_of(self, steps: Array) -> Array:
        """The length, as the options count it, of sequences of so many steps."""
        return steps

    @property
    def training_lengths(self) -> Array:
        """Each of these is as likely as any other."""
        return self.lengths_between(self.shortest or self.longest, self.longest)

    @property
    def longer_lengths(self) -> Array:
        """(`test_examples`,) lengths of "longer", rising; empty where there is no such split."""
        if self.test_longest is None and self.longer == 1:
            return np.zeros(0, np.int64)
        if not self.varies:
            return np.full(self.test_examples, self.longer * self.longest)
        last = self.test_longest or self.longer * self.longest
        lengths = self.lengths_between(self.test_shortest or self.longest + 1, last)
        return lengths[np.arange(self.test_examples) * len(lengths) // self.test_examples]

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if self.shortest is not None and self.shortest > self.longest:
            raise ValueError(f"received shortest = {self.shortest}, expected at most {self.grows} = {self.longest}")
        if self.test_longest is None:
            if self.test_shortest is not None:
                raise ValueError("received test_shortest without test_longest, expected both, or neither")
            return self
        if "longer" in self.model_fields_set:
            raise ValueError("received both longer and test_longest, expected one: either says how long the longer ones are")
        first = self.test_shortest or self.longest + 1
        if first <= self.longest:
            raise ValueError(f"received test_shortest = {first}, expected more than {self.grows} = {self.longest}")
        if not len(self.lengths_between(first, self.test_longest)):
            raise ValueError(f"received test_longest = {self.test_longest}, expected a length of at least {first}")
        return self

    def tallied(self, splits: Splits, tallies: Mapping[str, Tally]) -> Evaluation:
        """Where lengths vary, the metric by length, and its mean over lengths, each counting once: Delétang's score."""
        if not self.varies:
            return Evaluation()
        values: dict[str, float] = {}
        parts: dict[str, dict[str, float]] = {}
        for split, tally in tallies.items():
            examples = splits.test if split == "test" else splits.more[split]
            lengths = self.length_of(examples.lengths)
            each = {
                str(length): {
                    self.metric.name: self.metric.value(tally.mean(lengths == length)),
                    "examples": float((lengths == length).sum()),
                }
                for length in np.unique(lengths)
            }
            prefix = "" if split == "test" else f"{split}_"
            values[f"{prefix}mean_over_lengths"] = float(np.mean([part[self.metric.name] for part in each.values()]))
            parts |= each
        return Evaluation(values=values, parts={"length": parts})


def joined(parts: list[tuple[Array, Examples]], per_step: bool) -> Examples:
    """Examples of several lengths as one, padded to the longest: inputs with zeros, targets a step with −1.

    Args:
        parts: the rows that each part's examples take, and the examples; each row is in one part.
        per_step: whether targets are (N, T) classes.
    """
    count = sum(len(rows) for rows, _ in parts)
    steps = max(part.inputs.shape[1] for _, part in parts)
    first = parts[0][1]
    inputs = np.zeros((count, steps, *first.inputs.shape[2:]), first.inputs.dtype)
    wide = (count, steps) if per_step else (count, *first.targets.shape[1:])
    targets, lengths = np.full(wide, -1, first.targets.dtype), np.zeros(count, np.int32)
    for rows, part in parts:
        inputs[rows, : part.inputs.shape[1]] = part.inputs
        lengths[rows] = part.lengths
        if per_step:
            targets[rows, : part.targets.shape[1]] = part.targets
        else:
            targets[rows] = part.targets
    return Examples(inputs, targets, lengths)


def portions(examples: Examples, counts: list[int]) -> list[Examples]:
    """So many examples each, in order, every portion as long as its longest."""
    ends = np.cumsum(counts)
    steps = [int(examples.lengths[end - count : end].max()) for end, count in zip(ends, counts, strict=True)]
    over_time = examples.targets.ndim == 2 and examples.targets.shape[1] == examples.inputs.shape[1]
    return [
        Examples(
            examples.inputs[end - count : end, :longest],
            examples.targets[end - count : end, :longest] if over_time else examples.targets[end - count : end],
            examples.lengths[end - count : end],
        )
        for end, count, longest in zip(ends, counts, steps, strict=True)
    ]

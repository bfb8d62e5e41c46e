"""Counting: predict the next symbol of the strings aⁿbⁿ, or aⁿbⁿcⁿ, after training on small n.

A string begins and ends with #. While a's are read the next symbol is open, an a or the first b; after the first b all
others follow: as many b's as there were a's, and then the end. A network accepts a string where each of its predictions is
right that follows from what it has read: the a after #, and all from the first b on. Validation and test score these alone.

Worked example, n=3, with · where the next symbol is open:

    input     # a a a b b b
    target    a a a b b b #    in training
    scored    a · · · b b #
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from gru_tf.tasks import Array, Count, Evaluation, Examples, Metric, Signature, Splits, Tally, Task
from gru_tf.tasks.memory._memory import one_hot

LANGUAGES = {"anbn": 2, "anbncn": 3}  # letters


class Counting(Task):
    """Predict the symbols of a counting language.

    Weiss et al. train on n up to 100, of aⁿbⁿcⁿ up to 50, and find that the LSTM goes on counting beyond and the GRU does
    not. In their code a string is accepted where each of its symbols, the open ones too, has a probability above 0.01;
    here the decisions must be right, as in F. A. Gers and J. Schmidhuber (IEEE Transactions on Neural Networks 12(6),
    2001), which also excludes a network that accepts every string.

    Strings are the same for all seeds: each language has one for each n. The smallest n train; these and the `held_out`
    after them validate, as many after these test, and the rest up to `test_longest` is the further test split "longer". On
    all of them together the largest n is recorded up to which all strings are accepted, as `accepted_to`; beside it
    `accepted`, the share of all strings that are. The epoch that is kept is the first that accepts all that validate, which
    may be an early one, of a network that would count further after more; Weiss et al. do not select.

    Args:
        language: "anbn" or "anbncn".
        longest: largest n to train on.
        held_out: further values of n to validate on, and those to test on.
        test_longest: largest n of "longer", more than `longest` + 2 · `held_out`.
        copies: how often each string comes in an epoch, so that one has enough updates.
        targets: of training: "all", those where the next symbol is open among them, as in Weiss et al., or "determined".
    """

    question: ClassVar[str] = "How far does a network count that was trained on small numbers?"
    reference: ClassVar[str] = (
        "G. Weiss, Y. Goldberg, E. Yahav, On the Practical Computational Power of Finite Precision RNNs for Language"
        " Recognition, ACL 2018, arXiv 1805.04908"
    )
    licence: ClassVar[str] = "none needed: computed"

    language: Literal["anbn", "anbncn"] = "anbn"
    longest: Count = 100
    held_out: Count = 20
    test_longest: Count = 1000
    copies: Count = 10
    targets: Literal["all", "determined"] = "all"

    @model_validator(mode="after")
    def _room(self) -> Self:
        least = self.longest + 2 * self.held_out + 1
        if self.test_longest < least:
            raise ValueError(
                f"received test_longest = {self.test_longest}, expected at least longest + 2 · held_out + 1 = {least}"
            )
        return self

    @property
    def letters(self) -> int:
        """2 or 3."""
        return LANGUAGES[self.language]

    @property
    def signature(self) -> Signature:
        """Steps of the longest test string, one-hot over # and letters; at each the next of them."""
        symbols = self.letters + 1
        return Signature(
            timesteps=self.letters * (self.longest + 2 * self.held_out) + 1,
            features=symbols,
            outputs=symbols,
            target="class",
            per_step=True,
            causal=True,
            varying=True,
        )

    @property
    def metric(self) -> Metric:
        """Accuracy over the predictions that follow from what was read; the baseline knows the last symbol alone.

        It predicts an a after # and else the same letter again, which is wrong where a letter changes: at one of the n + 1
        predictions of aⁿbⁿ, at two of the 2n + 1 of aⁿbⁿcⁿ. What a network has above it is due to counting.
        """
        tested, beyond = (self._repeated(numbers) for numbers in (self._numbers["test"], self._numbers["longer"]))
        trivial = "the same letter again"
        return Metric("accuracy", "max", tested, 1.0, also=("nll",), trivial=trivial, chances={"longer": beyond})

    @property
    def baselines(self) -> tuple[str, ...]:
        """None."""
        return ()

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T, letters + 1) uint8 and targets (N, T) int32, by rising n; `rng` is not used."""
        numbers = self._numbers
        train = self._strings(np.tile(numbers["train"], self.copies), self.targets)
        validation, test, longer = (self._strings(numbers[name]) for name in ("validation", "test", "longer"))
        return Splits(train, validation, test, {"longer": longer})

    def also_tallied(self, splits: Splits) -> dict[str, Examples]:
        """Validation, as `accepted_to` counts from 1."""
        return {"validation": self._strings(self._numbers["validation"])}

    def tallied(self, splits: Splits, tallies: Mapping[str, Tally]) -> Evaluation:
        """`accepted_to` and `accepted`, and by n whether the string is accepted, and the accuracy."""
        right = np.concatenate([tallies[name].sums for name in ("validation", "test", "longer")])  # by rising n, from 1
        targets = np.concatenate([tallies[name].targets for name in ("validation", "test", "longer")])
        accepted, accuracy = right == targets, right / targets
        values = {
            "accepted_to": float(self.test_longest if accepted.all() else np.argmin(accepted)),
            "accepted": float(accepted.mean()),
        }
        parts = {
            str(n): {"accuracy": float(share), "accepted": float(whole)}
            for n, share, whole in zip(range(1, len(right) + 1), accuracy, accepted, strict=True)
        }
        return Evaluation(values=values, parts={"length": parts})

    @property
    def _numbers(self) -> dict[str, Array]:
        """The n of each split."""
        validated, tested = self.longest + self.held_out, self.longest + 2 * self.held_out
        return {
            "train": np.arange(1, self.longest + 1),
            "validation": np.arange(1, validated + 1),
            "test": np.arange(validated + 1, tested + 1),
            "longer": np.arange(tested + 1, self.test_longest + 1),
        }

    def _strings(self, numbers: Array, targets: Literal["all", "determined"] = "determined") -> Examples:
        """The string of each n."""
        lengths = self.letters * numbers + 1
        steps, n = np.arange(lengths.max()), numbers[:, None]
        symbols = np.where(steps < lengths[:, None], (steps + n - 1) // n, 0)  # # is 0, a is 1, b is 2, c is 3
        following = np.where(steps < lengths[:, None] - 1, (steps + n) // n, 0)
        there = steps < lengths[:, None]
        inputs = one_hot(symbols, self.letters + 1) * there[..., None].astype(np.uint8)
        if targets == "determined":
            there = there & ((steps == 0) | (steps > n))
        return Examples(inputs, np.where(there, following, -1).astype(np.int32), lengths.astype(np.int32))

    def _repeated(self, numbers: Array) -> float:
        """The accuracy of an a after # and else the same letter again."""
        later = self.letters - 1
        return float(np.sum(later * (numbers - 1) + 1) / np.sum(later * numbers + 1))


TASK = Counting

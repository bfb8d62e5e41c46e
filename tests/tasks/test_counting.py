"""Counting: strings by hand, a solver that counts, and to which n a language is accepted."""

from typing import Any

import pytest
from baseline_predictions import draw
from solvers import solve_counting

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Examples, Splits, Tally, create
from gru_tf.tasks.memory.counting import Counting

SMALL = {"longest": 10, "held_out": 3, "test_longest": 40}


def words(examples: Examples, row: int) -> tuple[str, str]:
    """The input and the targets of a string, "·" where there is none."""
    n = examples.lengths[row]
    return (
        "".join("#abc"[symbol] for symbol in examples.inputs[row, :n].argmax(-1)),
        "".join("#abc·"[symbol] for symbol in examples.targets[row, :n]),
    )


@pytest.mark.parametrize(
    ("language", "read", "all_targets", "determined"),
    [
        ("anbn", "#aaabbb", "aaabbb#", "a···bb#"),
        ("anbncn", "#aaabbbccc", "aaabbbccc#", "a···bbccc#"),
    ],
)
def test_strings_by_hand(language: Any, read: str, all_targets: str, determined: str) -> None:
    assert words(draw(Counting(language=language)).train, 2) == (read, all_targets)
    assert words(draw(Counting(language=language, targets="determined")).train, 2) == (read, determined)
    small = Counting(language=language, longest=2, held_out=1, test_longest=5, copies=2)
    assert words(draw(small).validation, 2) == (read, determined)
    assert [words(draw(small).train, row)[0] for row in range(4)] == 2 * [words(draw(small).train, row)[0] for row in (0, 1)]


@pytest.mark.parametrize("language", ["anbn", "anbncn"])
def test_the_n_of_each_split(language: Any) -> None:
    splits = draw(Counting(language=language, **SMALL))
    letters = {"anbn": 2, "anbncn": 3}[language]
    numbers = [set((part.lengths - 1) // letters) for part in (splits.train, splits.validation, splits.test)]
    numbers.append(set((splits.more["longer"].lengths - 1) // letters))
    assert numbers == [set(range(1, 11)), set(range(1, 14)), {14, 15, 16}, set(range(17, 41))]


def tallies(task: Counting, splits: Splits, answer: Any) -> dict[str, Tally]:
    """The outcome of answers (N, T) to the inputs."""
    asked = {"test": splits.test, **splits.more, **task.also_tallied(splits)}
    counted = {}
    for name, part in asked.items():
        there = part.targets >= 0
        counted[name] = Tally(((answer(part) == part.targets) & there).sum(1), there.sum(1))
    return counted


@pytest.mark.parametrize("language", ["anbn", "anbncn"])
def test_a_counter_accepts_every_string_and_scores_solved(language: Any) -> None:
    task = Counting(language=language, **SMALL)
    splits = draw(task)
    counted = tallies(task, splits, lambda part: solve_counting(part.inputs, task))
    assert all((tally.sums == tally.targets).all() for tally in counted.values())
    evaluation = task.tallied(splits, counted)
    assert evaluation.values == {"accepted_to": 40.0, "accepted": 1.0}
    assert len(evaluation.parts["length"]) == 40


def capped(part: Examples, task: Counting, most: int) -> Any:
    """The answers of a counter that stops at `most`."""
    shorter = [min(int(n), task.letters * most + 1) for n in part.lengths]
    answers = solve_counting(part.inputs, task)
    for row, (steps, whole) in enumerate(zip(shorter, part.lengths, strict=True)):
        if steps < whole:
            answers[row, whole - 2] = 0  # it ends one too early
    return answers


def test_accepted_to_is_the_last_before_the_first_rejected() -> None:
    task = Counting(**SMALL)
    splits = draw(task)
    for most in (25, 12, 5):  # among the longer ones, those of validation, those of training
        evaluation = task.tallied(splits, tallies(task, splits, lambda part, most=most: capped(part, task, most)))
        assert evaluation.values == {"accepted_to": float(most), "accepted": most / 40}
        by_n = evaluation.parts["length"]
        assert [by_n[str(n)]["accepted"] for n in (most, most + 1)] == [1.0, 0.0]
        assert by_n[str(most + 1)]["accuracy"] == pytest.approx(1 - 1 / (most + 2))


def test_a_string_accepted_beyond_a_rejected_one_does_not_count() -> None:
    task = Counting(**SMALL)
    splits = draw(task)
    counted = tallies(task, splits, lambda part: solve_counting(part.inputs, task))
    counted["validation"].sums[6] -= 1  # n = 7
    assert task.tallied(splits, counted).values == {"accepted_to": 6.0, "accepted": 39 / 40}
    counted["validation"].sums[0] -= 1
    assert task.tallied(splits, counted).values["accepted_to"] == 0.0


def test_a_network_that_never_ends_a_string_accepts_none() -> None:
    task = Counting(**SMALL)
    splits = draw(task)
    evaluation = task.tallied(splits, tallies(task, splits, lambda part: part.inputs.argmax(-1)))
    assert evaluation.values == {"accepted_to": 0.0, "accepted": 0.0}


def test_chance_counted_by_hand() -> None:
    """n = 4 alone is tested: aaaabbbb has the predictions a b b b #, of which the same letter again is wrong at the last."""
    assert Counting(longest=2, held_out=1, test_longest=5).metric.chance == 4 / 5
    assert Counting(language="anbncn", longest=2, held_out=1, test_longest=5).metric.chance == 7 / 9
    assert Counting(longest=2, held_out=1, test_longest=5).metric.chance_on("longer") == 5 / 6


def test_what_leaves_no_longer_strings_is_refused() -> None:
    with pytest.raises(UserError, match=r"counting: received test_longest = 16, expected at least .* = 17"):
        create("counting", {**SMALL, "test_longest": 16})

"""Lengths from a range, and a longer test range: how often each comes, what is recorded by length, what stays as it was."""

import hashlib
from typing import Any

import numpy as np
import pytest
from baseline_predictions import draw, parts
from scipy.stats import chisquare
from solvers import solve_modular_arithmetic, solve_parity, solve_reverse_string

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Splits, Tally, Task, create
from gru_tf.tasks.memory.modular_arithmetic import zeros

CHOMSKY = {"shortest": 1, "length": 40, "test_longest": 500}  # of Delétang et al.

# ------------------------------------------------------------------------------------------------- what was there before

# of all arrays that these options drew before there were ranges of lengths, with their shapes and types
BEFORE = [
    ("adding", {}, "b82997317327a8ce"),
    ("adding", {"longer": 3}, "6d544993558e46ff"),
    ("copy_memory", {}, "bebdf612d51cb2c5"),
    ("copy_memory", {"longer": 3}, "6fb8f24c61ec55ca"),
    ("temporal_order", {}, "003357ef943385f2"),
    ("temporal_order", {"longer": 3}, "cf1832b76dd609c0"),
    ("parity", {}, "d67cb874c2ece179"),
    ("parity", {"running": True}, "622d44afc005fe83"),
    ("selective_copy", {}, "097312f020315662"),
    ("selective_copy", {"longer": 3}, "5071e8e2cf34d7ba"),
    ("delayed_recall", {}, "d8a6c0ae26226592"),
    ("delayed_recall", {"longer": 3}, "7f4d0e3b64aa7898"),
]


def digest(splits: Splits) -> str:
    digest = hashlib.sha256()
    for part in (*parts(splits), *splits.more.values()):
        for array in (part.inputs, part.targets, part.lengths):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize(("name", "options", "before"), BEFORE)
def test_options_of_one_length_draw_the_arrays_that_they_always_drew(
    name: str, options: dict[str, Any], before: str
) -> None:
    assert digest(draw(create(name, options))) == before
    assert not create(name, options).signature.varying


# ------------------------------------------------------------------------------------------------------------- the lengths


def check_uniform_lengths(lengths: Any, possible: Any) -> None:
    """χ² at 1 in 10,000, the seed being fixed."""
    counts = np.array([(lengths == length).sum() for length in possible])
    assert counts.sum() == len(lengths)
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("name", ["parity", "reverse_string", "modular_arithmetic", "adding"])
def test_lengths_are_uniform_over_the_range(name: str) -> None:
    task = create(name, {**CHOMSKY, "shortest": 2})
    train = draw(task).train
    possible = np.arange(3, 40, 2) if name == "modular_arithmetic" else np.arange(2, 41)
    check_uniform_lengths(train.lengths // (2 if name == "reverse_string" else 1), possible)


def test_the_check_of_lengths_can_fail() -> None:
    with pytest.raises(AssertionError):
        check_uniform_lengths(np.minimum(draw(create("parity", CHOMSKY)).train.lengths, 39), np.arange(1, 40))


def test_longer_ones_are_spread_evenly_over_the_test_range() -> None:
    lengths = draw(create("parity", {**CHOMSKY, "test_examples": 920})).more["longer"].lengths
    assert np.array_equal(np.unique(lengths, return_counts=True)[1], np.full(460, 2))
    assert (lengths.min(), lengths.max()) == (41, 500)
    arithmetic = draw(create("modular_arithmetic", {**CHOMSKY, "test_examples": 460})).more["longer"].lengths
    assert np.array_equal(np.unique(arithmetic), np.arange(41, 500, 2))
    few = draw(create("parity", {**CHOMSKY, "test_examples": 46})).more["longer"].lengths
    assert few.tolist() == list(range(41, 501, 10))


def test_without_a_test_range_longer_ones_reach_to_so_many_times_the_length() -> None:
    lengths = draw(create("parity", {"shortest": 20, "length": 30, "longer": 3})).more["longer"].lengths
    assert (lengths.min(), lengths.max()) == (31, 90)
    assert draw(create("parity", {"shortest": 20, "length": 30, "longer": 1})).more == {}


def test_only_lengths_of_which_there_are_too_few_repeat() -> None:
    splits = draw(create("parity", CHOMSKY))
    rows = [(n, row[:n].tobytes()) for part in parts(splits) for row, n in zip(part.inputs, part.lengths, strict=True)]
    seen: set[Any] = set()
    repeated = {pair[0] for pair in rows if pair in seen or seen.add(pair)}  # type: ignore[func-returns-value]
    of_length = {n: sum(pair[0] == n for pair in rows) for n in range(1, 41)}
    assert repeated == {n for n, count in of_length.items() if count > 2**n // 2} == set(range(1, 9))


def test_training_is_valid_before_anything_else_of_a_split_is_read() -> None:
    """What training is drawn anew needs nothing but `splits(rng).train`: another generator gives another one."""
    task = create("reverse_string", CHOMSKY)
    one, two = draw(task, 0).train, draw(task, 1).train
    assert len(one) == len(two) == task.examples
    assert not np.array_equal(one.lengths, two.lengths)


def test_in_temporal_order_the_places_are_those_of_the_shortest() -> None:
    """Experiment 6a: lengths 100 to 110, the relevant symbols at 10–20 and 50–60."""
    for part in parts(draw(create("temporal_order", {"shortest": 100, "length": 110}))):
        places = (part.inputs[..., 4:6].sum(-1) == 1).nonzero()[1].reshape(-1, 2)
        assert (places.min(0).tolist(), places.max(0).tolist()) == ([10, 50], [20, 60])
        assert set(part.lengths) == set(range(100, 111))
        assert part.inputs[np.arange(len(part)), part.lengths - 1, 7].all()


# ---------------------------------------------------------------------------------------------------- impossible options


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("parity", {"shortest": 17}, "received shortest = 17, expected at most length = 16"),
        ("copy_memory", {"shortest": 51}, "received shortest = 51, expected at most delay = 50"),
        ("parity", {"test_shortest": 20}, "received test_shortest without test_longest"),
        ("parity", {"longer": 2, "test_longest": 20}, "received both longer and test_longest"),
        ("parity", {"test_shortest": 16, "test_longest": 20}, "received test_shortest = 16, expected more than length = 16"),
        ("adding", {"test_longest": 50}, "received test_longest = 50, expected a length of at least 51"),
        ("adding", {"shortest": 1}, "received shortest = 1, expected at least 2"),
        ("temporal_order", {"shortest": 9}, "received shortest = 9, expected at least 10"),
        ("delayed_recall", {"shortest": 10}, "received lag = 10, expected less than length = 10"),
        ("selective_copy", {"shortest": 7}, "received copied = 8, expected at most length = 7"),
        ("modular_arithmetic", {"modulus": 1}, "received 1, expected at least 2"),
        ("modular_arithmetic", {"length": 40, "test_shortest": 42, "test_longest": 42}, "none of them"),
    ],
)
def test_impossible_lengths_are_refused(name: str, options: dict[str, Any], words: str) -> None:
    if words == "none of them":  # 42 means 41
        assert set(create(name, options).longer_lengths) == {41}  # type: ignore[attr-defined]
        return
    with pytest.raises(UserError) as caught:
        create(name, options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------ what is recorded by length


def outcome(task: Task, splits: Splits, right: Any) -> dict[str, Tally]:
    """`right`: part → (N, T) whether each target is met."""
    parts_of = {"test": splits.test, **splits.more}
    there = {name: part.targets >= 0 for name, part in parts_of.items()}
    return {name: Tally((there[name] & right(part)).sum(1), there[name].sum(1)) for name, part in parts_of.items()}


def test_the_score_by_length_and_its_mean_over_lengths() -> None:
    """A solver that is right on strings of at most 45 symbols, and has every third answer right beyond."""
    task = create("reverse_string", {**CHOMSKY, "test_longest": 60, "test_examples": 40})
    splits = draw(task)
    steps = np.arange(2000)
    evaluation = task.tallied(
        splits, outcome(task, splits, lambda part: (part.lengths[:, None] <= 90) | (steps[: part.inputs.shape[1]] % 3 == 0))
    )
    by_length = evaluation.parts["length"]
    assert by_length["45"] == {"accuracy": 1.0, "examples": 2.0}
    for length in (50, 60):
        answers = np.arange(length, 2 * length)
        assert by_length[str(length)]["accuracy"] == pytest.approx(np.mean(answers % 3 == 0))
    beyond = [by_length[str(length)]["accuracy"] for length in range(41, 61)]
    assert evaluation.values["longer_mean_over_lengths"] == pytest.approx(np.mean(beyond))
    assert evaluation.values["mean_over_lengths"] == 1.0
    weighted = np.average(beyond, weights=range(41, 61))
    assert evaluation.values["longer_mean_over_lengths"] != pytest.approx(weighted, abs=1e-3)


def test_tasks_of_one_length_record_nothing_more() -> None:
    task = create("parity", {})
    splits = draw(task)
    evaluation = task.tallied(splits, {"test": Tally(np.ones(1000), np.ones(1000))})
    assert (evaluation.values, evaluation.parts) == ({}, {})


# ------------------------------------------------------------------------------------------------------ worked examples


def test_modular_arithmetic_by_hand() -> None:
    symbols = np.array([[2, 7, 4, 6, 1, 5, 3], [1, 6, 1, 6, 1, 5, 0], [0, 7, 1, 5, 4, 7, 3]], np.uint8)  # + − × are 5 6 7
    posed = create("modular_arithmetic", {"length": 7}).pose(symbols)  # type: ignore[attr-defined]
    assert posed.targets.tolist() == [(2 * 4 - 1 + 3) % 5, (1 - 1 - 1 + 0) % 5, (0 * 1 + 4 * 3) % 5] == [0, 4, 2]
    assert np.array_equal(posed.inputs.argmax(-1), symbols)


def test_an_even_length_means_the_odd_one_before_it() -> None:
    assert create("modular_arithmetic", {"length": 12}).signature.timesteps == 11
    assert draw(create("modular_arithmetic", {"length": 12})).test.inputs.shape == (1000, 11, 8)


@pytest.mark.parametrize("modulus", [2, 5, 6])
def test_how_often_a_value_is_zero_is_counted_out(modulus: int) -> None:
    """All expressions of one, two and three digits, by Python."""
    for digits in (1, 2, 3):
        task = create("modular_arithmetic", {"length": 2 * digits - 1, "modulus": modulus, "shortest": 1})
        sizes = [modulus] + [3, modulus] * (digits - 1)
        symbols = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, len(sizes)).astype(np.uint8)
        symbols[:, 1::2] += modulus
        one_hot = np.eye(modulus + 3, dtype=np.uint8)[symbols]
        assert zeros(modulus, 4)[digits - 1] == pytest.approx(np.mean(solve_modular_arithmetic(one_hot, task) == 0))


def test_reverse_string_by_hand() -> None:
    task = create("reverse_string", {})
    posed = task.at_length(4).pose(np.array([[0, 1, 1, 1]], np.uint8))  # type: ignore[attr-defined]
    assert posed.inputs.argmax(-1).tolist() == [[0, 1, 1, 1, 2, 2, 2, 2]]
    assert posed.targets.tolist() == [[-1, -1, -1, -1, 1, 1, 1, 0]]
    assert solve_reverse_string(posed.inputs, task)[0, 4:].tolist() == [1, 1, 1, 0]


def test_the_class_of_a_short_string_is_that_of_its_own_bits() -> None:
    test = draw(create("parity", CHOMSKY)).test
    own = [int(row[:n].sum() % 2) for row, n in zip(test.inputs, test.lengths, strict=True)]
    assert test.targets.tolist() == own == solve_parity(test.inputs, create("parity", {})).tolist()

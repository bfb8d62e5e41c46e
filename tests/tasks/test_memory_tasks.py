"""The synthetic memory tasks one by one: worked examples, uniform draws, room for the examples, chance on large samples."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from baseline_predictions import baseline, check_baseline_scores_chance, draw, parts, standard_error, value
from scipy.stats import chisquare

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Metric, Task, create
from gru_tf.tasks.memory._memory import Memory, distinct
from gru_tf.tasks.memory.copy_memory import CopyMemory
from gru_tf.tasks.memory.delayed_recall import DelayedRecall
from gru_tf.tasks.memory.modular_arithmetic import ModularArithmetic
from gru_tf.tasks.memory.parity import Parity
from gru_tf.tasks.memory.reverse_string import ReverseString
from gru_tf.tasks.memory.selective_copy import SelectiveCopy
from gru_tf.tasks.memory.temporal_order import PLACES, TemporalOrder

ONE_EACH = {"examples": 1, "validation_examples": 1, "test_examples": 1}
LARGE = {"examples": 10_000, "test_examples": 10_000}
NAMES = ("adding", "copy_memory", "temporal_order", "parity", "selective_copy", "delayed_recall")

# -------------------------------------------------------------------------------------------------------- worked examples


def numbers(one_hot: Any) -> list[int]:
    assert np.array_equal(np.sort(one_hot, -1)[..., -2:], np.broadcast_to([0, 1], (*one_hot.shape[:-1], 2)))
    return list(np.nonzero(one_hot)[-1])


def test_copy_memory_by_hand() -> None:
    posed = CopyMemory(copied=3, alphabet=2, delay=4, **ONE_EACH).pose(np.array([[2, 1, 1]], np.uint8))
    assert numbers(posed.inputs[0]) == [2, 1, 1, 0, 0, 0, 3, 0, 0, 0]
    assert posed.targets.tolist() == [[0, 0, 0, 0, 0, 0, 0, 2, 1, 1]]


def test_the_chance_of_copy_memory_is_the_published_one() -> None:
    """Bai et al. 2018, T = 1000: RNN 0.0202, LSTM 0.0204, GRU 0.0197: none of them learned anything."""
    assert CopyMemory(delay=1000).metric.chance == pytest.approx(0.0204, abs=5e-5)
    assert CopyMemory(delay=1000).signature.timesteps == 1020


@pytest.mark.parametrize(("word", "label"), [("EaYdcbXadB", 2), ("EXacdXaaaB", 0), ("EXacdaYaaB", 1), ("EYacdaYaaB", 3)])
def test_temporal_order_by_hand(word: str, label: int) -> None:
    posed = TemporalOrder(length=10).pose(np.array([["abcdXYEB".index(letter) for letter in word]], np.uint8))
    assert "".join("abcdXYEB"[number] for number in numbers(posed.inputs[0])) == word
    assert posed.targets.tolist() == [label]


@pytest.mark.parametrize("length", [10, 11, 15, 37, 100, 203])
@pytest.mark.parametrize("relevant", [2, 3])
def test_relevant_symbols_lie_where_the_paper_has_them(length: int, relevant: int) -> None:
    task = TemporalOrder.model_validate({"length": length, "relevant": relevant})
    for part in parts(draw(task)):
        assert part.inputs[:, 0, 6].all()
        assert part.inputs[:, -1, 7].all()
        found = (part.inputs[..., 4:6].sum(-1) == 1).nonzero()[1].reshape(-1, relevant)
        for column, (first, last) in zip(found.T, PLACES[relevant], strict=True):
            assert (column.min(), column.max()) == (first * length // 100, last * length // 100)


def test_the_places_are_those_of_the_paper() -> None:
    assert PLACES == {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}


def test_parity_by_hand() -> None:
    bits = np.array([[1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]], np.uint8)
    assert Parity(length=6, **ONE_EACH).pose(bits).targets.tolist() == [1, 0]
    assert Parity(length=6, running=True, **ONE_EACH).pose(bits).targets.tolist() == [[1, 1, 0, 1, 1, 1], [1, 0, 0, 0, 0, 0]]


def test_selective_copy_by_hand() -> None:
    posed = SelectiveCopy(length=7, copied=3, alphabet=4, **ONE_EACH).pose(np.array([[0, 3, 0, 0, 1, 4, 0]], np.uint8))
    assert posed.inputs.tolist() == [[0, 3, 0, 0, 1, 4, 0, 5, 5, 5]]
    assert posed.targets.tolist() == [[-1] * 7 + [2, 0, 3]]


def test_delayed_recall_by_hand() -> None:
    posed = DelayedRecall(length=6, lag=2, alphabet=4, **ONE_EACH).pose(np.array([[3, 0, 2, 2, 1, 0]], np.uint8))
    assert numbers(posed.inputs[0]) == [3, 0, 2, 2, 1, 0]
    assert posed.targets.tolist() == [[-1, -1, 3, 0, 2, 2]]


# ------------------------------------------------------------------------------------------------- draws: uniform, distinct

SPACES: list[tuple[Memory, int, int]] = [  # task, how many different sequences, draws
    (CopyMemory(copied=2, alphabet=3, **ONE_EACH), 9, 20_000),
    (TemporalOrder(length=10), 4**6 * 4 * 2 * 2, 1_500_000),
    (TemporalOrder(length=10, relevant=3), 4**5 * 8 * 2 * 2 * 2, 1_500_000),
    (Parity(length=4, **ONE_EACH), 16, 20_000),
    (SelectiveCopy(length=5, copied=2, alphabet=2, **ONE_EACH), 10 * 4, 20_000),
    (SelectiveCopy(length=4, copied=4, alphabet=2, **ONE_EACH), 16, 20_000),
    (DelayedRecall(length=3, lag=1, alphabet=3, **ONE_EACH), 27, 20_000),
    (ModularArithmetic(length=3, **ONE_EACH), 75, 20_000),
    (ReverseString(length=4, **ONE_EACH), 16, 20_000),
]


def check_uniform(symbols: Any, space: int) -> None:
    """Every sequence comes, and all equally often: χ² at 1 in 10,000, the seed being fixed."""
    _, counts = np.unique(symbols @ 8 ** np.arange(symbols.shape[1]), return_counts=True)
    assert len(counts) == space
    assert chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(("task", "space", "draws"), SPACES, ids=str)
def test_draws_are_uniform_over_the_stated_space(task: Memory, space: int, draws: int) -> None:
    assert task.space == space
    check_uniform(task.draw(np.random.default_rng(1), draws), space)


def test_the_check_of_uniform_draws_can_fail() -> None:
    """The obvious way to draw two places of four, one after the other, prefers neighbours."""
    rng = np.random.default_rng(1)
    taken, rows, first = np.zeros((20_000, 4), np.uint8), np.arange(20_000), rng.integers(0, 4, 20_000)
    second = rng.integers(0, 4, 20_000)
    taken[rows, first] = taken[rows, np.where(second == first, (first + 1) % 4, second)] = 1
    with pytest.raises(AssertionError):
        check_uniform(taken, 6)


def test_repeated_rows_are_drawn_again() -> None:
    rng, calls = np.random.default_rng(0), []

    def bits(count: int) -> Any:
        calls.append(count)
        return rng.integers(0, 2, (count, 4), np.uint8)

    rows = distinct(bits, 16)  # all there are
    assert sorted(map(tuple, rows.tolist())) == [tuple(map(int, f"{n:04b}")) for n in range(16)]
    assert calls[0] == 16
    assert all(later <= earlier for earlier, later in pairwise(calls))
    assert len(calls) > 1


def test_rows_keep_the_order_of_their_first_draw() -> None:
    draws = iter([np.array([[3], [1], [3]], np.uint8), np.array([[1]], np.uint8), np.array([[0]], np.uint8)])
    assert distinct(lambda count: next(draws), 3).tolist() == [[3], [1], [0]]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "adding"])
def test_no_sequence_comes_twice(name: str) -> None:
    splits = draw(create(name, {}))
    rows = [row.tobytes() for part in parts(splits) for row in part.inputs]
    assert len(set(rows)) == len(rows) == 7000


# ------------------------------------------------------------------------------------------------------ impossible options


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("parity", {"length": 10}, "= 7,000, expected at most 512: there are 1,024 different sequences"),
        ("copy_memory", {"copied": 4}, "= 7,000, expected at most 2,048: there are 4,096 different sequences"),
        ("temporal_order", {"length": 10, "examples": 40_000}, "= 42,000, expected at most 32,768: there are 65,536"),
        ("selective_copy", {"length": 4, "copied": 2}, "= 7,000, expected at most 192: there are 384"),
        ("selective_copy", {"length": 4}, "received copied = 8, expected at most length = 4"),
        ("delayed_recall", {"length": 5, "lag": 2}, "= 7,000, expected at most 512: there are 1,024"),
        ("delayed_recall", {"length": 10}, "received lag = 10, expected less than length = 10"),
        ("delayed_recall", {"lag": 0}, "received 0, expected at least 1"),
        ("copy_memory", {"alphabet": 251}, "received 251, expected at most 250"),
        ("copy_memory", {"alphabet": 1}, "received 1, expected at least 2"),
        ("temporal_order", {"length": 9}, "received 9, expected at least 10"),
        ("temporal_order", {"relevant": 4}, "received 4, expected 2 or 3"),
        ("copy_memory", {"blanks": 9}, "copy_memory.blanks: no such option"),
        ("adding", {"longer": 0}, "adding.longer: received 0, expected at least 1"),
    ],
)
def test_impossible_options_are_refused_with_their_numbers(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        create(name, options)
    assert words in str(caught.value)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_half_of_the_space_can_be_had_and_no_more() -> None:
    counts = {"validation_examples": 1, "test_examples": 1}
    splits = draw(Parity(length=4, longer=1, examples=6, **counts))
    assert len({row.tobytes() for part in parts(splits) for row in part.inputs}) == 8
    with pytest.raises(ValueError, match="= 9, expected at most 8: there are 16 different"):
        Parity(length=4, longer=1, examples=7, **counts)


@pytest.mark.parametrize(
    "options",
    [
        {"length": 10**7, "copied": 5 * 10**6},
        {"length": 10**7, "copied": 63},
        {"length": 10**7, "copied": 1, "alphabet": 250},
    ],
)
def test_an_enormous_space_is_not_worked_out(options: dict[str, int]) -> None:
    """Its number would have millions of digits."""
    assert 2**24 < SelectiveCopy.model_validate(options).space < 2**4000


# ------------------------------------------------------------------------------------------------- chance, and longer ones


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in NAMES), ("temporal_order", {"relevant": 3}), ("parity", {"running": True})],
)
def test_chance_on_a_large_sample(name: str, options: dict[str, Any]) -> None:
    check_baseline_scores_chance(create(name, {**options, **LARGE}), fixed=False)


def longer_task(name: str) -> Task:
    """The task of which the further split "longer", by default, is a sample."""
    task = create(name, LARGE)
    grows = "delay" if name == "copy_memory" else "length"
    return create(name, {**LARGE, grows: 2 * getattr(task, grows)})


def of_one_distribution(name: str, wrong: Callable[[Any], Any] = lambda inputs: inputs) -> None:
    """Shapes, mean of every feature at every step, and the baseline's score are those of the longer task."""
    task, other = create(name, LARGE), longer_task(name)
    received, whole = draw(task).more["longer"], draw(other, 3)
    assert received.inputs.shape == whole.test.inputs.shape
    one, two = wrong(received.inputs).astype(float), whole.test.inputs.astype(float)
    spread = np.sqrt((one.var(0) + two.var(0)) / len(one))
    assert (np.abs(one.mean(0) - two.mean(0)) <= 6 * spread).all()
    answer = baseline(other, whole.train)
    error = 4 * standard_error(other, received, answer) + 4 * other.metric.chance / len(whole.train)
    assert value(other, received, answer) == pytest.approx(task.metric.chance_on("longer"), abs=error)


@pytest.mark.parametrize("name", NAMES)
def test_the_longer_ones_are_the_same_task(name: str) -> None:
    of_one_distribution(name)
    longer, task = longer_task(name).metric.chance, create(name, {}).metric.chance
    if name == "copy_memory":
        assert (task, longer) == (10 * math.log(8) / 70, 10 * math.log(8) / 120)
    else:
        assert longer == task
    assert create(name, {}).metric.chance_on("longer") == longer


@pytest.mark.parametrize("name", NAMES)
def test_the_comparison_with_the_longer_task_can_fail(name: str) -> None:
    with pytest.raises(AssertionError):
        of_one_distribution(name, lambda inputs: np.where(np.arange(len(inputs)) % 4 == 0, 1, inputs.T).T)


def test_the_comparison_of_chance_on_longer_ones_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Metric, "chance_on", lambda metric, split: metric.chance)  # that of the training length
    of_one_distribution("adding")
    with pytest.raises(AssertionError):
        of_one_distribution("copy_memory")


def test_longer_is_an_option() -> None:
    for name in NAMES:
        train, further = (lambda s: (s.train.inputs.shape[1], s.more))(draw(create(name, {"longer": 3})))
        steps = further["longer"].inputs.shape[1]
        extra = {"copy_memory": 2 * 20, "selective_copy": 2 * 8}.get(name, 0)  # what is written down does not grow
        assert steps == 3 * train - extra
        assert len(further["longer"]) == 1000
        assert draw(create(name, {"longer": 1})).more == {}


@pytest.mark.parametrize("name", NAMES)
def test_longer_ones_are_drawn_last(name: str) -> None:
    """So that whether there are any changes none of the other parts."""
    with_more, without = (draw(create(name, {"longer": longer})) for longer in (2, 1))
    for one, two in zip(parts(with_more), parts(without), strict=True):
        assert np.array_equal(one.inputs, two.inputs)
        assert np.array_equal(one.targets, two.targets)

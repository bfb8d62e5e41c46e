"""Splits by group: no group is cut, classes are shared out evenly, and nothing but groups and classes decides."""

import re
from typing import Any

import numpy as np
import pytest

from gru_tf.data.own.splits import by_group, joined
from gru_tf.foundation.errors import UserError

DRAWS = range(20)


def shared(keys: Any, classes: Any, validation: float = 0.2, test: float = 0.2, **more: Any) -> Any:
    more = {"where": "a.csv, column y", **more}
    return by_group(np.array(keys), None if classes is None else np.array(classes), validation, test, **more)


def people(seed: int, persons: int = 30, mixed: bool = False) -> tuple[Any, Any]:
    """Persons with 1 to 9 sequences each, of one of three classes a person or of any."""
    rng = np.random.default_rng(seed)
    keys = np.repeat(np.arange(persons), rng.integers(1, 10, persons))
    classes = rng.integers(0, 3, len(keys)) if mixed else keys % 3
    order = rng.permutation(len(keys))
    return keys[order], classes[order]


@pytest.mark.parametrize("sizes", [(5, 5), (3, 40), (100, 7, 12), (1000,)])
@pytest.mark.parametrize("test", [0.0, 0.2, 0.37])
def test_single_sequences_are_shared_out_to_the_nearest_whole_number(sizes: tuple[int, ...], test: float) -> None:
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    split = shared(np.arange(len(classes)), classes, test=test)
    for label, size in enumerate(sizes):
        counts = np.bincount(split[classes == label], minlength=3)
        wanted = np.array([1 - 0.2 - test, 0.2, test]) * size
        assert (np.abs(counts - wanted) < 1).all() or size == 3
        assert (counts > 0).tolist() == [True, True, test > 0]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("draw", DRAWS)
def test_no_group_is_cut_and_classes_are_in_every_split(draw: int, mixed: bool) -> None:
    keys, classes = people(draw, mixed=mixed)
    split = shared(keys, classes)
    assert all(len(set(split[keys == key])) == 1 for key in set(keys))
    for label in range(3):
        counts = np.bincount(split[classes == label], minlength=3) / (classes == label).sum()
        assert (counts > 0).all()
        assert np.abs(counts - [0.6, 0.2, 0.2]).max() < 0.16  # a group holds up to 9 of some 50 sequences of a class


def test_few_groups_that_are_all_needed_are_shared_out() -> None:
    """Three persons with every class each: one a split, whatever the shares; greed alone would train on two."""
    keys, classes = np.repeat([7, 8, 9], 6), np.tile([0, 1, 2], 6)
    assert sorted(shared(keys, classes)[::6].tolist()) == [0, 1, 2]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_class_in_three_groups_among_large_ones_is_in_every_split(draw: int) -> None:
    keys, classes = people(draw)
    keys, classes = np.append(keys, [101, 101, 102, 103]), np.append(classes, [3, 3, 3, 3])
    order = np.random.default_rng(draw).permutation(len(keys))
    keys, classes = keys[order], classes[order]
    assert set(shared(keys, classes)[classes == 3]) == {0, 1, 2}


def test_names_of_groups_decide_nothing() -> None:
    keys, classes = people(3)
    names = np.array([f"person {hash((key, 5))}" for key in keys])
    assert np.array_equal(shared(keys, classes), shared(names, classes))


def test_values_have_no_classes() -> None:
    split = shared(np.arange(10), None)
    assert np.bincount(split).tolist() == [6, 2, 2]


def test_a_large_table_takes_seconds() -> None:
    """A million sequences, most of them alone in their group: counted, not timed; a loop over them would be felt."""
    keys = np.append(np.arange(1_000_000), np.arange(1000))
    classes = np.append(np.arange(1_000_000) % 7, np.arange(1000) % 7)
    split = shared(keys, classes)
    assert np.array_equal(split[:1000], split[-1000:])
    assert np.abs(np.bincount(split) / len(split) - [0.6, 0.2, 0.2]).max() < 1e-3


# --- draws ---


def check_a_draw(split: Any, keys: Any, classes: Any) -> None:
    """No group is cut, every class is in training, and the shares are as even as those of groups of up to 9."""
    assert all(len(set(split[keys == key])) == 1 for key in set(keys))
    assert set(split) == {0, 1, 2}
    for label in set(classes):
        counts = np.bincount(split[classes == label], minlength=3) / (classes == label).sum()
        assert counts[0] > 0
        assert np.abs(counts - [0.6, 0.2, 0.2]).max() < 0.25


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("data", range(5))
def test_draws_are_other_splits_by_the_same_rules(data: int, mixed: bool) -> None:
    keys, classes = people(data, mixed=mixed)
    splits = [shared(keys, classes, draw=draw) for draw in range(12)]
    for split in splits:
        check_a_draw(split, keys, classes)
    assert len({split.tobytes() for split in splits}) == 12
    assert np.array_equal(splits[0], shared(keys, classes))
    assert np.array_equal(splits[3], shared(keys, classes, draw=3))


def test_every_group_is_tested_by_some_draw_in_proportion() -> None:
    """Groups of different sizes as well: the largest would else train in every split."""
    keys, classes = people(1)
    tested = np.mean([shared(keys, classes, draw=draw) == 2 for draw in range(1, 301)], axis=0)
    each = np.array([tested[keys == key].mean() for key in set(keys)])
    assert each.min() > 0.05
    assert each.max() < 0.45
    assert tested.mean() == pytest.approx(0.2, abs=0.03)
    single = np.mean([shared(np.arange(30), np.arange(30) % 3, draw=draw) == 2 for draw in range(1, 301)], axis=0)
    assert single.min() > 0.1
    assert single.mean() == pytest.approx(0.2)


def test_a_draw_that_would_be_refused_is_drawn_again() -> None:
    """Three persons with all of a rare class, and a test part of one class alone, are not left to chance."""
    keys = np.repeat(np.arange(12), 4)
    classes = np.where(keys < 3, 1, 0)
    for draw in range(60):
        split = shared(keys, classes, draw=draw)
        assert set(classes[split == 0]) == set(classes[split == 2]) == {0, 1}


@pytest.mark.parametrize(
    ("keys", "classes", "more", "message"),
    [
        (
            [0, 1, 2, 3],
            [0, 0, 0, 1],
            {"names": ["walk", "run"]},
            "a.csv, column y: sequence 4: expected 3 sequences or more of each class, one for each split."
            " Received: 1 of 'run'",
        ),
        (
            [0, 1, 2, 2],
            [0, 0, 0, 0],
            {"classes": None, "test": 0.0},
            "",
        ),
        ([0, 1], None, {}, "a.csv, column y: expected 3 sequences or more, one for each split. Received: 2"),
        (
            [5, 5, 5, 5],
            [0, 0, 0, 0],
            {"unit": "groups (column who)", "row": lambda number: f"row {number + 2}", "test": 0.0},
            "a.csv, column y: row 2: expected 2 groups (column who) or more of each class, one for each split."
            " Received: 1 of '0'",
        ),
    ],
)
def test_too_few_are_refused(keys: Any, classes: Any, more: dict[str, Any], message: str) -> None:
    if not message:
        assert set(shared(keys, **{"classes": classes, **more})) == {0, 1}
        return
    with pytest.raises(UserError) as caught:
        shared(keys, classes, **more)
    assert str(caught.value) == message


def test_a_class_that_training_cannot_have_is_refused() -> None:
    """Eight persons with some of eight classes each, and little to train on: now and then a class finds no place there."""
    refused = 0
    for draw in range(300):
        rng = np.random.default_rng(draw)
        person, label = np.nonzero(rng.random((8, 8)) < 0.5)
        again = rng.integers(1, 6, len(person))
        keys, classes = np.repeat(person, again), np.repeat(np.unique(label, return_inverse=True)[1], again)
        try:
            split = shared(keys, classes, 0.45, 0.45)
        except UserError as error:
            words = (
                r"a.csv, column y: sequence \d+: expected every class in more groups, so that training has one\. Received: "
            )
            refused += bool(re.match(words + r"'\d' only in groups for validation or test$", str(error)))
        else:
            assert set(classes[split == 0]) == set(classes)
            assert set(split) == {0, 1, 2}
    assert refused


def test_joined_follows_links_of_both_kinds() -> None:
    one, other = np.array([0, 0, 1, 2, 3, 4]), np.array([0, 1, 1, 2, 3, 3])
    number = joined(one, other)
    assert [(number == n).nonzero()[0].tolist() for n in number[[0, 3, 4]]] == [[0, 1, 2], [3], [4, 5]]

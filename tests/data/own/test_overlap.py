"""Windows of longer recordings: which of them share steps, compared with every pair looked at step by step."""

import numpy as np
import pandas
import pytest

from gru_tf.data.own.overlap import overlap
from gru_tf.data.own.splits import UNUSED

RNG = np.random.default_rng(0)


def hashed(values):
    """(steps,) uint64 of arrays (sequences, steps, features), or of a list of (steps, features)."""
    steps = np.concatenate(list(values))
    return pandas.util.hash_pandas_object(pandas.DataFrame(steps), index=False).to_numpy()


def overlap_of(values):
    return overlap(hashed(values), np.array([len(part) for part in values]))


def windows(step, length=20, recordings=4, steps=90):
    made = RNG.normal(size=(recordings, steps, 2)).cumsum(1)
    return [part[start : start + length] for part in made for start in range(0, steps - length + 1, step)]


def by_hand(values):
    """(i, j, k) of all pairs with X[i, k:] = X[j, :-k]."""
    return {
        (i, j, k)
        for i, one in enumerate(values)
        for j, other in enumerate(values)
        for k in range(1, len(one))
        if i != j and len(one) - k <= len(other) and np.array_equal(one[k:], other[: len(one) - k])
    }


@pytest.mark.parametrize("step", [1, 5, 10])
@pytest.mark.parametrize("mixed", [False, True])
def test_overlaps_are_those_of_every_pair(step, mixed):
    values = windows(step)
    values = [values[place] for place in RNG.permutation(len(values))] if mixed else values
    shared = overlap_of(values)
    links = {(int(i), int(j), int(k)) for (i, j), k in zip(shared.links, shared.steps, strict=True)}
    assert links == {(i, j, k) for i, j, k in by_hand(values) if 20 - k >= 6}  # fewer steps say too little
    assert shared.step == step
    number = shared.recordings()
    assert len(set(number)) == 4


def test_sequences_of_different_lengths_overlap():
    made = RNG.normal(size=(60, 1))
    values = [made[0:20], made[8:34], RNG.normal(size=(15, 1)), made[30:52]]
    assert {(0, 1), (1, 3)} >= {tuple(link) for link in overlap_of(values).links.tolist()} >= {(0, 1)}


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=(200, 30, 1)),
        RNG.integers(0, 2, size=(2000, 30, 1)),
        (RNG.random((2000, 60, 1)) > 0.97).astype(int),
        np.zeros((50, 30, 1)),
        RNG.normal(size=(1, 30, 1)),
        RNG.normal(size=(30, 1, 1)),
    ],
    ids=["noise", "two values", "rare ones", "nothing", "one sequence", "one step"],
)
def test_what_is_equal_by_chance_is_no_overlap(values):
    assert overlap_of(values) is None


def test_of_windows_with_shared_steps_in_two_parts_the_earlier_is_left_out():
    values = windows(5, recordings=1)  # 15 windows, of which each shares steps with the three after it
    part = np.repeat([0, 1, 2], [9, 3, 3])
    kept = overlap_of(values).without_shared(part, UNUSED)
    assert kept.tolist() == [0] * 6 + [UNUSED] * 6 + [2] * 3

"""Plans of a pass: every example once, padded steps marked as such, sequences of like length together."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gru_tf.training.batches import BatchPlan, bucket_lengths, plan

MANY = np.random.default_rng(5).integers(1, 60, 101)


def shuffled(seed: int, lengths: Any = MANY, batch_size: int = 8) -> BatchPlan:
    """A plan of these lengths in random order."""
    return plan(lengths, bucket_lengths(lengths), batch_size, np.random.default_rng(seed))


def equal(one: BatchPlan, two: BatchPlan) -> bool:
    """Whether two plans are the same in every array."""
    pairs = ((one.order, two.order), (one.valid, two.valid), (one.bucket, two.bucket))
    return all(np.array_equal(a, b) for a, b in pairs)


def check_plan(steps: BatchPlan, lengths: Any, buckets: tuple[int, ...], batch_size: int) -> None:
    """What must hold of every plan."""
    assert steps.order.shape == steps.valid.shape == (len(steps.bucket), batch_size)
    assert (steps.order.dtype, steps.valid.dtype, steps.bucket.dtype) == ("int32", "float32", "int32")
    assert set(np.unique(steps.valid)) <= {0.0, 1.0}
    assert sorted(steps.order[steps.valid == 1]) == list(range(len(lengths))), "each example exactly once"
    for indices, valid, bucket in zip(steps.order, steps.valid, steps.bucket, strict=True):
        assert valid[0] == 1, "no step of padding alone"
        assert list(valid) == sorted(valid, reverse=True), "padding last"
        assert set(indices[valid == 0]) <= set(indices[valid == 1]), "filled up with examples of the same step"
        shortest = buckets[bucket - 1] if bucket else 0
        assert all(shortest < lengths[index] <= buckets[bucket] for index in indices)
    wanted = sum(-(-np.sum(np.searchsorted(buckets, lengths) == b) // batch_size) for b in range(len(buckets)))
    assert len(steps.bucket) == wanted, "no more steps than needed"


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("batch_size", [1, 7, 8, 101, 200])
@pytest.mark.parametrize(
    ("lengths", "buckets"),
    [
        (MANY, bucket_lengths(MANY)),
        (MANY, (10, 30, 1000)),
        (MANY, (60,)),
        (np.full(16, 5), (5,)),
        (np.array([3]), (3,)),
        (np.array([3, 3, 3, 9]), (1, 2, 3, 9)),
    ],
    ids=["quartiles", "three", "one", "equal", "single", "empty buckets"],
)
def test_a_plan(lengths, buckets, batch_size, shuffle):
    rng = np.random.default_rng(0) if shuffle else None
    check_plan(plan(lengths, buckets, batch_size, rng), lengths, buckets, batch_size)


def test_the_check_of_a_plan_is_able_to_fail():
    buckets = bucket_lengths(MANY)
    good = shuffled(0)
    twice, marked, short = good.order.copy(), np.ones_like(good.valid), np.zeros_like(good.bucket)
    twice[0, 0] = twice[0, 1]
    for wrong in ({"order": twice}, {"valid": marked}, {"bucket": short}):
        with pytest.raises(AssertionError):
            check_plan(replace(good, **wrong), MANY, buckets, 8)
    fewer = BatchPlan(good.order[1:], good.valid[1:], good.bucket[1:])
    with pytest.raises(AssertionError):
        check_plan(fewer, MANY, buckets, 8)


def test_without_a_generator_examples_keep_their_order():
    steps = plan(np.full(10, 4), (4,), 4)
    assert steps.order.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 8, 9]]
    assert steps.valid.tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert equal(plan(MANY, (60,), 8), plan(MANY, (60,), 8))


def test_a_worked_example():
    steps = plan(np.array([9, 2, 5, 1, 6]), (2, 6, 9), 2)
    assert steps.order.tolist() == [[1, 3], [2, 4], [0, 0]]
    assert steps.valid.tolist() == [[1, 1], [1, 1], [1, 0]]
    assert steps.bucket.tolist() == [0, 1, 2]


def test_a_shuffle_is_that_of_its_generator():
    assert equal(shuffled(0), shuffled(0))
    assert not equal(shuffled(0), shuffled(1))
    once = np.random.default_rng(0)
    first, second = (plan(MANY, (60,), 8, once) for _ in range(2))
    assert not equal(first, second), "two epochs in a row"


def test_a_shuffle_leaves_the_global_generator_alone():
    before = np.random.get_state(legacy=False)["state"]
    shuffled(0)
    after = np.random.get_state(legacy=False)["state"]
    assert before["pos"] == after["pos"]
    assert np.array_equal(before["key"], after["key"])


def test_a_shuffle_mixes_examples_and_buckets():
    """Who shares a step with example 0, and which bucket comes first, over many shuffles."""
    plans = [shuffled(seed) for seed in range(200)]
    first = [int(steps.bucket[0]) for steps in plans]
    assert set(first) == set(range(4))
    partners = {int(i) for steps in plans for row in steps.order if 0 in row for i in row}
    same_bucket = np.searchsorted(bucket_lengths(MANY), MANY)
    assert partners == set(np.flatnonzero(same_bucket == same_bucket[0]).tolist())


def test_the_place_of_an_example_is_uniform():
    lengths = np.full(8, 3)
    places = [int(np.flatnonzero(shuffled(seed, lengths, 1).order[:, 0] == 0)[0]) for seed in range(4000)]
    counts = np.bincount(places, minlength=8)
    # 500 expected of each; five standard deviations of a binomial are 5 · sqrt(4000 · 1/8 · 7/8) = 105
    assert all(abs(counts - 500) < 105)


def test_a_sequence_longer_than_every_bucket_is_refused_rather_than_left_out():
    with pytest.raises(ValueError, match=r"^plan: expected lengths up to the longest bucket, 8\. Received: 9$"):
        plan(np.array([3, 9, 8]), (4, 8), 2)


@pytest.mark.parametrize(
    ("lengths", "buckets"),
    [
        ([7], (7,)),
        ([5, 5, 5, 5], (5,)),
        ([1, 2], (2,)),
        ([1, 2, 3, 4], (2, 3, 4)),
        ([1, 2, 3, 4, 5], (2, 3, 4, 5)),
        ([1] * 99 + [50], (1, 50)),
        (list(range(1, 101)), (26, 51, 76, 100)),
    ],
)
def test_buckets_are_quartiles_among_the_lengths(lengths, buckets):
    found = bucket_lengths(np.array(lengths))
    assert found == buckets
    assert all(type(length) is int for length in found)


@pytest.mark.parametrize("seed", range(20))
def test_buckets_are_few_hold_every_length_and_are_alike_in_number(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 10_000, rng.integers(200, 400))
    found = bucket_lengths(lengths)
    assert len(found) <= 4
    assert list(found) == sorted(set(found))
    assert set(found) <= set(lengths.tolist())
    assert found[-1] == lengths.max()
    share = np.bincount(np.searchsorted(found, lengths)) / len(lengths)
    assert share == pytest.approx([0.25] * 4, abs=0.02)

"""Which examples form which step: batches of equal shape, sequences of similar length together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gru_tf.tasks import Array, Examples

BUCKETS = 4


@dataclass(frozen=True)
class BatchPlan:
    """The steps of one pass.

    Args:
        order: (S, B) int32, indices of the examples of each step.
        valid: (S, B) float32, 0 where a repeated example pads the batch to its size.
        bucket: (S,) int32, index of the bucket length that each step is truncated to.
    """

    order: Array
    valid: Array
    bucket: Array


def spans(examples: Examples, decoded: bool) -> Array:
    """(N,) steps that each example needs: those of its input, or of its target where that is decoded and longer."""
    return np.maximum(examples.lengths, (examples.targets >= 0).sum(1)) if decoded else examples.lengths


def bucket_lengths(lengths: Array) -> tuple[int, ...]:
    """Up to four lengths that sequences are truncated to, the longest last; one where all are equally long.

    They are the quartiles of the lengths. Each bucket is compiled separately, so there are few.
    """
    quantiles = np.quantile(lengths, np.arange(1, BUCKETS + 1) / BUCKETS, method="higher")
    return tuple(int(q) for q in np.unique(quantiles))


def streams(count: int, batch_size: int) -> BatchPlan:
    """One pass over consecutive parts of a text, in as many streams as a batch has rows.

    Row b of each step continues row b of the step before. The last stream may end before the others.

    Args:
        count: parts, all in one bucket.
        batch_size: streams.
    """
    steps = -(-count // batch_size)
    order = np.arange(batch_size)[None, :] * steps + np.arange(steps)[:, None]
    valid = order < count
    return BatchPlan(np.where(valid, order, 0).astype("int32"), valid.astype("float32"), np.zeros(steps, "int32"))


def plan(lengths: Array, buckets: tuple[int, ...], batch_size: int, rng: np.random.Generator | None = None) -> BatchPlan:
    """One pass over all examples, shuffled by `rng` within and across buckets; without it in the order of the examples.

    Raises:
        ValueError: where a sequence is longer than the longest bucket, and would be in no step.
    """
    if max(lengths) > buckets[-1]:
        raise ValueError(f"plan: expected lengths up to the longest bucket, {buckets[-1]}. Received: {max(lengths)}")
    bucket_of_example = np.searchsorted(buckets, lengths)
    steps: list[tuple[Array, int, int]] = []
    for bucket in range(len(buckets)):
        indices = np.flatnonzero(bucket_of_example == bucket)
        if rng is not None:
            indices = rng.permutation(indices)
        steps += [(indices[i : i + batch_size], bucket, batch_size) for i in range(0, len(indices), batch_size)]
    if rng is not None:
        steps = [steps[i] for i in rng.permutation(len(steps))]
    order = np.stack([np.resize(indices, size) for indices, _, size in steps])
    valid = np.stack([np.arange(size) < len(indices) for indices, _, size in steps])
    bucket_of = np.array([bucket for _, bucket, _ in steps])
    return BatchPlan(order.astype("int32"), valid.astype("float32"), bucket_of.astype("int32"))


def consecutive(lengths: Array, buckets: tuple[int, ...], batch_size: int) -> BatchPlan:
    """One pass in the order of the examples, each batch truncated to the shortest bucket that holds all of it.

    Where examples were drawn one by one, their order is as good as any, and a pass has as many steps whatever their lengths.

    Raises:
        ValueError: where a sequence is longer than the longest bucket.
    """
    if max(lengths) > buckets[-1]:
        expected = f"lengths up to the longest bucket, {buckets[-1]}"
        raise ValueError(f"consecutive: expected {expected}. Received: {max(lengths)}")
    steps = -(-len(lengths) // batch_size)
    places = np.arange(steps * batch_size).reshape(steps, batch_size)
    order = np.where(places < len(lengths), places, places[:, :1])
    bucket = np.searchsorted(buckets, np.asarray(lengths)[order].max(1))
    return BatchPlan(order.astype("int32"), (places < len(lengths)).astype("float32"), bucket.astype("int32"))


def part(plan: BatchPlan, steps: slice) -> BatchPlan:
    """Some steps of a pass."""
    return BatchPlan(plan.order[steps], plan.valid[steps], plan.bucket[steps])


def joined(plans: Sequence[BatchPlan]) -> BatchPlan:
    """The steps of several passes, one after the other."""
    fields = ("order", "valid", "bucket")
    return BatchPlan(*(np.concatenate([getattr(plan, name) for plan in plans]) for name in fields))

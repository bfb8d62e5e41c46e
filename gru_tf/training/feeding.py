"""Moves examples to the device, at once where they fit and in parts where they do not, and gathers batches there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from gru_tf.tasks import END, Array, Examples, Signature
from gru_tf.training.batches import BatchPlan

RESIDENT_BYTES = 2 * 1024**3  # a larger split stays in the host's memory
PART_BYTES = 64 * 1024**2  # size of the parts in which it goes to the device

Arrays = tuple[Any, Any, Any]
Feed = tuple[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True)
class DeviceData:
    """One split: inputs, targets and lengths, as tensors or, where it is too large, as arrays.

    Args:
        arrays: inputs (N, T, I), targets, lengths (N,); bytes stay bytes until a step casts its batch.
        resident: whether they are on the device.
    """

    arrays: Arrays
    resident: bool

    def feeds(self, plan: BatchPlan) -> Iterator[Feed]:
        """Inputs, targets, lengths, order, valid and bucket of one or several parts of a pass, in order."""
        if self.resident:
            yield (*self.arrays, *map(tf.constant, (plan.order, plan.valid, plan.bucket)))
            return
        parts = self._parts(plan)
        with ThreadPoolExecutor(1) as ahead:  # gathers the next part while a step computes on the current one
            coming = ahead.submit(_gather, self.arrays, parts[0])
            for following in [*parts[1:], None]:
                feed = coming.result()
                if following is not None:
                    coming = ahead.submit(_gather, self.arrays, following)
                yield feed

    def _parts(self, plan: BatchPlan) -> list[BatchPlan]:
        example = sum(a[:1].nbytes for a in self.arrays)
        steps = max(1, PART_BYTES // (example * plan.order.shape[1]))
        cuts = [slice(i, i + steps) for i in range(0, len(plan.order), steps)]
        return [BatchPlan(plan.order[cut], plan.valid[cut], plan.bucket[cut]) for cut in cuts]


def load(examples: Examples, timesteps: int, per_step: bool = False) -> DeviceData:
    """A split for the device, padded to `timesteps`, targets too if `per_step`; resident up to RESIDENT_BYTES.

    Arrays that are computed on demand, such as the windows of a long series, are never computed as a whole.
    """
    inputs, targets = padded(examples.inputs, timesteps), examples.targets
    if per_step:
        targets = padded(targets, timesteps, -1 if targets.dtype.kind == "i" else 0)
    arrays = inputs, targets, examples.lengths.astype("int32")
    in_memory = all(isinstance(a, np.ndarray) for a in arrays)
    resident = in_memory and sum(a.nbytes for a in arrays) <= RESIDENT_BYTES
    return DeviceData(tuple(map(tf.constant, arrays)) if resident else arrays, resident)


def batch(
    signature: Signature, masked: bool, arrays: Arrays, examples: Any, valid: Any, length: int
) -> tuple[Any, Any, Any]:
    """The batch of one step, gathered on the device; part of a graph.

    Args:
        signature: of the task.
        masked: whether the network takes a mask of the real steps.
        arrays: inputs, targets and lengths, as in a feed.
        examples: (batch,) int32: which of them.
        valid: (batch,) float32: 1, or 0 for an example that only pads the batch.
        length: steps that the sequences are truncated to.

    Returns:
        The network's inputs; the targets, 0 where a value is NaN; their weights, 0 where there is no target.
    """
    inputs, targets, lengths = arrays
    x = tf.cast(tf.gather(inputs, examples)[:, :length], tf.int32 if signature.tokens else tf.float32)
    y = tf.gather(targets, examples)
    real = tf.sequence_mask(tf.gather(lengths, examples), length)
    features = [x, real] if masked else x
    if not signature.targets_over_time:
        return features, y, valid
    y, weight = y[:, :length], valid[:, None]
    if signature.decoded:  # teacher forcing: the target before each target, whatever the network wrote
        before = tf.pad(tf.maximum(tf.cast(y[:, :-1], tf.int32), 0), ((0, 0), (1, 0)), constant_values=END)
        features = [x, real, before] if masked else [x, before]
    else:
        weight = weight * tf.cast(real, tf.float32)
    if signature.target == "class":  # −1: this step has no target
        weight = weight * tf.cast(y >= 0, tf.float32)
    elif signature.target == "value":  # NaN: no more has this one, all of whose values count or none
        there = tf.reduce_all(tf.math.is_finite(y), -1)
        weight, y = weight * tf.cast(there, tf.float32), tf.where(there[..., None], y, 0.0)
    return features, y, weight


def padded(array: Array, timesteps: int, filler: int = 0) -> Array:
    """The array padded to `timesteps` on axis 1."""
    missing = timesteps - array.shape[1]
    if not missing:
        return array
    return np.pad(array, ((0, 0), (0, missing), *((0, 0),) * (array.ndim - 2)), constant_values=filler)


def _gather(arrays: Arrays, part: BatchPlan) -> Feed:
    rows = part.order.ravel()
    order = np.arange(len(rows), dtype="int32").reshape(part.order.shape)
    return (*(tf.constant(a[rows]) for a in arrays), *map(tf.constant, (order, part.valid, part.bucket)))

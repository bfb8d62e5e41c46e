"""One pass over a split: which examples in which order, by the seed of the run."""

import zlib

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice
from gru_tf.tasks import Examples, Signature
from gru_tf.training.batches import BatchPlan, plan, spans, streams


def stream(seed: int, task: Choice, *more: int) -> np.random.Generator:
    """The random numbers of one task at one seed: the same for every cell, so that comparisons are paired."""
    return np.random.default_rng([seed, zlib.crc32(task.title.encode()), *more])


def batches(run: Run, signature: Signature, examples: Examples, buckets: tuple[int, ...], *shuffle: int) -> BatchPlan:
    """One pass over a split; shuffled by the run's seed, its task and the numbers that follow, else in order."""
    if signature.carried:
        return streams(len(examples), run.training.batch_size)
    # + 1 because NumPy seeds [a, b, 0] like [a, b]: the first shuffle would repeat the draws of the data
    rng = stream(run.seed, run.task, *(n + 1 for n in shuffle)) if shuffle else None
    return plan(spans(examples, signature.decoded > 0), buckets, run.training.batch_size, rng)

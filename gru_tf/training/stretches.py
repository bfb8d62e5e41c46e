"""The stretches of a training between two looks at validation: epochs, or so many updates each.

By epochs stretch n is pass n over the training split. By `steps` training is one sequence of updates, pass after pass, each
in an order of its own, and is cut every `evaluate_every` updates, wherever passes end:

    u = n · every …  min((n + 1) · every, steps) − 1         the updates of stretch n
    pass ⌊u / S⌋, step u mod S                               of S steps a pass, what update u learns from

So the order follows from the seed alone: a stretch begins with the same batches however many came before in this process.
With `fresh` each stretch is a pass over examples of its own, in the order in which they were drawn.
"""

import sys

from gru_tf.experiment.experiment import Run
from gru_tf.tasks import Array, Examples, Signature
from gru_tf.training import forcing_schedule, schedule
from gru_tf.training.batches import BatchPlan, consecutive, joined, part
from gru_tf.training.passes import batches


class Stretches:
    """The updates of a run on some examples.

    Args:
        run: with its seed, its task and its recipe.
        signature: of the task.
        examples: to train on; with `fresh` those of the task's training split, of which only the number counts.
        buckets: lengths that sequences are truncated to.
        every: updates of a stretch by `steps`, where these are not counted in passes over `examples`.

    Attributes:
        per_pass: S, updates of one pass.
        every: updates of a stretch but perhaps the last.
    """

    def __init__(
        self, run: Run, signature: Signature, examples: Examples, buckets: tuple[int, ...], every: int | None = None
    ):
        self.run, self.signature, self.examples, self.buckets = run, signature, examples, buckets
        size = run.training.batch_size
        fresh = -(-len(examples) // size)
        self.per_pass = fresh if run.training.fresh else len(batches(run, signature, examples, buckets).order)
        self.every = every or run.training.evaluate_every or self.per_pass
        self._pass: tuple[int, BatchPlan] | None = None

    @property
    def count(self) -> int:
        """How many there are, unless something ends training before; of a training by the clock more than any."""
        training = self.run.training
        if training.seconds is not None:
            return sys.maxsize
        return training.epochs if training.steps is None else -(-training.steps // self.every)

    def updates(self, stretch: int) -> int:
        """How many updates a stretch has."""
        steps = self.run.training.steps
        return self.every if steps is None else min(self.every, steps - stretch * self.every)

    def plan(self, stretch: int) -> BatchPlan:
        """The batches of a stretch, of `examples`."""
        if self.run.training.steps is None:
            return self._of_pass(stretch)
        first = stretch * self.every
        last = first + self.updates(stretch)
        parts = []
        while first < last:
            number, begin = divmod(first, self.per_pass)
            end = min(self.per_pass, begin + last - first)
            parts.append(part(self._of_pass(number), slice(begin, end)))
            first += end - begin
        return joined(parts)

    def fresh_plan(self, stretch: int, drawn: Examples) -> BatchPlan:
        """The batches of a stretch, of examples that were drawn for it."""
        whole = consecutive(drawn.lengths, self.buckets, self.run.training.batch_size)
        return part(whole, slice(0, self.updates(stretch)))

    @property
    def drawn(self) -> int:
        """Examples that are drawn for a stretch with `fresh`; for a shorter last one as many, so that they are the same."""
        counted = self.run.training.evaluate_every
        return len(self.examples) if counted is None else counted * self.run.training.batch_size

    def rates(self, stretch: int, falls: int | None = None) -> Array:
        """(updates,) float32, the learning rate of each update of a stretch; a "plateau" fell `falls` times before it."""
        return schedule.rates(self.run.training, stretch, self.every, falls)[: self.updates(stretch)]

    def forced(self, stretch: int) -> Array | None:
        """(updates,) float32, the probability of teacher forcing in each; None where every target is read."""
        values = forcing_schedule.of_epoch(self.run.training, stretch, self.every)
        return None if values is None else values[: self.updates(stretch)]

    def _of_pass(self, number: int) -> BatchPlan:
        if self._pass is None or self._pass[0] != number:
            self._pass = number, batches(self.run, self.signature, self.examples, self.buckets, number)
        return self._pass[1]

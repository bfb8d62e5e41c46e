"""What a decoder reads in training: the target before each target, or what it wrote itself, as coins decide.

With which probability a coin says the target: `gru_tf.training.forcing_schedule`.

Each step of training is two passes of the decoder. The first one writes, without gradient, one token after the other: at
each step it reads the target before, with the probability ε_i, or else the likeliest token of its own step before. That
fixes what stands before each target. The second one reads it like any teacher-forced sequence, all steps in the layers'
kernels, for the loss and the gradient. Nothing is differentiated through the choice of a token, nor is it in the paper:
both are those of a decoder that goes step by step. Masks of dropout between layers are the same in both passes; noise within
cells (recurrent dropout, zoneout) is off in the first. Validation and test are as without it.

Coins are drawn from the run's seed by a generator whose state is in each checkpoint.

Reference: S. Bengio, O. Vinyals, N. Jaitly, N. Shazeer, "Scheduled sampling for sequence prediction with recurrent neural
networks", NIPS 2015, arXiv 1506.03099. One coin for a step of the whole batch, and for a whole batch: common in tutorials.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.tasks import Array
from gru_tf.training.network.sequence_writer import SequenceWriter

COINS = 255 << 24  # where their generator begins to count: beyond those of the layers of dropout


class TeacherForcing:
    """The first of the two passes, in a compiled step.

    Args:
        model: the network that is trained, as `encoder_decoder.build` makes it.
        per: what one coin decides, as in `TrainingSpec`.

    Attributes:
        probability: of the step that comes next.
    """

    def __init__(self, model: Any, per: str):
        self.writer, self.per = SequenceWriter(model, training=True), per
        self.probability = tf.Variable(1.0, trainable=False)
        self._coming = tf.Variable(np.ones(1, "float32"), trainable=False, shape=tf.TensorShape([None]))
        self._place = tf.Variable(0, trainable=False)
        self.coins = keras.random.SeedGenerator(0)

    def reset(self, seed: int, training: TrainingSpec) -> None:
        """Begin a run."""
        self.coins.state.assign([seed, COINS])
        self.probability.assign(training.teacher_forcing)

    def begin(self, coming: Array | None) -> None:
        """Before a pass over data: the probability of each of its steps; None for that of the last step before, in all."""
        self._coming.assign(np.full(1, self.probability.numpy(), "float32") if coming is None else coming)
        self._place.assign(0)

    def advance(self) -> None:
        """To the next step; part of a graph."""
        last = tf.shape(self._coming.value())[0] - 1
        self.probability.assign(self._coming.value()[tf.minimum(self._place, last)])
        self._place.assign_add(1)

    def inputs(self, features: Sequence[Any]) -> list[Any]:
        """The network's inputs; the last, (batch, T) targets before each target, stay where coins say so."""
        *read, before = features
        rows, steps = before.shape
        shape = {"token": (rows, steps), "step": (1, steps), "sequence": (rows, 1), "batch": (1, 1)}[self.per]
        forced = keras.random.uniform(shape, seed=self.coins) < self.probability
        return [*read, tf.stop_gradient(self.written(read, before, tf.broadcast_to(forced, before.shape)))]

    def written(self, read: Sequence[Any], before: Any, forced: Any) -> Any:
        """(batch, T) int32, what the decoder reads where `forced` (batch, T) says at which steps it reads `before`."""
        steps, place = before.shape[1], tf.range(before.shape[1])
        with self.writer.same_noise(before.shape[0], steps):
            states, memory = self.writer.read(read)

            def body(t: Any, last: Any, taken: Any, *states: Any) -> Any:
                token = tf.where(tf.logical_or(forced[:, t], t == 0), before[:, t], last)
                logits, new = self.writer.step(token, list(states), memory, t)
                taken = tf.where(place == t, token[:, None], taken)
                kept = [tf.cast(state, old.dtype) for state, old in zip(new, states, strict=True)]
                return t + 1, tf.argmax(logits, -1, tf.int32), taken, *kept

            start = (tf.constant(0), before[:, 0], before, *states)
            return tf.while_loop(lambda t, *_: t < steps, body, start)[2]

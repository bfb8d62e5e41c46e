"""What a step of training does with its gradient: where it is taken, how it is clipped, what decays, and the optimiser."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.training import optimizers, summation, weight_noise


class Updates:
    """The recipe of a step, with the values that may vary from run to run as variables of the compiled step.

    Args:
        training: of a run of this shape.
        variables: Keras', that learn.

    Attributes:
        optimizer: Keras' own.
    """

    def __init__(self, training: TrainingSpec, variables: Sequence[Any]):
        self.trained = variables
        self.optimizer = optimizers.bare(training)
        self.optimizer.build(variables)
        self.clip = training.clip if training.clip_norm is not None else None
        self.clips_values = training.clip_value is not None
        self.decays, self.is_noisy = training.weight_decay > 0, training.weight_noise > 0
        self.clip_norm, self.clip_value, self.weight_decay, self.weight_noise = (
            tf.Variable(0.0, trainable=False, dtype=tf.float32) for _ in range(4)
        )
        self.noise_seed = tf.Variable(0, trainable=False, dtype=tf.int64)

    def reset(self, training: TrainingSpec, seed: int) -> None:
        """Begin a run: the optimiser's state zero, the run's values in the variables."""
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable.value))
        self.optimizer.learning_rate.assign(training.learning_rate)
        self.clip_norm.assign(training.clip_norm or 0.0)
        self.clip_value.assign(training.clip_value or 0.0)
        self.weight_decay.assign(training.weight_decay)
        self.weight_noise.assign(training.weight_noise)
        self.noise_seed.assign(seed)

    def where_differentiated(self, differentiate: Callable[[], Any]) -> Any:
        """What `differentiate` returns at the weights, or at noisy ones; part of a graph."""
        if not self.is_noisy:
            return differentiate()
        place = self.weight_noise, self.noise_seed, self.optimizer.iterations
        return weight_noise.at_noisy_weights(self.trained, *place, differentiate)

    def apply(self, gradients: list[Any]) -> None:
        """Clip the gradients, let weights decay, and update all of them; part of a graph."""
        if self.clip is not None:
            clip = summation.clip_together if self.clip == "global" else summation.clip_each
            gradients = clip(gradients, self.clip_norm)
        if self.clips_values:
            gradients = summation.clip_values(gradients, self.clip_value)
        if self.decays:
            kept = 1.0 - self.weight_decay * tf.cast(self.optimizer.learning_rate, tf.float32)
            for variable in self.trained:
                if "bias" not in variable.name:
                    variable.assign(variable * kept)
        self.optimizer.apply(gradients, self.trained)

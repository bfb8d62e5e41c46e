"""Keras' optimisers with a weight decay that spares biases, also of a model that was saved and loaded.

Keras leaves out of a saved optimiser which weights have no decay, and a loaded one is built, so that it cannot be told.
"""

from typing import Any

import keras

from gru_tf.training.network.task_loss import PACKAGE

SPARED = ["bias"]  # in the names of weights


class _SparingBiases:
    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.exclude_from_weight_decay(var_names=SPARED)  # type: ignore[attr-defined]


@keras.saving.register_keras_serializable(package=PACKAGE)
class DecayingAdam(_SparingBiases, keras.optimizers.Adam):
    """`keras.optimizers.Adam` without weight decay of biases."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class DecayingRMSprop(_SparingBiases, keras.optimizers.RMSprop):
    """`keras.optimizers.RMSprop` without weight decay of biases."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class DecayingSGD(_SparingBiases, keras.optimizers.SGD):
    """`keras.optimizers.SGD` without weight decay of biases."""


DECAYING: dict[str, Any] = {"adam": DecayingAdam, "rmsprop": DecayingRMSprop, "sgd": DecayingSGD}

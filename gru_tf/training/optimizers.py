"""The optimiser of a training: Keras' own, with the parameters that the training names."""

from typing import Any

import keras

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.experiment.specs.recipe import PARAMETERS
from gru_tf.training.network.decaying import DECAYING

OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}


def parameters(training: TrainingSpec) -> dict[str, Any]:
    """The optimiser's parameters that are not left to Keras: constants of a compiled step, as Keras has them."""
    values = {name: getattr(training, name) for name in PARAMETERS[training.optimizer]}
    return {name: value for name, value in values.items() if value is not None}


def bare(training: TrainingSpec) -> Any:
    """The optimiser of compiled steps, which clip and decay weights by themselves."""
    return OPTIMIZERS[training.optimizer](training.learning_rate, **parameters(training))


def whole(training: TrainingSpec) -> Any:
    """The optimiser of a model that others train: it clips, and it decays weights, apart from biases."""
    clip = "global_clipnorm" if training.clip == "global" else "clipnorm"
    clipping = {clip: training.clip_norm, "clipvalue": training.clip_value}
    kind = (DECAYING if training.weight_decay else OPTIMIZERS)[training.optimizer]
    decay = training.weight_decay or None
    return kind(training.learning_rate, **clipping, weight_decay=decay, **parameters(training))

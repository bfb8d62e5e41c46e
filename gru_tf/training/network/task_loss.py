"""A task's loss and metric as Keras objects: a model that is compiled with them is saved and loaded like any other.

A process that imported `gru_tf` alone can load it: `gru_tf` tells Keras where these classes are.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from gru_tf.tasks import Signature
from gru_tf.training.network.model import loss, metric

PACKAGE = "gru_tf.training"  # with which the names are registered; gru_tf/__init__.py names it too


@keras.saving.register_keras_serializable(package=PACKAGE)
class TaskLoss(keras.losses.Loss):
    """What a network learns to make small: `gru_tf.training.network.model.loss`, averaged by Keras.

    Args:
        target: "class", "value" or "binary", as in `Signature`.
        outputs: of the task: classes, values or notes.
        levels: of which the network's outputs are the quantiles; () where it has one output for each value.
        **options: those of `keras.losses.Loss`: name, reduction, dtype.

    Raises:
        ValueError: at a call, for targets that are not one for each output, which would be broadcast.
    """

    def __init__(self, target: str, outputs: int, levels: Sequence[float] = (), **options: Any):
        super().__init__(**{"name": "task_loss", **options})
        self.signature, self.levels = _signature(target, outputs), tuple(levels)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Targets and outputs, as `Examples` and the network have them → (batch,) or (batch, T)."""
        return loss(self.signature, _aligned("TaskLoss", self.signature, y_true, y_pred), y_pred, self.levels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **_config(self.signature, self.levels), "dtype": self.dtype}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TaskMetric(keras.metrics.MeanMetricWrapper):
    """What a network is judged by, of the means of `gru_tf.training.network.model.metric`, as `Metric.value` has it.

    Args:
        metric: "accuracy", "mse", "mae", "rmse", "nll", "bpc" or "perplexity".
        target, outputs, levels: as in `TaskLoss`; of quantiles it judges the medians.
        scale: factor from the targets' units to those of "mae" and "rmse", as in `Metric`.
        **options: those of `keras.metrics.Metric`: name (default: the metric's), dtype.

    Raises:
        ValueError: at a call, for targets that are not one for each output, which would be broadcast.
    """

    def __init__(
        self,
        metric: str,
        target: str,
        outputs: int,
        levels: Sequence[float] = (),
        scale: float = 1.0,
        **options: Any,
    ):
        super().__init__(self._terms, **{"name": metric, **options})
        self.metric, self.scale = metric, float(scale)
        self.signature, self.levels = _signature(target, outputs), tuple(levels)

    def _terms(self, y_true: Any, y_pred: Any) -> Any:
        targets = _aligned("TaskMetric", self.signature, y_true, y_pred)
        return metric(self.metric, self.signature, targets, y_pred, self.levels)

    def result(self) -> Any:
        """The metric of all that it was given since it was last reset."""
        mean = super().result()
        match self.metric:
            case "bpc":
                return mean / math.log(2)
            case "perplexity":
                return ops.exp(mean)
            case "rmse":
                return self.scale * ops.sqrt(mean)
            case "mae":
                return self.scale * mean
        return mean

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"metric": self.metric, **_config(self.signature, self.levels), "scale": self.scale}
        return {"name": self.name, "dtype": self.dtype, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TaskMetric":
        """The metric of this configuration."""
        return cls(**config)


def _signature(target: str, outputs: int) -> Signature:
    """Of a signature no more counts than this; one step of one number stands for the inputs."""
    return Signature(timesteps=1, features=1, outputs=outputs, target=target)  # type: ignore[arg-type]


def _config(signature: Signature, levels: Sequence[float]) -> dict[str, Any]:
    return {"target": signature.target, "outputs": signature.outputs, "levels": list(levels)}


def _aligned(who: str, signature: Signature, targets: Any, outputs: Any) -> Any:
    """The targets with the axes that the outputs have, or without the last one for classes; raises ValueError.

    Users give a column of classes, or a row of single values: without this, either would be broadcast.
    """
    rank, wanted = len(targets.shape), len(outputs.shape) - (signature.target == "class")
    if signature.target == "class" and rank == wanted + 1 and targets.shape[-1] == 1:
        return ops.squeeze(targets, -1)
    if signature.target != "class" and rank == wanted - 1 and signature.outputs == 1:
        return ops.expand_dims(targets, -1)
    if rank != wanted or (signature.target != "class" and targets.shape[-1] not in (None, signature.outputs)):
        one = "a class" if signature.target == "class" else f"{signature.outputs} numbers"
        raise ValueError(
            f"{who}: expected `y_true` to have {one} for each of the outputs of shape {tuple(outputs.shape)}."
            f" Received: y_true of shape {tuple(targets.shape)}"
        )
    return targets

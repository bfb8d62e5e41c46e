"""A task's loss and metric as Keras objects: a model that is compiled with them is saved and loaded like any other.

A process that imported `gru_tf` alone can load it: `gru_tf` tells Keras where these classes are.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.src.backend import set_keras_mask  # keras exports no way to say which losses count

from gru_tf.tasks import Signature
from gru_tf.training.network.model import loss, metric

PACKAGE = "gru_tf.training"  # with which the names are registered; gru_tf/__init__.py names it too


@keras.saving.register_keras_serializable(package=PACKAGE)
class TaskLoss(keras.losses.Loss):
    """What a network learns to make small: `gru_tf.training.network.model.loss`, averaged by Keras over what has a target.

    A class of −1, a step without a target, counts for nothing, with sample weights and without.

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

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The mean; weights (batch,) are those of all steps, where Keras would take them for weights of each step."""
        if sample_weight is not None:
            sample_weight = _of_rank(len(y_pred.shape) - 1, ops.convert_to_tensor(sample_weight))
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Targets and outputs, as `Examples` and the network have them → (batch,) or (batch, T)."""
        targets = _aligned("TaskLoss", self.signature, y_true, y_pred)
        losses = loss(self.signature, targets, y_pred, self.levels)
        if self.signature.target == "class":
            set_keras_mask(losses, targets >= 0)
        return losses

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **_config(self.signature, self.levels), "dtype": self.dtype}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TaskMetric(keras.metrics.MeanMetricWrapper):
    """What a network is judged by, of the means of `gru_tf.training.network.model.metric`, as `Metric.value` has it.

    A class of −1, a step without a target, counts for nothing, with sample weights and without.

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

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count targets and outputs, as `Examples` and the network have them; weights (batch,) or (batch, T)."""
        if self.signature.target == "class":
            targets = _aligned("TaskMetric", self.signature, ops.convert_to_tensor(y_true), y_pred)
            real = ops.cast(targets >= 0, self.dtype)
            if sample_weight is not None:
                real = real * _of_rank(len(real.shape), ops.convert_to_tensor(sample_weight, self.dtype))
            sample_weight = real
        super().update_state(y_true, y_pred, sample_weight)

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


def _of_rank(rank: int, weight: Any) -> Any:
    """Weights with as many axes as what they weigh has: those missing are of one number, and so are those too many."""
    shape = tuple(ops.shape(weight))
    return ops.reshape(weight, (*shape[:rank], *(1,) * (rank - len(shape))))


def _aligned(who: str, signature: Signature, targets: Any, outputs: Any) -> Any:
    """The targets with the axes that the outputs have, or without the last one for classes; raises ValueError.

    Users give a column of classes, or a row of single values: without this, either would be broadcast.
    """
    classes = signature.target == "class"
    rank, wanted = len(targets.shape), len(outputs.shape) - classes
    if classes and rank == wanted + 1 and targets.shape[-1] == 1:
        targets = ops.squeeze(targets, -1)
    elif not classes and rank == wanted - 1 and signature.outputs == 1:
        targets = ops.expand_dims(targets, -1)
    expected = tuple(outputs.shape[:-1]) if classes else (*outputs.shape[:-1], signature.outputs)
    pairs = list(zip(targets.shape, expected, strict=False))
    if len(targets.shape) != wanted or any(None not in pair and pair[0] != pair[1] for pair in pairs):
        one = "a class" if classes else f"{signature.outputs} numbers"
        raise ValueError(
            f"{who}: expected `y_true` to have {one} for each of the outputs of shape {tuple(outputs.shape)}."
            f" Received: y_true of shape {tuple(targets.shape)}"
        )
    return targets

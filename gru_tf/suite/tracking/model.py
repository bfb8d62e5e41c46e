"""A trained model in the store, loadable where this project is not installed."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow

from gru_tf.experiment.result import RunResult
from gru_tf.recurrent.saved_models import PACKAGE, StandIn
from gru_tf.tasks.own._task import OwnData
from gru_tf.tasks.prediction_intervals import LEVELS

ENCODINGS = "encodings.json"  # beside a model of a user's own data: how these become inputs, and outputs answers


def log(uri: str, run_id: str, result: RunResult) -> str:
    """Log the model of `result` to its run at the server `uri`; returns the model's URI."""
    import keras

    model = keras.models.load_model(result.model_file)
    custom = custom_objects(model)
    versions = result.environment["versions"]
    with default_store(uri), _only(custom), _encodings(result) as beside, mlflow.start_run(run_id=run_id):
        info = mlflow.tensorflow.log_model(
            model,
            name=f"{result.run.cell.name}-{result.run.task.name}",
            custom_objects=custom or None,
            signature=_signature(model),
            pip_requirements=[f"{name}=={versions[name]}" for name in ("tensorflow", "keras", "gru-tf")],
            extra_files=beside,
        )
    return str(info.model_uri)


@contextmanager
def _encodings(result: RunResult) -> Iterator[list[str] | None]:
    """The file that says what the inputs of a model of a user's own data are; None for other tasks, whose code says it."""
    task = result.run.drawn_task()
    if not isinstance(task, OwnData):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ENCODINGS
        levels = {"quantiles": LEVELS} if result.run.model.quantiles else {}  # blocks of outputs, in this order
        file.write_text(json.dumps(task.encodings() | levels, ensure_ascii=False), encoding="utf-8")
        yield [str(file)]


def load(uri: str, model_uri: str) -> Any:
    """The `keras.Model` at a model's URI in the tracking server `uri`."""
    with default_store(uri):
        return mlflow.tensorflow.load_model(model_uri)


def custom_objects(model: Any) -> dict[str, Any]:
    """What of this project a process must know to load the model, by registered name; nothing for Keras' own layers."""
    import keras

    if not any(type(layer).__module__.startswith("gru_tf.") for layer in model._flatten_layers()):
        return {}
    registered = keras.saving.get_custom_objects().items()
    return {name: value for name, value in registered if name.startswith(f"{PACKAGE}>") and not isinstance(value, StandIn)}


@contextmanager
def default_store(uri: str) -> Iterator[None]:
    """Let MLflow's fluent functions write to `uri`; afterwards its global and its variable are as they were."""
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


@contextmanager
def _only(custom: dict[str, Any]) -> Iterator[None]:
    """Hide what else is registered in this process: MLflow saves all of it, and a model then loads only where that is."""
    import keras

    registered = keras.saving.get_custom_objects()
    others = {name: registered.pop(name) for name in set(registered) - set(custom)}
    try:
        yield
    finally:
        registered.update(others)


def _signature(model: Any) -> Any:
    """What the model takes and gives; where it takes several, by the names of its inputs, as `predict` then wants a dict."""
    several = len(model.inputs) > 1
    inputs = [_tensor(tensor, tensor.name if several else None) for tensor in model.inputs]
    return mlflow.models.ModelSignature(
        mlflow.types.Schema(inputs), mlflow.types.Schema([_tensor(tensor) for tensor in model.outputs])
    )


def _tensor(tensor: Any, name: str | None = None) -> Any:
    import numpy as np

    return mlflow.types.TensorSpec(np.dtype(tensor.dtype), [-1, *(d or -1 for d in tensor.shape[1:])], name)

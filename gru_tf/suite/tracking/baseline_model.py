"""A fitted baseline in the store: arrays and JSON, served by `mlflow.pyfunc` through this module, without a pickle.

A model that reads a series from its beginning cannot be served from windows; `Comparison.predict` gives it the rows before.
"""

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np

from gru_tf.baselines import stored
from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.baselines.forecasts._repeated import Repeated
from gru_tf.baselines.forecasts.ets import FittedEts
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking.model import ENCODINGS, default_store
from gru_tf.tasks import Signature
from gru_tf.tasks.own._task import OwnData

FILE = "baseline.npz"
VERSIONS = ("numpy", "scikit-learn", "gru-tf")
SEQUENCE, MASK = "sequence", "mask"  # the inputs of a network of sequences whose lengths vary
WHOLE_SERIES = (FittedEts, Repeated)  # these read rows from before the window


def log(uri: str, run_id: str, result: RunResult, model: FittedBaseline) -> str:
    """Log the model of a baseline's `result` to its run at the server `uri`; returns the model's URI."""
    run = result.run
    task = run.drawn_task()
    versions = result.environment["versions"]
    with default_store(uri), tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id):
        data = Path(folder) / "model"
        data.mkdir()
        stored.save(run.cell.name, model, data / FILE)
        if isinstance(task, OwnData):
            (data / ENCODINGS).write_text(json.dumps(task.encodings(), ensure_ascii=False), encoding="utf-8")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*An input example was not provided")  # the signature is stated
            info = mlflow.pyfunc.log_model(
                name=f"{run.cell.name}-{run.task.name}",
                loader_module=__name__,
                data_path=str(data),
                signature=None if isinstance(model, WHOLE_SERIES) else _signature(task.signature),
                pip_requirements=[f"{name}=={versions[name]}" for name in VERSIONS if name in versions],
            )
    return str(info.model_uri)


def load(uri: str, model_uri: str) -> tuple[str, FittedBaseline]:
    """Name and model at a model's URI in the tracking server `uri`; nothing that was logged there is run.

    Raises:
        UserError: where it is damaged, or no baseline.
    """
    with default_store(uri), tempfile.TemporaryDirectory() as folder:
        local = Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=folder))
        file = next(local.rglob(FILE), None)
        if file is None:
            raise UserError(f"{model_uri}: expected a stored baseline, {FILE}. Received: another model")
        try:
            return stored.load(file)
        except UserError as error:
            raise UserError(f"{model_uri}: {error}") from error


class Served:
    """What `mlflow.pyfunc.load_model` returns: from inputs as the network's to outputs as the network's.

    Args:
        name: of the baseline.
        model: fitted.
    """

    def __init__(self, name: str, model: FittedBaseline):
        self.name, self.model = name, model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Array:
        """(N, outputs) for sequences (N, T, I), or by name with "mask" (N, T) of the real steps where lengths vary."""
        if isinstance(self.model, WHOLE_SERIES):
            raise UserError(f"{self.name} reads a series from its beginning, as gru_tf.compared(NAME).predict(rows) does")
        inputs = np.asarray(data[SEQUENCE] if isinstance(data, dict) else data)
        if isinstance(data, dict) and MASK in data:
            lengths = np.asarray(data[MASK]).sum(1).astype(np.int32)
        else:
            lengths = np.full(len(inputs), inputs.shape[1], np.int32)
        return self.model.predict(ModelInputs(inputs, lengths))


def _load_pyfunc(path: str) -> Served:
    """The entry point that MLflow looks for."""
    return Served(*stored.load(Path(path) / FILE))


def _signature(signature: Signature) -> Any:
    """What the model takes and gives, as the network has it."""
    tokens, several = signature.tokens > 0, signature.varying
    kind = np.dtype(np.int32 if tokens else np.float32)
    shape = [-1, -1] if tokens else [-1, -1, signature.features]
    inputs = [mlflow.types.TensorSpec(kind, shape, SEQUENCE if several else None)]
    if several:
        inputs.append(mlflow.types.TensorSpec(np.dtype(bool), [-1, -1], MASK))
    steps = [-1] if signature.per_step else []
    output = mlflow.types.TensorSpec(np.dtype(np.float64), [-1, *steps, signature.outputs])
    return mlflow.models.ModelSignature(mlflow.types.Schema(inputs), mlflow.types.Schema([output]))

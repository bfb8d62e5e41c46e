"""A model of MLflow's registry, imported: looked up by name, read without running code logged beside it, verified."""

import io
import re
import tempfile
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from gru_tf.foundation.errors import UserError, did_you_mean, one_line, several, shown
from gru_tf.interchange import agreement, importing, provenance, random_inputs
from gru_tf.interchange.differences import Verified
from gru_tf.interchange.importing import ImportedModel
from gru_tf.interchange.verification import batch_of
from gru_tf.suite.tracking import Store, baseline_model
from gru_tf.suite.tracking.errors import answering
from gru_tf.suite.tracking.model import default_store
from gru_tf.suite.tracking.paging import every

PREFIX = "models:/"
NAMED = re.compile(rf"{PREFIX}(?P<name>[^/@]+)(@(?P<alias>[^/@]+)|/(?P<version>\d+))")
LOGGED = re.compile(rf"{PREFIX}m-\w+")  # one that is in no registry, by its id
LOADER, DATA = "mlflow.tensorflow", "data"
KERAS = {  # what MLflow makes of a Keras model of stock layers, and what it may say
    "model.keras": (),
    "keras_module.txt": ("keras", "tensorflow.keras"),
    "save_format.txt": ("tf", "keras"),
}
SHAPES = ((1, 1), (3, 2), (2, 7))  # batch, T


def bring(address: str, store: str | None = None, verify: bool | None = None) -> ImportedModel:
    """The Keras model at an address of the registry, compared with what MLflow's own loader, and so its server, answers.

    Args:
        address: "models:/NAME@ALIAS", "models:/NAME/VERSION" or "models:/m-ID".
        store: tracking URI; MLFLOW_TRACKING_URI or ./mlruns/mlflow.db if None.
        verify: whether to compare; None: where MLflow's loader runs nothing of what was logged. With classes of a program's
            own, this project's among them, it unpickles them, which may run anything: True says that they are trusted.

    Raises:
        UserError: for an address of no model, with the nearest name, and where the model answers otherwise.
    """
    opened = Store(store, make=False)
    with answering(opened.uri), default_store(opened.uri), tempfile.TemporaryDirectory() as folder:
        version = _version(opened, address)
        local = _downloaded(version, folder)
        imported = importing.import_file(_file(version, local), verify=False)
        runs = _runs(local) if verify is None else ""
        verified = None if verify is False or runs else _verified(version, local, imported.model)
    today = datetime.now(UTC).date().isoformat()
    record = imported.record | {
        "source": "MLflow registry",
        "file": version,
        "verified": None if verified is None else verified.record() | {"date": today},
    }
    provenance.attach(imported.model, record)
    why = f"MLflow would run {runs}, which --verify allows" if runs else ""
    return replace(imported, source=f"MLflow registry, {version}", verified=verified, unverified=why, record=record)


def _version(store: Store, address: str) -> str:
    """The address with its alias resolved, "models:/NAME/VERSION"."""
    if LOGGED.fullmatch(address):
        return address
    parts = NAMED.fullmatch(address)
    if parts is None:
        raise UserError(f"{address}: expected models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-ID")
    name, alias, version = parts["name"], parts["alias"], parts["version"]
    model = _model(store, name, address)
    if version is not None:
        return _checked(store, name, version)
    aliases = {key: str(value) for key, value in model.aliases.items()}
    if alias not in aliases:
        near = did_you_mean(alias, aliases)
        raise UserError(f"{address}: no such alias.{near} Aliases: {', '.join(aliases) or 'none'}")
    return f"{PREFIX}{name}/{aliases[alias]}"


def _model(store: Store, name: str, address: str) -> Any:
    """The registered model of this name; all names are read only where there is none."""
    try:
        return store.client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
    names = sorted(model.name for model in every(store.client.search_registered_models))
    near, known = did_you_mean(name, names), several(names) or "none"
    raise UserError(f"{address}: no such model in {store.uri}.{near} Registered: {known}")


def _checked(store: Store, name: str, version: str) -> str:
    numbers = {str(known.version) for known in store.client.search_model_versions(f"name = '{name}'")}
    if version not in numbers:
        raise UserError(f"{PREFIX}{name}/{version}: no such version. Versions: {several(sorted(numbers, key=int))}")
    return f"{PREFIX}{name}/{version}"


def _downloaded(address: str, folder: str) -> Path:
    """The folder with all that was logged."""
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=folder))
    except MlflowException as error:
        raise UserError(f"{address}: cannot be read: {one_line(error)}") from error


def _file(address: str, local: Path) -> Path:
    """The .keras file of the model."""
    if next(local.rglob(baseline_model.FILE), None):
        raise UserError(
            f"{address}: expected a recurrent network. Received: a model without one, which predicts by"
            " gru_tf.compared(NAME).predict(rows), or by mlflow.pyfunc.load_model"
        )
    files = sorted(local.rglob("*.keras"))
    if len(files) != 1:
        raise UserError(f"{address}: expected a model with one .keras file. Received: {len(files)}")
    return files[0]


def _runs(local: Path) -> str:
    """What of a folder MLflow's loader would run, in words; "" where it holds a Keras file and what says so."""
    flavors = mlflow.models.Model.load(str(local)).flavors
    python = flavors.get("python_function", {})
    if (loader := python.get("loader_module")) != LOADER:
        return f"the module {shown(loader)}"
    if any(each.get("code") for each in flavors.values()) or any(each.get("data") != DATA for each in flavors.values()):
        return "code that was logged beside the model"
    others = sorted({str(file.relative_to(local / DATA)) for file in (local / DATA).rglob("*")} - KERAS.keys())
    if others:
        return f"what is in {several(others)}"
    strange = [name for name, texts in KERAS.items() if texts and (local / DATA / name).read_text().strip() not in texts]
    return f"what {strange[0]} names" if strange else ""


def _verified(address: str, local: Path, model: Any) -> Verified:
    """Beside `mlflow.pyfunc`, by which `mlflow models serve` answers.

    Outputs are all that a server answers, so they are all that is compared. Behind it the same Keras reads the same file:
    states taken out of that model would be compared with themselves.
    """
    served = mlflow.pyfunc.load_model(str(local))
    comparison = agreement.Agreement(Path(address), f"MLflow {mlflow.__version__}")
    rng = np.random.default_rng(0)
    for batch, timesteps in SHAPES:
        inputs = random_inputs.of_model(model, batch, timesteps, rng)
        with redirect_stdout(io.StringIO()):  # Keras draws a progress bar, which MLflow does not ask it to leave out
            output = served.predict(inputs if len(inputs) > 1 else next(iter(inputs.values())))
        comparison.compare(batch_of(batch, timesteps), {"output": output}, {"output": agreement.answer(model, inputs)})
    return comparison.judged()

"""A model of MLflow's registry as an imported one: found by name, read without running what lies beside it, verified."""

import io
import re
import tempfile
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from gru_tf.errors import UserError, did_you_mean, several
from gru_tf.interchange import agreement, importing, metadata
from gru_tf.interchange.importing import Imported
from gru_tf.interchange.verification import Verified
from gru_tf.tracking import Store
from gru_tf.tracking.model import default_store
from gru_tf.tracking.refusals import answering

PREFIX = "models:/"
NAMED = re.compile(rf"{PREFIX}(?P<name>[^/@]+)(@(?P<alias>[^/@]+)|/(?P<version>\d+))")
LOGGED = re.compile(rf"{PREFIX}m-\w+")  # one that is in no registry, by its id
SHAPES = ((1, 1), (3, 2), (2, 7))  # batch, T


def bring(address: str, store: str | None = None, verify: bool | None = None) -> Imported:
    """The Keras model at an address of the registry, compared with what MLflow's own loader, and so its server, answers.

    Args:
        address: "models:/NAME@ALIAS", "models:/NAME/VERSION" or "models:/m-ID".
        store: tracking URI; MLFLOW_TRACKING_URI or ./mlruns/mlflow.db if None.
        verify: False to leave the comparison out: MLflow's loader unpickles what was logged beside the model.

    Raises:
        UserError: for an address of no model, with the nearest name, and where the model answers otherwise.
    """
    opened = Store(store)
    with answering(opened.uri), default_store(opened.uri), tempfile.TemporaryDirectory() as folder:
        version = _version(opened, address)
        found = importing.bring(_file(address, folder), verify=False)
        verified = None if verify is False else _verified(address, found.model)
    today = datetime.now(UTC).date().isoformat()
    record = found.record | {
        "source": "MLflow registry",
        "file": version,
        "verified": None if verified is None else asdict(verified) | {"date": today},
    }
    metadata.attach(found.model, record)
    return replace(found, source=f"MLflow registry, {version}", verified=verified, record=record)


def _version(store: Store, address: str) -> str:
    """The address with its alias resolved, "models:/NAME/VERSION"."""
    if LOGGED.fullmatch(address):
        return address
    parts = NAMED.fullmatch(address)
    if parts is None:
        raise UserError(f"{address}: expected models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-ID")
    name, alias, version = parts["name"], parts["alias"], parts["version"]
    known = {model.name: model for model in store.client.search_registered_models(max_results=1000)}
    if name not in known:
        names = several(sorted(known)) or "none"
        raise UserError(f"{address}: no such model in {store.uri}.{did_you_mean(name, known)} Registered: {names}")
    if version is not None:
        return _checked(store, name, version)
    aliases = {key: str(value) for key, value in known[name].aliases.items()}
    if alias not in aliases:
        near = did_you_mean(alias, aliases)
        raise UserError(f"{address}: no such alias.{near} Aliases: {', '.join(aliases) or 'none'}")
    return f"{PREFIX}{name}/{aliases[alias]}"


def _checked(store: Store, name: str, version: str) -> str:
    numbers = {str(found.version) for found in store.client.search_model_versions(f"name = '{name}'")}
    if version not in numbers:
        raise UserError(f"{PREFIX}{name}/{version}: no such version. Versions: {several(sorted(numbers, key=int))}")
    return f"{PREFIX}{name}/{version}"


def _file(address: str, folder: str) -> Path:
    """The .keras file of the model, downloaded."""
    try:
        local = Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=folder))
    except MlflowException as error:
        raise UserError(f"{address}: cannot be read: {' '.join(str(error).split())[:200]}") from error
    files = sorted(local.rglob("*.keras"))
    if len(files) != 1:
        raise UserError(f"{address}: expected a model with one .keras file. Received: {len(files)}")
    return files[0]


def _verified(address: str, model: Any) -> Verified:
    """Beside `mlflow.pyfunc`, by which `mlflow models serve` answers."""
    served = mlflow.pyfunc.load_model(address)
    found = agreement.Agreement(Path(address), f"MLflow {mlflow.__version__}")
    rng = np.random.default_rng(0)
    for batch, timesteps in SHAPES:
        given = agreement.inputs(model, batch, timesteps, rng)
        with redirect_stdout(io.StringIO()):  # Keras draws a progress bar, which MLflow does not ask it to leave out
            output = served.predict(given if len(given) > 1 else next(iter(given.values())))
        found.compare(f"{batch} × {timesteps} steps", {"output": output}, {"output": agreement.answer(model, given)})
    return Verified(found.largest, "output", found.cases, found.by, states=False)

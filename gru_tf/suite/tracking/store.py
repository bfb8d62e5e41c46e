"""One tracking server: its experiments by name, opened or created."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient
from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException
from pydantic import ValidationError

from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.suite.tracking import address, definition, sqlite
from gru_tf.suite.tracking.errors import answering, guarded
from gru_tf.suite.tracking.paging import every
from gru_tf.suite.tracking.record import Record
from gru_tf.suite.tracking.tags import DEFINITION, KIND, parts, whole

# A server out of reach is reported at once; result_writer.py decides how long to keep trying.
PATIENT_BY_ITSELF = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
WITHOUT_BARS = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}  # one for each small file that a report reads


class Store:
    """The runs of one tracking server.

    Args:
        uri: any tracking URI of MLflow.
        make: whether a missing SQLite file is created, with its folder; reading alone leaves nothing behind.
        say: called with a line where another process that creates the file is waited for.

    Raises:
        UserError: where the server does not respond, the file is no store, or is missing and not to be created.
    """

    def __init__(self, uri: str | None = None, make: bool = True, say: Callable[[str], None] | None = None):
        uri = address.checked(address.default_uri() if uri is None else uri)
        file, self.uri = address.file_of(uri), address.absolute(uri)
        self._in_file = file is not None
        for noisy in ("alembic", "mlflow.tracking", "mlflow.utils.environment", "mlflow.models"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # tracebacks of what is raised here
        self.folder = Path("mlruns")
        for name, value in (PATIENT_BY_ITSELF | WITHOUT_BARS).items():
            os.environ.setdefault(name, value)
        with answering(self.uri):
            if file is not None:
                self.folder = file.parent
                sqlite.make(file, say) if make else sqlite.expect(file)
            self.client = _client(self.uri)
            self.client.search_experiments(max_results=1)

    @guarded
    def names(self) -> list[str]:
        """Names of the experiments that the store holds."""
        return sorted(e.name for e in every(self.client.search_experiments) if e.name != "Default")

    @guarded
    def find(self, name: str) -> Record:
        """The record of an experiment that was run before.

        Raises:
            UserError: where there is none, with the nearest name.
        """
        stored = self.client.get_experiment_by_name(name)
        parent = _parent(self.client, stored.experiment_id) if stored and stored.lifecycle_stage == "active" else None
        if stored is None or parent is None or DEFINITION not in parent.data.tags:
            raise UserError(address.no_results(name, self.uri, self.names()))
        try:
            experiment = definition.read(whole(parent.data.tags, DEFINITION))
        except ValidationError as error:
            what = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise UserError(f"'{name}' in {self.uri} was run by another version of gru_tf: {what}") from error
        return Record(self.client, self.uri, experiment, stored.experiment_id, parent.info.run_id)

    @guarded
    def has(self, name: str) -> bool:
        """Whether there is an experiment of this name, or was one that is deleted."""
        return self.client.get_experiment_by_name(name) is not None

    @guarded
    def open(self, experiment: Experiment) -> Record:
        """The record that `experiment` is written to, created if missing; parent first."""
        experiment_id = self.experiment_id(experiment.name)
        parent = _parent(self.client, experiment_id)
        if parent is None:
            tags = {KIND: "experiment", **parts(DEFINITION, experiment.model_dump_json())}
            parent = self.client.create_run(experiment_id, run_name=experiment.name, tags=tags)
        return Record(self.client, self.uri, experiment, experiment_id, parent.info.run_id)

    def log(self, run_id: str, params: Mapping[str, Any] | None = None, metrics: Mapping[str, float] | None = None) -> None:
        """Write parameters and metrics with one value each to a run."""
        now = int(1000 * time.time())
        self.client.log_batch(
            run_id,
            metrics=[Metric(k, v, now, 0) for k, v in (metrics or {}).items()],
            params=[Param(k, str(v)) for k, v in (params or {}).items()],
        )

    def experiment_id(self, name: str) -> str:
        """The id of the experiment of this name, created if missing.

        Raises:
            UserError: where it was deleted.
        """
        stored = self.client.get_experiment_by_name(name)
        if stored is None:
            root = (self.folder / "artifacts" / name).absolute().as_uri() if self._in_file else None
            kind = {"mlflow.experimentKind": "custom_model_development"}  # MLflow then shows its training views
            return str(self.client.create_experiment(name, root, tags=kind))
        if stored.lifecycle_stage != "active":
            restore = f"MLFLOW_TRACKING_URI={self.uri} mlflow experiments restore -x {stored.experiment_id}"
            raise UserError(f"'{name}' was deleted in {self.uri}; rename the file, or restore it: {restore}")
        return str(stored.experiment_id)


def _client(uri: str) -> MlflowClient:
    try:
        return MlflowClient(uri)
    except UnsupportedModelRegistryStoreURIException as error:
        scheme, known = uri.partition("://")[0], sorted(filter(None, error.supported_uri_schemes))
        near = did_you_mean(scheme, known)
        raise UserError(f"store: expected a tracking URI: {', '.join(known)}. Received: {uri}.{near}") from error


def _parent(client: MlflowClient, experiment_id: str) -> Any:
    parents = client.search_runs([experiment_id], f"tags.`{KIND}` = 'experiment'", max_results=1)
    return parents[0] if parents else None

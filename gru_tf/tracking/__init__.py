"""MLflow: one experiment a file, a parent run for the experiment, a child for every trial and every final seed.

The store is the only memory: tables, resume and reports read it and nothing else. One process writes it.
"""

import logging
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a private experiment calls nobody

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient
from pydantic import ValidationError

from gru_tf import lock, logged
from gru_tf.errors import UserError, did_you_mean
from gru_tf.experiment import Experiment
from gru_tf.logged import DIAGNOSTICS
from gru_tf.run_result import Diagnostics, RunResult
from gru_tf.tracking import described, model, sqlite
from gru_tf.tracking.refusals import StoreError as StoreError
from gru_tf.tracking.refusals import answering as answering
from gru_tf.tracking.refusals import guarded as _guarded

KIND, FINGERPRINT, MEMBER, RESULT = "gru_tf.kind", "gru_tf.fingerprint", "gru_tf.experiment", "gru_tf.result"
DEFINITION = "gru_tf.definition"
COORDINATOR, HOST, PROCESS, BEAT = "gru_tf.coordinator", "gru_tf.host", "gru_tf.process", "gru_tf.sign_of_life"
BEAT_SECONDS, LIFETIME = 20.0, 120.0
# A server out of reach is to be reported at once; how long to go on trying is decided in writer.py.
PATIENT_BY_ITSELF = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
WITHOUT_BARS = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}  # one for each small file that a report reads
FINISHED, FAILED, RUNNING, KILLED = "FINISHED", "FAILED", "RUNNING", "KILLED"


def default_uri() -> str:
    """MLFLOW_TRACKING_URI if it is set, else SQLite at ./mlruns/mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlruns/mlflow.db"


class Store:
    """The runs of one tracking server.

    Args:
        uri: any tracking URI of MLflow; a SQLite file and its folder are made if missing.

    Raises:
        UserError: where the server does not answer or the file is no store.
    """

    def __init__(self, uri: str | None = None):
        self.uri = uri or default_uri()
        for noisy in ("alembic", "mlflow.tracking", "mlflow.utils.environment", "mlflow.models"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # its tracebacks: we raise what they say
        self.folder = Path("mlruns")
        for name, value in (PATIENT_BY_ITSELF | WITHOUT_BARS).items():
            os.environ.setdefault(name, value)
        with answering(self.uri):
            if self._local():
                self.folder = Path(self.uri.removeprefix("sqlite:///")).parent
                sqlite.make(Path(self.uri.removeprefix("sqlite:///")))
            self.client = MlflowClient(self.uri)
            self.client.search_experiments(max_results=1)

    @_guarded
    def names(self) -> list[str]:
        """Names of the experiments that the store holds."""
        return sorted(e.name for e in self.client.search_experiments() if e.name != "Default")

    @_guarded
    def find(self, name: str) -> "Record":
        """The record of an experiment that was run before.

        Raises:
            UserError: where there is none, with the nearest name.
        """
        found = self.client.get_experiment_by_name(name)
        parent = _parent(self.client, found.experiment_id) if found and found.lifecycle_stage == "active" else None
        if found is None or parent is None or DEFINITION not in parent.data.tags:
            near = did_you_mean(name, [other for other in self.names() if other != name])
            more = near or f" To get some: gru-tf run {name or 'NAME'}"
            raise UserError(f"no results of '{name}' in {self.uri}.{more}")
        try:
            definition = Experiment.model_validate_json(parent.data.tags[DEFINITION])
        except ValidationError as error:
            what = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise UserError(f"'{name}' in {self.uri} was run by another version of gru_tf: {what}") from error
        return Record(self, definition, found.experiment_id, parent.info.run_id)

    @_guarded
    def open(self, experiment: Experiment) -> "Record":
        """The record that `experiment` is written to, made if missing; parent first."""
        experiment_id = self.experiment_id(experiment.name)
        parent = _parent(self.client, experiment_id)
        if parent is None:
            tags = {KIND: "experiment", DEFINITION: experiment.model_dump_json()}
            parent = self.client.create_run(experiment_id, run_name=experiment.name, tags=tags)
        return Record(self, experiment, experiment_id, parent.info.run_id)

    def log(self, run_id: str, params: Mapping[str, Any] | None = None, metrics: Mapping[str, float] | None = None) -> None:
        """Write parameters and metrics with one value each to a run."""
        now = int(1000 * time.time())
        self.client.log_batch(
            run_id,
            metrics=[Metric(k, v, now, 0) for k, v in (metrics or {}).items()],
            params=[Param(k, str(v)) for k, v in (params or {}).items()],
        )

    def experiment_id(self, name: str) -> str:
        """The id of the experiment of this name, made if missing.

        Raises:
            UserError: where it was deleted.
        """
        found = self.client.get_experiment_by_name(name)
        if found is None:
            root = (self.folder / "artifacts" / name).absolute().as_uri() if self._local() else None
            kind = {"mlflow.experimentKind": "custom_model_development"}  # MLflow then shows its training views
            return str(self.client.create_experiment(name, root, tags=kind))
        if found.lifecycle_stage != "active":
            restore = f"MLFLOW_TRACKING_URI={self.uri} mlflow experiments restore -x {found.experiment_id}"
            raise UserError(f"'{name}' was deleted in {self.uri}; rename the file, or restore it: {restore}")
        return str(found.experiment_id)

    def _local(self) -> bool:
        return self.uri.startswith("sqlite:///")


class Record:
    """One experiment in the store: its parent run and its children.

    Attributes:
        experiment: the definition that the store holds, or that is being written.
        left_out: how many children of earlier definitions the last `results(members_only=True)` passed over.
        ids, models: fingerprint → the child, and the URI of its trained model if it has one; of results read or written.
    """

    def __init__(self, store: Store, experiment: Experiment, experiment_id: str, parent: str):
        self.store, self.client, self.experiment = store, store.client, experiment
        self.experiment_id, self.parent = experiment_id, parent
        self.ids: dict[str, str] = {}
        self.models: dict[str, str] = {}
        self.left_out = 0
        self._beaten = 0.0
        self._doubtful: set[str] = set()

    @property
    def uri(self) -> str:
        """Of the store."""
        return self.store.uri

    @_guarded
    def begin(self) -> None:
        """Write the definition on the parent, mark it as running, and clear away what a killed coordinator half wrote.

        Raises:
            UserError: where a coordinator on another machine gave a sign of life in the last minutes.
        """
        self._refuse_second()
        self._mend(f"attributes.status = '{RUNNING}'")
        tags = {
            COORDINATOR: lock.me(),
            HOST: socket.gethostname(),
            PROCESS: lock.mark(),
            BEAT: str(time.time()),
            MEMBER: self.experiment.fingerprint,
            DEFINITION: self.experiment.model_dump_json(),
        }
        self.client.log_batch(self.parent, tags=[RunTag(k, v) for k, v in tags.items()])
        described.note(self, f"**{self.experiment.question}**\n\nNot finished; the answer comes with its last run.")
        self.client.update_run(self.parent, status=RUNNING)

    def _mend(self, which: str) -> None:
        """Remove children that were not written whole, and close those that are whole but for their end."""
        for child in self._children(which):
            if RESULT not in child.data.tags:
                self.client.delete_run(child.info.run_id)
            elif child.info.status == RUNNING:
                self._close(child.info.run_id, RunResult.model_validate_json(child.data.tags[RESULT]))

    def _close(self, run_id: str, result: RunResult) -> None:
        status = FINISHED if result.status == "finished" else FAILED
        self.client.set_terminated(run_id, status, int(1000 * (result.started + result.seconds)))

    def _refuse_second(self) -> None:
        """Two that share no folder: the file lock decides where they do, and a killed process cannot leave that behind."""
        parent = self.client.get_run(self.parent)
        name, tags = self.experiment.name, parent.data.tags
        if parent.info.status != RUNNING:
            return
        if tags.get(HOST) == socket.gethostname():
            if lock.lives(tags.get(PROCESS, "")):
                raise UserError(f"{name} is being run already by {tags[COORDINATOR]}; wait for it, or stop it")
        elif time.time() - float(tags.get(BEAT, "0")) < LIFETIME:
            other = tags.get(COORDINATOR)
            raise UserError(f"{name} is being run already by {other}; wait for it, or stop it and wait {LIFETIME:g} s")

    @_guarded
    def beat(self) -> None:
        """Give a sign of life, at most every few seconds.

        Raises:
            StoreError: where the server is out of reach.
        """
        if time.monotonic() - self._beaten > BEAT_SECONDS:
            self._beaten = time.monotonic()
            self.client.set_tag(self.parent, BEAT, str(time.time()))

    @_guarded
    def complete(self) -> bool:
        """Whether the experiment was finished exactly as defined here."""
        parent = self.client.get_run(self.parent)
        return bool(parent.info.status == FINISHED and parent.data.tags.get(MEMBER) == self.experiment.fingerprint)

    @_guarded
    def outdated(self) -> bool:
        """Whether a finished experiment's definition in the store has other claims or published numbers."""
        definition = self.client.get_run(self.parent).data.tags.get(DEFINITION, "")
        try:
            return Experiment.model_validate_json(definition) != self.experiment
        except ValidationError:  # of another version of this package
            return True

    @_guarded
    def define(self) -> None:
        """Write a finished experiment's definition anew."""
        self.client.set_tag(self.parent, DEFINITION, self.experiment.model_dump_json())

    @_guarded
    def end(self, failed: bool) -> None:
        """Close the parent; one with failed runs counts as failed, and the next call tries these again."""
        self._mend(f"attributes.status = '{RUNNING}'")  # what requests that a server never answered have left
        self.client.set_terminated(self.parent, FAILED if failed else FINISHED)

    @_guarded
    def stop(self) -> None:
        """Mark the parent as stopped before its end: a coordinator on another machine may go on at once."""
        self._mend(f"attributes.status = '{RUNNING}'")
        self.client.set_terminated(self.parent, KILLED)

    @_guarded
    def results(self, members_only: bool = False) -> dict[str, RunResult]:
        """Fingerprint → result of every child, or of those that the definition uses; without history and diagnostics."""
        found, self.left_out = {}, 0
        for child in self._children():
            tags = child.data.tags
            if RESULT not in tags:
                continue
            if members_only and self.experiment.fingerprint not in tags[MEMBER].split(","):
                self.left_out += 1
            else:
                found[tags[FINGERPRINT]] = RunResult.model_validate_json(tags[RESULT])
                self.ids[tags[FINGERPRINT]] = child.info.run_id
                if model.TAG in tags:
                    self.models[tags[FINGERPRINT]] = tags[model.TAG]
        return found

    def _children(self, which: str = "") -> list[Any]:
        children: list[Any] = []
        page = None
        while page is None or page:
            found = self.client.search_runs(
                [self.experiment_id],
                " AND ".join(filter(None, [f"tags.`{FINGERPRINT}` != ''", which])),
                max_results=1000,
                order_by=["attributes.start_time ASC"],  # a run tried again takes the place of its failure
                page_token=page or None,
            )
            children += found
            page = found.token or ""
        return children

    @_guarded
    def adopt(self, result: RunResult) -> None:
        """Count a result that an earlier definition of the experiment trained as one of this definition's."""
        run_id = self.ids[result.run.fingerprint]
        members = self.client.get_run(run_id).data.tags[MEMBER].split(",")
        if self.experiment.fingerprint not in members:
            self.client.set_tag(run_id, MEMBER, ",".join([*members, self.experiment.fingerprint]))

    @_guarded
    def write(self, result: RunResult) -> None:
        """Write one child: parameters, counts, metrics by epoch, speed, environment; the result itself last.

        A child without its result is one that was not written whole; it is no result and is removed on resume.

        Raises:
            StoreError: where the server refuses. It may have taken a part, or all of it and died before it said so:
                written again, the result is there once.
        """
        fingerprint = result.run.fingerprint
        if fingerprint not in self._doubtful or not self._taken(result):
            self._doubtful.add(fingerprint)
            self._write(result)
        self._doubtful.discard(fingerprint)

    def _taken(self, result: RunResult) -> bool:
        """Whether the store has this very result, all told; removes what it has of it in part."""
        same = f"tags.`{FINGERPRINT}` = '{result.run.fingerprint}'"
        self._mend(same)
        for child in self._children(same):
            if child.data.tags[RESULT] == _whole(result):
                self.ids[result.run.fingerprint] = child.info.run_id
                return True
        return False

    def _write(self, result: RunResult) -> None:
        run, start = result.run, int(1000 * result.started)
        tags = {
            "mlflow.parentRunId": self.parent,
            KIND: run.purpose,
            FINGERPRINT: run.fingerprint,
            MEMBER: self.experiment.fingerprint,
            **logged.tags(result),
        }
        child = self.client.create_run(self.experiment_id, start_time=start, run_name=logged.name(result), tags=tags)
        described.inputs(self.client, child.info.run_id, [result])
        metrics = [Metric(k, v, start, 0) for k, v in logged.numbers(result).items()]
        for name, values in result.history.items():
            metrics += [Metric(name, value, start, epoch) for epoch, value in enumerate(values)]
        for i in range(0, len(metrics), 1000):
            self.client.log_batch(child.info.run_id, metrics=metrics[i : i + 1000])
        for name, text in logged.texts(result).items():
            self.client.log_text(child.info.run_id, text, name)
        params = [Param(k, str(v)) for k, v in logged.params(result).items()]
        whole = [RunTag(RESULT, _whole(result))]
        self.client.log_batch(child.info.run_id, params=params, tags=whole)
        self._close(child.info.run_id, result)
        self.ids[run.fingerprint] = child.info.run_id

    @_guarded
    def diagnostics(self, result: RunResult) -> Diagnostics | None:
        """What a result of `results` recorded of the inside of its network; None where it was not asked to."""
        if not result.run.diagnostics or result.status == "failed":
            return None
        with tempfile.TemporaryDirectory() as folder:
            file = self.client.download_artifacts(self.ids[result.run.fingerprint], DIAGNOSTICS, folder)
            return Diagnostics.model_validate_json(Path(file).read_bytes())

    @_guarded
    def log_model(self, result: RunResult) -> None:
        """Log a run's trained model, loadable by `mlflow.pyfunc.load_model` in any process; once."""
        run_id = self.ids[result.run.fingerprint]
        uri = self.client.get_run(run_id).data.tags.get(model.TAG)
        if not uri:
            uri = model.log(self.uri, run_id, result)
            self.client.set_tag(run_id, model.TAG, uri)
            self._close(run_id, result)  # at its own end, not at that of the logging
        self.models[result.run.fingerprint] = uri


def _whole(result: RunResult) -> str:
    return result.model_dump_json(exclude={"history", "diagnostics", "samples"})


def _parent(client: MlflowClient, experiment_id: str) -> Any:
    found = client.search_runs([experiment_id], f"tags.`{KIND}` = 'experiment'", max_results=1)
    return found[0] if found else None

"""One experiment in the store: its definition, its status and its results."""

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mlflow.entities import RunTag
from mlflow.tracking import MlflowClient
from pydantic import ValidationError

from gru_tf.baselines.baseline import FittedBaseline
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import Diagnostics, RunResult
from gru_tf.experiment.timing import Timing
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import baseline_model, definition, description, example_losses, heartbeat, history, model, phases
from gru_tf.suite.tracking.child_runs import Children
from gru_tf.suite.tracking.errors import guarded
from gru_tf.suite.tracking.fields import DIAGNOSTICS, FORECASTS, FORECASTS_KIND
from gru_tf.suite.tracking.kept import Kept, StoredRun, kept
from gru_tf.suite.tracking.tags import (
    BEAT,
    DEFINITION,
    FAILED,
    FINISHED,
    KILLED,
    MEMBER,
    MODEL,
    RUNNING,
    parts,
    whole,
)
from gru_tf.tasks.evaluation import SampleForecast


class Record:
    """One experiment in the store: its parent run and its children.

    Args:
        client: MLflow's, of the store.
        uri: of the store.
        experiment: the definition that the store holds, or that is being written.
        experiment_id: MLflow's.
        parent: the id of the parent run.

    Attributes:
        left_out: how many children of earlier definitions the last `results(members_only=True)` skipped.
        ids, models: fingerprint → the child, and the URI of its trained model if it has one; of results read or written.
        members: fingerprints of the results, read or written, that this definition uses.
        trained: those of them that were trained for it, not for an earlier one.
        children: the runs that hold its results.
    """

    def __init__(self, client: MlflowClient, uri: str, experiment: Experiment, experiment_id: str, parent: str):
        self.client, self.uri, self.experiment = client, uri, experiment
        self.experiment_id, self.parent = experiment_id, parent
        self.children = Children(client, experiment_id, parent)
        self.ids: dict[str, str] = {}
        self.models: dict[str, str] = {}
        self.members: set[str] = set()
        self.trained: set[str] = set()
        self.left_out = 0
        self._places: dict[str, str] = {}  # where the files of a child are
        self._beaten = 0.0
        self._doubtful: set[str] = set()

    @guarded
    def begin(self) -> None:
        """Write the definition to the parent, mark it as running, and remove what a killed coordinator wrote in part.

        Raises:
            UserError: where a coordinator on another machine gave a sign of life in the last minutes.
        """
        heartbeat.refuse_second(self.client.get_run(self.parent), self.experiment.name)
        self.children.mend()
        defining = parts(DEFINITION, self.experiment.model_dump_json())
        tags = heartbeat.own() | {MEMBER: self.experiment.fingerprint} | defining
        self.client.log_batch(self.parent, tags=[RunTag(k, v) for k, v in tags.items()])
        description.forget_answer(self)
        description.note(self, f"**{self.experiment.question}**\n\nNot finished; the answer appears after the last run.")
        self.client.update_run(self.parent, status=RUNNING)

    @guarded
    def beat(self) -> bool:
        """Give a sign of life, at most every few seconds; returns whether it was time for one.

        Raises:
            StoreError: where the server is out of reach.
        """
        if time.monotonic() - self._beaten <= heartbeat.BEAT_SECONDS:
            return False
        self._beaten = time.monotonic()
        self.client.set_tag(self.parent, BEAT, str(time.time()))
        return True

    @guarded
    def complete(self) -> bool:
        """Whether the experiment was finished exactly as defined here."""
        parent = self.client.get_run(self.parent)
        return bool(parent.info.status == FINISHED and parent.data.tags.get(MEMBER) == self.experiment.fingerprint)

    @guarded
    def outdated(self) -> bool:
        """Whether a finished experiment's definition in the store has other claims or published numbers."""
        stored = whole(self.client.get_run(self.parent).data.tags, DEFINITION)
        try:
            return definition.read(stored) != self.experiment
        except ValidationError:  # of another version of this package
            return True

    @guarded
    def define(self) -> None:
        """Replace a finished experiment's definition."""
        tags = parts(DEFINITION, self.experiment.model_dump_json())
        self.client.log_batch(self.parent, tags=[RunTag(k, v) for k, v in tags.items()])

    @guarded
    def end(self, failed: bool) -> None:
        """Close the parent; one with failed runs counts as failed, and the next call tries these again."""
        self.children.mend()  # requests that a server never answered may have left parts
        self.client.set_terminated(self.parent, FAILED if failed else FINISHED)

    @guarded
    def stop(self) -> None:
        """Mark the parent as stopped before its end: a coordinator on another machine may go on at once."""
        self.children.mend()
        self.client.set_terminated(self.parent, KILLED)

    @guarded
    def results(self, members_only: bool = False) -> dict[str, RunResult]:
        """Fingerprint → result of every child, or of those that the definition uses; without history and diagnostics."""
        children = (StoredRun(c.info.run_id, c.info.artifact_uri, c.data.tags) for c in self.children.find())
        there = kept(children, self.experiment.fingerprint if members_only else None)
        self.know(there)
        return there.results

    def know(self, there: Kept) -> None:
        """Keep in mind where these results are, as after `results`."""
        self.left_out = there.left_out
        self.ids.update(there.ids)
        self.models.update(there.models)
        self._places.update(there.places)
        own = self.experiment.fingerprint
        self.members.update(name for name, definitions in there.definitions.items() if own in definitions)
        self.trained.update(name for name, definitions in there.definitions.items() if definitions[:1] == (own,))

    @guarded
    def adopt(self, result: RunResult) -> None:
        """Count a result that an earlier definition of the experiment trained as one of this definition's."""
        run_id = self.ids[result.run.fingerprint]
        members = self.client.get_run(run_id).data.tags[MEMBER].split(",")
        if self.experiment.fingerprint not in members:
            self.client.set_tag(run_id, MEMBER, ",".join([*members, self.experiment.fingerprint]))
        self.members.add(result.run.fingerprint)

    @guarded
    def write(self, result: RunResult) -> None:
        """Write one child: parameters, counts, metrics by epoch, speed, environment; the result itself last.

        A child without its result is one that was not written whole; it is no result and is removed on resume.

        Raises:
            StoreError: where the server refuses. It may have taken a part, or all of it and died before it answered:
                written again, the result is there once.
        """
        fingerprint = result.run.fingerprint
        taken = self.children.taken(result) if fingerprint in self._doubtful else None
        self._doubtful.add(fingerprint)
        self.ids[fingerprint] = taken or self.children.write(result, self.experiment.fingerprint)
        self._doubtful.discard(fingerprint)
        self.members.add(fingerprint)
        self.trained.add(fingerprint)

    def validation_histories(self, results: Iterable[RunResult]) -> dict[str, list[float]]:
        """Fingerprint → validation metric by epoch, of results that `results` gave; without those that have none."""
        return history.validation(self.client, self.uri, self.ids, results)

    def loss_histories(self, results: Iterable[RunResult]) -> dict[str, dict[str, list[float]]]:
        """Fingerprint → losses on both splits by epoch, of results that `results` gave; without those that have none."""
        return history.by_epoch(self.client, self.uri, self.ids, results, history.LOSSES)

    @guarded
    def diagnostics(self, result: RunResult) -> Diagnostics | None:
        """What a result of `results` recorded of the inside of its network; None where it recorded nothing."""
        if not result.run.diagnostics or result.status == "failed":
            return None
        with tempfile.TemporaryDirectory() as folder:
            file = self.client.download_artifacts(self.ids[result.run.fingerprint], DIAGNOSTICS, folder)
            return Diagnostics.model_validate_json(Path(file).read_bytes())

    @guarded
    def sample_forecasts(self, result: RunResult) -> tuple[SampleForecast, ...]:
        """The forecasts of a result of `results` that are to be looked at; () where it has none.

        Raises:
            UserError: where the file in the store is damaged.
        """
        if not result.radii and not result.parts:
            return ()
        run_id = self.ids[result.run.fingerprint]
        if not any(file.path == FORECASTS for file in self.client.list_artifacts(run_id)):
            return ()
        with tempfile.TemporaryDirectory() as folder:
            file = self.client.download_artifacts(run_id, FORECASTS, folder)
            try:
                return FORECASTS_KIND.validate_json(Path(file).read_bytes())
            except ValidationError as error:
                raise UserError(f"run {run_id}, {FORECASTS}: expected forecasts. Received: something else") from error

    @guarded
    def losses(self, results: Iterable[RunResult]) -> dict[str, Array]:
        """Fingerprint → (N,) float32, of each test example its loss, as `gru_tf.experiment.losses` has it.

        In the order of the task's test split, which is the same for every run of the task; without the results that have
        none: trials, tasks whose test split is drawn by each seed, and results of earlier versions.

        Args:
            results: of `results`.

        Raises:
            UserError: where a file in the store is damaged.
        """
        having = [result for result in results if result.losses_kept]
        return {
            (name := r.run.fingerprint): example_losses.read(self.client, self.ids[name], r, self._places.get(name, ""))
            for r in having
        }

    @guarded
    def timing(self) -> tuple[Timing, ...]:
        """The timing phases of the experiment's tasks, also those of earlier definitions; none where none was kept."""
        return phases.read(self.client, self.parent)

    @guarded
    def write_timing(self, timings: Iterable[Timing]) -> None:
        """Keep the timing phases with the parent run, in place of those that are there."""
        phases.write(self.client, self.parent, self.experiment, tuple(timings))

    @guarded
    def log_model(self, result: RunResult) -> None:
        """Log a run's trained model, loadable by `mlflow.pyfunc.load_model` in any process; once."""
        self._log_once(result, lambda run_id: model.log(self.uri, run_id, result))

    @guarded
    def log_baseline(self, result: RunResult, fitted: FittedBaseline) -> None:
        """Log the model of a baseline's run; once."""
        self._log_once(result, lambda run_id: baseline_model.log(self.uri, run_id, result, fitted))

    def _log_once(self, result: RunResult, log: Callable[[str], str]) -> None:
        run_id = self.ids[result.run.fingerprint]
        uri = self.client.get_run(run_id).data.tags.get(MODEL)
        if not uri:
            uri = log(run_id)
            self.client.set_tag(run_id, MODEL, uri)
            self.children.close(run_id, result)  # with the time when the run ended, not the logging
        self.models[result.run.fingerprint] = uri

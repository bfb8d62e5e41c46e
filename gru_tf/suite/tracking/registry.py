"""The best model of each cell on each task in MLflow's registry, with the alias "best"."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from sqlalchemy.exc import SQLAlchemyError

from gru_tf.experiment.experiment import Experiment, overlap_of
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Choice
from gru_tf.foundation.digest import sha256_of_text
from gru_tf.foundation.errors import one_line
from gru_tf.suite.chosen_run import kept_of
from gru_tf.suite.tracking import model
from gru_tf.suite.tracking.errors import answering, root
from gru_tf.suite.tracking.record import Record

ALIAS = "best"
LONGEST = 250  # characters of a name; MLflow's tables have room for 256
VERSIONS = "mlflow.modelVersions"  # of a logged model: by it the dashboard links to the registry


def name(experiment: Experiment, task: Choice, cell: Choice) -> str:
    """What the model of a cell on a task is registered as, e.g. "gru-tf.quickstart.adding-length-30.gru".

    An experiment that cannot be called so as it is has a digest behind it: "my test" is another one than "my-test". So has
    a task that another one of the experiment would share its name with: files of one name in two folders.
    """
    own = _plain(experiment.name)
    own = own if own == experiment.name else f"{own}-{_digest(experiment.name)}"
    of = _plain(task.title)
    if [_plain(other.title) for other in experiment.tasks].count(of) > 1:
        of = f"{of}-{_digest(task.label)}"
    full = ".".join(("gru-tf", own, of, _plain(cell.label)))
    return full if len(full) <= LONGEST else f"{full[: LONGEST - 9]}-{_digest(full)}"


def _plain(part: str) -> str:
    return re.sub(r"[^\w.-]+", "-", part).strip("-")


def _digest(text: str) -> str:
    return sha256_of_text(text)[:8]


def best(experiment: Experiment, results: Iterable[RunResult]) -> Iterator[RunResult]:
    """Of each cell on each task the final run whose model is kept, see `kept_of`."""
    place = {seed: number for number, seed in enumerate(experiment.seeds)}
    finals = [r for r in results if r.is_finished_final and r.test is not None]
    finals.sort(key=lambda r: place.get(r.run.seed, len(place)))
    for pair in experiment.pairs():
        own = [r for r in finals if (r.run.task, r.run.cell) == pair]
        if (kept := kept_of(own)) is not None:
            yield kept


def _baselines(results: Iterable[RunResult]) -> Iterator[RunResult]:
    """The runs of baselines; a better one on validation comes later, so that the alias is its."""
    fitted = [r for r in results if r.fitted and r.validation is not None and r.status == "finished"]
    yield from sorted(fitted, key=lambda r: sign(r.direction) * (r.validation or 0.0))


def models(record: Record, results: Iterable[RunResult]) -> dict[str, tuple[str, RunResult]]:
    """Cell → (URI of its trained model, the run that trained it), of an experiment of one task: the best that has one."""
    having = [result for result in results if result.run.fingerprint in record.models]
    return {r.run.cell.label: (record.models[r.run.fingerprint], r) for r in best(record.experiment, having)}


def register(record: Record, results: Iterable[RunResult]) -> str:
    """Register the best models of a record; says why not where the registry refuses, else "".

    Done again it changes nothing. Of a cell whose best run left no model, none is registered; a baseline is where its model
    was kept, which is where it is recommended.

    Raises:
        StoreError: where the store itself is out of reach.
    """
    try:
        with model.default_store(record.uri):
            results = tuple(results)
            for result in (*best(record.experiment, results), *_baselines(results)):
                if uri := record.models.get(result.run.fingerprint):
                    _register(record, result, uri)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        with answering(record.uri):
            record.client.get_run(record.parent)  # raises where it is not the registry alone
        return one_line(root(error))
    return ""


def _register(record: Record, result: RunResult, uri: str) -> None:
    client, known = record.client, name(record.experiment, result.run.task, result.run.cell)
    version = _version(client, known, uri) or _create(record, known, result, uri)
    _link(client, uri, version)
    if str(_aliased(client, known)) != str(version.version):
        client.set_registered_model_alias(known, ALIAS, version.version)


def _version(client: Any, known: str, uri: str) -> ModelVersion | None:
    """The version that this model has already."""
    versions = client.search_model_versions(f"name = '{known}'")
    return next((version for version in versions if version.source == uri), None)


def _create(record: Record, known: str, result: RunResult, uri: str) -> ModelVersion:
    run, experiment = result.run, record.experiment
    label = f"{run.cell.label}, without a recurrent network," if result.fitted else run.cell.label
    about = f"{label} on {run.task.title}, from the experiment {experiment.name}: {experiment.question}"
    try:
        which = (
            "the first seed, or of a forecast the one that was tested on the newest rows"
            if overlap_of(run.task) or result.validation is None
            else "its best seed on validation"
        )
        text = f"{about} The alias “{ALIAS}” marks {which}."
        record.client.create_registered_model(known, description=text)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    numbers = {f"validation_{result.metric}": result.validation, f"test_{result.metric}": result.test}
    tags = {"experiment": experiment.name, "task": run.task.title, "cell": run.cell.label, "seed": run.seed, **numbers}
    return record.client.create_model_version(
        known,
        uri,
        record.ids[run.fingerprint],
        tags={key: str(value) for key, value in tags.items() if value is not None},
        description=f"{about} Seed {run.seed}.",
        model_id=uri.removeprefix("models:/"),
        await_creation_for=0,  # it is whole when a store of MLflow's own answers; waiting logs a line on the screen
    )


def _link(client: Any, uri: str, version: ModelVersion) -> None:
    """Name the version on the logged model, as `mlflow.register_model` does."""
    logged = client.get_logged_model(uri.removeprefix("models:/"))
    versions = json.loads(logged.tags.get(VERSIONS, "[]"))
    entry = {"name": version.name, "version": version.version}
    if entry not in versions:
        client.set_logged_model_tags(logged.model_id, {VERSIONS: json.dumps([*versions, entry])})


def _aliased(client: Any, known: str) -> str | None:
    """The version that has the alias now."""
    version = client.get_registered_model(known).aliases.get(ALIAS)
    return None if version is None else str(version)

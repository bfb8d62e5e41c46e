"""An experiment in a store in SQLite, read by Python's own SQLite: importing MLflow takes longer than all of a table.

What is read is what MLflow's client gives for the same questions. Whatever is unusual is left to the client, and to its
words: a store that is none, one that is locked or has a journal to be rolled back, an experiment that is deleted.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from pydantic import ValidationError

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import Diagnostics, RunResult
from gru_tf.experiment.timing import Timing
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import address, definition, phases
from gru_tf.suite.tracking.kept import Kept, StoredRun, kept
from gru_tf.suite.tracking.tags import DEFINITION, FINGERPRINT, FINISHED, KIND, MEMBER, TIMED, whole

if TYPE_CHECKING:
    from gru_tf.suite.tracking.record import Record
    from gru_tf.tasks.evaluation import SampleForecast

NAMES = "SELECT name FROM experiments WHERE lifecycle_stage = 'active' AND name != 'Default' ORDER BY name"
EXPERIMENT = "SELECT experiment_id FROM experiments WHERE name = ?"
ACTIVE = "SELECT 1 FROM experiments WHERE experiment_id = ? AND lifecycle_stage = 'active'"
# in the order in which MLflow's search has them: the newest parent, and children oldest first
PARENT = """
    SELECT run_uuid, artifact_uri, status FROM runs JOIN tags USING (run_uuid)
    WHERE experiment_id = ? AND lifecycle_stage = 'active' AND key = ? AND value = 'experiment'
    ORDER BY start_time DESC, run_uuid LIMIT 1
"""
CHILDREN = """
    SELECT run_uuid, artifact_uri FROM runs JOIN tags USING (run_uuid)
    WHERE experiment_id = ? AND lifecycle_stage = 'active' AND key = ? AND value != ''
    ORDER BY start_time IS NULL, start_time, run_uuid
"""
TAGS = """
    SELECT run_uuid, key, value FROM tags JOIN runs USING (run_uuid)
    WHERE experiment_id = ? AND lifecycle_stage = 'active' AND key GLOB 'gru_tf.*'
"""

LOCKED = 0.2  # seconds to wait for another program; then MLflow's client waits, in its own way


@dataclass(frozen=True, eq=False)
class StoredExperiment:
    """An experiment as the store had it when it was read; what the table does not need is asked of MLflow's client.

    Args:
        uri: of the store.
        experiment: the definition that the store holds.
        experiment_id: MLflow's.
        parent: the parent run.
        children: every run below it, oldest first.
        ended: whether the parent run has finished, without a failed run.
    """

    uri: str
    experiment: Experiment
    experiment_id: str
    parent: StoredRun
    children: tuple[StoredRun, ...]
    ended: bool = False

    def answers(self, experiment: Experiment) -> bool:
        """Whether nothing is left to do of an experiment, defined as it is here."""
        return self.ended and self.parent.tags.get(MEMBER) == experiment.fingerprint and self.experiment == experiment

    @cached_property
    def members(self) -> Kept:
        """The results that the definition uses."""
        return kept(self.children, self.experiment.fingerprint)

    def timing(self) -> tuple[Timing, ...]:
        """As `Record.timing` gives it."""
        if TIMED not in self.parent.tags:
            return ()
        url = urlsplit(self.parent.place)
        if url.scheme != "file" or url.netloc:
            return self.record.timing()
        try:
            return phases.in_file(Path(unquote(url.path)) / phases.FILE)
        except OSError:
            return ()

    @cached_property
    def record(self) -> "Record":
        """The same by MLflow's client."""
        from gru_tf.suite.tracking.record import Record
        from gru_tf.suite.tracking.store import Store

        client = Store(self.uri, make=False).client
        record = Record(client, self.uri, self.experiment, self.experiment_id, self.parent.run_id)
        record.know(self.members)
        return record

    @property
    def ids(self) -> dict[str, str]:
        """As `Record.ids`."""
        return self.record.ids

    @property
    def models(self) -> dict[str, str]:
        """As `Record.models`."""
        return self.record.models

    def validation_histories(self, results: Iterable[RunResult]) -> dict[str, list[float]]:
        """As `Record.validation_histories` gives them."""
        return self.record.validation_histories(results)

    def loss_histories(self, results: Iterable[RunResult]) -> dict[str, dict[str, list[float]]]:
        """As `Record.loss_histories` gives them."""
        return self.record.loss_histories(results)

    def losses(self, results: Iterable[RunResult]) -> dict[str, Array]:
        """As `Record.losses` gives them."""
        return self.record.losses(results)

    def sample_forecasts(self, result: RunResult) -> "tuple[SampleForecast, ...]":
        """As `Record.sample_forecasts` gives them."""
        return self.record.sample_forecasts(result)

    def diagnostics(self, result: RunResult) -> Diagnostics | None:
        """As `Record.diagnostics` gives them."""
        return self.record.diagnostics(result)


def find(name: str, uri: str | None = None) -> StoredExperiment | None:
    """The experiment of this name; None where MLflow's client is to be asked.

    Args:
        name: of an experiment that was run.
        uri: of the store; the default one if None.

    Raises:
        UserError: where the address is none, or no file is there.
    """
    uri = address.checked(address.default_uri() if uri is None else uri)
    file = address.file_of(uri)
    if file is None or "?" in uri or "%" in uri:  # SQLAlchemy takes these for more than a part of a name
        return None
    address.expect(file)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True, timeout=LOCKED)) as connection:
            connection.execute("BEGIN")  # one state of the store, also while another process writes it
            return _read(connection, address.absolute(uri), name)
    except (sqlite3.Error, ValidationError):
        return None


def has(name: str, uri: str | None = None) -> bool:
    """Whether a store in SQLite has an experiment of this name; False for another one, which is not asked."""
    file = address.file_of(address.checked(address.default_uri() if uri is None else uri))
    return file is not None and file.exists() and find(name, uri) is not None


def expect(name: str, uri: str | None = None) -> None:
    """Refuse the name of an experiment that a store in SQLite does not have, without MLflow; another store is not asked.

    Raises:
        UserError: with the nearest name.
    """
    uri = address.checked(address.default_uri() if uri is None else uri)
    known = names(uri)
    if known and name not in known:
        raise UserError(address.no_results(name, address.absolute(uri), known))


def names(uri: str | None = None) -> list[str]:
    """Names of the experiments in a store, the default one if None; none where it is not in SQLite, or cannot be read."""
    try:
        file = address.file_of(address.default_uri() if uri is None else uri)
        if file is None or not file.exists():
            return []
        with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True, timeout=LOCKED)) as connection:
            return [name for (name,) in connection.execute(NAMES)]
    except (UserError, sqlite3.Error):
        return []


def _read(connection: sqlite3.Connection, uri: str, name: str) -> StoredExperiment | None:
    ids = connection.execute(EXPERIMENT, (name,)).fetchall()
    if len(ids) != 1 or not connection.execute(ACTIVE, ids[0]).fetchone():
        return None
    (number,) = ids[0]
    tags: dict[str, dict[str, str]] = {}
    for run_id, key, value in connection.execute(TAGS, (number,)):
        tags.setdefault(run_id, {})[key] = value
    parent = connection.execute(PARENT, (number, KIND)).fetchone()
    if parent is None or DEFINITION not in tags[parent[0]]:
        return None
    return StoredExperiment(
        uri,
        definition.read(whole(tags[parent[0]], DEFINITION)),
        str(number),
        StoredRun(parent[0], parent[1], tags[parent[0]]),
        tuple(
            StoredRun(run_id, place, tags[run_id]) for run_id, place in connection.execute(CHILDREN, (number, FINGERPRINT))
        ),
        parent[2] == FINISHED,
    )

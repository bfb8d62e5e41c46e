"""Results on their way to the store: said at once when it refuses them, tried again, and never lost."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import UserError
from gru_tf.suite import journal
from gru_tf.suite.tracking import Record, StoreError

PATIENCE = 60.0  # seconds that a store may stay out of reach before the experiment stops


def complain(message: str) -> None:
    """Say something on stderr now."""
    print(f"gru-tf: {message}", file=sys.stderr, flush=True)  # noqa: T201, progress may own stdout


class Writer:
    """Writes results to the record and confirms them in the journal.

    Args:
        record: where results go.
        folder: of the journal.
        patience: seconds to keep trying while the store refuses.
        say: told at once when the store refuses.
    """

    def __init__(self, record: Record, folder: Path, patience: float = PATIENCE, say: Callable[[str], None] = complain):
        self.record, self.folder, self.patience, self.say = record, folder, patience, say
        self.unreached = False

    def write_kept(self) -> None:
        """Write what an earlier coordinator could not; failures are forgotten, since they are tried again."""
        known = self.record.results()
        for result in journal.kept(self.folder):
            stored = known.get(result.run.fingerprint)
            if result.status != "failed" and not (stored and stored.answers(result.run)):
                self.write(result)
            journal.confirm(self.folder, result)

    def write(self, result: RunResult) -> None:
        """Write one result, however often the store refuses within the patience.

        Raises:
            UserError: where it refused for longer; the result is in the journal then. A result that the disk refused
                as well is tried without end: only this process has it.
        """
        if result.warning:
            self.say(f"{result.run.cell.label} on {result.run.task.title}, seed {result.run.seed}: {result.warning}")
        self.insist(lambda: self.record.write(result), lambda: self._kept(result))
        journal.confirm(self.folder, result)

    def _kept(self, result: RunResult) -> bool:
        return journal.holds(self.folder, result) or not journal.keep(self.folder, result).warning

    def insist(self, act: Callable[[], None], safe: Callable[[], bool] = lambda: True) -> None:
        """Do something with the store, however often it refuses within the patience.

        Args:
            act: what raises StoreError where the store refuses.
            safe: whether it may be given up.

        Raises:
            UserError: where the store refused for longer and it may.
        """
        given_up, pause, told = time.monotonic() + self.patience, 0.5, ""
        while True:
            try:
                act()
                break
            except StoreError as error:
                if not told:
                    told = str(error)
                    self.say(f"{told}. Trying again; Ctrl-C stops and keeps what is done.")
                if safe() and time.monotonic() > given_up:
                    where = f"{len(journal.kept(self.folder))} results wait in {self.folder}"
                    raise UserError(f"{error}. {where}; the same command writes them and goes on") from error
                time.sleep(pause)
                pause = min(2 * pause, 10.0)
        if told:
            self.say("the store answers again.")

    def beat(self) -> None:
        """Give a sign of life; a store out of reach is reported, once, long before the next result needs it."""
        try:
            if self.record.beat():
                self.unreached = False
        except StoreError as error:
            if not self.unreached:
                self.say(f"{error}. Training goes on; results are kept in {self.folder}.")
            self.unreached = True

"""Results on their way to the store: a refusal is reported at once and retried, and no result is lost."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import UserError, counted
from gru_tf.suite import journal
from gru_tf.suite.tracking import Record, StoreError

PATIENCE = 60.0  # seconds that a store may stay out of reach before the experiment stops
Value = TypeVar("Value")


def complain(message: str) -> None:
    """Print a line on stderr now."""
    print(f"gru-tf: {message}", file=sys.stderr, flush=True)  # noqa: T201, progress may own stdout


class ResultWriter:
    """Writes results to the record and confirms them in the journal.

    Args:
        record: where results go.
        folder: of the journal.
        patience: seconds to keep trying while the store refuses.
        say: prints a line, such as that the store refuses.
    """

    def __init__(self, record: Record, folder: Path, patience: float = PATIENCE, say: Callable[[str], None] = complain):
        self.record, self.folder, self.patience, self.say = record, folder, patience, say
        self.unreached = False

    def write_unconfirmed(self) -> dict[str, RunResult]:
        """Write what an earlier coordinator could not; failures are forgotten, since they are tried again.

        Returns:
            Fingerprint → result, of all that the record has then.
        """
        stored = self.record.results()
        for result in journal.unconfirmed(self.folder):
            known = stored.get(result.run.fingerprint)
            if result.status != "failed" and not (known and known.answers(result.run)):
                self.write(result)
                stored[result.run.fingerprint] = result
            journal.confirm(self.folder, result)
        return stored

    def write(self, result: RunResult) -> None:
        """Write one result, however often the store refuses within the patience.

        Raises:
            UserError: where it refused for longer; the result is in the journal then. A result that the disk refused
                as well is retried without limit: only this process has it.
        """
        if result.warning:
            self.say(f"{result.run.cell.label} on {result.run.task.title}, seed {result.run.seed}: {result.warning}")
        self.insist(lambda: self.record.write(result), lambda: self._kept(result))
        journal.confirm(self.folder, result)

    def _kept(self, result: RunResult) -> bool:
        return journal.holds(self.folder, result) or not journal.keep(self.folder, result).warning

    def insist(self, act: Callable[[], Value], safe: Callable[[], bool] = lambda: True) -> Value:
        """Do something with the store, however often it refuses within the patience; returns what that returns.

        Args:
            act: what raises StoreError where the store refuses.
            safe: whether it may be given up.

        Raises:
            UserError: where the store refused for longer and it may.
        """
        deadline, pause, reported = time.monotonic() + self.patience, 0.5, False
        while True:
            try:
                value = act()
                break
            except StoreError as error:
                if not reported:
                    reported = True
                    self.say(f"{error}. Retrying; Ctrl-C stops and keeps all finished runs.")
                if safe() and time.monotonic() > deadline:
                    waiting = counted(len(journal.unconfirmed(self.folder)), "unsaved result")
                    remedy = "the same command stores them and continues"
                    raise UserError(f"{error}. {waiting} in {self.folder}; {remedy}") from error
                time.sleep(pause)
                pause = min(2 * pause, 10.0)
        if reported:
            self.say("the store responds again.")
        return value

    def beat(self) -> None:
        """Give a sign of life; a store out of reach is reported, once, long before the next result needs it."""
        try:
            if self.record.beat():
                self.unreached = False
        except StoreError as error:
            if not self.unreached:
                self.say(f"{error}. Training continues; results are kept in {self.folder}.")
            self.unreached = True

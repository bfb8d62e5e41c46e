"""Results on their way to the store: said at once when it refuses them, tried again, and never lost."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from gru_tf import journal
from gru_tf.errors import UserError
from gru_tf.run_result import RunResult
from gru_tf.tracking import Record, StoreError

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

    def write_kept(self) -> None:
        """Write what an earlier coordinator could not."""
        known = self.record.results()
        for result in journal.kept(self.folder):
            if result.run.fingerprint not in known:
                self.write(result)
            journal.confirm(self.folder, result)

    def write(self, result: RunResult) -> None:
        """Write one result, however often the store refuses within the patience.

        Raises:
            UserError: where it refused for longer; the result is in the journal then. A result that the disk refused
                as well is tried without end: only this process has it.
        """
        if result.warning:
            self.say(f"{result.run.cell.label} on {result.run.task.label}, seed {result.run.seed}: {result.warning}")
        given_up, pause, told = time.monotonic() + self.patience, 0.5, ""
        while True:
            try:
                self.record.write(result)
                break
            except StoreError as error:
                if str(error) != told:
                    told = str(error)
                    self.say(f"{told}. Trying again; Ctrl-C stops and keeps what is done.")
                if time.monotonic() > given_up and journal.holds(self.folder, result):
                    where = f"{len(journal.kept(self.folder))} results wait in {self.folder}"
                    raise UserError(f"{told}. {where}; the same command writes them and goes on") from error
                time.sleep(pause)
                pause = min(2 * pause, 10.0)
        if told:
            self.say("the store takes results again.")
        journal.confirm(self.folder, result)

"""Who runs an experiment, as tags of its parent run say: for coordinators that share a store but no folder."""

import socket
import time
from typing import Any

from gru_tf.foundation.errors import UserError
from gru_tf.suite import lock
from gru_tf.suite.tracking.tags import BEAT, COORDINATOR, HOST, PROCESS, RUNNING

BEAT_SECONDS, LIFETIME = 20.0, 120.0


def own() -> dict[str, str]:
    """The tags that name this process, with its first sign of life."""
    return {COORDINATOR: lock.me(), HOST: socket.gethostname(), PROCESS: lock.mark(), BEAT: str(time.time())}


def refuse_second(parent: Any, name: str) -> None:
    """Refuse a second coordinator that shares no folder with the first; where they share one, the file lock refuses it.

    Args:
        parent: the experiment's run, as MLflow gives it.
        name: of the experiment.

    Raises:
        UserError: where its coordinator lives on this machine, or gave a sign of life on another in the last minutes.
    """
    tags = parent.data.tags
    if parent.info.status != RUNNING:
        return
    if tags.get(HOST) == socket.gethostname():
        if lock.lives(tags.get(PROCESS, "")):
            raise UserError(f"{name} is already being run by {tags[COORDINATOR]}; wait for it to finish, or stop it")
    elif time.time() - float(tags.get(BEAT, "0")) < LIFETIME:
        other = tags.get(COORDINATOR)
        raise UserError(f"{name} is already being run by {other}; wait for it to finish, or stop it and wait {LIFETIME:g} s")

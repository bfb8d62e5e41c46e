"""One coordinator per experiment: a second one is refused, naming the first."""

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from gru_tf.foundation.errors import UserError


def me() -> str:
    """This process in words, e.g. "process 4711 on host, since 2026-01-31 12:00:00"."""
    return f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}"


def mark() -> str:
    """This process as `lives` recognises it: a process number is reused some day, together with its start it is not."""
    return f"{os.getpid()} {psutil.Process().create_time()}"


def lives(mark: str) -> bool:
    """Whether another process of this machine with that mark is running."""
    number, _, started = mark.partition(" ")
    if not number.isdigit() or int(number) == os.getpid():
        return False
    try:
        return str(psutil.Process(int(number)).create_time()) == started
    except psutil.NoSuchProcess:
        return False


@contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of the experiment `name` in `folder`; the system releases it when this process ends, however it ends.

    Raises:
        UserError: where another process holds it, and where nothing can be written in its place.
    """
    holder = folder / f"{name}.holder.json"
    lock = FileLock(folder / f"{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / name).exists() and not (folder / name).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder / name))
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(f"{name} is already being run by {_holder(holder)}; wait for it to finish, or stop it") from error
    except OSError as error:
        raise UserError(f"{error.filename}: expected a folder for work in progress. Received: {error.strerror}") from error
    try:
        holder.write_text(json.dumps(me()), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(file: Path) -> str:
    try:
        return str(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return "another process"

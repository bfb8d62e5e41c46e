"""Where a data set's files lie: folders that the user names, then a cache, then a download; every file is checked."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.digest import sha256_of_file
from gru_tf.foundation.errors import UserError, one_line

FOLDERS = "GRU_TF_DATA"
CACHE = "GRU_TF_CACHE"


class DatasetError(UserError):
    """A data file that is absent, damaged or cannot be fetched: one line saying which, from where, and what to do."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Args:
        path: where it lies below a data folder, with forward slashes, e.g. "polyphonic/JSB_Chorales.mat".
        url: where it can be fetched.
        sha256: its checksum, 64 hexadecimal digits.
        bytes: its size.
        convert: makes the file from what was fetched, in place, e.g. takes it out of an archive; ValueError where it
            cannot. Checksum and size are those of the result.
    """

    path: str
    url: str
    sha256: str
    bytes: int
    convert: Callable[[Path], None] | None = None

    @property
    def content(self) -> str:
        """Size and checksum in words, as messages give them."""
        return _content(self.bytes, self.sha256)


def cache() -> Path:
    """The folder that files are fetched into."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("gru_tf")).expanduser()


def locate(file: DataFile) -> Path:
    """Return where `file` lies, its checksum verified.

    Searched in this order: the folders in the environment variable GRU_TF_DATA (separated as in PATH; empty entries
    are skipped), then the cache folder (GRU_TF_CACHE, else the system's own for "gru_tf"). A file that neither has is
    fetched into the cache, where a damaged copy is replaced too; several processes may do so at once.

    Raises:
        DatasetError: where a named folder does not exist, a file in it is not the expected one, or fetching fails.
    """
    return find(file) or _cached(file)


def find(file: DataFile) -> Path | None:
    """Return where `file` lies in the folders of GRU_TF_DATA, its checksum verified; None where none has it.

    Raises:
        DatasetError: where a named folder does not exist or a file in it is not the expected one.
    """
    for folder in _named_folders(file):
        candidate = folder / file.path
        try:
            received = _content_of(candidate)
        except FileNotFoundError:
            continue
        except OSError as error:
            received = f"cannot be read, {error}"
        if received != file.content:
            raise DatasetError(
                f"{file.path}: {candidate} is not the expected file. Received: {received}. Expected: {file.content}."
                f" Replace it by the one from {file.url}, or set {FOLDERS} to a folder that has it"
            )
        return candidate
    return None


def _named_folders(file: DataFile) -> list[Path]:
    """The folders in GRU_TF_DATA, each of which must exist: a mistyped one would otherwise end in a download."""
    folders = [Path(entry).expanduser() for entry in os.environ.get(FOLDERS, "").split(os.pathsep) if entry]
    for folder in folders:
        if not folder.is_dir():
            raise DatasetError(
                f"{file.path}: {FOLDERS} names a folder that does not exist. Received: {folder}."
                f" Expected: existing folders separated by '{os.pathsep}'. Set {FOLDERS} to a folder that has the file"
            )
    return folders


def _cached(file: DataFile) -> Path:
    """The file in the cache, fetched where it is not there yet or damaged."""
    import pooch

    target = cache() / file.path

    def download(url: str, output: str, source: Any) -> None:
        with _progress(target.name) as bar:
            pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16)(url, output, source)
        if file.convert is not None:
            file.convert(Path(output))
        if (received := _content_of(Path(output))) != file.content:  # pooch compares too, but says less
            raise ValueError(received)

    outer = sys.exception()
    try:
        # pooch writes beside the target and renames, so a half-written file never has the target's name. It is given
        # the innermost folder because it creates that one safely when two processes start at once, but not one below.
        pooch.retrieve(file.url, f"sha256:{file.sha256}", target.name, target.parent, downloader=download)
    except (OSError, ValueError) as error:
        if (response := getattr(error, "response", None)) is not None:  # an HTTP error: pooch leaves its connection open
            response.close()
        raise DatasetError(
            f"{file.path}: cannot be fetched from {file.url} into {target.parent}. Received: {_first_cause(error, outer)}."
            f" Expected: {file.content}."
            f" {_searched()}: set {FOLDERS} to a folder that has it, or {CACHE} to one to fetch into"
        ) from error
    return target


def _searched() -> str:
    """What GRU_TF_DATA is set to, since the advice to set it would puzzle a user who has."""
    folders = os.environ.get(FOLDERS)
    return f"{FOLDERS}={folders} has no such file" if folders else f"{FOLDERS} is not set"


def _first_cause(error: BaseException, outer: BaseException | None) -> str:
    """The first message of the system or the server, on one line; `outer` was already being handled and is no cause."""
    while (cause := error.__cause__ or error.__context__) is not None and cause is not outer:
        error = cause
    return one_line(error)


def _content(size: int, sha256: str) -> str:
    """One wording for files and expectations alike, so that comparing it compares both size and checksum."""
    return f"{size:,} bytes with sha256 {sha256}"


def _content_of(path: Path) -> str:
    """Size and checksum of the file at `path`, in words."""
    sha256 = sha256_of_file(path)
    return _content(path.stat().st_size, sha256)


class _Bar:
    """What pooch asks of a progress bar (`total`, `update`, `reset`, `close`), drawn by rich."""

    total = 0

    def __init__(self, progress: Any, name: str):
        self._progress = progress
        self._task = progress.add_task(name, total=None)

    def update(self, received: int) -> None:
        """Add `received` bytes; pooch has set `total` by now, to 0 where the server does not say."""
        self._progress.update(self._task, total=self.total or None, advance=received)

    def reset(self) -> None:
        """Start again from nothing, as pooch does before it fills the bar."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """Nothing to do: the display ends with its context, after an error too."""


@contextmanager
def _progress(name: str) -> Iterator[_Bar | bool]:
    """A bar where standard error is a terminal, else False: logs should not fill with bars."""
    if not sys.stderr.isatty():
        yield False
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bar(progress, name)

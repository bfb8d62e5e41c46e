"""A user's files that an experiment pins by their checksum, so that a run always means the same data."""

from collections.abc import Sequence
from pathlib import Path

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import files


def pinned_digest(sha256: str, paths: Sequence[str]) -> str:
    """The checksum of the files as they are now; raises DatasetError where it is not `sha256`, "" for any."""
    digest = files.digest(*paths)
    if sha256 and digest != sha256:
        changed = f"sha256 {digest}, expected {sha256}"
        names = " and ".join(Path(path).name for path in paths)
        raise DatasetError(f"{paths[0]}: {names} changed since the experiment was made. Received: {changed}")
    return digest

"""What a comparison is called in the store: its file's name, told apart from that of another file of the same name."""

import re
from pathlib import Path

from gru_tf.data.own import files
from gru_tf.foundation.digest import PINNED, sha256_of_text
from gru_tf.foundation.errors import UserError
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.suite.tracking import reading

DIGITS = 6  # of the digest of a path


def of_file(path: str, test: str | None) -> str:
    """The file's name without its suffixes, and without its "_TRAIN" where there are test data."""
    stem = Path(path).name
    for suffix in files.FORMS:
        stem = stem.removesuffix(suffix)
    stem = re.sub(r"[-_.]train$", "", stem, flags=re.IGNORECASE) if test else stem
    return _plain(stem) or "data"


def told_apart(path: str, test: str | None, store: str | None) -> tuple[str, tuple[Inference, ...]]:
    """The name for a file's comparison, and a line about it where the file's own is the answer on another file.

    Two files of one name in two folders would else share one answer: the later comparison would take the place of the
    first one.
    """
    name = of_file(path, test)
    content = files.digest(path, test)
    other = _other(name, store, path, content)
    if other is None:
        return name, ()
    longer = _plain(f"{Path(path).parent.name}-{name}")
    if _other(longer, store, path, content):
        longer = f"{name}-{sha256_of_text(path)[:DIGITS]}"
    return longer, (Inference(f"name: '{longer}', as '{name}' is the comparison of {other}", ("name",)),)


def _other(name: str, store: str | None, path: str, content: str) -> str | None:
    """The file that a comparison of this name in the store is of, where that is neither at this path nor of this content."""
    try:
        stored = reading.find(name, store)
    except UserError:  # no store yet
        return None
    options = stored.experiment.tasks[0].options if stored is not None else {}
    if "path" not in options or options.get(PINNED) == content:
        return None
    other = str(Path(str(options["path"])).absolute())
    return None if other == path else other


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")

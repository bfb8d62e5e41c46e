"""Imported, the task `faulty` joins the catalogue."""

from pathlib import Path

from gru_tf import tasks
from gru_tf.foundation.catalogue import Catalogue

_FOLDER = Path(__file__).parent
_files, _address = Catalogue._files, Catalogue.address


def _with_faulty(self: Catalogue) -> dict[str, Path]:
    return _files(self) | ({"faulty": _FOLDER / "faulty.py"} if self.kind == "task" else {})


def _address_with_faulty(self: Catalogue, name: str) -> str:
    return "gru_tf.tasks.faulty" if (self.kind, name) == ("task", "faulty") else _address(self, name)


tasks.__path__.append(str(_FOLDER))
Catalogue._files = _with_faulty  # type: ignore[method-assign]
Catalogue.address = _address_with_faulty  # type: ignore[method-assign]

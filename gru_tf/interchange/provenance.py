"""Where an imported model comes from and how it was verified: kept with the model, in every .keras file made of it."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError

NAME = "gru_tf.json"
MEMBER = f"assets/{NAME}"  # where Keras puts what a model adds to its file
MOST = 1 << 20  # bytes


@dataclass(frozen=True)
class ModelProvenance:
    """In the place of a model's `save_assets`, which Keras calls while it saves: adds the record to the file.

    Args:
        record: source, file, sha256, and verified (by, largest, cases, date) or None.
    """

    record: dict[str, Any]

    def __call__(self, folder: str) -> None:
        """Write the record into the folder of the file's assets."""
        Path(folder, NAME).write_text(json.dumps(self.record, ensure_ascii=False, indent=1), encoding="utf-8")


def attach(model: Any, record: dict[str, Any]) -> None:
    """Let a model carry the record from now on; a loaded file does not, its file still has it."""
    model.save_assets = ModelProvenance(record)


def record_of(model: Any) -> dict[str, Any] | None:
    """The record of an imported model or of its .keras file; None where there is none.

    Raises:
        UserError: for a path without a .keras file.
    """
    if not isinstance(model, (str, Path)):
        kept = getattr(model, "save_assets", None)
        return kept.record if isinstance(kept, ModelProvenance) else None
    try:
        with zipfile.ZipFile(model) as archive:
            if MEMBER not in archive.namelist() or archive.getinfo(MEMBER).file_size > MOST:
                return None
            found = json.loads(archive.read(MEMBER))
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError) as error:
        raise UserError(f"{model}: expected a .keras file. Received: {error}") from None
    return found if isinstance(found, dict) else None


of = record_of  # the documented name, as `gru_tf.interchange.metadata.of`

"""Where an imported model comes from and how it was verified: a record in the model and every .keras file saved from it."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError

NAME = "gru_tf.json"
MEMBER = f"assets/{NAME}"  # Keras' place for files that a model adds
MOST = 1 << 20  # bytes


@dataclass(frozen=True)
class ModelProvenance:
    """Takes the place of a model's `save_assets`, which Keras calls while it saves, and adds the record to the file.

    Args:
        record: source, file, sha256, and verified (by, largest, cases, date) or None.
    """

    record: dict[str, Any]

    def __call__(self, folder: str) -> None:
        """Write the record into the folder of assets."""
        Path(folder, NAME).write_text(json.dumps(self.record, ensure_ascii=False, indent=1), encoding="utf-8")


def attach(model: Any, record: dict[str, Any]) -> None:
    """Add the record to a model; a model loaded from a file does not have it, though the file does."""
    model.save_assets = ModelProvenance(record)


def record_of(model: Any) -> dict[str, Any] | None:
    """The record of an imported model or of its .keras file; None where there is none.

    Raises:
        UserError: for a path that is not a .keras file.
    """
    if not isinstance(model, (str, Path)):
        provenance = getattr(model, "save_assets", None)
        return provenance.record if isinstance(provenance, ModelProvenance) else None
    try:
        with zipfile.ZipFile(model) as archive:
            if MEMBER not in archive.namelist() or archive.getinfo(MEMBER).file_size > MOST:
                return None
            record = json.loads(archive.read(MEMBER))
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError) as error:
        raise UserError(f"{model}: expected a .keras file. Received: {error}") from None
    return record if isinstance(record, dict) else None


of = record_of  # the documented name, as `gru_tf.interchange.metadata.of`

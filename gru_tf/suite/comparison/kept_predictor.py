"""The predictor of a comparison in the store, beside its parent run."""

import tempfile
from pathlib import Path

from gru_tf.analysis.results import Results
from gru_tf.foundation.digest import sha256_of_text
from gru_tf.foundation.errors import UserError
from gru_tf.suite.comparison import artifact
from gru_tf.suite.comparison.predictor import Predictor
from gru_tf.suite.tracking import Record, description

NAME = "predictor"  # of the folder


def answered(results: Results) -> str:
    """A digest of what a predictor is the answer to: the definition of the experiment and the runs that ended.

    Further replicates of the same definition may recommend another model.
    """
    ended = sorted(run.run.fingerprint for run in results.runs if run.status == "finished")
    return sha256_of_text(" ".join([results.experiment.fingerprint, *ended]))[:16]


def keep(predictor: Predictor, record: Record, of: str) -> None:
    """Keep a predictor with the parent run of a comparison.

    Args:
        predictor: to keep.
        record: of the comparison.
        of: what it is the answer to, see `answered`.

    Raises:
        UserError: where it cannot be written.
        StoreError: where the store refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = artifact.save(predictor, Path(folder) / NAME, of)
        about = (place / artifact.ABOUT).rename(Path(folder) / artifact.ABOUT)
        (place / artifact.ABOUT).write_text("{}", encoding="utf-8")  # while it is written, the answer to nothing
        description.folder(record, place, NAME, only=artifact.ABOUT)
        description.folder(record, place, NAME)
        about.replace(place / artifact.ABOUT)
        description.folder(record, place, NAME, only=artifact.ABOUT)


def is_kept(record: Record, of: str) -> bool:
    """Whether a comparison's parent run keeps the predictor that is the answer to this; reads no model."""
    with tempfile.TemporaryDirectory() as folder:
        place = description.fetched(record, f"{NAME}/{artifact.ABOUT}", Path(folder))
        return place is not None and artifact.is_of(place.parent, of)


def kept(record: Record, of: str) -> Predictor | None:
    """The predictor that a comparison's parent run keeps; None where it keeps none, or one that is the answer to another."""
    with tempfile.TemporaryDirectory() as folder:
        place = description.fetched(record, NAME, Path(folder))
        try:
            return artifact.load(place) if place is not None and artifact.is_of(place, of) else None
        except UserError:  # it is made anew from the store's models and the file of training, which says what is wrong
            return None

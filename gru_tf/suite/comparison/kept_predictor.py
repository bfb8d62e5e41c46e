"""The predictor of a comparison in the store, beside its parent run."""

import tempfile
from pathlib import Path

from gru_tf.foundation.errors import UserError
from gru_tf.suite.comparison import artifact
from gru_tf.suite.comparison.predictor import Predictor
from gru_tf.suite.tracking import Record, description

NAME = "predictor"  # of the folder


def keep(predictor: Predictor, record: Record) -> None:
    """Keep a predictor with the parent run of a comparison.

    Raises:
        UserError: where it cannot be written.
        StoreError: where the store refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = artifact.save(predictor, Path(folder) / NAME, record.experiment.fingerprint)
        description.folder(record, place, NAME)


def kept(record: Record) -> Predictor | None:
    """The predictor that a comparison's parent run keeps; None where it keeps none, or one of another definition."""
    with tempfile.TemporaryDirectory() as folder:
        place = description.fetched(record, NAME, Path(folder))
        try:
            return None if place is None else artifact.load(place, record.experiment.fingerprint)
        except UserError:  # it is made anew from the store's models and the file of training, which says what is wrong
            return None

"""The parts of an experiment as data: a choice of cell or task, the network, the training, the search."""

from gru_tf.experiment.specs.choice import OF_FILES, PINNED, Choice, Names, Option
from gru_tf.experiment.specs.claims import Claims
from gru_tf.experiment.specs.diagnostics import DIAGNOSTICS, Diagnosed
from gru_tf.experiment.specs.name import Name
from gru_tf.experiment.specs.network import STARTING, ModelSpec
from gru_tf.experiment.specs.published import Published
from gru_tf.experiment.specs.replicates import ReplicatesSpec, seeds_in
from gru_tf.experiment.specs.search import (
    FACTOR,
    MODEL,
    NOT_SEARCHED,
    TRAINING,
    Axis,
    Range,
    SearchSpec,
    Space,
    Values,
    is_integer,
)
from gru_tf.experiment.specs.spec import Positive, Scalar, Seed, Settings, Spec
from gru_tf.experiment.specs.training import TrainingSpec

__all__ = [
    "DIAGNOSTICS",
    "FACTOR",
    "MODEL",
    "NOT_SEARCHED",
    "OF_FILES",
    "PINNED",
    "STARTING",
    "TRAINING",
    "Axis",
    "Choice",
    "Claims",
    "Diagnosed",
    "ModelSpec",
    "Name",
    "Names",
    "Option",
    "Positive",
    "Published",
    "Range",
    "ReplicatesSpec",
    "Scalar",
    "SearchSpec",
    "Seed",
    "Settings",
    "Space",
    "Spec",
    "TrainingSpec",
    "Values",
    "is_integer",
    "seeds_in",
]

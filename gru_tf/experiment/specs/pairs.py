"""Values of a search that are possible one by one but not together, such as nesterov and a momentum of 0."""

from itertools import combinations, product

from pydantic import ValidationError

from gru_tf.experiment.specs.search import TRAINING, Range, SearchSpec, is_integer
from gru_tf.experiment.specs.training import TrainingSpec
from gru_tf.foundation.errors import mismatch


def check(search: SearchSpec, training: TrainingSpec) -> None:
    """Raise ValueError for two fields of the recipe whose values cannot be tried together.

    Args:
        search: with its axes.
        training: which has the other fields.
    """
    axes = {name: axis for name, axis in search.axes.items() if name in TRAINING}
    values = {name: axis.ends(is_integer(name)) if isinstance(axis, Range) else axis for name, axis in axes.items()}
    for one, other in combinations(values, 2):
        for first, second in product(values[one], values[other]):
            try:
                training.but(**{one: first, other: second})
            except ValidationError as error:
                raise ValueError(f"search.space: {one} with {other}: {mismatch(error.errors())}") from error

"""Whether a recipe allows every two values that a search may try together."""

from collections.abc import Mapping
from itertools import combinations, product

from pydantic import ValidationError

from gru_tf.experiment.specs import TRAINING, Axis, Range, TrainingSpec, is_integer
from gru_tf.foundation.errors import mismatch


def check(training: TrainingSpec, axes: Mapping[str, Axis]) -> None:
    """Refuse values of the recipe that are possible one by one and not together.

    Raises:
        ValueError: with the names of the two, and what is wrong.
    """
    own = {name: axis for name, axis in axes.items() if name in TRAINING}
    values = {name: axis.ends(is_integer(name)) if isinstance(axis, Range) else axis for name, axis in own.items()}
    for one, other in combinations(values, 2):
        for first, second in product(values[one], values[other]):
            try:
                training.but(**{one: first, other: second})
            except ValidationError as error:
                raise ValueError(f"search.space: {one} with {other}: {mismatch(error.errors())}") from error

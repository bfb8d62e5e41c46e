"""Values of a search that cannot be tried: impossible ones, and pairs of the recipe that are impossible together."""

from itertools import combinations, product
from typing import Any

from pydantic import ValidationError

from gru_tf.experiment.specs.search import TRAINING, Range, SearchSpec, is_integer
from gru_tf.foundation.errors import mismatch, shown


def check(search: SearchSpec, run: Any) -> None:
    """Raise ValueError for a value that is there twice, is impossible, or is so beside one of another field.

    Args:
        search: with its axes.
        run: a `Run` with nothing tuned.
    """
    axes = search.axes
    tried = {name: axis.ends(is_integer(name)) if isinstance(axis, Range) else axis for name, axis in axes.items()}
    for name, values in tried.items():
        for value in values:
            if values.count(value) > 1:
                times = f"{shown(value)} {values.count(value)} times"
                raise ValueError(f"search.space.{name}: expected each value once. Received: {times}")
            _expect_possible(run, f"search.space.{name}", {name: value})
    for one, other in combinations([name for name in tried if name in TRAINING], 2):
        for first, second in product(tried[one], tried[other]):
            _expect_possible(run, f"search.space: {one} with {other}", {one: first, other: second})


def _expect_possible(run: Any, place: str, settings: dict[str, Any]) -> None:
    try:
        run.tuned(settings)
    except ValidationError as error:
        raise ValueError(f"{place}: {mismatch(error.errors())}") from error

"""How large the tensors of a graph from a file may become."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gru_tf.foundation.errors import UserError, one_line

MOST = 1 << 26  # numbers in a tensor
MOST_STEPS = 1 << 16  # of a sequence
MOST_OPERATIONS = 1 << 19  # computed in all
MOST_NUMBERS = 1 << 33  # computed in all; a product of matrices counts by its multiplications
MULTIPLICATIONS = 64  # that take as long as any other number


class UnfollowedError(ValueError):
    """A graph that cannot be followed; the message is the place and the operation."""


HOSTILE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError, StopIteration)


@contextmanager
def at(place: str) -> Iterator[None]:
    """Raise UnfollowedError, with the place, for whatever a graph that no program writes makes fail."""
    try:
        yield
    except (UnfollowedError, UserError):
        raise
    except HOSTILE as error:
        raise UnfollowedError(f"{place}: {one_line(error, 80) or type(error).__name__}") from None


def attribute(node: Any, name: str, default: Any) -> Any:
    """A number in a node's attribute; files may leave out those that have TensorFlow's default."""
    if name not in node.attr:
        return default
    return node.attr[name].i if isinstance(default, int) else node.attr[name].f


def type_of(node: Any, name: str, default: str = "float32") -> Any:
    """The NumPy type in an attribute, or TensorFlow's default where it is left out."""
    import tensorflow as tf

    return tf.dtypes.as_dtype(node.attr[name].type if name in node.attr else default).as_numpy_dtype


def check_size(node: Any, shape: Iterable[int]) -> None:
    """Raise UnfollowedError where a tensor of this shape would be too large, or the shape is none."""
    shape = [int(size) for size in shape]
    if any(size < 0 for size in shape) or math.prod(shape) > MOST:
        raise UnfollowedError(f"{node.name} ({node.op}): a tensor of shape {tuple(shape)}")

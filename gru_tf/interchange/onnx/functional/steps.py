"""What the model computes, before it is built: steps, each a layer or an operation of Keras on the results of others."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from gru_tf.foundation import stage
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line

SAID = 50  # steps after which it is said how far the building is


@dataclass(frozen=True, eq=False)
class BuildStep:
    """A layer or an operation.

    Args:
        call: (the building, Keras tensors of the inputs) → a Keras tensor, or a list of several.
        inputs: steps whose results it takes.
        node: the node that it is for, as messages name it.
    """

    call: Callable[..., Any]
    inputs: tuple["BuildStep", ...]
    node: str

    def item(self, n: int) -> "BuildStep":
        """The n-th of its several results."""
        return BuildStep(lambda _, results: results[n], (self,), self.node)


@dataclass
class Building:
    """One building of the model.

    Args:
        dtype: of weights and computation.
        names: of the layers so far.
    """

    dtype: str
    names: set[str] = field(default_factory=set)

    def name(self, wanted: str) -> str:
        """A name for a layer that Keras accepts and no other has."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", wanted).strip("_.-")[:60] or "layer"
        plain = plain if plain[0].isalpha() else f"n_{plain}"
        name, n = plain, 1
        while name in self.names:
            name, n = f"{plain}_{n}", n + 1
        self.names.add(name)
        return name

    def array(self, array: Array, *beside: Any) -> Array:
        """Numbers in the type that the model computes in, or in float64 beside tensors of that; whole ones in their own."""
        if array.dtype.kind == "f":
            half = self.dtype in ("float16", "bfloat16") and not is_double(*beside)
            return array.astype("float32" if half else self.float_of(*beside))
        return array if array.dtype in ("bool", "int32", "int64") else array.astype("int32")

    def float_of(self, *tensors: Any) -> str:
        """The type that what takes these tensors computes in: float64 where the file has one of that, else the model's."""
        return "float64" if is_double(*tensors) else self.dtype

    def type_of(self, name: str) -> str:
        """The type that the model has for one of a file: its own for float32 and float16, else the same."""
        return self.dtype if name in ("float16", "float32") else name

    def layer(self, kind: Any, node: str, *args: Any, dtype: str = "", **options: Any) -> Any:
        """A new layer of this dtype, or another, named by its node."""
        return kind(*args, dtype=dtype or self.dtype, name=self.name(node), **options)


def ordered(last: Iterable[BuildStep]) -> Iterator[BuildStep]:
    """All steps that these need, each after its inputs."""
    done: set[int] = set()
    waiting = [(step, False) for step in reversed(list(last))]
    while waiting:
        step, ready = waiting.pop()
        if id(step) in done:
            continue
        if ready:
            done.add(id(step))
            yield step
        else:
            waiting.append((step, True))
            waiting.extend((each, False) for each in reversed(step.inputs) if id(each) not in done)


def built(last: Iterable[BuildStep], dtype: str) -> list[Any]:
    """Keras tensors of these steps.

    Raises:
        UserError: where Keras cannot build a step, naming its node.
    """
    last = list(last)
    building, results = Building(dtype), dict[int, Any]()
    for n, step in enumerate(ordered(last)):
        if n % SAID == 0:
            stage.say(f"building the model, node '{step.node}'")
        try:
            results[id(step)] = step.call(building, *(results[id(each)] for each in step.inputs))
        except UserError as error:
            raise UserError(f"node '{step.node}': {error}") from None
        except Exception as error:  # Keras raises anything where lengths do not fit
            expected = "expected what Keras can build"
            raise UserError(f"node '{step.node}': {expected}. Received: {one_line(error)}") from None
    return [results[id(step)] for step in last]


def operation(function: Callable[..., Any], *inputs: BuildStep, node: str, **options: Any) -> BuildStep:
    """A step of one Keras operation."""
    return BuildStep(lambda _, *tensors: function(*tensors, **options), inputs, node)


def filled(layer: Any, *weights: Array) -> Any:
    """A layer after it was built, with these weights."""
    layer.set_weights([np.asarray(weight) for weight in weights])
    return layer


def is_double(*tensors: Any) -> bool:
    """Whether one of these is float64."""
    return any(str(getattr(tensor, "dtype", "")) == "float64" for tensor in tensors)


def cast(tensor: Any, dtype: str) -> Any:
    """A tensor in another type; itself where it has that."""
    return tensor if str(tensor.dtype) == dtype else keras.ops.cast(tensor, dtype)


def reshape(tensor: Any, shape: tuple[int | None, ...]) -> Any:
    """A Keras tensor with another shape, in which None is a length that is not known; by the simplest operation."""
    free = [n for n, length in enumerate(shape) if length is None]
    target = tuple(-1 if length is None else length for length in shape)
    if len(free) < 2:
        return keras.ops.reshape(tensor, target)
    return keras.layers.Reshape(target[1:])(tensor)

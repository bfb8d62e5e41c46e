"""A call of a TensorFlow function in a Keras 2 graph (TFOpLambda, SlicingOpLambda), and the operation of Keras 3 for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.interchange.keras.objects import is_plain

CONSTANT = "_CONSTANT_VALUE"  # in the place of a tensor's layer
REQUIRED = object()
HELD: Mapping[str, tuple[Any, ...]] = {  # parameters that may have these values only
    "conjugate": (False,),
    "validate_indices": (None,),
    "exclusive": (False,),
    "reverse": (False,),
    "batch_dims": (0,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "data_format": (None, "NHWC", "N...C"),
    "on_value": (1,),
    "off_value": (0,),
    "beta": (1.0,),
}


@dataclass(frozen=True)
class GraphTensor:
    """A tensor of the graph.

    Args:
        origin: layer, node and output.
    """

    origin: list[Any]


@dataclass(frozen=True)
class KerasOperation:
    """An operation of Keras 3.

    Args:
        module: of Keras that has it, e.g. "keras.src.ops.numpy".
        name: e.g. "Mean".
        options: of its constructor.
        args: of its call.
        kwargs: of its call.
    """

    module: str
    name: str
    options: Mapping[str, Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


class TensorFlowCall:
    """One call.

    Args:
        where: file and layer, for messages.
        function: by its public name, e.g. "math.reduce_mean".
        first: the first argument: a `GraphTensor`, a constant, or a list of them.
        options: the other arguments by name, with `GraphTensor` for tensors.
        dtype: of the layer, which constants have.
        written: a tensor's origin as Keras 3 writes it; asked for those that the operation takes.
    """

    def __init__(
        self,
        where: str,
        function: str,
        first: Any,
        options: Mapping[str, Any],
        dtype: Any,
        written: Callable[[list[Any]], dict[str, Any]],
    ):
        self.where, self.function, self.first, self.dtype, self.written = where, function, first, dtype, written
        self.left = {key: value for key, value in options.items() if key != "name" and value is not None}

    def taken(self, key: str, default: Any = REQUIRED) -> Any:
        """An argument, which is then done with; its default where it is absent or null."""
        if key not in self.left and default is REQUIRED:
            raise self.error(f"{key}", "none")
        return self.left.pop(key, default)

    def constant(self, key: str, default: Any = REQUIRED) -> Any:
        """An argument that must be a constant: numbers, text or a list of them."""
        value = self.taken(key, default)
        if not is_plain(value):
            raise self.error(f"{key} to be a constant", "a tensor that the model computes, or another value")
        return value

    def operation(self, place: str, *args: Any, **options: Any) -> KerasOperation:
        """That of Keras 3, such as "numpy.Mean"; without `args` called on the first argument."""
        package, _, name = place.partition(".")
        return KerasOperation(f"keras.src.ops.{package}", name, options, self.values(args or (self.first,)))

    def values(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arguments of a call as Keras 3 writes them."""
        return tuple(self._value(value) for value in args)

    def _value(self, value: Any) -> Any:
        if isinstance(value, GraphTensor):
            return self.written(value.origin)
        if isinstance(value, list) and any(isinstance(each, GraphTensor | list) for each in value) and not is_plain(value):
            return [self._value(each) for each in value]
        if not is_plain(value):
            raise self.error("tensors and constants", shown(value))
        return self._array(value) if isinstance(value, list) else value

    def _array(self, value: list[Any]) -> dict[str, Any]:
        try:
            kind: str = np.asarray(value).dtype.kind
        except ValueError:
            kind = ""
        dtype = {"f": self.dtype or "float32", "i": "int32", "b": "bool"}.get(kind)
        if dtype is None:
            raise self.error("constants to be numbers", shown(value))
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": dtype}}

    def translated(self, functions: Mapping[str, Callable[["TensorFlowCall"], KerasOperation]]) -> KerasOperation:
        """The operation of Keras 3 that computes the same.

        Raises:
            UserError: for a function or an argument that has none.
        """
        if self.function not in functions:
            near = did_you_mean(self.function, functions)
            raise UserError(
                f"{self.where}: expected a TensorFlow function that Keras 3 has, too.{near} Received: {shown(self.function)}"
            )
        operation = functions[self.function](self)
        for key, value in self.left.items():
            if isinstance(value, GraphTensor) or value not in HELD.get(key, ()):
                received = "a tensor" if isinstance(value, GraphTensor) else shown(value)
                raise self.error("arguments that Keras 3's operation has, too", f"{key}={received}")
        return operation

    def error(self, expected: str, received: str) -> UserError:
        """To raise for an argument."""
        return UserError(f"{self.where}: {self.function}: expected {expected}. Received: {received}")

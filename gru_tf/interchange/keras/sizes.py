"""How many numbers a Keras model computes, from shapes alone, before anything is computed.

A file of a few lines can ask for any number: an operation that repeats, pads or multiplies, a layer that upsamples,
attention over all pairs of steps. And a model with a free length need not compute every length, such as one that starts
with a convolution without padding.
"""

import math
from collections.abc import Callable
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, counted, one_line, shown
from gru_tf.interchange.random_inputs import MOST
from gru_tf.interchange.source import BATCHES, LENGTHS

MOST_TENSORS = 200_000  # in a graph: an operation can give one tensor for each step
LONGER = (64, 256, 1024)  # where a model computes none of the usual lengths
ATTENTION = {"Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"}


def computable(where: str, model: Any) -> tuple[int, ...]:
    """The lengths that the model can compute, of those that it is verified with; one where its length is fixed.

    Args:
        where: the file, for messages.
        model: built.

    Raises:
        UserError: for a model that computes too many numbers at once, naming the layer or operation, and for one that
            computes none of these lengths.
    """
    free = any(None in tensor.shape[1:] for tensor in model.inputs)
    reasons: list[str] = []
    lengths = tuple(steps for steps in (LENGTHS if free else LENGTHS[:1]) if _computes(where, model, steps, reasons))
    lengths = lengths or next(((steps,) for steps in LONGER if free and _computes(where, model, steps, reasons)), ())
    if not lengths:
        expected = "expected a model whose layers fit together"
        raise UserError(f"{where}: {expected}. Received: {reasons[0]}")
    return lengths


def _computes(where: str, model: Any, steps: int, reasons: list[str]) -> bool:
    inputs = [_concrete(tensor, steps) for tensor in model.inputs]
    walk = _Walk(where)
    try:
        for tensor in inputs:
            walk.check("the input", tensor.shape)
        walk.run(_graph(model), inputs)
    except Exception as error:  # Keras raises anything where shapes do not fit
        if walk.refused:
            raise walk.refused from None
        reasons.append(one_line(error))
        return False
    free = any(None in tensor.shape[1:] for tensor in model.inputs)
    if free and walk.empty and steps not in LONGER:  # such as a sequence of which all steps are cut off
        reasons.append(f"nothing is left of {counted(steps, 'step')}")
        return False
    return True


def _concrete(tensor: Any, steps: int) -> Any:
    """A tensor of the same kind without free sizes."""
    batch, *sizes = tensor.shape
    shape = [batch or max(BATCHES), *(steps if size is None else size for size in sizes)]
    return keras.KerasTensor(shape, dtype=tensor.dtype)


class TensorLimit:
    """Inside, a graph is built of at most so many tensors.

    Args:
        where: the file, for messages.
    """

    def __init__(self, where: str):
        self.where, self.left = where, MOST_TENSORS
        self.refused: UserError | None = None  # Keras wraps errors raised while it builds

    def __enter__(self) -> "TensorLimit":
        """Count every tensor."""
        self.original = keras.KerasTensor.__init__
        original, count = self.original, self._count

        def initialize(tensor: Any, *args: Any, **options: Any) -> None:
            count()
            original(tensor, *args, **options)

        keras.KerasTensor.__init__ = initialize
        return self

    def __exit__(self, *_: object) -> None:
        """Restore Keras' own method."""
        keras.KerasTensor.__init__ = self.original

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            expected = f"expected a graph of at most {MOST_TENSORS:,} tensors"
            self.refused = UserError(f"{self.where}: {expected}. Received: more, such as one for each step")
            raise self.refused


class _Walk:
    """Goes through graphs, and those in them, with shapes in the place of numbers."""

    def __init__(self, where: str):
        self.where = where
        self.refused: UserError | None = None
        self.empty = False  # whether a tensor has no numbers

    def run(self, graph: Any, inputs: Any) -> Any:
        return graph._run_through_graph(inputs, operation_fn=self._checked)

    def check(self, name: str, shape: Any) -> None:
        if math.prod(size or 1 for size in shape) > MOST:
            expected = f"{name}: expected at most {MOST:,} numbers at once"
            self.refused = UserError(f"{self.where}: {expected}. Received: shape {tuple(shape)}")
            raise self.refused

    def _checked(self, operation: Any) -> Callable[..., Any]:
        name = f"{shown(operation.name)} ({type(operation).__name__})"

        def compute(*args: Any, **options: Any) -> Any:
            if (inner := _graph(operation)) is not None:
                return self.run(inner, args[0])
            if isinstance(operation, keras.layers.TimeDistributed) and (inner := _graph(operation.layer)) is not None:
                batch, steps, *sizes = args[0].shape
                self.run(inner, keras.KerasTensor([batch * steps, *sizes], dtype=args[0].dtype))
            if type(operation).__name__ in ATTENTION:
                self.check(f"scores of {name}", _scores(operation, args, options))
            self.check(f"input with padding of {name}", _padded(operation, args))
            outputs = operation.compute_output_spec(*args, **options)
            for tensor in keras.tree.flatten(outputs):
                self.check(name, tensor.shape)
                self.empty = self.empty or 0 in tensor.shape
            return outputs

        return compute


def _scores(layer: Any, args: Any, options: Any) -> tuple[int, ...]:
    """The shape of an attention's scores: of each step of the query, for each step of the value."""
    tensors = [each for each in keras.tree.flatten([args, options.get("value", [])]) if hasattr(each, "shape")]
    query, value = tensors[0].shape, tensors[min(1, len(tensors) - 1)].shape
    each = query[-1] if type(layer).__name__ == "AdditiveAttention" else getattr(layer, "num_heads", 1)
    return (*query[:-1], *value[1:-1], int(each))


def _padded(layer: Any, args: Any) -> tuple[int, ...]:
    """The shape of a convolution's input with the zeros around it, of which a dilation asks for as many as it likes."""
    cell = getattr(layer, "cell", layer)
    rates, kernels = (getattr(cell, key, ()) for key in ("dilation_rate", "kernel_size"))
    shape: tuple[int, ...] = tuple(getattr(args[0], "shape", ())) if args else ()
    if not isinstance(rates, tuple | list) or not isinstance(kernels, tuple | list) or len(shape) < len(kernels) + 1:
        return ()
    first = len(shape) - 1 - len(kernels)
    spatial = shape[first:-1]
    more = [(kernel - 1) * rate for kernel, rate in zip(kernels, rates, strict=False)]
    return (*shape[:first], *(size + around for size, around in zip(spatial, more, strict=False)), shape[-1])


def _graph(layer: Any) -> Any:
    """The graph of a model; None for a layer."""
    if not isinstance(layer, keras.Model):
        return None
    graph = getattr(layer, "_functional", None) or layer
    return graph if hasattr(graph, "_run_through_graph") else None

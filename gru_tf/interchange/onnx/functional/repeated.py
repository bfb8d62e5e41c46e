"""Constants that are repeated for each sequence of an input, such as learned initial states, as something computed."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, shape_text
from gru_tf.interchange.onnx.functional.steps import Building, BuildStep, operation
from gru_tf.interchange.onnx.functional.sums import add
from gru_tf.interchange.onnx.functional.values import KINDS, Expanded
from gru_tf.interchange.onnx.functional.views import Atom, Group, TensorView
from gru_tf.interchange.onnx.values import UnreadableError


def repeated(value: Expanded, sources: Sequence[TensorView], count: Callable[[int], None], node: str) -> TensorView:
    """Constants as a tensor: added to zeros that have the lengths of an input.

    Args:
        value: the constants.
        sources: the graph's inputs.
        count: counts the bytes of constants.
        node: the node that needs them, for messages.

    Raises:
        UnreadableError: if no input has all lengths that are not known.
    """
    known = sources[0].known if sources else None
    settled = [size if known is None else known.settled(size) for size in value.sizes]
    free = [n for n, size in enumerate(settled) if size.names]
    for source in sources:
        matching = [next((group for group in source.axes if source.size(group) == settled[n]), None) for n in free]
        groups = tuple(group for group in matching if group)
        if len(groups) < len(free) or len(set(groups)) < len(groups):
            continue
        rest = tuple(group for group in source.layout if group not in groups)
        like = operation(_zeros, source.arranged((*groups, *rest), node), node=node, axes=len(groups))
        return _added(value, settled, dict(zip(free, groups, strict=True)), like, count, source)
    raise UnreadableError(f"expected constants to be repeated for an input. Received: {shape_text(value.sizes)}")


def _added(
    value: Expanded,
    settled: list[SymbolicSize],
    free: dict[int, Group],
    like: BuildStep,
    count: Callable[[int], None],
    source: TensorView,
) -> TensorView:
    """The tensor: the axes that are repeated, then the constants' own."""
    own = [n for n in range(len(settled)) if n not in free]
    shape = [settled[n].factor for n in own]
    count(int(np.prod(shape, dtype=np.int64)) * value.array.itemsize)
    array = np.broadcast_to(value.array.transpose([*free, *own]), [*[1] * len(free), *shape])
    atoms = free | {n: (Atom(settled[n]),) if settled[n].factor != 1 else () for n in own}
    kind = KINDS[array.dtype.kind]

    def call(building: Building, zeros: Any) -> Any:
        numbers = building.array(array, array)
        zeros = keras.ops.cast(zeros, building.float_of(array) if kind == "float" else str(numbers.dtype))
        for _ in own:
            zeros = keras.ops.expand_dims(zeros, -1)
        return add(zeros, numbers)

    step = BuildStep(call, (like,), like.node)
    layout, axes = tuple(atoms[n] for n in (*free, *own)), tuple(atoms[n] for n in range(len(settled)))
    return TensorView(step, layout, axes, kind, source.known, like.node)


def _zeros(tensor: Any, axes: int) -> Any:
    """Zeros with the first axes of a tensor."""
    return keras.ops.zeros_like(tensor[(slice(None),) * axes + (0,) * (len(tensor.shape) - axes)])

"""Inputs of a checkpoint's graph that a model does not have: each is named with its value, or refused.

They are fed with what is usual outside of training (`tf1_feeds`). Where another value gives another output, the model would
be one of many functions that the graph computes; then only lengths can be read, as the mask of a model.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building, option_names
from gru_tf.interchange.network import Network
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError
from gru_tf.interchange.tensorflow.graph.values import Values
from gru_tf.interchange.tensorflow.tf1_flow import Tf1Flow
from gru_tf.interchange.tensorflow.tf1_operations import SOURCES

TOLERANCE = 1e-6  # of the largest number, in float64


@dataclass(frozen=True, eq=False)
class Reading:
    """How a graph was computed where it gave what a network gives.

    Args:
        flow: of the graph.
        get: reads a variable.
        fed: node → value.
        data: the node that takes the sequences.
        end: the node of the output.
        inputs: the sequences, as the network takes them.
        output: of the graph.
        arrange: makes it (batch, T, O) or (batch, O).
    """

    flow: Tf1Flow
    get: Callable[[str], Array]
    fed: Mapping[str, Any]
    data: str
    end: str
    inputs: Array
    output: Array
    arrange: Callable[[Array, int], Array]

    def others(self) -> list[str]:
        """Inputs that the output needs beside the data."""
        flow = self.flow.flow
        seen, left = {self.end}, [self.end]
        while left:
            for name in flow.graph.inputs(left.pop()):
                if name not in seen and name != self.data:
                    seen.add(name)
                    left.append(name)
        return [name for name in flow.graph.nodes if name in seen and flow.op(name) in SOURCES]

    def value(self, name: str) -> Array:
        """What an input has, its default where it is not fed."""
        return np.asarray(self.fed[name]) if name in self.fed else self.computed({}, name)

    def computed(self, changed: Mapping[str, Any], name: str = "") -> Array:
        """The output, or another tensor, where some inputs have other values."""
        return Values(self.flow.flow.graph, self.get, {**self.fed, **changed}, wide=True)[name or self.end]


def named(reading: Reading, network: Network, masked: bool) -> Iterator[str]:
    """Phrases on inputs that the model does not have, each with what it was fed with.

    Args:
        reading: of the graph.
        network: that gives the same, without a mask.
        masked: whether the model is to have a mask in place of lengths.

    Raises:
        UserError: for an input that changes the output and is neither a switch nor, with `masked`, the lengths.
    """
    lengths = []
    for name in reading.others():
        value = reading.value(name)
        switch = value.ndim == 0 and value.dtype.kind in "fb"  # a rate of dropout, a phase: the user reads its value
        if switch or not _changes(reading, name, value):
            yield f"other values of {name}, which the graph was given as {_shown(value)}"
        elif masked and value.dtype.kind == "i" and value.shape == (len(reading.inputs),):
            lengths.append(name)
        else:
            raise _refused(reading, name, value)
    if lengths:
        _check_masked(reading, replace(network, masked=True), lengths)
        yield f"the steps behind the lengths {' and '.join(lengths)}, in whose place the model has a mask"


def _shown(value: Array) -> str:
    if value.size and np.all(value == value.flat[0]):
        return f"{value.flat[0]:g}" if value.dtype.kind in "iuf" else str(value.flat[0])
    return np.array2string(value, threshold=6, edgeitems=2, separator=", ").replace("\n", "")


def _changes(reading: Reading, name: str, value: Array) -> bool:
    """Whether any other value gives another output; values that the graph cannot have do not count."""
    for other in _others(value):
        try:
            output = reading.computed({name: other})
        except UnfollowedError:
            continue
        if output.size != reading.output.size or not same(output.ravel(), reading.output.ravel()):
            return True
    return False


def _others(value: Array) -> Iterator[Array]:
    if value.dtype.kind == "b":
        yield ~value
    elif value.dtype.kind in "iu":
        yield from (value - 1, value + 1, (value - np.arange(value.size).reshape(value.shape)).astype(value.dtype))
    else:
        yield np.asarray(np.random.default_rng(1).normal(size=value.shape), value.dtype)


def same(one: Array, other: Array) -> bool:
    """Whether these are the same numbers but for rounding in float64."""
    largest = max(1.0, float(np.abs(other).max(initial=0)))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE * largest, equal_nan=True))


def _check_masked(reading: Reading, network: Network, names: list[str]) -> None:
    """Refuse lengths that do something else than a mask does."""
    batch, steps = reading.inputs.shape[:2]
    real = np.maximum(1, steps - 2 * np.arange(batch)) if batch > 1 else np.array([max(1, steps - 1)])
    mask = np.arange(steps) < real[:, None]
    expected = np.asarray(building.build(network, dtype="float64")([reading.inputs, mask]))
    try:
        output = reading.computed({name: real.astype(reading.value(name).dtype) for name in names})
        own = reading.arrange(output, batch) if output.size == expected.size else output
        alike = own.shape == expected.shape and bool(
            same(own[mask], expected[mask]) if network.every_step else same(own, expected)
        )
    except UnfollowedError:
        alike = False
    if not alike:
        words = f"lengths that do what the mask of {option_names.called('masked', True)} does"
        raise UserError(
            f"{reading.flow.where}: {names[0]}: expected {words}. Received: others; {_without_graph(reading.flow.where)}"
        )


def _refused(reading: Reading, name: str, value: Array) -> UserError:
    op, where = reading.flow.flow.op(name), reading.flow.where
    if value.dtype.kind == "i" and value.shape == (len(reading.inputs),):
        advice = f"; {option_names.called('masked', True)} makes a model that takes a mask in place of lengths"
    else:
        advice = f"; put its value into the program as a constant and save it again, or {_without_graph(where)}"
    shape = f"of shape {value.shape}" if value.shape else "a number"
    return UserError(
        f"{where}: {name}: expected no input of its graph (.meta) beside the data that changes the output. Received: {op},"
        f" {shape}{advice}"
    )


def _without_graph(where: str) -> str:
    return f"move {where}.meta away to have its variables read by names and options"

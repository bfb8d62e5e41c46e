"""The network that a checkpoint's graph computes: built from its layers, and compared with the numbers of the graph.

What the graph's flow does not state in a form that is known, such as the forget bias, is tried; a network counts as read
only if it gives the graph's own output for random sequences.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several
from gru_tf.interchange import building
from gru_tf.interchange.network import Network
from gru_tf.interchange.tensorflow import tf1_ends, tf1_other_inputs, tf1_other_outputs, tf1_other_sizes, tf1_samples
from gru_tf.interchange.tensorflow.graph import file, structure
from gru_tf.interchange.tensorflow.graph.flow import Flow
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError, at
from gru_tf.interchange.tensorflow.graph.values import Values
from gru_tf.interchange.tensorflow.saved_model_file import folder_of
from gru_tf.interchange.tensorflow.tf1_feeds import SEQUENCES, STEPS, FeedLayout, feeds, layouts
from gru_tf.interchange.tensorflow.tf1_flow import Tf1Flow
from gru_tf.interchange.tensorflow.tf1_operations import ACTIVATIONS
from gru_tf.interchange.tensorflow.tf1_placed import PlacedLayers

TOLERANCE = 1e-6  # of the largest number, in float64; other functions differ by far more
UNIFORM = (0.0, 0.999)  # what random numbers are replaced by, one after the other: the output may not depend on them
GUESSED = (1.0, 0.0)  # forget biases


class NotFollowedError(UserError):
    """A graph with operations that are not known, so that it says nothing about the network."""


@dataclass(frozen=True, eq=False)
class Read:
    """A network that was read.

    Args:
        network: the network.
        layout: how the graph takes its input.
        end: the node of the output.
        forget_bias, activation: of the cells.
        switches: numbers that the graph was given.
        run: the graph's output, (batch, T, O) or (batch, O), for inputs.
        behind: what the graph computes with the output alone: nodes with their operations.
        one_hot: whether the graph makes its input of token numbers.
        others: phrases on further inputs of the graph, with what they were fed with, and on further outputs.
    """

    network: Network
    layout: FeedLayout
    end: str
    forget_bias: float
    activation: str
    switches: Mapping[str, float]
    run: Callable[[Array], Array]
    behind: tuple[str, ...] = ()
    one_hot: bool = False
    others: tuple[str, ...] = ()


def flow_of(prefix: Path) -> Flow | None:
    """The flow of the graph beside a checkpoint, None where there is none; raises UserError for one that is not whole."""
    path = prefix.with_name(f"{prefix.name}.meta")
    if (folder := folder_of(prefix)) is not None:
        graph = file.graph_of(folder.meta_graph.graph_def)
    elif path.is_file():
        graph = file.graph_of(file.read_meta_graph(path).graph_def)
    else:
        return None
    with hostile(prefix.name):
        structure.check(graph)
    return Flow(graph)


@contextmanager
def hostile(where: str) -> Iterator[None]:
    """Raise a one-line UserError for whatever a graph that no program writes makes fail."""
    try:
        with at("its nodes"):
            yield
    except UnfollowedError as error:
        raise UserError(f"{where}: expected a graph (.meta) as TensorFlow writes it. Received: {error}") from None


def read(
    flow: Tf1Flow,
    placed: PlacedLayers,
    build: Callable[[PlacedLayers, float, str, bool], Network],
    get: Callable[[str], Array],
    forget_biases: Sequence[float],
    activations: Sequence[str],
    follow: bool = True,
    masked: bool = False,
) -> Read:
    """The network that gives the graph's numbers.

    Args:
        flow: of the graph.
        placed: the layers.
        build: a network of these layers with this forget bias, activation of the cells, and output of every step.
        get: reads a variable.
        forget_biases: to try.
        activations: of the cells, to try.
        follow: whether what follows the cells is part of the network where no linear layers do.
        masked: whether the model is to have a mask in place of lengths.

    Raises:
        UserError: where no network gives them, or the graph cannot be followed, naming the operation.
    """
    needed = tf1_ends.needed_by(flow, placed)
    sample = build(placed, forget_biases[0], activations[0], True)
    outputs: dict[Any, tuple[Network, Array]] = {}
    reasons: list[str] = []
    computed = False
    differences: list[str] = []
    for layout in layouts(flow, placed, sample.tokens is not None, sample.features):
        try:
            inputs = tf1_samples.inputs(sample, layout.batch or SEQUENCES, layout.steps or STEPS)
            tries = list(feeds(flow.flow.graph, layout, inputs, needed))
        except UnfollowedError as error:
            reasons.append(str(error))
            continue
        for fed, switches in tries:
            values = [Values(flow.flow.graph, get, fed, uniform, wide=True) for uniform in UNIFORM]
            for end, every in tf1_ends.candidates(flow, placed):
                try:
                    one, other = (each[end] for each in values)
                except UnfollowedError as error:
                    reasons.append(str(error))
                    continue
                if one.shape != other.shape or not np.allclose(one, other, atol=TOLERANCE):
                    reasons.append("random numbers, as of a dropout that is active")
                    continue
                computed = True
                for key in ((bias, own, each) for each in every for own in activations for bias in forget_biases):
                    if (key, layout.batch, layout.steps) not in outputs:
                        network = build(placed, *key)
                        outputs[key, layout.batch, layout.steps] = (
                            network,
                            np.asarray(building.build(network, dtype="float64")(inputs)),
                        )
                    network, expected = outputs[key, layout.batch, layout.steps]
                    if (arrange := _arrangement(one, expected, key[2])) is not None:
                        if not placed.ends and follow and (further := tf1_ends.followed(flow, placed, end)) is not None:
                            return read(flow, further, build, get, forget_biases, activations, masked=masked)
                        behind = list(tf1_ends.computed_behind(flow, values[0], end))
                        one_hot = flow.flow.op(layout.node) == "OneHot"
                        run = _runner(flow, get, layout, switches, end, arrange)
                        reading = tf1_other_inputs.Reading(flow, get, fed, layout.node, end, inputs, one, arrange)
                        if differs := tf1_other_sizes.difference(reading, network, layout, switches):
                            differences.append(differs)
                            continue
                        others = tuple(tf1_other_inputs.named(reading, network, masked))
                        others += tuple(tf1_other_outputs.named(reading, placed))
                        return Read(network, layout, end, key[0], key[1], switches, run, tuple(behind), one_hot, others)
                if placed.ends:
                    break  # an earlier node is part of the way to this one, which was computed
    if computed:
        usual = "other numbers, as a residual connection does, or the last step of both directions joined"
        wanted = f"its graph (.meta) to compute {several(list(sample.chain()))}"
        received = f"a graph that gives {differences[0] if differences else usual}"
        raise UserError(f"{flow.where}: expected {wanted}. Received: {received}")
    why = several(list(dict.fromkeys(reasons)), 3) or "no input that fits"
    wanted = f"a graph (.meta) that can be followed from its input to {placed.ends[-1] if placed.ends else 'the cells'}"
    raise NotFollowedError(f"{flow.where}: expected {wanted}. Received: {why}")


def _arrangement(own: Array, expected: Array, every_step: bool) -> Callable[[Array, int], Array] | None:
    """How the graph's output becomes (batch, T, O) or (batch, O); None where it differs."""
    if own.size != expected.size or own.dtype.kind != "f":
        return None

    def batch_first(array: Array, batch: int) -> Array:
        return array.reshape(batch, -1, expected.shape[-1]) if every_step else array.reshape(batch, expected.shape[-1])

    def time_first(array: Array, batch: int) -> Array:
        return np.swapaxes(array.reshape(-1, batch, expected.shape[-1]), 0, 1)

    largest = max(1.0, float(np.abs(expected).max()))
    for arrange in (batch_first, time_first) if every_step else (batch_first,):
        if np.abs(arrange(own, len(expected)) - expected).max() <= TOLERANCE * largest:
            return arrange
    return None


def _runner(
    flow: Tf1Flow, get: Callable[[str], Array], layout: FeedLayout, switches: Mapping[str, float], end: str, arrange: Any
) -> Callable[[Array], Array]:
    graph = flow.flow.graph

    def run(inputs: Array) -> Array:
        try:
            for fed, tried in feeds(graph, layout, inputs, flow.flow.ancestors(end)):
                if tried == switches:
                    return np.asarray(arrange(Values(graph, get, fed)[end], len(inputs)))
        except UnfollowedError as error:
            expected = f"its graph (.meta) to compute {len(inputs)} sequences of {inputs.shape[1]} steps"
            raise UserError(f"{flow.where}: expected {expected}. Received: {error}") from None
        raise ValueError("expected the numbers that the graph was read with")  # the same that were tried

    return run


def cell_activations(flow: Flow) -> list[str]:
    """Activations that the cells may have, tanh first."""
    present = flow.operations()
    return ["tanh", *(name for op, name in ACTIVATIONS.items() if op in present and name not in ("tanh", "softmax"))][:5]


def forget_biases(flow: Flow) -> list[float]:
    """Numbers that may be added to forget gates, the usual ones first."""
    return list(dict.fromkeys([*GUESSED, *(value for value in flow.scalars_added() if abs(value) < 100)]))[:8]

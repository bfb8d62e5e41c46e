"""Whether a Keras model computes what its source does: outputs and states on random inputs.

An output or a state differs by max|a − b| / max|b|, with b the source's and both maxima over all batches: relative to the
largest that it becomes, so that small numbers hide no mistake and one that is near zero by chance makes none. Where b is
zero throughout it is the difference itself. A number that is not finite on either side differs by infinity.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, several
from gru_tf.interchange import building, model_states, random_inputs
from gru_tf.interchange.model_states import ModelRun, States
from gru_tf.interchange.network import Network
from gru_tf.interchange.source import BATCHES, LENGTHS, Computation

TOLERANCE = 1e-5
HALF = 1e-2  # in 16 bits


@dataclass(frozen=True)
class Verified:
    """That a model computes what its source does, as far as was looked.

    Args:
        largest: difference of all that was compared.
        where: it was found.
        cases: batches that were compared.
        by: what computed the source's side.
        states: whether states were compared, too.
        left_out: recurrent layers whose states could not be compared.
    """

    largest: float
    where: str
    cases: int
    by: str
    states: bool = True
    left_out: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As it comes back from JSON."""
        return asdict(self) | {"left_out": list(self.left_out)}

    def __str__(self) -> str:
        """In a line."""
        what = "outputs and states" if self.states else "outputs"
        batches = "a batch" if self.cases == 1 else f"{self.cases} batches"
        but = f"; the states of {several(self.left_out)} were not compared" if self.left_out else ""
        return f"verified by {self.by}: {what} of {batches} differ by at most {self.largest:.1e} ({self.where}){but}"


def verify(
    model: Any,
    network: Network,
    run: Computation,
    *,
    by: str = "the source framework",
    tolerance: float = TOLERANCE,
    seed: int = 0,
    lengths: Sequence[int] = LENGTHS,
    batches: Sequence[int] = BATCHES,
) -> Verified:
    """Compare a model's outputs, and outputs and states of the same network, with the source's on random inputs.

    A model that gives its states is built for it from the same arrays, and compared in every batch; `model` itself, which
    is made of the same layers, in all but those of the longest sequences.

    Args:
        model: what `building.build(network)` made.
        network: as it was read.
        run: the source's own computation.
        by: its name.
        tolerance: the largest difference that passes.
        seed: of the inputs.
        lengths: steps of a batch.
        batches: sequences of a batch.

    Raises:
        UserError: where they differ by more, naming by how much and where.
    """
    dtype = str(model.outputs[0].dtype)
    stateful = building.build(network, states=True, dtype=dtype)
    names = [name for name, _ in network.states()]
    found = Differences()
    rng = np.random.default_rng(seed)
    for batch in batches:
        for steps in lengths:
            inputs, real = random_inputs.of_network(network, batch, steps, rng, dtype)
            given = model_inputs(inputs, real)
            theirs, their_states = run(inputs, real)
            where = batch_of(batch, steps)
            outputs, *states = stateful(given)
            for name, own, their in zip(names, states, their_states, strict=True):
                found.add(name, own, their, where)
            short = steps < max(lengths) or len(lengths) == 1
            for own in (outputs, model(given)) if short else (outputs,):
                found.add("output", *real_steps(own, theirs, real, network.every_step), where)
    return found.judged(by, tolerance, len(batches) * len(lengths))


def batch_of(batch: int, steps: int) -> str:
    """What messages call a batch."""
    return f"batch of {batch}, {counted(steps, 'step')}"


def model_inputs(inputs: Array, real: Array | None) -> Any:
    """What a built model takes: tensors, for `predict` would make them float32."""
    x = ops.convert_to_tensor(inputs)
    return x if real is None else [x, ops.convert_to_tensor(np.arange(inputs.shape[1]) < np.asarray(real)[:, None])]


def real_steps(own: Any, their: Array, real: Array | None, every_step: bool) -> tuple[Array, Array]:
    """Without the steps behind a sequence's end, which every framework fills as it likes."""
    own = np.asarray(own)
    if real is None or not every_step or own.shape != their.shape:
        return own, their
    steps = np.arange(own.shape[1]) < np.asarray(real)[:, None]
    return own[steps], their[steps]


class Differences:
    """Of each output and state, over all batches."""

    def __init__(self) -> None:
        self.largest: dict[str, tuple[float, str]] = {}
        self.scales: dict[str, float] = {}

    def add(self, name: str, own: Any, their: Array, where: str) -> None:
        """Compare one batch's arrays; raises UserError where their shapes differ."""
        own = np.asarray(own)
        if own.shape != their.shape:
            raise UserError(f"{name}, {where}: expected the source's shape {their.shape}. Received: {own.shape}")
        with np.errstate(invalid="ignore"):
            difference = float(np.max(np.abs(own.astype(np.float64) - their), initial=0.0))
        difference = difference if np.isfinite(difference) else np.inf
        if name not in self.largest or difference > self.largest[name][0]:
            self.largest[name] = difference, where
        self.scales[name] = max(self.scales.get(name, 0.0), float(np.max(np.abs(their), initial=0.0)))

    def worst(self) -> tuple[float, str]:
        """The largest of all, and where it is."""
        relative = {name: absolute / (self.scales[name] or 1.0) for name, (absolute, _) in self.largest.items()}
        name = max(relative, key=lambda one: relative[one])
        return relative[name], f"{name}, {self.largest[name][1]}"

    def judged(self, by: str, tolerance: float, cases: int, *, source: str = "") -> Verified:
        """The largest of all; raises UserError where it is above the tolerance.

        Args:
            by: what computed the other side.
            tolerance: the largest difference that passes.
            cases: batches that were compared.
            source: whose numbers are the right ones, if not those of `by`.
        """
        largest, where = self.worst()
        if not largest <= tolerance:
            expected = f"expected what {source or by} gives, within {tolerance:g}"
            raise UserError(f"not the same: {expected}. Received: a difference of {largest:.3g} in {where}")
        return Verified(largest, where, cases, by, states=len(self.largest) > 1)


# --- models that are more than a network ---


def verify_model(
    model: Any,
    run: Callable[[Any], tuple[Array, list[Array]]],
    *,
    by: str = "the source framework",
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> Verified:
    """Compare all that a Keras model puts out with the source's on random inputs; of what it takes each is such an input.

    Where the source's side is a Keras model, too, the states of all recurrent layers are compared in every batch: those
    that each ends with in the same calls, whether the model puts them out or not.

    Args:
        model: any; states that it carries from call to call are zero again afterwards.
        run: the source's own computation, of an array, or of a list of them where the model takes several.
        by: its name.
        tolerance: the largest difference that passes.
        seed: of the inputs.

    Raises:
        UserError: where they differ by more, naming by how much and where.
    """
    found, rng = Differences(), np.random.default_rng(seed)
    free = any(None in tensor.shape[1:] for tensor in model.inputs)
    rows = [tensor.shape[0] for tensor in model.inputs if tensor.shape[0] is not None]
    batches, lengths = tuple(rows[:1]) or BATCHES, LENGTHS if free else LENGTHS[:1]
    with States(model, run.model if isinstance(run, ModelRun) else None).noted() as states:
        for batch in batches:
            for steps in lengths:
                arrays = list(random_inputs.of_model(model, batch, steps, rng).values())
                given = arrays if len(arrays) > 1 else arrays[0]
                (first, rest), (own_first, own_rest) = run(given), ModelRun(model)(given)
                where = batch_of(batch, steps) if free else f"batch of {batch}"
                for n, (own, their) in enumerate(zip([own_first, *own_rest], [first, *rest], strict=True)):
                    found.add("output" if not rest else f"output {n}", own, their, where)
                for name, own, their in states.pairs():
                    found.add(name, own, their, where)
    model_states.reset(model)
    judged = found.judged(by, tolerance, len(batches) * len(lengths))
    return replace(judged, states=bool(states.compared), left_out=tuple(sorted(states.left_out)))


def check_network(model: Any, network: Network, *, seed: int = 0) -> None:
    """Compare a Keras model with the network that was read of it: a class of another's name may compute something else.

    Raises:
        UserError: where they differ by more than rounding, naming by how much and where.
    """
    dtype = str(model.outputs[0].dtype)
    rebuilt, found, rng = building.build(network, dtype=dtype), Differences(), np.random.default_rng(seed)
    for batch, steps in ((1, 1), (3, 7)):
        arrays = list(random_inputs.of_model(model, model.inputs[0].shape[0] or batch, steps, rng).values())
        own = model(arrays if len(arrays) > 1 else arrays[0], training=False)
        x = next(array for array in arrays if array.dtype != bool)
        mask = next((array for array in arrays if array.dtype == bool), x != 0) if network.masked else None
        x = x if network.tokens is None else x.astype("int32")
        theirs = np.asarray(rebuilt(x if mask is None else [x, mask], training=False))
        real = None if mask is None else mask.sum(axis=1)
        found.add("output", *real_steps(own, theirs, real, network.every_step), batch_of(len(x), x.shape[1]))
        model_states.reset(model)
    tolerance = TOLERANCE if dtype in ("float32", "float64") else HALF
    found.judged("the network that was read of it", tolerance, 2)

"""Whether a Keras model computes what its source does: outputs and states on random inputs.

An output or a state differs by max|a − b| / max|b|, with b the source's and both maxima over all batches: relative to the
largest that it becomes, so that small numbers hide no mistake and one that is near zero by chance makes none. Where b is
zero throughout it is the difference itself. A number that is not finite on either side differs by infinity.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from gru_tf.errors import UserError, counted
from gru_tf.interchange import building
from gru_tf.interchange.foreign import BATCHES, LENGTHS, Run
from gru_tf.interchange.network import Network

Array = np.ndarray[Any, np.dtype[Any]]
TOLERANCE = 1e-5
HALF = 1e-2  # in 16 bits
MOST = 1 << 28  # numbers of a layer's output, which a file of fixed lengths can declare without having them


@dataclass(frozen=True)
class Verified:
    """That a model computes what its source does, as far as was looked.

    Args:
        largest: difference of all that was compared.
        where: it was found.
        cases: batches that were compared.
        by: what computed the source's side.
        states: whether states were compared, too.
    """

    largest: float
    where: str
    cases: int
    by: str
    states: bool = True

    def __str__(self) -> str:
        """In a line."""
        what = "outputs and states" if self.states else "outputs"
        batches = "a batch" if self.cases == 1 else f"{self.cases} batches"
        return f"verified by {self.by}: {what} of {batches} differ by at most {self.largest:.1e} ({self.where})"


def verify(
    model: Any,
    network: Network,
    run: Run,
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
            inputs, real = _inputs(network, rng, batch, steps, dtype)
            given = given_to(inputs, real)
            theirs, their_states = run(inputs, real)
            where = f"batch of {batch}, {counted(steps, 'step')}"
            outputs, *states = stateful(given)
            for name, own, their in zip(names, states, their_states, strict=True):
                found.add(name, own, their, where)
            short = steps < max(lengths) or len(lengths) == 1
            for own in (outputs, model(given)) if short else (outputs,):
                found.add("output", *real_steps(own, theirs, real, network.every_step), where)
    return found.judged(by, tolerance, len(batches) * len(lengths))


def _inputs(network: Network, rng: np.random.Generator, batch: int, steps: int, dtype: str) -> tuple[Array, Array | None]:
    """Normal numbers, once the network's scale has acted, or token numbers; and the real steps of each sequence."""
    widest = max(network.features, network.outputs, *(layer.width for layer in network.layers))
    if batch * steps * widest > MOST:
        received = f"a file that computes {steps:,} steps of {batch:,} sequences alone"
        raise UserError(f"expected at most {MOST:,} numbers to compare with. Received: {received}")
    if network.tokens is None:
        inputs = (rng.normal(size=(batch, steps, network.features)) / network.scale).astype(dtype)
    else:
        inputs = rng.integers(network.tokens, size=(batch, steps)).astype(np.int32)
    return inputs, rng.integers(1, steps + 1, size=batch) if network.masked else None


def given_to(inputs: Array, real: Array | None) -> Any:
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

    def judged(self, by: str, tolerance: float, cases: int) -> Verified:
        """The largest of all; raises UserError where it is above the tolerance."""
        largest, where = self.worst()
        if not largest <= tolerance:
            expected = f"expected what {by} gives, within {tolerance:g}"
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
    for batch in batches:
        for steps in lengths:
            arrays = [_any_input(model, tensor, rng, batch, steps) for tensor in model.inputs]
            first, rest = run(arrays if len(arrays) > 1 else arrays[0])
            outputs = model(arrays if len(arrays) > 1 else arrays[0], training=False)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            where = f"batch of {batch}, {counted(steps, 'step')}" if free else f"batch of {batch}"
            for n, (own, their) in enumerate(zip(outputs, [first, *rest], strict=True)):
                found.add("output" if len(outputs) == 1 else f"output {n}", own, their, where)
    _reset(model)
    return replace(found.judged(by, tolerance, len(batches) * len(lengths)), states=False)


def check_network(model: Any, network: Network, *, seed: int = 0) -> None:
    """Compare a Keras model with the network that was read of it: a class of another's name may compute something else.

    Raises:
        UserError: where they differ by more than rounding, naming by how much and where.
    """
    dtype = str(model.outputs[0].dtype)
    rebuilt, found, rng = building.build(network, dtype=dtype), Differences(), np.random.default_rng(seed)
    for batch, steps in ((1, 1), (3, 7)):
        arrays = [_any_input(model, tensor, rng, tensor.shape[0] or batch, steps) for tensor in model.inputs]
        own = model(arrays if len(arrays) > 1 else arrays[0], training=False)
        x = next(array for array in arrays if array.dtype != bool)
        mask = next((array for array in arrays if array.dtype == bool), x != 0) if network.masked else None
        x = x if network.tokens is None else x.astype("int32")
        theirs = np.asarray(rebuilt(x if mask is None else [x, mask], training=False))
        real = None if mask is None else mask.sum(axis=1)
        found.add(
            "output", *real_steps(own, theirs, real, network.every_step), f"batch of {len(x)}, {counted(x.shape[1], 'step')}"
        )
        _reset(model)
    tolerance = TOLERANCE if dtype in ("float32", "float64") else HALF
    found.judged("the network that was read of it", tolerance, 2)


def _reset(model: Any) -> None:
    """States that are carried from call to call are zero again."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states()


def _any_input(model: Any, tensor: Any, rng: np.random.Generator, batch: int, steps: int) -> Array:
    """Token numbers where the model has an embedding, 0 behind a sequence's end alone, for it may be masked; or others."""
    dtype = str(tensor.dtype)
    shape = (batch, *(steps if size is None else size for size in tensor.shape[1:]))
    tokens = tokens_of(model)
    if dtype == "bool":
        return _real(shape, rng)
    if "int" in dtype or (tokens and len(shape) == 2):
        most = min(tokens, default=2)
        found = rng.integers(min(1, most - 1), most, size=shape)
        return (found * _real(shape, rng) if len(shape) == 2 else found).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def _real(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """True at the steps of sequences that end somewhere."""
    return np.asarray(np.arange(shape[-1]) < rng.integers(1, shape[-1] + 1, size=(*shape[:-1], 1)))


def tokens_of(model: Any) -> list[int]:
    """How many each embedding knows."""
    return [int(layer.input_dim) for layer in model._flatten_layers() if hasattr(layer, "input_dim")]

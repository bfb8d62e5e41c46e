"""Whether a Keras model computes what its source does: outputs and states on random inputs, or on stored ones.

An output or a state differs by max|a − b| / max|b|, with b the source's and both maxima over all batches: relative to the
largest that it becomes, so that small numbers hide no mistake and one that is near zero by chance makes none. Where b is
zero throughout it is the difference itself. A number that is not finite on either side differs by infinity.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.errors import UserError
from gru_tf.interchange import building
from gru_tf.interchange.foreign import BATCHES, LENGTHS, Run
from gru_tf.interchange.network import Network

Array = np.ndarray[Any, np.dtype[Any]]
TOLERANCE = 1e-5


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
            given = _given(inputs, real)
            theirs, their_states = run(inputs, real)
            where = f"batch of {batch}, {steps} step{'' if steps == 1 else 's'}"
            outputs, *states = stateful(given)
            for name, own, their in zip(names, states, their_states, strict=True):
                found.add(name, own, their, where)
            short = steps < max(lengths) or len(lengths) == 1
            for own in (outputs, model(given)) if short else (outputs,):
                found.add("output", *_real_steps(own, theirs, real, network.every_step), where)
    return found.judged(by, tolerance, len(batches) * len(lengths))


def _inputs(network: Network, rng: np.random.Generator, batch: int, steps: int, dtype: str) -> tuple[Array, Array | None]:
    """Normal numbers, once the network's scale has acted, or token numbers; and the real steps of each sequence."""
    if network.tokens is None:
        inputs = (rng.normal(size=(batch, steps, network.features)) / network.scale).astype(dtype)
    else:
        inputs = rng.integers(network.tokens, size=(batch, steps)).astype(np.int32)
    return inputs, rng.integers(1, steps + 1, size=batch) if network.masked else None


def _given(inputs: Array, real: Array | None) -> Any:
    """What a built model takes: tensors, for `predict` would make them float32."""
    import tensorflow as tf

    x = tf.convert_to_tensor(inputs)
    return x if real is None else [x, tf.sequence_mask(real, inputs.shape[1])]


def _real_steps(own: Any, their: Array, real: Array | None, every_step: bool) -> tuple[Array, Array]:
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

    def judged(self, by: str, tolerance: float, cases: int) -> Verified:
        """The largest of all; raises UserError where it is above the tolerance."""
        relative = {name: absolute / (self.scales[name] or 1.0) for name, (absolute, _) in self.largest.items()}
        name = max(relative, key=lambda one: relative[one])
        where = f"{name}, {self.largest[name][1]}"
        if not relative[name] <= tolerance:
            expected = f"expected what {by} gives, within {tolerance:g}"
            raise UserError(f"not the same: {expected}. Received: a difference of {relative[name]:.3g} in {where}")
        return Verified(relative[name], where, cases, by, states=len(relative) > 1)


# --- by a stored reference ---


def against_reference(model: Any, file: Path, network: Network | None = None, *, tolerance: float = TOLERANCE) -> Verified:
    """Compare a model with inputs and outputs that the source framework gave earlier.

    Args:
        model: reads what `gru_tf.interchange.building.build` says.
        file: an .npz with "inputs" (batch, T, I), or token numbers (batch, T); "outputs" as the model gives them;
            "lengths" (batch,) where the model is masked; and, if wanted, states (batch, H) under the names of
            `Network.states`, "layer0_forward_h".
        network: of the model, where states are to be compared.
        tolerance: the largest difference that passes.

    Raises:
        UserError: for a file that holds something else, and where they differ by more.
    """
    arrays = _reference(file)
    real = arrays.get("lengths")
    inputs = _checked_inputs(model, arrays["inputs"], real, file)
    given = _given(inputs, real)
    ours, theirs = np.asarray(model(given)), arrays["outputs"]
    if ours.shape != theirs.shape:
        hint = " Arrays begin with the batch, as with batch_first=True" if ours.swapaxes(0, 1).shape == theirs.shape else ""
        raise UserError(f"{file}: outputs: expected shape {ours.shape}.{hint} Received: {theirs.shape}")
    found = Differences()
    found.add("output", *_real_steps(ours, theirs, real, ours.ndim == 3), "the reference")
    for name, own in _states(arrays, network, given, str(model.outputs[0].dtype), file):
        found.add(name, own, arrays[name], "the reference")
    return found.judged(f"the reference {file.name}", tolerance, 1)


def _reference(file: Path) -> dict[str, Array]:
    """Its arrays, numbers alone."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise UserError(f"{file}: expected an .npz with 'inputs' and 'outputs'. Received: one array")
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise UserError(f"{file}: no such file") from None
    except UserError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        said = " ".join(str(error).split())[:120]
        raise UserError(f"{file}: expected an .npz with 'inputs' and 'outputs', numbers alone. Received: {said}") from None
    for name in ("inputs", "outputs"):
        if name not in arrays:
            raise UserError(f"{file}: expected 'inputs' and 'outputs'. Received: {', '.join(arrays) or 'nothing'}")
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise UserError(f"{file}: {name}: expected numbers. Received: {array.dtype}")
    return arrays


def _checked_inputs(model: Any, inputs: Array, real: Array | None, file: Path) -> Array:
    first, masked = model.inputs[0], len(model.inputs) > 1
    fits = len(first.shape) == inputs.ndim and all(a in (None, b) for a, b in zip(first.shape, inputs.shape, strict=True))
    if not fits or not inputs.size:
        shape = "(batch, T)" if len(first.shape) == 2 else f"(batch, T, {first.shape[-1]})"
        raise UserError(f"{file}: inputs: expected shape {shape}. Received: {inputs.shape}")
    if masked != (real is not None):
        expected = "expected 'lengths', for the model is masked" if masked else "expected none, for the model is not masked"
        raise UserError(f"{file}: lengths: {expected}. Received: {'none' if real is None else f'shape {real.shape}'}")
    if real is not None and (real.shape != inputs.shape[:1] or real.min() < 1 or real.max() > inputs.shape[1]):
        raise UserError(f"{file}: lengths: expected (batch,) from 1 to {inputs.shape[1]}. Received: shape {real.shape}")
    if len(first.shape) == 3:
        return inputs.astype(str(first.dtype))
    if inputs.dtype.kind not in "iu":
        raise UserError(f"{file}: inputs: expected token numbers. Received: {inputs.dtype}")
    return inputs.astype(np.int32)


def _states(
    arrays: Mapping[str, Array], network: Network | None, given: Any, dtype: str, file: Path
) -> Iterator[tuple[str, Any]]:
    """Name and value of the states that the reference holds."""
    names = [name for name, _ in network.states()] if network else []
    unknown = [name for name in arrays if name not in ("inputs", "outputs", "lengths", *names)]
    if unknown:
        valid = ", ".join(["inputs", "outputs", "lengths", *names])
        raise UserError(f"{file}: expected arrays out of {valid}. Received: {unknown[0]}")
    if network is None or not set(names) & arrays.keys():
        return
    _, *states = building.build(network, states=True, dtype=dtype)(given)
    for name, state in zip(names, states, strict=True):
        if name in arrays:
            yield name, state

"""Whether a Keras model gives the outputs that its source gave earlier, for when the framework is not installed."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, near_file, one_line
from gru_tf.interchange import building
from gru_tf.interchange.differences import TOLERANCE, Differences, Verified
from gru_tf.interchange.network import Network
from gru_tf.interchange.random_inputs import tokens_of
from gru_tf.interchange.real_steps import model_inputs, real_steps

LARGE, EXPANSION = 1 << 28, 20  # bytes; more than that must be at most this multiple of the file's size


def compare(model: Any, file: Path, network: Network | None = None, *, tolerance: float = TOLERANCE) -> Verified:
    """Compare a model's outputs with those that the source framework computed earlier.

    Args:
        model: with the inputs of `gru_tf.interchange.building.build`.
        file: an .npz with "inputs" (batch, T, I), or token numbers (batch, T); "outputs" in the model's
            shape; "lengths" (batch,) where the model is masked; optionally states (batch, H) under the names of
            `Network.states`, "layer0_forward_h".
        network: of the model, to compare states.
        tolerance: the largest difference that passes.

    Raises:
        UserError: for a file with other contents, and where outputs differ by more.
    """
    arrays = _arrays(file)
    real = arrays.get("lengths")
    inputs = _checked_inputs(model, arrays["inputs"], real, file)
    tensors = model_inputs(inputs, real)
    own, expected = np.asarray(model(tensors)), arrays["outputs"]
    if own.shape != expected.shape:
        hint = " Arrays begin with the batch, as with batch_first=True" if own.swapaxes(0, 1).shape == expected.shape else ""
        raise UserError(f"{file}: outputs: expected shape {own.shape}.{hint} Received: {expected.shape}")
    differences = Differences()
    differences.add("output", *real_steps(own, expected, real, own.ndim == 3), "the reference")
    for name, state in _states(arrays, network, tensors, str(model.outputs[0].dtype), file):
        differences.add(name, state, arrays[name], "the reference")
    return differences.judged(f"the reference {file.name}", tolerance, 1)


def _arrays(file: Path) -> dict[str, Array]:
    """The file's arrays, which must be numbers."""
    try:
        with file.open("rb") as stream:
            _check_unpacked(stream)
            stored = np.load(stream, allow_pickle=False)
            arrays = {name: stored[name] for name in stored.files} if hasattr(stored, "files") else {}
    except FileNotFoundError:
        raise UserError(f"{file}: no such file{near_file(file, ('.npz',))}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError) as error:
        expected = "expected an .npz with 'inputs' and 'outputs', numbers alone"
        raise UserError(f"{file}: {expected}. Received: {one_line(error, 120)}") from None
    for name in ("inputs", "outputs"):
        if name not in arrays:
            raise UserError(f"{file}: expected 'inputs' and 'outputs'. Received: {', '.join(arrays) or 'none by name'}")
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise UserError(f"{file}: {name}: expected numbers. Received: {array.dtype}")
    return arrays


def _check_unpacked(stream: BinaryIO) -> None:
    """Refuse an archive that expands far too much."""
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        size = stream.seek(0, io.SEEK_END)
        if unpacked > max(LARGE, EXPANSION * size):
            raise ValueError(f"{size:,} bytes that unpack to {unpacked:,}")
    stream.seek(0)


def _checked_inputs(model: Any, inputs: Array, real: Array | None, file: Path) -> Array:
    first, masked = model.inputs[0], len(model.inputs) > 1
    kinds = [str(tensor.dtype) for tensor in model.inputs[1:]]
    if kinds not in ([], ["bool"]) or len(model.outputs) > 1:
        received = f"one of {counted(len(model.inputs), 'input')} and {counted(len(model.outputs), 'output')}"
        raise UserError(f"{file}: expected a model of one input, perhaps a mask, and one output. Received: {received}")
    fits = len(first.shape) == inputs.ndim and all(a in (None, b) for a, b in zip(first.shape, inputs.shape, strict=True))
    if not fits or not inputs.size:
        shape = "(batch, T)" if len(first.shape) == 2 else f"(batch, T, {first.shape[-1]})"
        raise UserError(f"{file}: inputs: expected shape {shape}. Received: {inputs.shape}")
    if masked != (real is not None):
        expected = "'lengths', because the model is masked" if masked else "none, because the model is not masked"
        raise UserError(
            f"{file}: lengths: expected {expected}. Received: {'none' if real is None else f'shape {real.shape}'}"
        )
    if real is not None and (real.shape != inputs.shape[:1] or real.min() < 1 or real.max() > inputs.shape[1]):
        raise UserError(f"{file}: lengths: expected (batch,) from 1 to {inputs.shape[1]}. Received: shape {real.shape}")
    if len(first.shape) == 3:
        return inputs.astype(str(first.dtype))
    if inputs.dtype.kind not in "iu":
        raise UserError(f"{file}: inputs: expected token numbers. Received: {inputs.dtype}")
    tokens = min(tokens_of(model), default=int(inputs.max()) + 1)
    if inputs.min() < 0 or inputs.max() >= tokens:
        received = f"{inputs.min()} to {inputs.max()}"
        raise UserError(f"{file}: inputs: expected token numbers from 0 to {tokens - 1}. Received: {received}")
    return inputs.astype(np.int32)


def _states(
    arrays: Mapping[str, Array], network: Network | None, inputs: Any, dtype: str, file: Path
) -> Iterator[tuple[str, Any]]:
    """Name and own value of each state in the reference."""
    names = [name for name, _ in network.states()] if network else []
    unknown = [name for name in arrays if name not in ("inputs", "outputs", "lengths", *names)]
    if unknown:
        valid = ", ".join(["inputs", "outputs", "lengths", *names])
        raise UserError(f"{file}: expected arrays out of {valid}. Received: {unknown[0]}")
    if network is None or not set(names) & arrays.keys():
        return
    _, *states = building.build(network, states=True, dtype=dtype)(inputs)
    for name, state in zip(names, states, strict=True):
        if name in arrays:
            yield name, state

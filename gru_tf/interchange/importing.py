"""Import of a file of any framework as a Keras model: read, built, verified, and with a record of its origin."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation import extras
from gru_tf.foundation.array import Array
from gru_tf.foundation.digest import sha256_of_parts
from gru_tf.foundation.errors import UserError, did_you_mean, one_line, shown
from gru_tf.interchange import (
    building,
    error_prefix,
    keras_comparison,
    keras_model,
    option_names,
    provenance,
    readers,
    stored_outputs,
    verification,
)
from gru_tf.interchange.differences import TOLERANCE, Verified
from gru_tf.interchange.network import Network
from gru_tf.interchange.source import Computation, ForeignModel, Framework, GraphModel, NotComputable
from gru_tf.recurrent.layers.acceleration import accelerate

EXACT = ("float32", "float64")
RUNTIMES = {"ONNX": "onnxruntime", "PyTorch": "torch", "Keras": "tf_keras"}  # beginning of a source → what runs its files
HALVES = {"float16": 2**-11, "bfloat16": 2**-8}  # relative rounding error


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A model that was imported.

    Args:
        model: of Keras' layers.
        network: its arrays; None for a Keras model that is more than a stack with embedding and head.
        source: framework and format.
        verified: the result; None where it could not be verified, or was not to be.
        notes: sentences on what the file does not state.
        record: added to the model, see `gru_tf.interchange.provenance`.
        unverified: why it was not verified, if for another reason than a request or a framework that is not installed.
        scope: what of the file the model computes, in a phrase; "" for all.
        uncovered: phrases on what the file does not record, and what was left out.
    """

    model: Any
    network: Network | None
    source: str
    verified: Verified | None
    notes: tuple[str, ...]
    record: dict[str, Any]
    unverified: str = ""
    scope: str = ""
    uncovered: tuple[str, ...] = ()


def import_model(
    path: str | Path,
    *,
    verify: bool | None = None,
    reference: str | Path | None = None,
    dtype: str = "float32",
    **options: Any,
) -> Any:
    """Import a trained recurrent stack of another framework as a Keras model that computes the same.

    Input is (batch, T, features), or token numbers (batch, T); output (batch, T, outputs), or (batch, outputs) where only
    the last step is read. `gru_tf.interchange.provenance.record_of` gives the record of the model, or of a .keras file saved
    from it: where it comes from and how it was verified.

    Args:
        path: a PyTorch state_dict (.pt, .safetensors) or TorchScript, ONNX, Keras of any age (.h5, .keras), weights of a
            Keras model alone (.h5, .npz), or a TensorFlow 1 checkpoint.
        verify: compare outputs and states with the framework's own on random inputs. True: required; False: never; None:
            where the framework is installed.
        reference: an .npz with "inputs" and "outputs" of the source, to compare with instead.
        dtype: of the model: float32 or float64; float16 or bfloat16 with verify=False; not for a Keras file, whose layers
            have their own.
        options: of the reader; for a state_dict those of `gru_tf.interchange.pytorch.StateDictOptions`: `prefix`,
            `embedding`, `head`, `every_step`, `activation`, `masked`, `leave_out`, `between`, `order`, `initial_state`;
            for weights of a Keras model alone those of `gru_tf.interchange.named_weights.WeightsOptions`.

    The model's GRU, LSTM and SimpleRNN layers are Keras' own, and on a CPU they compute by this project's fused kernels in
    this process: saved, it is a model of ordinary layers, which Keras loads alone; see
    `gru_tf.recurrent.layers.acceleration`.

    Raises:
        UserError: for a file that cannot be read or computes something else, naming file and key; see the reader's module.
    """
    return import_file(path, verify=verify, reference=reference, dtype=dtype, **options).model


def import_file(
    path: str | Path,
    *,
    verify: bool | None = None,
    reference: str | Path | None = None,
    dtype: str = "float32",
    **options: Any,
) -> ImportedModel:
    """Import as `import_model` does; returns the model with all that is known about it."""
    path = Path(path)
    reader = readers.reader_for(path)
    content = readers.read_with(reader, path, options)
    if isinstance(content, GraphModel):
        return _import_graph(path, content, verify, reference, dtype)
    if not isinstance(content, ForeignModel):
        if dtype != "float32":
            expected = "expected none, because layers in a Keras file have their own"
            raise UserError(f"{path}: dtype: {expected}. Received: dtype={shown(dtype)}")
        return _import_keras(path, content, lambda: reader.framework(path), verify, reference)
    _check_dtype(path, dtype, verify, reference)
    _check_finite(path, content.network.arrays())
    model = accelerate(building.build(content.network, dtype=dtype))

    def compare(by: str, run: Computation) -> Verified:
        shapes: dict[str, Any] = {"lengths": content.lengths, "batches": content.batches}
        return verification.verify(model, content.network, run, by=by, in_float64=content.in_float64, **shapes)

    verified, why = _verify(path, model, content.network, content.source, content.framework, compare, verify, reference)
    if verified is not None:
        verified = replace(verified, scope=content.scope, uncovered=content.uncovered)
    imported = _with_record(path, model, content.network, content.source, verified, content.warnings, content.beside)
    return replace(imported, scope=content.scope, uncovered=content.uncovered, unverified=why)


def _import_keras(
    path: Path, content: Any, framework: Framework, verify: bool | None, reference: str | Path | None
) -> ImportedModel:
    """Import a Keras file, which may be more than a stack: all outputs and its layers' states are compared."""
    _check_finite(path, ((weight.path, weight.numpy()) for weight in content.model.weights))
    accelerate(content.model)
    try:
        network = keras_model.network_of(content.model)
    except UserError:
        network = None

    def compare(by: str, run: Computation) -> Verified:
        return keras_comparison.compare(content, by, run)

    verified, why = _verify(path, content.model, network, content.source, framework, compare, verify, reference)
    imported = _with_record(path, content.model, network, content.source, verified, content.warnings)
    return replace(imported, unverified=why)


def _import_graph(
    path: Path, content: GraphModel, verify: bool | None, reference: str | Path | None, dtype: str
) -> ImportedModel:
    """Import a graph that is more than a network: all of its outputs are compared."""
    _check_dtype(path, dtype, verify, reference)
    with error_prefix.prefixed(path):
        model = accelerate(content.build(dtype))
    _check_finite(path, ((weight.path, weight.numpy()) for weight in model.weights))

    def compare(by: str, run: Computation) -> Verified:
        try:
            return verification.verify_model(model, run, by=by, lengths=content.lengths, batches=content.batches)
        except UserError:
            raise
        except Exception as error:  # TensorFlow raises anything where lengths do not fit
            raise UserError(f"expected a model that Keras can run. Received: {one_line(error)}") from None

    verified, why = _verify(path, model, None, content.source, content.framework, compare, verify, reference)
    imported = _with_record(path, model, None, content.source, verified, content.warnings, content.beside)
    return replace(imported, unverified=why)


def _check_dtype(path: Path, dtype: str, verify: bool | None, reference: str | Path | None) -> None:
    """Refuse a dtype that Keras does not have, or that is too coarse for the comparison."""
    if dtype not in (*EXACT, *HALVES):
        known = ", ".join((*EXACT, *HALVES))
        near = did_you_mean(str(dtype), (*EXACT, *HALVES))
        raise UserError(f"{path}: dtype: expected one of {known}.{near} Received: {shown(dtype)}")
    if dtype in HALVES and (verify is not False or reference is not None):
        why = f"{dtype} rounds at {HALVES[dtype]:.0e}, and the comparison is to {TOLERANCE:.0e}"
        advice = "import it in float32 to verify it, and in this dtype with verify=False and no reference"
        expected = f"float32 or float64 where it is verified: {why}; {advice}"
        raise UserError(f"{path}: dtype: expected {expected}. Received: {dtype}")


def _check_finite(path: Path, arrays: Iterable[tuple[str, Array]]) -> None:
    """Refuse numbers that would make every output nan, so that a comparison could not detect another model."""
    for name, array in arrays:
        wrong = int(array.size - np.count_nonzero(np.isfinite(array))) if array.dtype.kind == "f" else 0
        if wrong:
            received = f"{wrong:,} of {array.size:,} nan or infinite"
            raise UserError(f"{path}: {name}: expected finite numbers. Received: {received}")


def _with_record(
    path: Path,
    model: Any,
    network: Network | None,
    source: str,
    verified: Verified | None,
    notes: Sequence[str],
    beside: Sequence[Path] = (),
) -> ImportedModel:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    record = {
        "source": source,
        "file": path.name,
        "beside": [file.name for file in beside],
        "sha256": sha256_of_parts([*readers.files(path), *beside]),
        "verified": None if verified is None else verified.record() | {"date": today},
    }
    provenance.attach(model, record)
    return ImportedModel(model, network, source, verified, tuple(notes), record)


# --- verified ---


def _verify(
    path: Path,
    model: Any,
    network: Network | None,
    source: str,
    framework: Framework,
    compare: Callable[[str, Computation], Verified],
    verify: bool | None,
    reference: str | Path | None,
) -> tuple[Verified | None, str]:
    """Compare with the reference; with the framework where there is no reference, or where both were requested.

    Returns:
        The result, and why there is none where nothing computes such a file.
    """
    stored = None
    if reference is not None:
        with error_prefix.prefixed(path, Path(reference)):
            stored = stored_outputs.compare(model, Path(reference), network)
    if verify is False or (stored is not None and verify is None):
        return stored, ""
    try:
        computation, why = framework(), ""
    except NotComputable as reason:
        computation, why = None, str(reason)
    if computation is None:
        if verify and stored is None:
            why = why or not_installed(source)
            none = f"there is no {option_names.where('reference')} (.npz)"
            raise UserError(f"{path}: expected it to be verified. Received: {why}, and {none}")
        return stored, why if stored is None else ""
    with error_prefix.prefixed(path):
        compared = compare(*computation)
    return (compared if stored is None else _both(compared, stored)), ""


def not_installed(source: str) -> str:
    """That the framework which computes a file of this source is not installed, and what installs it."""
    module = next((RUNTIMES[start] for start in RUNTIMES if source.startswith(start)), "")
    if module and not extras.installed(module):
        return extras.absent(module)
    return f"no installed framework computes this file ({source})"


def _both(one: Verified, other: Verified) -> Verified:
    larger = max(one, other, key=lambda verified: verified.largest)
    left_out = (*one.left_out, *other.left_out)
    both = replace(larger, cases=one.cases + other.cases, by=f"{one.by} and {other.by}", left_out=left_out)
    return replace(both, states=one.states and other.states)

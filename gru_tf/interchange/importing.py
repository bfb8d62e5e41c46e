"""A file of any framework as a Keras model: read, built, verified, and where it came from kept with it."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.digest import sha256_of_parts
from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.interchange import building, option_names, provenance, readers, verification
from gru_tf.interchange import stored_outputs as stored
from gru_tf.interchange.network import Network
from gru_tf.interchange.source import Computation, ForeignModel
from gru_tf.interchange.verification import Verified

Framework = Callable[[], tuple[str, Computation] | None]
EXACT = ("float32", "float64")
HALVES = {"float16": 2**-11, "bfloat16": 2**-8}  # by how much they round


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A model that was imported.

    Args:
        model: ordinary, of Keras' layers.
        network: what it computes, as arrays; None for a Keras model that is more than a stack with what lies around it.
        source: framework and format.
        verified: how; None where it could not be, or was not to be.
        notes: sentences on what the file leaves open.
        record: kept with the model, see `gru_tf.interchange.provenance`.
        unverified: why it was not verified, where that is not what was asked for, nor a framework that is not installed.
    """

    model: Any
    network: Network | None
    source: str
    verified: Verified | None
    notes: tuple[str, ...]
    record: dict[str, Any]
    unverified: str = ""


def import_model(
    path: str | Path,
    *,
    verify: bool | None = None,
    reference: str | Path | None = None,
    dtype: str = "float32",
    **given: Any,
) -> Any:
    """A trained recurrent stack of another framework as a Keras model, which computes the same.

    Input is (batch, T, features), or token numbers (batch, T); output (batch, T, outputs), or (batch, outputs) where only
    the last step is read. `gru_tf.interchange.provenance.record_of` gives the record of the model, or of a .keras file saved
    from it: where it comes from and how it was verified.

    Args:
        path: a PyTorch state_dict (.pt, .safetensors), ONNX, Keras of any age (.h5, .keras), or a TensorFlow 1 checkpoint.
        verify: compare outputs and states with the framework's own on random inputs: True: or fail; False: not; None:
            where the framework is installed.
        reference: an .npz with "inputs" and "outputs" of the source, to compare with instead.
        dtype: of the model: float32 or float64; float16 or bfloat16 with verify=False; of a Keras file none, its layers say
            theirs.
        given: options of the reader; for a state_dict those of `gru_tf.interchange.pytorch.StateDictOptions`: `prefix`,
            `embedding`, `head`, `every_step`, `activation`, `masked`, `leave_out`.

    Raises:
        UserError: for what cannot be read or is not the same, naming file and key; see the reader's module.
    """
    return import_file(path, verify=verify, reference=reference, dtype=dtype, **given).model


def import_file(
    path: str | Path,
    *,
    verify: bool | None = None,
    reference: str | Path | None = None,
    dtype: str = "float32",
    **given: Any,
) -> ImportedModel:
    """As `import_model`, with all that is known of it."""
    path = Path(path)
    reader = readers.reader_for(path)
    found = reader.read(path, **readers.given_to(reader, path, given))
    if not isinstance(found, ForeignModel):
        if dtype != "float32":
            raise UserError(f"{path}: dtype: a Keras file says its layers' own. Received: dtype={shown(dtype)}")
        return _whole_model(path, found, lambda: reader.framework(path), verify, reference)
    _check_dtype(path, dtype, verify, reference)
    _check_finite(path, found.network.arrays())
    model = building.build(found.network, dtype=dtype)

    def compare(by: str, run: Computation) -> Verified:
        return verification.verify(model, found.network, run, by=by, lengths=found.lengths, batches=found.batches)

    verified = _verified(path, model, found.network, found.source, found.framework, compare, verify, reference)
    return _imported(path, model, found.network, found.source, verified, found.warnings, found.beside)


def _whole_model(
    path: Path, found: Any, framework: Framework, verify: bool | None, reference: str | Path | None
) -> ImportedModel:
    """Of a Keras file, which may be more than a stack: all that it puts out, and its layers' states, are compared."""
    _check_finite(path, ((weight.path, weight.numpy()) for weight in found.model.weights))
    try:
        network = building.network_of(found.model)
    except UserError:
        network = None

    def compare(by: str, run: Computation) -> Verified:
        return verification.verify_model(found.model, run, by=by)

    verified = _verified(path, found.model, network, found.source, framework, compare, verify, reference)
    return _imported(path, found.model, network, found.source, verified, found.warnings)


def _check_dtype(path: Path, dtype: str, verify: bool | None, reference: str | Path | None) -> None:
    """Refuse what Keras does not know, and what is too coarse for the comparison that is to be made."""
    if dtype not in (*EXACT, *HALVES):
        known = ", ".join((*EXACT, *HALVES))
        near = did_you_mean(str(dtype), (*EXACT, *HALVES))
        raise UserError(f"{path}: dtype: expected one of {known}.{near} Received: {shown(dtype)}")
    if dtype in HALVES and (verify is not False or reference is not None):
        why = f"{dtype} rounds at {HALVES[dtype]:.0e}, and the comparison is to {verification.TOLERANCE:.0e}"
        advice = "import it in float32, which is compared, and in this one with verify=False and no reference"
        expected = f"float32 or float64 where it is verified: {why}; {advice}"
        raise UserError(f"{path}: dtype: expected {expected}. Received: {dtype}")


def _check_finite(path: Path, arrays: Iterable[tuple[str, Array]]) -> None:
    """Refuse what would make every output nan, which no comparison can tell from another model."""
    for name, array in arrays:
        wrong = int(array.size - np.count_nonzero(np.isfinite(array))) if array.dtype.kind == "f" else 0
        if wrong:
            received = f"{wrong:,} of {array.size:,} nan or infinite"
            raise UserError(f"{path}: {name}: expected finite numbers. Received: {received}")


def _imported(
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


def _verified(
    path: Path,
    model: Any,
    network: Network | None,
    source: str,
    framework: Framework,
    compare: Callable[[str, Computation], Verified],
    verify: bool | None,
    reference: str | Path | None,
) -> Verified | None:
    """By the reference; by the framework where there is no reference, or where it was asked for as well."""
    found = None
    if reference is not None:
        with _naming(path, but=Path(reference)):
            found = stored.compare(model, Path(reference), network)
    if verify is False or (found is not None and verify is None):
        return found
    own = framework()
    if own is None:
        if verify and found is None:
            own_file = "Keras 3 itself has read it" if source.startswith("Keras 3") else ""
            why = own_file or f"{framework_of(source)} is not installed"
            none = f"there is no {option_names.where('reference')} (.npz)"
            raise UserError(f"{path}: expected it to be verified. Received: {why}, and {none}")
        return found
    with _naming(path):
        compared = compare(*own)
    return compared if found is None else _both(compared, found)


def framework_of(source: str) -> str:
    """What computes a file of this source, in words."""
    return "the framework of an ONNX file" if source == "ONNX" else f"the framework of a {source}"


@contextmanager
def _naming(path: Path, but: Path | None = None) -> Iterator[None]:
    """Refusals inside begin with the file's name, but for those that begin with the other's."""
    try:
        yield
    except UserError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise UserError(said if but and said.startswith(f"{but}: ") else f"{path}: {said}") from None


def _both(one: Verified, other: Verified) -> Verified:
    larger = max(one, other, key=lambda verified: verified.largest)
    left_out = (*one.left_out, *other.left_out)
    both = replace(larger, cases=one.cases + other.cases, by=f"{one.by} and {other.by}", left_out=left_out)
    return replace(both, states=one.states and other.states)

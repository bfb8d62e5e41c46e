"""Files of torch.save and of safetensors, opened without running any code in them.

A .pt file is a pickle, which can run arbitrary code. It is opened only by torch.load(weights_only=True), which knows tensors
and plain containers and refuses everything else, and only by a version of which no bypass is known (2.6: CVE-2025-32434).
"""

import math
import re
import warnings
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation import extras
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import npz
from gru_tf.interchange.pytorch import checkpoint, safetensors, torchscript
from gru_tf.interchange.tensor import Tensor

LEAST = (2, 6)
WIDEST = 8  # bytes of a number
SHARED, SHARED_TIMES = 1 << 28, 8  # beyond so many bytes, tensors may not share storage more often than that
INSTALL = (
    f"expected PyTorch to be installed ({extras.command('torch')}), or the weights as .safetensors"
    " (safetensors.torch.save_file), read without it"
)
SAVE = "save only the weights: torch.save(model.state_dict(), FILE)"


def read(path: Path) -> tuple[dict[str, Tensor], bool]:
    """The tensors in a file, by name; whether they come in the order in which the program defined them.

    Raises:
        UserError: for a file that is no state_dict, would run code or is truncated, and if PyTorch is needed and not
            installed.
    """
    with path.open("rb") as stream:
        start = stream.read(safetensors.PREFIX + 1)
    if safetensors.looks_like(start) or path.suffix == ".safetensors":
        return checkpoint.find_tensors(safetensors.read(path), Tensor), False
    if npz.is_one(path):
        return {name: _of_array(name, array) for name, array in npz.read(path).items()}, False
    if torchscript.is_one(path):
        entries = torchscript.read(path)
        _check_claimed(path, sum(math.prod(each.shape) * WIDEST for each in entries.values()))
        return checkpoint.find_tensors(entries, Tensor), True
    if not start.startswith((b"PK", b"\x80")):
        raise UserError(f"expected a file of torch.save, or of safetensors. Received: a file that begins with {start!r}")
    torch = pytorch()
    if torch is None:
        raise UserError(f"{INSTALL}. Received: no PyTorch")
    _check_sizes(path)
    tensors = checkpoint.find_tensors(_unpickle(torch, path), torch.Tensor)
    entries = {name: _entry(torch, name, tensor) for name, tensor in tensors.items()}
    _check_claimed(path, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()))
    return entries, True


def _check_claimed(path: Path, claimed: int) -> None:
    """Refuse tensors that together have many times the bytes of their file."""
    if claimed > max(SHARED, SHARED_TIMES * path.stat().st_size):
        received = f"{claimed:,} bytes of tensors in a file of {path.stat().st_size:,}"
        raise UserError(f"expected tensors that share storage at most {SHARED_TIMES} times. Received: {received}")


def pytorch() -> Any:
    """PyTorch; None if it is not installed."""
    if not extras.installed("torch"):
        return None
    installed = version("torch")
    if tuple(int(number) for number in re.findall(r"\d+", installed)[:2]) < LEAST:
        expected = f"PyTorch {'.'.join(map(str, LEAST))} or later, whose weights_only is safe"
        raise UserError(f"expected {expected}. Received: {installed}")
    import torch

    return torch


def _check_sizes(path: Path) -> None:
    """Refuse an archive that unpacks to more than its own size: torch.save does not compress."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeError) as error:
        raise UserError(f"expected a complete file of torch.save. Received: {error}") from None
    if unpacked > path.stat().st_size:
        received = f"{path.stat().st_size:,} bytes that unpack to {unpacked:,}"
        raise UserError(f"expected a file of torch.save, which does not compress. Received: {received}")


def _unpickle(torch: Any, path: Path) -> Any:
    """The file's content; raises UserError with the reason, in one line, if PyTorch refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the pickle's protocol and old storages, which the user cannot change
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise UserError("expected a file of torch.save. Received: one that needs more memory than there is") from None
    except Exception as error:  # an unpickler given arbitrary bytes raises whatever its last operation did
        raise UserError(_reason(error)) from None


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if named := re.search(r"GLOBAL ([\w.<>]+)", text):
        received = f"a pickle that names {named[1]}, which is not loaded because it may run code"
        return f"expected a state_dict, which holds only tensors; {SAVE}. Received: {received}"
    if "TorchScript" in text:
        return f"expected a state_dict; {SAVE}. Received: a TorchScript program"
    first = re.split(r"(?<=[.|]) ", text)[0][:160] if text else "the end of the file"
    return f"expected a complete file of torch.save. Received: {type(error).__name__}: {first}"


def _of_array(name: str, array: Array) -> Tensor:
    return Tensor(name, array.shape, str(array.dtype), lambda: array.astype(np.float32) if array.itemsize < 4 else array)


def _entry(torch: Any, name: str, tensor: Any) -> Tensor:
    """A dense tensor no larger than its storage, for a view can claim any size."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        kind = "quantized" if tensor.is_quantized else f"{tensor.layout} on device {tensor.device.type}"
        raise UserError(f"{name}: expected a dense tensor. Received: {kind}")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        stored = tensor.untyped_storage().nbytes()
        raise UserError(
            f"{name}: expected {tensor.numel():,} numbers for shape {tuple(tensor.shape)}. Received: {stored:,} bytes"
        )
    dtype = str(tensor.dtype).removeprefix("torch.")

    def load() -> Array:
        wide = tensor if dtype == "float64" else tensor.to(torch.float32)
        return np.ascontiguousarray(wide.detach().numpy())

    return Tensor(name, tuple(tensor.shape), dtype, load)

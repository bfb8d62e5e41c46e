"""Files of torch.save and of safetensors, opened so that nothing of them runs.

A .pt file is a pickle, which can run whatever its author wants. It is opened by torch.load(weights_only=True) alone, which
knows tensors and plain containers and refuses everything else, in a version where that cannot be got around (2.6:
CVE-2025-32434).
"""

import re
import warnings
import zipfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.pytorch import safetensors, state_dict
from gru_tf.interchange.pytorch.stacks import Tensor

LEAST = (2, 6)
SHARED, SHARED_TIMES = 1 << 28, 8  # bytes, from which on tensors may not be the same numbers more often than that
INSTALL = "expected PyTorch to be installed, or the weights as .safetensors (safetensors.torch.save_file), read without it"
SAVE = "save the weights alone: torch.save(model.state_dict(), FILE)"


def entries(path: Path) -> dict[str, Tensor]:
    """The tensors in a file, by name.

    Raises:
        UserError: for a file that is no state_dict, or would run code, or is truncated, and where PyTorch is needed and not
            installed.
    """
    with path.open("rb") as stream:
        start = stream.read(safetensors.PREFIX + 1)
    if safetensors.looks_like(start) or path.suffix == ".safetensors":
        return state_dict.entries(safetensors.read(path), Tensor)
    if not start.startswith((b"PK", b"\x80")):
        raise UserError(f"expected a file of torch.save, or of safetensors. Received: one that begins with {start!r}")
    torch = pytorch()
    if torch is None:
        raise UserError(f"{INSTALL}. Received: no PyTorch")
    _check_sizes(path)
    tensors = state_dict.entries(_unpickled(torch, path), torch.Tensor)
    found = {name: _tensor(torch, name, tensor) for name, tensor in tensors.items()}
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if claimed > max(SHARED, SHARED_TIMES * path.stat().st_size):
        received = f"{claimed:,} bytes of them in a file of {path.stat().st_size:,}"
        raise UserError(f"expected tensors that share their numbers at most {SHARED_TIMES} times. Received: {received}")
    return found


def pytorch() -> Any:
    """PyTorch; None where it is not installed."""
    if find_spec("torch") is None:
        return None
    found = version("torch")
    if tuple(int(number) for number in re.findall(r"\d+", found)[:2]) < LEAST:
        raise UserError(
            f"expected PyTorch {'.'.join(map(str, LEAST))} or later, whose weights_only is safe. Received: {found}"
        )
    import torch

    return torch


def _check_sizes(path: Path) -> None:
    """Refuse an archive that unpacks to more than it is: torch.save does not compress."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeError) as error:
        raise UserError(f"expected a whole file of torch.save. Received: {error}") from None
    if unpacked > path.stat().st_size:
        size = f"{path.stat().st_size:,} bytes that unpack to {unpacked:,}"
        raise UserError(f"expected a file of torch.save, which does not compress. Received: {size}")


def _unpickled(torch: Any, path: Path) -> Any:
    """What is in the file, or one line on why it is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the pickle's protocol and old storages, which are not the user's to mend
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise UserError("expected a file of torch.save. Received: one that asks for more memory than there is") from None
    except Exception as error:  # an unpickler fed with foreign bytes raises whatever its last operation did
        raise UserError(_reason(error)) from None


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())
    if named := re.search(r"GLOBAL ([\w.<>]+)", said):
        what = f"a pickle that names {named[1]}, which is not loaded, for it may run code"
        return f"expected a state_dict, which holds tensors alone; {SAVE}. Received: {what}"
    if "TorchScript" in said:
        return f"expected a state_dict; {SAVE}. Received: a TorchScript program"
    first = re.split(r"(?<=[.|]) ", said)[0][:160] if said else "the end of the file"
    return f"expected a whole file of torch.save. Received: {type(error).__name__}: {first}"


def _tensor(torch: Any, name: str, tensor: Any) -> Tensor:
    """An entry; dense and of its own numbers, for a view can claim any size."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        kind = "quantised" if tensor.is_quantized else f"{tensor.layout} on device {tensor.device.type}"
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

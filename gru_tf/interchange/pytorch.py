"""PyTorch files: a state_dict read from .pt or .safetensors, computed by PyTorch, and written.

A .pt file is a pickle, which can run whatever its author wants. It is opened by torch.load(weights_only=True) alone, which
knows tensors and plain containers and refuses everything else, in a version where that cannot be got around (2.6:
CVE-2025-32434).
"""

import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf import durable
from gru_tf.errors import UserError
from gru_tf.interchange import building, safetensors, state_dict, verification
from gru_tf.interchange.foreign import Foreign, Run
from gru_tf.interchange.network import Network
from gru_tf.interchange.stacks import TITLES, Array, Read, Tensor
from gru_tf.interchange.state_dict import Found, Options

LEAST = (2, 6)
SHARED, SHARED_TIMES = 1 << 28, 8  # bytes, from which on tensors may not be the same numbers more often than that
INSTALL = "expected PyTorch to be installed, or the weights as .safetensors (safetensors.torch.save_file), read without it"
SAVE = "save the weights alone: torch.save(model.state_dict(), FILE)"


def read(path: Path, given: Options = state_dict.UNSAID) -> Foreign:
    """The network in a file with a state_dict.

    Args:
        path: of the file.
        given: what it does not say.

    Raises:
        UserError: for a file that is no state_dict, or would run code, or is truncated; for parts that do not belong
            together; where PyTorch is needed and not installed. Always the file and what is wrong, in one line.
    """
    with _naming(path):
        found = state_dict.read(_entries(path), given)
    return Foreign(found.network, state_dict.SOURCE, lambda: _framework(found), found.notes)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors inside begin with the file's name; what the weights' own modules refuse is a mistake in the file."""
    try:
        yield
    except ValueError as error:
        said = str(error).removeprefix("gates: ")
        raise UserError(said if said.startswith(f"{path}:") else f"{path}: {said}") from None


# --- files ---


def _entries(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as stream:
        start = stream.read(safetensors.PREFIX + 1)
    if safetensors.looks_like(start) or path.suffix == ".safetensors":
        return state_dict.entries(safetensors.read(path), Tensor)
    if not start.startswith((b"PK", b"\x80")):
        raise UserError(f"expected a file of torch.save, or of safetensors. Received: one that begins with {start!r}")
    torch = _torch()
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


def _torch() -> Any:
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


# --- the framework's own computation ---


def _framework(found: Found) -> tuple[str, Run] | None:
    """PyTorch's modules with the file's own arrays, which went through none of this project's layouts."""
    torch = _torch()
    if torch is None:
        return None
    around = found.around
    table = None if around.embedding is None else torch.tensor(around.embedding.weight.array())
    heads = [
        (torch.tensor(one.weight.array()), None if one.bias is None else torch.tensor(one.bias.array()))
        for one in around.heads
    ]
    modules = [_module(torch, one) for one in found.reads]
    weights = [*(p for module in modules for p in module.parameters()), *(w for w, _ in heads)]
    stored = torch.float64 if any(w.dtype == torch.float64 for w in weights) else torch.float32

    def run(inputs: Array, lengths: Array | None = None) -> tuple[Array, list[Array]]:
        x = torch.from_numpy(np.ascontiguousarray(inputs))
        dtype = torch.float64 if x.dtype == torch.float64 else stored
        x = x.to(dtype) if table is None else torch.nn.functional.embedding(x.long(), table.to(dtype))
        states: list[Any] = []
        with torch.inference_mode():
            for module in modules:
                x, last, final = _step_through(torch, module.to(dtype), x, lengths)
                states += final
            x = x if found.network.every_step else last
            for kernel, bias in heads:
                x = torch.nn.functional.linear(x, kernel.to(dtype), None if bias is None else bias.to(dtype))
        return x.numpy(), [state.numpy() for state in states]

    return f"PyTorch {version('torch').partition('+')[0]}", run


def _module(torch: Any, one: Read) -> Any:
    stack = one.stack
    options: dict[str, Any] = {"nonlinearity": one.layers[0].activation} if one.cell == "rnn" else {}
    kind = getattr(torch.nn, TITLES[one.cell])
    both = stack.directions == 2
    with torch.device("meta"):  # no random numbers are drawn for weights that are replaced
        module = kind(
            one.features,
            one.units,
            stack.depth,
            bias=stack.biased,
            batch_first=True,
            bidirectional=both,
            **options,
        )
    module.load_state_dict({name: torch.tensor(array) for name, array in one.arrays.items()}, strict=True, assign=True)
    return module.eval()


def _step_through(torch: Any, module: Any, x: Any, lengths: Array | None) -> tuple[Any, Any, list[Any]]:
    """Every step, the last of each direction, and the states: layer by layer, forward before backward, h before c."""
    rnn = torch.nn.utils.rnn
    given = x
    if lengths is not None:
        given = rnn.pack_padded_sequence(x, torch.as_tensor(lengths).long(), batch_first=True, enforce_sorted=False)
    every, final = module(given)
    if lengths is not None:
        every, _ = rnn.pad_packed_sequence(every, batch_first=True, total_length=x.shape[1])
    kinds = final if isinstance(final, tuple) else (final,)
    states = [kind[n] for n in range(kinds[0].shape[0]) for kind in kinds]
    directions = 2 if module.bidirectional else 1
    return every, torch.cat(list(kinds[0][-directions:]), dim=-1), states


# --- writing ---


def write(network: Network, path: Path) -> str:
    """Write a network as a state_dict, .pt by PyTorch or .safetensors without; a line that says how it was verified.

    The file is read again and computed by PyTorch where that is installed, and takes its name only where it gives the same.

    Raises:
        UserError: for what no module of PyTorch computes, where what must write is not installed, and where PyTorch gives
            something else.
    """
    arrays, notes = state_dict.write(network)
    said: list[str] = []

    def save(file: Path) -> None:
        _writer(path)(arrays, file)
        said.append(_verified(network, file))

    durable.through(path, save)
    return "; ".join([*said, *notes])


def _writer(path: Path) -> Callable[[Mapping[str, Array], Path], None]:
    if path.suffix == ".safetensors":
        return safetensors.write
    torch = _torch()
    if torch is None:
        raise UserError(
            f"{path}: expected PyTorch to be installed, or a name that ends in .safetensors. Received: no PyTorch"
        )
    return lambda arrays, file: torch.save(OrderedDict((name, torch.tensor(array)) for name, array in arrays.items()), file)


def _verified(network: Network, file: Path) -> str:
    """In words."""
    heads = [f"{state_dict.HEAD}{f'.{n}' if len(network.head) > 1 else ''}" for n in range(len(network.head))]
    options = Options(
        prefix=state_dict.STACK,
        embedding=False if network.embedding is None else state_dict.EMBEDDING,
        head=heads or False,
        every_step=network.every_step,
        activation=_activation(network),
        masked=network.masked,
    )
    framework = read(file, options).framework()
    if framework is None:
        return "not verified: PyTorch is not installed"
    by, run = framework
    return str(verification.verify(building.build(network), network, run, by=by))


def _activation(network: Network) -> str | None:
    return next((layer.activation for layer in network.layers if layer.forward.cell == "rnn"), None)

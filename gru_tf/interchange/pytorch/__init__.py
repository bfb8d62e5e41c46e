"""PyTorch state_dicts: networks read from and written to .pt and .safetensors files."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gru_tf.foundation import atomic_file, extras
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building, verification
from gru_tf.interchange.network import Network
from gru_tf.interchange.pytorch import file as pytorch_file
from gru_tf.interchange.pytorch import reading, running, safetensors, torchscript, writing
from gru_tf.interchange.pytorch.options import DEFAULTS, StateDictOptions
from gru_tf.interchange.source import ForeignModel
from gru_tf.interchange.tensor import FLOATS, Tensor

Options = StateDictOptions  # the name under which `readers` looks for a reader's options


def read(path: Path, options: StateDictOptions = DEFAULTS) -> ForeignModel:
    """The network in a file with a state_dict.

    Args:
        path: of the file.
        options: what the file does not record.

    Raises:
        UserError: for a file that is no state_dict, would run code or is truncated; for parts that do not fit together; if
            PyTorch is needed and not installed. Always the file and what is wrong, in one line.
    """
    with _errors_name(path):
        entries, registered = pytorch_file.read(path)
        state_dict = reading.read(entries, options, registered=registered)
    return ForeignModel(
        state_dict.network,
        torchscript.SOURCE if torchscript.is_one(path) else reading.SOURCE,
        lambda: running.framework(state_dict),
        scope=state_dict.scope,
        uncovered=state_dict.uncovered,
        in_float64=lambda: reading.read(_in_float64(entries), options, registered=registered).network,
    )


def _in_float64(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    def wide(tensor: Tensor) -> Tensor:
        return replace(tensor, dtype="float64", load=lambda: tensor.load().astype("float64"))

    return {key: wide(tensor) if tensor.dtype in FLOATS else tensor for key, tensor in entries.items()}


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Errors inside begin with the file's name; weights that do not fit together are a mistake in the file."""
    try:
        yield
    except ValueError as error:
        message = str(error).removeprefix("gates: ")
        raise UserError(message if message.startswith(f"{path}:") else f"{path}: {message}") from None


def write(network: Network, path: Path) -> str:
    """Write a network as a state_dict, and return a line that says how it was verified.

    A .pt file is written by PyTorch, a .safetensors file without it. If PyTorch is installed, the file is read again and run
    by it; it is kept only if the results are the same.

    Raises:
        UserError: for what no module of PyTorch computes, if the package that writes the file is not installed, and if
            PyTorch gives other results.
    """
    arrays, notes = writing.state_dict(network)
    verified = ""

    def save(file: Path) -> None:
        nonlocal verified
        _writer(path)(arrays, file)
        verified = _verify(network, file)

    atomic_file.through(path, save)
    return "; ".join([verified, *notes])


def _writer(path: Path) -> Callable[[Mapping[str, Array], Path], None]:
    if path.suffix == ".safetensors":
        return safetensors.write
    torch = pytorch_file.pytorch()
    if torch is None:
        raise UserError(
            f"{path}: expected PyTorch to be installed ({extras.command('torch')}), or a name that ends in .safetensors."
            " Received: no PyTorch"
        )
    return lambda arrays, file: torch.save(OrderedDict((name, torch.tensor(array)) for name, array in arrays.items()), file)


def _verify(network: Network, file: Path) -> str:
    """Compare the written file with the network, and say in a line how far they differ."""
    options = StateDictOptions(
        prefix=writing.STACK,
        embedding=False if network.embedding is None else writing.EMBEDDING,
        head=writing.head_names(network) or False,
        every_step=network.every_step,
        activation=next((layer.activation for layer in network.layers if layer.forward.cell == "rnn"), None),
        masked=network.masked,
    )
    framework = read(file, options).framework()
    if framework is None:
        return f"not verified: {extras.absent('torch')}"
    by, run = framework
    return str(verification.verify(building.build(network), network, run, by=by))

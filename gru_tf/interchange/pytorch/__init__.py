"""PyTorch's state_dicts: a network read from .pt or .safetensors, and written."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gru_tf.foundation import atomic_file
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building, verification
from gru_tf.interchange.network import Network
from gru_tf.interchange.pytorch import file as pytorch_file
from gru_tf.interchange.pytorch import running, safetensors, state_dict
from gru_tf.interchange.pytorch.state_dict import Options
from gru_tf.interchange.source import Foreign


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
        found = state_dict.read(pytorch_file.entries(path), given)
    return Foreign(found.network, state_dict.SOURCE, lambda: running.framework(found), found.notes)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors inside begin with the file's name; what the weights' own modules refuse is a mistake in the file."""
    try:
        yield
    except ValueError as error:
        said = str(error).removeprefix("gates: ")
        raise UserError(said if said.startswith(f"{path}:") else f"{path}: {said}") from None


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

    atomic_file.through(path, save)
    return "; ".join([*said, *notes])


def _writer(path: Path) -> Callable[[Mapping[str, Array], Path], None]:
    if path.suffix == ".safetensors":
        return safetensors.write
    torch = pytorch_file.pytorch()
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

"""Optional packages: which extra of this package installs each, and what a message says where one is missing.

`pip install gru-tf` brings what comparing, tuning, tracking and reporting need. What a single task, file format or engine
needs beyond that is an extra of `pyproject.toml`, imported when it is used.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gru_tf.foundation.errors import UserError, one_line


@dataclass(frozen=True)
class OptionalPackage:
    """A package that only some uses need.

    Args:
        name: as its own documentation spells it.
        extra: that of this package which installs it.
        distribution: what the package index calls it.
    """

    name: str
    extra: str
    distribution: str


OPTIONAL = {  # by the name under which it is imported
    "ai_edge_litert": OptionalPackage("LiteRT", "interchange", "ai-edge-litert"),
    "onnx": OptionalPackage("the onnx package", "interchange", "onnx"),
    "onnxruntime": OptionalPackage("onnxruntime", "interchange", "onnxruntime"),
    "openpyxl": OptionalPackage("openpyxl", "excel", "openpyxl"),
    "ray": OptionalPackage("Ray", "ray", "ray"),
    "sacrebleu": OptionalPackage("sacrebleu", "translation", "sacrebleu"),
    "safetensors": OptionalPackage("safetensors", "interchange", "safetensors"),
    "tf_keras": OptionalPackage("TF-Keras", "keras2", "tf-keras"),
    "torch": OptionalPackage("PyTorch", "pytorch", "torch"),
}


def command(module: str) -> str:
    """The command that installs a package, such as "pip install 'gru-tf[ray]'"."""
    return f"pip install 'gru-tf[{OPTIONAL[module].extra}]'"


def absent(module: str) -> str:
    """That a package is not installed, and what installs it: "Ray is not installed (pip install 'gru-tf[ray]')"."""
    return f"{OPTIONAL[module].name} is not installed ({command(module)})"


def installed(module: str) -> bool:
    """Whether a package can be found; imports nothing."""
    try:
        return find_spec(module) is not None
    except ValueError:  # it is in sys.modules without a spec, as what keeps it from being imported leaves it
        return False


def expect(module: str, what: str) -> None:
    """Refuse early, before anything is trained, what would need a missing package in the end.

    Raises:
        UserError: where the package is not installed; `what` is the subject, such as "the metric bleu".
    """
    if not installed(module):
        raise UserError(_needs(module, what))


def require(module: str, what: str) -> Any:
    """Import an optional package, or a module in it, for `what`, the subject of the message where that fails.

    Raises:
        UserError: where it is not installed, naming the command that installs it, or is installed and cannot be imported.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise _unusable(package, what, error) from error
        raise UserError(_needs(package, what)) from None
    except ImportError as error:
        raise _unusable(package, what, error) from error


def _needs(package: str, what: str) -> str:
    return f"{what} needs {OPTIONAL[package].name}: {command(package)}"


def _unusable(package: str, what: str, error: ImportError) -> UserError:
    """It is there: to install it once more would change nothing, so its own words are passed on."""
    return UserError(f"{what} needs {OPTIONAL[package].name}, which is installed and cannot be imported: {one_line(error)}")

"""The files of experiments: where they are, and what stands in them before it is validated."""

from pathlib import Path
from typing import Any

import yaml

from gru_tf.experiment.yaml_syntax import Loader
from gru_tf.foundation.errors import UserError, did_you_mean, near_file, shown

QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # seven times as fast, where PyYAML was built with it


def folders() -> list[Path]:
    """Where experiments are looked for by name: ./experiments, then those that come with the package."""
    package = Path(__file__).parents[1]
    return [Path("experiments"), package / "experiments", package.parent / "experiments"]


def names() -> dict[str, Path]:
    """Experiment name → file; the first folder that has it wins."""
    files: dict[str, Path] = {}
    for folder in folders():
        for file in sorted(folder.glob("*.yaml")):
            files.setdefault(file.stem, file)
    return files


def locate(name: str) -> Path:
    """The file of a path or a name; UserError with the nearest name where there is none."""
    path = Path(name)
    if path.is_file():
        return path
    if name in names():
        return names()[name]
    near = near_file(path, (".yaml", ".yml")).removeprefix(".") if name != path.stem else ""
    near = near or did_you_mean(path.stem, names()) or " 'gru-tf list experiments' shows the names."
    raise UserError(f"no experiment file or name '{name}'.{near}")


def content(path: Path) -> dict[str, Any]:
    """The fields of a file.

    Raises:
        UserError: one line, for a file that cannot be read, is not YAML, or is no mapping.
    """
    try:
        fields = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        received = f"byte {error.object[error.start]:#x} at {error.start}"
        raise UserError(f"{path}: expected UTF-8 text. Received: {received}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: PyYAML's for a value such as a number of 5,000 digits
        raise UserError(f"{path.name}: {_syntax(error)}") from error
    if not isinstance(fields, dict):
        raise UserError(f"{path.name}: expected a mapping of fields. Received: {shown(fields)}")
    return fields


def question(path: Path) -> str:
    """The question of an experiment, its other fields unread.

    Raises:
        UserError: as `content` does, and for a file without a question.
    """
    try:
        with path.open("rb") as file:
            asked = yaml.load(file, Loader=QUICK)["question"]  # noqa: S506, a SafeLoader
    except (OSError, TypeError, KeyError, ValueError, yaml.YAMLError):
        asked = content(path).get("question")  # in the words of the other loader
    if not isinstance(asked, str):
        raise UserError(f"{path.name}: question: received {shown(asked)}, expected text.")
    return asked


def _syntax(error: Exception) -> str:
    """What is wrong with the YAML, and in which line."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        problem = ", ".join(filter(None, (error.context, error.problem)))
        return f"line {mark.line + 1}, column {mark.column + 1}: {' '.join(problem.split())}"
    return " ".join(str(error).replace('in "<unicode string>", ', "").split())

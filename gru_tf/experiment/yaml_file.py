"""Experiment files: YAML ⇄ Experiment, with errors that say where, what was received and what was expected."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.explanation import explain
from gru_tf.experiment.yaml_syntax import Dumper, Loader
from gru_tf.foundation import environment
from gru_tf.foundation.errors import EXPECTED, UserError, did_you_mean, near_file, shown


def folders() -> list[Path]:
    """Where experiments are looked for by name: ./experiments, then those that come with the package."""
    package = environment.PACKAGE
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


def load(path: str | Path) -> Experiment:
    """Read, validate and return the experiment at `path`.

    Raises:
        UserError: one line, for a file that cannot be read, is not YAML, or is no valid experiment.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        received = f"byte {error.object[error.start]:#x} at {error.start}"
        raise UserError(f"{path}: expected UTF-8 text. Received: {received}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: PyYAML's for a value such as a number of 5,000 digits
        raise UserError(f"{path.name}: {_syntax(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name}: expected a mapping of fields. Received: {shown(content)}")
    if "name" in content:
        raise UserError(f"{path.name}: name: no such field; the file's name is the experiment's name")
    return validate({**content, "name": path.stem}, path.name)


def validate(content: dict[str, Any], where: str) -> Experiment:
    """Content of a file → Experiment, whose origin is `where`; UserError in one line, beginning with it."""
    try:
        experiment = Experiment.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {explain(error, content)}") from error
    for name, axis in content["search"]["space"].items() if experiment.search else ():
        if axis is None:  # valid in an Experiment, where it is the absence of an axis
            raise UserError(f"{where}: search.space.{name}: received null, expected {EXPECTED['axis_type']}.")
    return experiment.read_from(where)


def dump(content: Mapping[str, Any], width: int = 120) -> str:
    """Content of a file → YAML in which `load` reads the same content: fields in their order, any alphabet as it is.

    Args:
        content: what JSON can hold.
        width: characters after which a line is broken, where it can be.
    """
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=width)


def _syntax(error: Exception) -> str:
    """What is wrong with the YAML, and in which line."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        problem = ", ".join(filter(None, (error.context, error.problem)))
        return f"line {mark.line + 1}, column {mark.column + 1}: {' '.join(problem.split())}"
    return " ".join(str(error).replace('in "<unicode string>", ', "").split())

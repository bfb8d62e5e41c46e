"""The files of experiments: where they are, and what stands in them before it is validated."""

from pathlib import Path
from typing import Any

import yaml

from gru_tf.experiment.yaml_syntax import Loader
from gru_tf.foundation.errors import UserError, did_you_mean, near_file, shown

GROUPS = ("", "published")  # subfolders of a folder of experiments
ALL = " 'gru-tf list experiments' shows the names."
QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # seven times as fast, where PyYAML was built with it


def folders() -> list[Path]:
    """Where experiments are looked for by name: ./experiments, then those that come with the package."""
    package = Path(__file__).parents[1]
    return [Path("experiments"), package / "experiments", package.parent / "experiments"]


def groups() -> dict[str, dict[str, Path]]:
    """Group → experiment name → file: "" of those in a folder itself, "published" of those in published/ within it.

    A name is one experiment's in whichever group: the first folder that has it wins, and in it the folder itself.
    """
    grouped: dict[str, dict[str, Path]] = {group: {} for group in GROUPS}
    taken: set[str] = set()
    for folder in folders():
        for group in GROUPS:
            for file in sorted((folder / group).glob("*.yaml")):
                if file.stem not in taken:
                    taken.add(file.stem)
                    grouped[group][file.stem] = file
    return {group: files for group, files in grouped.items() if files}


def names() -> dict[str, Path]:
    """Experiment name → file, of all groups; the first folder that has it wins."""
    return {name: file for group in groups().values() for name, file in group.items()}


def locate(name: str) -> Path:
    """The file of a path, a name, or a name behind its group, such as "published/geron2019_waves".

    Raises:
        UserError: with the nearest name where there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    grouped = groups()
    known = {f"{group}/{stem}".lstrip("/"): file for group, files in grouped.items() for stem, file in files.items()}
    known |= {stem: file for files in grouped.values() for stem, file in files.items()}
    if name in known:
        return known[name]
    near = near_file(path, (".yaml", ".yml")).removeprefix(".") if name != path.stem else ""
    near = near or did_you_mean(path.stem, [stem for files in grouped.values() for stem in files])
    raise UserError(f"no experiment file or name '{name}'.{near or ALL}")


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

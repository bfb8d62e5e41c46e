"""Experiment files: YAML ⇄ Experiment, with errors that say where, what was received and what was expected."""

import re
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import PINNED
from gru_tf.foundation import environment
from gru_tf.foundation.errors import EXPECTED, UserError, did_you_mean, mismatch, near_file, shown

SHOWN_PATHS = 3  # of what else is wrong in a file


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
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506, a SafeLoader
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
        raise UserError(f"{where}: {_explain(error, content)}") from error
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
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)


def _explain(error: ValidationError, content: dict[str, Any]) -> str:
    """The first of pydantic's errors as one line: path, received, expected, nearest name."""
    # an unknown key first: the field that is missing is often the one meant by it
    errors = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    paths = [_path(e, content) for e in errors]
    others = [path for path in dict.fromkeys(paths) if not paths[0].startswith(path)]
    branches = [e for e, path in zip(errors, paths, strict=True) if path == paths[0]]
    line = _line(branches, Experiment)
    return f"{paths[0]}: {line}".removeprefix(": ") + _others(others)


def _others(paths: list[str]) -> str:
    """What else is wrong, by its path: " (also search.trials)"."""
    hidden = len(paths) - SHOWN_PATHS
    named = ", ".join(paths[:SHOWN_PATHS]) + (f" and {hidden} more" if hidden > 0 else "")
    return f" (also {named})" if paths else ""


def _path(error: ErrorDetails, content: Any) -> str:
    """Where in the file the error is; pydantic also names defaults and branches that the user never wrote."""
    path = ""
    for part in error["loc"]:
        if isinstance(content, list) and isinstance(part, int):
            path, content = f"{path}[{part}]", content[part]
        elif isinstance(content, dict) and (key := _key(part, content)) is not None:
            path, content = f"{path}.{key}", content[key]
    if error["type"] == "missing":
        path = f"{path}.{error['loc'][-1]}"
    return path.removeprefix(".")


def _key(part: int | str, content: dict[str, Any]) -> str | None:
    """The key of `content` that pydantic means by `part`; None for what is not in the file."""
    if isinstance(part, int):
        return list(content)[part]  # `gru: …` among others, for a list of choices
    if part == "options" and part not in content and len(content) == 1:
        return next(iter(content))  # `gru: …` for `{name: gru, options: …}`
    return part if part in content else None


def _line(branches: list[ErrorDetails], model: type[BaseModel]) -> str:
    kind, path = branches[0]["type"], branches[0]["loc"]
    if kind not in ("extra_forbidden", "missing"):
        return mismatch(branches)
    fields = [f for f in _fields(model, path[:-1]) if f != "name" or len(path) > 1]
    if kind == "missing":
        return f"missing. Fields: {', '.join(fields)}"
    return f"no such field.{did_you_mean(str(path[-1]), fields)} Fields: {', '.join(fields)}"


def _fields(model: Any, path: Iterable[str | int]) -> list[str]:
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items() if name != PINNED]


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple) or hasattr(annotation, "__metadata__"):
        return next((m for m in map(_model_in, get_args(annotation)) if m), None)
    return None


def _syntax(error: Exception) -> str:
    """What is wrong with the YAML, and in which line."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        problem = ", ".join(filter(None, (error.context, error.problem)))
        return f"line {mark.line + 1}, column {mark.column + 1}: {' '.join(problem.split())}"
    return " ".join(str(error).replace('in "<unicode string>", ', "").split())


class _Loader(yaml.SafeLoader):
    """YAML whose scalars are what they look like, and no silent duplicates.

    PyYAML's YAML 1.1 reads `1e-3` as text, `010` as 8, `1:30` as 90 and `2020-01-01` as a date; here the first is a
    number and the others are text, which is then refused where a number is expected.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A dict with text for keys; a key given twice raises instead of the last one winning."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                received = f" Received: {key.value}" if isinstance(key, yaml.ScalarNode) else ""
                raise yaml.MarkedYAMLError(problem=f"expected text as a key.{received}", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"'{key.value}' is given a second time", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_REPLACED = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_FLOAT = r"[-+]?(\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d[\d_]*(?=[eE]))([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][\d_]*)\Z"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"({_FLOAT})\Z"), list("-+.0123456789"))


class _Dumper(yaml.SafeDumper):
    """YAML that quotes text which resembles a number, to PyYAML or to the loader here, such as `1e-3`."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"({_FLOAT})\Z"), list("-+.0123456789"))

"""Experiment files: YAML → Experiment, with errors that say where, what was received and what was expected."""

import re
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gru_tf.errors import UserError, did_you_mean
from gru_tf.experiment import Experiment

EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "too_short": "at least one value",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
}


def folders() -> list[Path]:
    """Where experiments are looked for by name: ./experiments, then those that come with the package."""
    package = Path(__file__).parent
    return [Path("experiments"), package / "experiments", package.parent / "experiments"]


def names() -> dict[str, Path]:
    """Experiment name → file, the first folder that has it winning."""
    found: dict[str, Path] = {}
    for folder in folders():
        for file in sorted(folder.glob("*.yaml")):
            found.setdefault(file.stem, file)
    return found


def locate(given: str) -> Path:
    """The file meant by a path or a name; UserError with the nearest name where there is none."""
    if Path(given).is_file():
        return Path(given)
    if given in names():
        return names()[given]
    near = did_you_mean(Path(given).stem, names())
    raise UserError(f"no experiment file or name '{given}'.{near} Experiments: {', '.join(names())}")


def load(path: str | Path) -> Experiment:
    """Read, validate and return the experiment at `path`.

    Raises:
        UserError: one line, for a file that cannot be read, is not YAML, or says something impossible.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: expected UTF-8 text. Received: byte {error.object[error.start]:#x} at {error.start}"
        ) from error
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name}: expected a mapping of fields. Received: {_shown(content)}")
    if "name" in content:
        raise UserError(f"{path.name}: name: no such field; the file's name is the experiment's name")
    return validate({**content, "name": path.stem}, path.name)


def validate(content: dict[str, Any], where: str) -> Experiment:
    """Content of a file → Experiment; UserError in one line, beginning with `where`."""
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, Experiment, where)) from error


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """The first of pydantic's errors as one line: where, path, received, expected, nearest name."""
    errors = error.errors(include_url=False)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where}: {_line(errors[0], model)}{more}"


def _line(error: ErrorDetails, model: type[BaseModel]) -> str:
    path = [part for part in error["loc"] if part not in ("Range", "list")]
    dotted = re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, path)))
    kind, received = error["type"], _shown(error["input"])
    if kind in ("extra_forbidden", "missing"):
        fields = [f for f in _fields(model, path[:-1]) if f != "name" or len(path) > 1]
        near = did_you_mean(str(path[-1]), fields) if kind == "extra_forbidden" else ""
        return f"{dotted}: {'no such field' if near or kind != 'missing' else 'missing'}.{near} Fields: {', '.join(fields)}"
    if kind == "value_error":
        message = str(error["ctx"]["error"])
        return f"{dotted}: {message}" if dotted else message
    expected = EXPECTED.get(kind, error["msg"]).format(**error.get("ctx", {}))
    near = did_you_mean(str(error["input"]), re.findall(r"'(\w+)'", expected)) if kind == "literal_error" else ""
    return f"{dotted}: received {received}, expected {expected}.{near}"


def _fields(model: Any, path: Iterable[str | int]) -> list[str]:
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple) or hasattr(annotation, "__metadata__"):
        return next((m for m in map(_model_in, get_args(annotation)) if m), None)
    return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 with the numbers of YAML 1.2 (`1e-3` is a number) and no silent duplicates."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A dict; a key given twice raises instead of the last one winning."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"'{key}' is given {keys.count(key)} times", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)

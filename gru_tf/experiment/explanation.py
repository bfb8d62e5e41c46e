"""Explains in one line why content is not a valid experiment: path, received, expected, nearest name."""

import types
from collections.abc import Iterable
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gru_tf.foundation.digest import PINNED
from gru_tf.foundation.errors import did_you_mean, mismatch

MOST_PATHS = 3  # of further errors that are listed


def explain(error: ValidationError, content: dict[str, Any], model: type[BaseModel]) -> str:
    """The first of pydantic's errors as one line: path, received, expected, nearest name.

    Args:
        error: pydantic's.
        content: what is no valid `model`.
        model: the experiment's class.
    """
    # an unknown key first: the field that is missing is often the one meant by it
    errors = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    paths = [_path(e, content) for e in errors]
    others = [path for path in dict.fromkeys(paths) if not paths[0].startswith(path)]
    branches = [e for e, path in zip(errors, paths, strict=True) if path == paths[0]]
    line = _line(branches, model)
    return f"{paths[0]}: {line}".removeprefix(": ") + _others(others)


def _others(paths: list[str]) -> str:
    """What else is wrong, by its path: " (also search.trials)"."""
    hidden = len(paths) - MOST_PATHS
    named = ", ".join(paths[:MOST_PATHS]) + (f" and {hidden} more" if hidden > 0 else "")
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

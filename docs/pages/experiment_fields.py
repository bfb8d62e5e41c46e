"""The page of an experiment's fields: type and default from the pydantic models, meaning from their docstrings."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import ModelSpec, Published, Range, ReplicatesSpec, SearchSpec, TrainingSpec
from gru_tf.foundation.errors import shown
from pages.docstrings import arguments, first, prose, table

HEAD = """# Fields of an experiment

Of a YAML file, and of `gru_tf.Experiment` in Python. An unknown key is an error, and so is an impossible value. Any field of
`model` and `training` that says what network is trained and how can be searched. [Experiments](../how-to/experiments.md) has
a worked example.
"""
PARTS: dict[str, type[BaseModel]] = {
    "experiment": Experiment,
    "model": ModelSpec,
    "training": TrainingSpec,
    "search": SearchSpec,
    "range": Range,
    "replicates": ReplicatesSpec,
    "published": Published,
}
FREE = {  # where a validator takes more than the schema says
    "tasks": "names, with options",
    "cells": "names, with options",
    "seeds": "count, or list of whole numbers",
    "diagnostics": "true, or list of names",
    "baselines": "true, false, or list of names",
    "claims": "list of claims",
    "space": "name → list or [range](#range)",
    "published": "list of [numbers](#published)",
}
SAID = {  # where a class has no Args
    "low": "the least value.",
    "high": "the largest value.",
    "sampling": "evenly, or evenly in the logarithm.",
}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
LARGEST = 2**32 - 1  # of a seed: said in an error, not in a table
WORDS = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "null": "null"}


def page() -> str:
    """The whole text."""
    return "\n".join([HEAD, *(line for name, model in PARTS.items() for line in _section(name, model))])


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    properties, meanings = model.model_json_schema(by_alias=True)["properties"], arguments(model.__doc__)
    rows = [_row(key, field, meanings) for key, field in properties.items() if key != "sha256"]
    yield from (f"## {name}", "", prose(first(model.__doc__)), "")
    yield from table(("field", "value", "default", "meaning"), rows)
    yield ""


def _row(key: str, schema: dict[str, Any], meanings: dict[str, str]) -> tuple[str, ...]:
    of_its_own = key in PARTS and "$ref" in str(schema)
    kind = FREE.get(key) or (f"[{key}](#{key})" if of_its_own else " or ".join(dict.fromkeys(_kinds(schema))))
    meaning = {**SAID, **meanings}["start" if key == "from" else key].removeprefix("in YAML `from`: ")
    return f"`{key}`", kind, _default(schema), prose(meaning.removesuffix("; or"))


def _kinds(schema: dict[str, Any]) -> Iterator[str]:
    """The forms that a value may have, in words."""
    for branch in schema.get("anyOf", ()):
        yield from _kinds(branch)
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        yield ", ".join(f"`{value}`" for value in values)
    elif kind := schema.get("type"):
        bounds = [f"{sign} {schema[key]:g}" for key, sign in BOUNDS.items() if key in schema and schema[key] != LARGEST]
        yield " ".join((WORDS.get(kind, "list"), ", ".join(bounds))).strip()


def _default(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return "required"
    value = schema["default"]
    if isinstance(value, dict):
        return "all defaults"
    if value is None or value in ([], ""):
        return "none"
    return f"`{value if isinstance(value, str) else shown(value)}`"

"""A fitted baseline in a file: arrays by name, and all else as JSON. Reading one runs nothing that the file holds.

Only the classes named here are made, of the fields that they have, so that a file from elsewhere can be read without trust;
a pickle could not.
"""

import json
import zipfile
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.baselines.baseline import FittedBaseline
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature

VERSION = 1
DESCRIPTION = "description"  # the array of the JSON, in bytes
MODULES = {
    "Bag": "tokens.bag_of_words",
    "BagModel": "tokens.bag_of_words",
    "ConstantAnswer": "constant_answer",
    "FittedEts": "forecasts.ets",
    "Forest": "windows._forest",
    "Kernels": "sequences.rocket",
    "LinearValues": "windows.ridge",
    "LogisticModel": "sequences._classifier",
    "NearestNeighbour": "sequences.nearest",
    "NgramModel": "tokens.ngram",
    "NoteChain": "music.markov",
    "Order": "tokens.ngram",
    "Repeated": "forecasts._repeated",
    "RocketModel": "sequences.rocket",
    "Smoothing": "forecasts.ets",
    "Standard": "vectors",
    "StepModel": "sequences._steps",
}


def save(name: str, model: FittedBaseline, file: Path) -> None:
    """Write the model of the baseline `name`.

    Raises:
        TypeError: for a model of a kind that has no place in a file.
    """
    arrays: dict[str, Any] = {}
    content = {"version": VERSION, "baseline": name, "model": _plain(model.as_arrays(), arrays)}
    arrays[DESCRIPTION] = np.frombuffer(json.dumps(content, allow_nan=False).encode(), np.uint8)
    np.savez(file, **arrays)


def load(file: Path) -> tuple[str, FittedBaseline]:
    """Name and model of a file that `save` wrote.

    Raises:
        UserError: where it is damaged, or none.
    """
    try:
        # the stream is opened here: NumPy leaves one that is no whole archive open
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = dict(archive)
        content = json.loads(arrays.pop(DESCRIPTION).tobytes())
        version = content["version"]
        if version == VERSION:
            model = _made(content["model"], arrays)
            name = str(content["baseline"])
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{file.name}: expected a stored baseline. Received: {type(error).__name__}, {error}") from error
    if version != VERSION:
        raise UserError(f"{file.name}: expected version {VERSION} of a stored baseline. Received: version {version}")
    if not isinstance(model, FittedBaseline):
        raise UserError(f"{file.name}: expected a stored baseline. Received: a {type(model).__name__}")
    return name, model


def _plain(value: Any, arrays: dict[str, Any]) -> Any:
    """A value as JSON has it; arrays go to `arrays`, and their names stand in their place."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("stored: expected arrays of numbers. Received: Python objects")
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return {"tuple": [_plain(each, arrays) for each in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = type(value).__name__
    if kind not in (Signature.__name__, *MODULES) or _class(kind) is not type(value):
        raise TypeError(f"stored: expected one of {', '.join(MODULES)}. Received: a {kind}")
    return {"kind": kind, "fields": {each.name: _plain(getattr(value, each.name), arrays) for each in fields(value)}}


def _made(value: Any, arrays: dict[str, Array]) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "tuple" in value:
        return tuple(_made(each, arrays) for each in value["tuple"])
    return _class(value["kind"])(**{name: _made(each, arrays) for name, each in value["fields"].items()})


def _class(kind: str) -> Any:
    """The class of this name, one of those above; KeyError for another."""
    if kind == Signature.__name__:
        return Signature
    return getattr(import_module(f"gru_tf.baselines.{MODULES[kind]}"), kind)

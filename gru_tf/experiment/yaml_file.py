"""Experiment files: YAML ⇄ Experiment, with errors that say where, what was received and what was expected."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gru_tf.experiment import files
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.explanation import explain
from gru_tf.experiment.files import locate as locate
from gru_tf.experiment.files import names as names
from gru_tf.experiment.yaml_syntax import Dumper
from gru_tf.foundation.errors import EXPECTED, UserError


def load(path: str | Path, **others: Any) -> Experiment:
    """Read, validate and return the experiment at `path`, or one with `others` in place of the file's own fields.

    Raises:
        UserError: one line, for a file that cannot be read, is not YAML, or is no valid experiment.
    """
    path = Path(path)
    content = files.content(path)
    if "name" in content:
        raise UserError(f"{path.name}: name: no such field; the file's name is the experiment's name")
    return validate({**content, **others, "name": path.stem}, path.name)


def validate(content: dict[str, Any], where: str) -> Experiment:
    """Content of a file → Experiment, whose origin is `where`; UserError in one line, beginning with it."""
    try:
        experiment = Experiment.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {explain(error, content, Experiment)}") from error
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

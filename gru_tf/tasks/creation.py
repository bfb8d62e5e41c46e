"""A task by its name and options, as an experiment has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gru_tf.foundation.catalogues import TASKS
from gru_tf.foundation.errors import UserError, did_you_mean, mismatch
from gru_tf.foundation.option_spelling import in_command, spelled
from gru_tf.tasks.task import Task


def create(name: str, options: Mapping[str, Any]) -> Task:
    """The task called `name` with its options.

    Raises:
        UserError: where there is no such task or option, or an impossible value.
    """
    kind = TASKS.find(name)
    try:
        task: Task = kind(**options)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first, fields = errors[0], list(kind.model_fields)
        where = _where(name, first["loc"])
        if first["type"] == "extra_forbidden":
            near, valid = did_you_mean(str(first["loc"][0]), fields), ", ".join(fields) or "none"
            raise UserError(f"{where}: no such option.{near} Options: {valid}") from error
        branches = [e for e in errors if e["loc"][:1] == first["loc"][:1]]
        raise UserError(f"{where}: {mismatch(branches)}") from error
    return task


def _where(task: str, place: Sequence[Any]) -> str:
    """An option of a task, "forecast.window"; in a command, which has no other task, "--window"."""
    if place and in_command():
        return spelled(str(place[0]))
    return ".".join([task, *map(str, place[:1])])

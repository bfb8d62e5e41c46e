"""What there is to choose from, with a line on each and its options; of cells and experiments nothing is imported."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from gru_tf.foundation.catalogues import BASELINES, CELLS, TASKS
from gru_tf.foundation.digest import PINNED
from gru_tf.foundation.errors import UserError, shown

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def catalogues(kind: str | None = None) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """(kind, [(name, one line, its options)]) of cells, tasks, baselines and experiments, or of one kind."""
    if kind in (None, "cells"):
        yield "cells", [(name, CELLS.summary(name), cell_options(name)) for name in CELLS.names()]
    if kind in (None, "tasks"):
        yield "tasks", [(name, TASKS.summary(name), task_options(name)) for name in TASKS.names()]
    if kind in (None, "baselines"):
        yield "baselines", [(name, BASELINES.summary(name), baseline_tasks(name)) for name in BASELINES.names()]
    if kind in (None, "experiments"):
        from gru_tf.experiment import files

        for group, named in files.groups().items():
            heading = f"experiments: {group}" if group else "experiments"
            yield heading, [(name, _question(file), "") for name, file in named.items()]


def cell_options(name: str) -> str:
    """A cell's options with their values, the default first, e.g. "reset_after: true | false"; read off its source."""
    from gru_tf.recurrent import cell_sources  # a tenth of a second, for NumPy, which nothing else here needs

    options = cell_sources.described(name).options
    return "; ".join(f"{key}: {' | '.join(map(_value, values))}" for key, values in options.items())


def _value(value: Any) -> str:
    if hasattr(value, "low"):  # a range of numbers
        return f"{value.low:,}–{value.high:,}"
    if hasattr(value, "example"):  # any number
        return str(value)
    return value if isinstance(value, str) else shown(value)


def task_options(name: str) -> str:
    """A task's options, with all values where these are few, else with the default."""
    return "; ".join(
        f"{option}: {_allowed(field)}" for option, field in TASKS.find(name).model_fields.items() if option != PINNED
    )


def baseline_tasks(name: str) -> str:
    """The tasks that a baseline fits with their default options, e.g. "tasks: airline | ett"; tasks on own files apart."""
    fitting = [task for task in TASKS.names() if name in _baselines(task)]
    return f"tasks: {' | '.join(fitting)}" if fitting else ""


@cache
def _baselines(task: str) -> tuple[str, ...]:
    from gru_tf.tasks import create

    kind = TASKS.find(task)
    required = any(field.is_required() for field in kind.model_fields.values())
    return () if required else create(task, {}).baselines


def _allowed(field: "FieldInfo") -> str:
    if field.is_required():
        return "required"
    choices = [value for value in get_args(field.annotation) if isinstance(value, str)]
    if choices:
        return " | ".join([str(field.default), *(value for value in choices if value != field.default)])
    if field.default == ():
        return "[]"  # as YAML writes it
    return shown(field.default) if not isinstance(field.default, str) else field.default


def _question(file: Path) -> str:
    from gru_tf.experiment import files

    try:
        return files.question(file)
    except UserError as error:
        return f"cannot be read: {error}"

"""What a comparison on a user's data will run, and why: inferred options, protocol and experiment, also as a file."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack, get_args

import numpy as np

from gru_tf import suite
from gru_tf.analysis.wording import listed
from gru_tf.data.own import frames
from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import PINNED
from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.foundation.option_spelling import quoted, spelled
from gru_tf.suite.comparison.defaults import protocol
from gru_tf.suite.comparison.guess import Guess, guess
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.suite.comparison.intervals import with_intervals
from gru_tf.suite.comparison.metrics import with_metric
from gru_tf.suite.comparison.naming import told_apart
from gru_tf.suite.comparison.options import COLUMNS, COUNTS, LISTS, OPTIONS, PROTOCOL, ComparisonOptions
from gru_tf.suite.comparison.scaling import with_scaling
from gru_tf.suite.comparison.signatures import documented
from gru_tf.suite.comparison.split import expect_whole, with_split
from gru_tf.tasks import create
from gru_tf.tasks.own._task import Draws, OwnData

FIELDS = {  # of an experiment → the option that sets it
    "cells": "cells",
    "seeds": "seeds",
    "replicates.minutes": "minutes",
    "model.units": "units",
    "model.parameters": "parameters",
    "model.quantiles": "intervals",
    "search.trials": "trials",
    "training.epochs": "epochs",
    "training.batch_size": "batch_size",
}

EITHER = (("units", "parameters"), ("seeds", "minutes"))  # of which one may be given


@dataclass(frozen=True)
class ComparisonPlan:
    """What will be compared, and why.

    Args:
        guess: the task and its options.
        experiment: what `gru-tf run` would run, the files' checksum in it.
        inferences: every inferred option and default in words, with the options that override it.
        notes: what a user should know of the data.
    """

    guess: Guess
    experiment: Experiment
    inferences: tuple[Inference, ...]
    notes: tuple[str, ...]


@documented
def plan(
    data: Any,
    *,
    test: Any = None,
    name: str | None = None,
    store: str | None = None,
    **options: Unpack[ComparisonOptions],
) -> ComparisonPlan:
    """What `compare` with the same arguments would run; reads the data and starts nothing.

    Args:
        data: as in `compare`.
        test: data to test on; a part of `data` if None.
        **options: each of `ComparisonOptions`.
        name: name of the experiment in the store; the file's name if None, with its folder's where another file has it.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None. Nothing is written to it.

    Raises:
        UserError: for whatever is wrong with the data or the arguments, in one line.
        TypeError: for an option that is none.
    """
    chosen = _chosen(options)
    path, test_path = frames.located(data), None if test is None else frames.located(test)
    try:
        return _planned(path, test_path, name, store, chosen)
    except UserError as error:
        if isinstance(data, (str, Path)):
            raise
        raise UserError(str(error).replace(path, "the data").replace(test_path or path, "the test data")) from error


def _planned(
    path: str, test_path: str | None, name: str | None, store: str | None, chosen: dict[str, Any]
) -> ComparisonPlan:
    guessed = guess(path, test_path, {key: value for key, value in chosen.items() if key not in PROTOCOL})
    guessed, scaled = with_scaling(guessed, chosen.get("scaling"), chosen.get("metric"))
    guessed, measured = with_metric(guessed, chosen.get("metric"))
    intervals = with_intervals(guessed, chosen.get("intervals"))
    task = create(guessed.task, guessed.options)
    if isinstance(task, OwnData):
        expect_whole(task, chosen)
    examples = len(task.splits(np.random.default_rng(0)).train)
    protocols = protocol(task.signature, examples, chosen)
    guessed, drawn = with_split(guessed, protocols, chosen.get("draws"))
    name, named = told_apart(path, test_path, store) if name is None else (name, ())
    cells = protocols.content["cells"]
    content = {
        "name": name,
        "question": f"{listed(cells, 'or')} for {guessed.summary}?",
        "tasks": [{guessed.task: _plain(guessed.options)}],
        **protocols.content,
    }
    experiment = _validated(content, name or "the comparison")
    defaults = (Inference(*default) for default in protocols.defaults)
    inferences = (*named, *guessed.inferences, *scaled, *measured, *intervals, *drawn, *defaults)
    return ComparisonPlan(guessed, experiment, inferences, task.notes() if isinstance(task, OwnData) else ())


def _validated(content: dict[str, Any], where: str) -> Experiment:
    """The experiment; its fields that an option sets go by the option's name in errors, since nobody wrote a file."""
    try:
        return suite.load(yaml_file.validate(content, where))
    except UserError as error:
        field, colon, reason = str(error).removeprefix(f"{where}: ").partition(": ")
        option = FIELDS.get(re.sub(r"\[\d+\]", "", field))
        if not colon or option is None:
            raise
        raise UserError(f"{spelled(option)}: {reason}") from error


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the user chose, each value as the tasks take it."""
    for name in options:
        if name not in OPTIONS:
            near = did_you_mean(name, OPTIONS)
            raise TypeError(f"compare: no option is called '{name}'.{near} Options: {', '.join(OPTIONS)}")
    for first, second in EITHER:
        if options.get(first) is not None and options.get(second) is not None:
            raise UserError(f"expected one of {quoted(first)} and {quoted(second)}. Received: both")
    chosen = {name: _value(name, options[name]) for name in OPTIONS if options.get(name) is not None}
    if chosen.get("split") in get_args(Draws):  # as `draws` was called
        chosen["draws"] = chosen.pop("split")
    return chosen


def _value(option: str, value: Any) -> Any:
    """An option's value as the tasks take it: whole numbers, lists, and names of columns, which are text."""
    if option in COUNTS and not isinstance(value, int):
        if not isinstance(value, np.integer):
            raise UserError(f"{spelled(option)}: expected a whole number. Received: {shown(value)}")
        return int(value)
    if option in LISTS:
        value = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
        return tuple(map(str, value)) if option in COLUMNS else value
    return str(value) if option in COLUMNS else value


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as YAML holds them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def write(comparison_plan: ComparisonPlan, file: Path) -> None:
    """Write a plan as an experiment file, from which `gru-tf run` makes the same runs.

    Raises:
        UserError: where the file already exists, or cannot be written.
    """
    import yaml

    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"{file}: expected a name that ends in .yaml")
    content = comparison_plan.experiment.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    content["tasks"] = [
        {task.name: _plain({k: v for k, v in task.options.items() if k != PINNED})}
        for task in comparison_plan.experiment.tasks
    ]
    content["cells"] = [cell.name for cell in comparison_plan.experiment.cells]
    if comparison_plan.experiment.replicates is None:
        content["seeds"] = len(comparison_plan.experiment.seeds)
    else:  # whose seeds they are
        content.pop("seeds", None)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    if os.path.lexists(file):  # a link that leads nowhere is something too
        raise UserError(f"{file}: already exists; it is not overwritten")
    atomic_file.expect_folder(file)
    try:
        atomic_file.write(file, text.encode())
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from error

"""The sizes of an experiment's networks, and whether all that it names exists and fits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import Choice, Range, TrainingSpec
from gru_tf.foundation import extras, startup
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import cell_sources
from gru_tf.suite.definitions import load
from gru_tf.tasks import create
from gru_tf.training import recipe
from gru_tf.training.network import truncation
from gru_tf.training.network.budget import Size
from gru_tf.training.network.resolution import ResolvedNetwork, check_diagnosed, check_forced, resolve

# fields of a model on which depends whether a task, a cell and a budget can have it
PARTS = ("bidirectional", "linear_path", "initial", "embedding_dropout", "tied", "residual", "layer_norm")
OF_TASKS = ("truncate", "batch_size")  # fields of a recipe on which depends whether a task can be trained so


def check(given: str | Path | Experiment) -> list[tuple[Choice, Choice, Size]]:
    """Resolve everything that an experiment names; returns the size of the network of each (task, cell).

    Raises:
        UserError: for an option that a task or cell does not have, or a budget that cannot be met.
    """
    with startup.quiet():  # a budget in parameters imports TensorFlow
        return of_experiment(load(given))


def of_experiment(experiment: Experiment) -> list[tuple[Choice, Choice, Size]]:
    """As `check` gives them, of an experiment that is loaded."""
    experiment.baseline_runs()  # refuses what fits no task
    return [(task, cell, _checked(experiment, task, cell)) for task, cell in experiment.pairs()]


def _checked(experiment: Experiment, choice: Choice, cell: Choice) -> Size:
    task, spec = create(choice.name, choice.options), cell_sources.described(cell.name)
    try:
        for package in task.packages:  # before hours of training that would end without a score
            extras.expect(package, "the task")
        network = resolve(experiment.model, task.signature, spec, cell.options)
        for training in _recipes(experiment):
            recipe.check(training, experiment.model, cell.options, task)
            truncation.check_layers(training, network.layers)
        for part in _parts(experiment):  # a budget may fit without it and not with it
            resolve(model := experiment.model.but(**part), task.signature, spec, cell.options)
            recipe.check(experiment.training, model, cell.options, task)
        check_forced(experiment.training, task.signature)
        if not task.signature.decoded:
            _check_nothing_written(experiment)
        if experiment.diagnostics:
            check_diagnosed(network)
        if experiment.training.jit is True:
            _check_compiled(experiment, network)
        return network.size
    except UserError as error:
        raise UserError(f"{experiment.origin}: {choice.title}, {cell.label}: {error}") from error


def _parts(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Each part of the network that a search tries, where its values are listed."""
    for name, axis in experiment.search.axes.items() if experiment.search else ():
        if name in PARTS and isinstance(axis, tuple):
            yield from ({name: value} for value in axis)


def _recipes(experiment: Experiment) -> Iterator[TrainingSpec]:
    """The recipe, and the same with each value that a search tries of what the task must allow."""
    yield experiment.training
    for name, axis in experiment.search.axes.items() if experiment.search else ():
        if name in OF_TASKS:
            values = axis.ends(integer=True) if isinstance(axis, Range) else axis
            yield from (experiment.training.but(**{name: value}) for value in values)


def _check_nothing_written(experiment: Experiment) -> None:
    """Refuse a search of what a task without a written sequence does not have."""
    axes = experiment.search.axes if experiment.search else {}
    for name in axes:
        if name == "attention" or name.startswith("teacher_forcing"):
            raise UserError(f"search.space.{name}: expected it to be left out: on this task no sequence is written")


def _check_compiled(experiment: Experiment, network: ResolvedNetwork) -> None:
    """Refuse XLA where a GPU's cuDNN computes the recurrence; without a GPU there is nothing to refuse."""
    from gru_tf.suite.engine import processes

    if processes.gpus():
        from gru_tf.training.network import model

        model.kernel(experiment.model, network.cell, network.options, experiment.training.jit, gpu=True)

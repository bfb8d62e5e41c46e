"""The definition of an experiment, from wherever it is given, with users' own files by the content that they have now."""

from pathlib import Path

from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.tasks import create
from gru_tf.training.network import pretrained


def load(given: str | Path | Experiment) -> Experiment:
    """An experiment from a file, a name, or itself; its users' own files by the content that they have now.

    Raises:
        UserError: where the experiment, or a file that it names, cannot be read.
    """
    return _pinned(given if isinstance(given, Experiment) else yaml_file.load(yaml_file.locate(str(given))))


def _pinned(experiment: Experiment) -> Experiment:
    more = [create(task.name, task.options).pinned() for task in experiment.tasks]
    tasks = [task.but(options={**task.options, **pinned}) for task, pinned in zip(experiment.tasks, more, strict=True)]
    model = pretrained.pinned(experiment.model)
    changed = any(more) or model is not experiment.model
    return experiment.model_copy(update={"tasks": tuple(tasks), "model": model}) if changed else experiment

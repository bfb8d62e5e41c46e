"""Where an experiment with replicates stands: which cells need how many more."""

import math
from collections.abc import Iterable

from gru_tf.analysis.statistics.sequential import Course, follow
from gru_tf.analysis.statistics.unpaired import TaskSamples
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, sign


def course(experiment: Experiment, results: Iterable[RunResult]) -> Course:
    """Every look for which the results are there, each seed being a replicate."""
    finals = {
        (r.run.task.label, r.run.cell.label, r.run.seed): math.nan if r.test is None else sign(r.direction) * r.test
        for r in results
        if r.run.purpose == "final"
    }
    tasks = []
    for task in experiment.tasks:
        scores: dict[str, list[float]] = {cell.label: [] for cell in experiment.cells}
        for cell, own in scores.items():
            for seed in experiment.seeds:
                if (task.label, cell, seed) not in finals:
                    break
                own.append(finals[task.label, cell, seed])
        tasks.append(TaskSamples(scores))
    return follow(tasks, at_most=len(experiment.seeds), keep="best")

"""Whether results are whole, so that they may be recorded: every run has ended, as this file defines it."""

from collections.abc import Iterable

from gru_tf.analysis.recorded.facts import command
from gru_tf.analysis.results import Results
from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation.errors import UserError, several

MOST = 4  # that a message names


def expect_whole(results: Results, experiment: Experiment) -> Results:
    """The results by the experiment's own file, whose words may be newer than those of the store.

    Runs that diverged or failed have ended.

    Args:
        results: from a store.
        experiment: from its file.

    Raises:
        UserError: one line, where the file defines other runs than the store has, or some of them have not ended.
    """
    if experiment.fingerprint != results.experiment.fingerprint:
        raise UserError(
            f"{results.experiment.name}: the store has another definition ({results.experiment.fingerprint}) than"
            f" {experiment.origin} ({experiment.fingerprint}). Run it again"
        )
    whole = Results(experiment, results.runs, results.earlier, results.record, results.timing)
    lacking = [*_final(whole), *_baselines(whole)]
    if lacking:
        count = "1 run is" if len(lacking) == 1 else f"{len(lacking):,} runs are"
        raise UserError(
            f"{experiment.name}: {count} missing: {several(lacking, MOST)}. '{command(experiment)}' goes on with them"
        )
    return whole


def _final(results: Results) -> Iterable[str]:
    """The final runs that have not ended."""
    ended = {(r.run.task.label, r.run.cell.label, r.run.seed) for r in results.runs if r.run.purpose == "final"}
    for task in results.evidence.tasks:
        for cell in task.cells:
            for seed in results.experiment.seeds[: cell.row.wanted]:
                if (task.task, cell.cell, seed) not in ended:
                    yield f"{task.title}, {cell.cell}, seed {seed}"


def _baselines(results: Results) -> Iterable[str]:
    """The baselines that were not fitted: one a task, or where seeds draw data one a seed that a cell has come to."""
    wanted = max((cell.row.wanted for task in results.evidence.tasks for cell in task.cells), default=0)
    fitted = {r.run.fingerprint for r in results.runs if r.run.purpose == "baseline"}
    for run in results.experiment.baseline_runs(wanted):
        if run.fingerprint not in fitted:
            yield f"{run.task.title}, baseline {run.cell.label}, seed {run.seed}"

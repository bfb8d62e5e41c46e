"""The models without a recurrent network that are recommended: fitted anew from what was chosen, and kept in the store.

Only the recommended ones are, and after the last run: which one that is no single run knows. The same settings, data and
seed give the same model.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from gru_tf.analysis.recommendation import words
from gru_tf.analysis.recommendation.rule import select
from gru_tf.analysis.results import Results
from gru_tf.baselines.baseline import FittedBaseline
from gru_tf.experiment.result import RunResult
from gru_tf.foundation import startup
from gru_tf.foundation.errors import one_line
from gru_tf.suite.chosen_run import kept_of
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record


def recommended(results: Results) -> Iterator[RunResult]:
    """Of each task on which a baseline is better than the network that would be recommended, that baseline's run."""
    for task in results.evidence.tasks:
        selection = select(task)
        other = words.other(task, selection) if selection else None
        run = best_run(results.runs, task.task, other.cell) if other else None
        if run is not None:
            yield run


def best_run(runs: Iterable[RunResult], task: str, baseline: str) -> RunResult | None:
    """The run of a baseline on a task whose model predicts, see `kept_of`; None where none was fitted.

    Args:
        runs: any.
        task: its label.
        baseline: its name.
    """
    fitted = [r for r in runs if r.fitted]
    return kept_of(r for r in fitted if (r.run.task.label, r.run.cell.label) == (task, baseline))


def keep(results: Results, record: Record, writer: ResultWriter) -> None:
    """Keep the models that the store has not yet; one that cannot be fitted again is reported in a line.

    Raises:
        UserError: where the store stays out of reach.
    """
    for result in recommended(results):
        if result.run.fingerprint in record.models:
            continue
        try:
            model = fit_again(result)
        except Exception as error:  # whatever is wrong with a model, the experiment is closed
            reason, name = one_line(f"{type(error).__name__}: {error}"), result.run.cell.label
            writer.say(f"the model of {name} on {result.run.task.title} was not kept: {reason}. Results are not affected")
            continue
        writer.insist(partial(record.log_baseline, result, model))


def fit_again(result: RunResult) -> FittedBaseline:
    """The model of a baseline's run, fitted anew with the settings that were chosen.

    Raises:
        UserError: where the data cannot be read, or the model scores otherwise on validation than in the result.
    """
    with startup.quiet():
        from gru_tf.training import baseline_run
    return baseline_run.fit_again(result)

"""One run of a baseline, from its grid to its result."""

import math
import time
from typing import Any

from gru_tf.baselines import fitting
from gru_tf.baselines.baseline import FittedBaseline
from gru_tf.experiment import losses
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import BaselineRecord, RunResult, described
from gru_tf.foundation import environment
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Task
from gru_tf.training.passes import stream

SAME = 1e-3  # of a metric: another machine or library rounds otherwise


def fit(run: Run) -> RunResult:
    """Fit `run`'s baseline to its task, on the same splits as the networks have at that seed.

    With `training.refit` the chosen settings are fitted anew, as networks are trained anew. So they are with
    `training.validation: none`, where networks train on both splits: settings must be chosen by something.
    It counts as diverged where no setting of its grid gives a finite metric on validation.
    """
    started, clock = time.time(), time.perf_counter()
    task = run.drawn_task().for_baselines()
    splits = task.splits(stream(run.seed, run.task))
    left_out = fitting.why_not(run.cell.name, task, splits)
    if left_out:
        seconds = time.perf_counter() - clock
        return RunResult(run=run, status="finished", warning=f"left out: {left_out}", started=started, seconds=seconds)
    try:
        fitted = fitting.fit(run.cell.name, task, splits, run.seed, _joins(run))
    except UserError as error:
        seconds = time.perf_counter() - clock
        return RunResult(run=run, status="diverged", error=str(error), started=started, seconds=seconds)
    return _result(run, task, fitted, started, time.perf_counter() - clock)


def fit_again(result: RunResult) -> FittedBaseline:
    """The model of a baseline's result, fitted anew: its settings are in the result, and its data at hand.

    Raises:
        UserError: where the data cannot be read, or the model scores otherwise on validation than in the result.
    """
    run = result.run
    assert result.fitted is not None  # noqa: S101, of a baseline that was fitted
    task = run.drawn_task().for_baselines()
    splits = task.splits(stream(run.seed, run.task))
    model, value = fitting.fit_again(run.cell.name, task, splits, run.seed, result.fitted.settings, _joins(run))
    if value is None and result.validation is None:  # nothing to compare
        return model
    if value is None or result.validation is None or not math.isclose(value, result.validation, rel_tol=SAME, abs_tol=SAME):
        scored = f"{result.metric} {result.validation:.6g} on validation, as in the store"
        received = f"{math.nan if value is None else value:.6g}"
        raise UserError(f"{run.cell.label} fitted anew to {run.task.title}: expected {scored}. Received: {received}")
    return model


def _joins(run: Run) -> bool:
    """Whether what is tested has learned from training and validation split together."""
    return run.training.refit or run.training.validation == "none"


def _environment(task: Task) -> dict[str, Any]:
    machine = {"device": environment.processor(), "threads": 1}  # baselines compute by one thread, on any machine
    return {"versions": environment.versions(), "commit": environment.commit(), **machine, "data": task.checksums()}


def _result(run: Run, task: Task, fitted: fitting.BaselineFit, started: float, seconds: float) -> RunResult:
    metric = task.metric
    further = [name.removesuffix(f"_{metric.name}") for name in fitted.more if name.endswith(f"_{metric.name}")]
    return RunResult(
        run=run,
        status="finished",
        started=started,
        seconds=seconds,
        metric=metric.name,
        direction=metric.direction,
        validation=fitted.validation,
        test=fitted.test,
        more=fitted.more,
        chance=metric.chance,
        score=metric.score(fitted.test),
        test_examples=len(fitted.losses),
        chances={f"{name}_{metric.name}": metric.chance_on(name) for name in further},
        parameters=fitted.size,
        peak_memory_mb=environment.peak_memory_mb(),
        environment=_environment(task),
        fitted=BaselineRecord(
            settings=fitted.settings,
            tried=list(fitted.tried),
            fit_seconds=fitted.fit_seconds,
            grid_seconds=fitted.grid_seconds,
            predict_seconds=fitted.predict_seconds,
        ),
        model_bytes=fitted.bytes,
        losses=(by_example := losses.kept(task, fitted.losses * fitted.weights, fitted.weights)),
        losses_kept=len(losses.array(by_example)),
        **described(fitted.evaluation),
    )

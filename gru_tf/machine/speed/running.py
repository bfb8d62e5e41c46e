"""Measures speed, case by case, and stores it: `run` for Python users and the command alike."""

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gru_tf.foundation import startup
from gru_tf.foundation.errors import UserError, mismatch
from gru_tf.machine.speed import figure, floor_figure, own_process
from gru_tf.machine.speed.cases import Effort
from gru_tf.machine.speed.findings import SpeedFindings
from gru_tf.machine.speed.measurement import Failure, Measurement
from gru_tf.machine.speed.spec import SpeedSpec
from gru_tf.machine.speed.store import SpeedRecord
from gru_tf.machine.speed.store import last as last_of
from gru_tf.recurrent.cells import CELLS
from gru_tf.suite.tracking import Store

Progress = Callable[[Measurement | Failure | None, float], None]
EFFORT, QUICK = (5, 3, 0.025), (3, 3, 0.02)  # rounds, groups a round, seconds of a group


def ask(cells: str, **settings: Any) -> SpeedSpec:
    """A specification from comma-separated cell names and the other fields of a `SpeedSpec`.

    Raises:
        UserError: for an unknown cell, a repeated one, or an impossible value.
    """
    named = [{"name": CELLS.check(name.strip())} for name in cells.split(",")]
    try:
        return SpeedSpec.model_validate({"cells": tuple(named), **settings})
    except ValidationError as error:
        errors = error.errors(include_url=False)
        where = ".".join(map(str, errors[0]["loc"][:1]))
        raise UserError(f"{where}: {mismatch([e for e in errors if e['loc'][:1] == errors[0]['loc'][:1]])}") from error


def run(
    spec: SpeedSpec, store: str | None = None, progress: Progress | None = None, minutes: float = math.inf
) -> SpeedFindings:
    """Measure `spec` and keep it in the store.

    Args:
        spec: what to measure.
        store: tracking URI of MLflow; ./mlruns/mlflow.db if None.
        progress: called with the result of a case's first round, or None, and the share that is done.
        minutes: that it may take, what starts and ends it included; `--determinism` takes its own time.

    Raises:
        UserError: for an impossible budget, or a number of threads that this process can no longer change to.
    """
    began = time.monotonic()
    opened = Store(store)
    with startup.quiet():
        from gru_tf.machine.speed import tensorflow_case, timing
        from gru_tf.training import compiled_steps, trainer

        _threads(spec.threads)
        why_not_fused = tensorflow_case.why_not_fused()
        spec = spec.but(fused=not why_not_fused)
        cases, pairs = spec.cases(compiled_steps.on_gpu()), spec.determinism_cases()
    effort = Effort(*(QUICK if spec.quick else EFFORT))
    machine = trainer.machine() | ({"why_not_fused": why_not_fused} if why_not_fused else {})
    findings = SpeedFindings(spec=spec, rate=timing.product_rate(effort), machine=machine)
    record = SpeedRecord(opened, findings)
    try:
        left = max(0.0, 60 * minutes - (time.monotonic() - began))
        results = timing.measure(cases, findings.rate, effort, progress, left)
        results += own_process.measure(list(zip(*pairs, strict=True)), findings.rate, effort, spec.threads)
        for result in results:
            record.write(result)
        findings = _with(findings, results)
        _keep(record, findings)
    except BaseException:
        record.stop()
        raise
    return findings


def last(store: str | None = None) -> SpeedFindings:
    """The findings of the latest call, without measuring again.

    Raises:
        UserError: where the store has none.
    """
    return last_of(Store(store, make=False))


def _with(findings: SpeedFindings, results: list[Measurement | Failure]) -> SpeedFindings:
    measured = tuple(r for r in results if isinstance(r, Measurement))
    failed = tuple(r for r in results if isinstance(r, Failure))
    return findings.model_copy(update={"measurements": measured, "failures": failed})


def _keep(record: SpeedRecord, findings: SpeedFindings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draws = {"growth": figure.draw, "time-over-floor": floor_figure.draw}
        files = [draw(findings, Path(folder, f"{name}.{kind}")) for name, draw in draws.items() for kind in ("svg", "png")]
        record.finish(findings, files)


def _threads(threads: int) -> None:
    """Set the threads, where TensorFlow has not begun with others."""
    import tensorflow as tf

    from gru_tf.training import trainer

    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        trainer.configure(threads)
    except RuntimeError as error:
        raise UserError(
            f"threads: received {threads}, but TensorFlow runs with other settings in this process already;"
            " measure speed in a new one"
        ) from error

"""Speeds in the store: the MLflow experiment "speed", with a parent run for each call and a child for each measurement."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError
from gru_tf.machine.speed.cases import Case
from gru_tf.machine.speed.findings import SpeedFindings
from gru_tf.machine.speed.measurement import Failure, Measurement
from gru_tf.machine.speed.spec import AXES
from gru_tf.suite.tracking import FAILED, FINISHED, KIND, Store, answering
from gru_tf.suite.tracking.paging import every

EXPERIMENT, PARENT, CHILD = "speed", "speed", "measurement"
STOPPED = "KILLED"
ASKED, MEASURED = "gru_tf.speed", "gru_tf.measurement"
PREFIX = {"train": "step_ms", "infer": "predict_ms", "stream": "stream_ms"}  # the first two are a training run's as well


class SpeedRecord:
    """One call of `gru-tf speed` in the store.

    Args:
        store: to write to.
        findings: with the specification and the machine.

    Raises:
        StoreError: where the server refuses; likewise its methods.
    """

    def __init__(self, store: Store, findings: SpeedFindings):
        self.store, self.client = store, store.client
        tags = {ASKED: findings.model_dump_json(exclude={"measurements", "failures"}), KIND: PARENT, **_tags(findings)}
        params = {k: v for k, v in findings.spec.model_dump(mode="json").items() if k != "cells"}
        params["cells"] = ", ".join(cell.label for cell in findings.spec.cells)
        with answering(store.uri):
            self.experiment_id = store.experiment_id(EXPERIMENT)
            run = self.client.create_run(self.experiment_id, tags=tags, run_name=f"speed on {findings.machine['device']}")
            self.parent = str(run.info.run_id)
            store.log(self.parent, params, {"product_gflops": findings.rate / 1e9})

    def write(self, result: Measurement | Failure) -> None:
        """Write one child."""
        tags = {"mlflow.parentRunId": self.parent, KIND: CHILD, MEASURED: result.model_dump_json()}
        status, seconds = FAILED, 0.0
        if isinstance(result, Measurement):
            status, seconds = FINISHED, result.seconds
        else:
            tags["error"] = result.error
        start = int(1000 * result.started)
        with answering(self.store.uri):
            run = self.client.create_run(self.experiment_id, start, tags, result.case.label)
            self.store.log(run.info.run_id, _params(result), _metrics(result))
            self.client.set_terminated(run.info.run_id, status, start + int(1000 * seconds))

    def finish(self, findings: SpeedFindings, figures: Iterable[Path]) -> None:
        """Close the parent with its exponents and figures."""
        with answering(self.store.uri):
            self.store.log(self.parent, metrics=_powers(findings))
            for file in figures:
                self.client.log_artifact(self.parent, str(file))
            self.client.set_terminated(self.parent, FAILED if findings.failures else FINISHED)

    def stop(self) -> None:
        """Close the parent of a call that was stopped."""
        with answering(self.store.uri):
            self.client.set_terminated(self.parent, STOPPED)


def last(store: Store) -> SpeedFindings:
    """The findings of the latest call, without measuring again.

    Raises:
        UserError: where the store has none.
    """
    parents = _runs(store, f"tags.`{KIND}` = '{PARENT}' and attributes.status != '{STOPPED}'")
    if not parents:
        raise UserError(f"no speeds in {store.uri}: 'gru-tf speed' measures them")
    parent = parents[-1]
    children = _runs(store, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    texts = {status: [r.data.tags[MEASURED] for r in children if r.info.status == status] for status in (FINISHED, FAILED)}
    measured = tuple(map(Measurement.model_validate_json, texts[FINISHED]))
    failed = tuple(map(Failure.model_validate_json, texts[FAILED]))
    findings = SpeedFindings.model_validate_json(parent.data.tags[ASKED])
    return findings.model_copy(update={"measurements": measured, "failures": failed})


def _runs(store: Store, condition: str) -> list[Any]:
    """The runs of the experiment that satisfy a condition, oldest first."""
    with answering(store.uri):
        experiment = store.client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return []
        ids, order = [experiment.experiment_id], ["attributes.start_time ASC"]
        return list(every(store.client.search_runs, experiment_ids=ids, filter_string=condition, order_by=order))


def _powers(findings: SpeedFindings) -> dict[str, float]:
    """Exponents as metrics, e.g. exponent_timesteps_gru."""
    fitted = {(axis, cell.name): findings.power(axis, cell) for axis in AXES for cell in findings.spec.cells}
    return {f"exponent_{axis}_{cell}": power.exponent for (axis, cell), power in fitted.items() if power}


def _tags(findings: SpeedFindings) -> dict[str, str]:
    machine = findings.machine
    versions = {f"version.{k}": v for k, v in machine.get("versions", {}).items()}
    return {**versions, **{k: str(machine[k]) for k in ("commit", "device", "threads") if k in machine}}


def _params(result: Measurement | Failure) -> dict[str, Any]:
    case = result.case
    params = {
        "cell": case.cell.label,
        "path": case.path,
        "what": case.what,
        "implementation": _implementation(case),
        "resolved_units": case.units,
        "features": case.features,
        "batch_size": case.batch,
        "timesteps": case.timesteps,
        "deterministic": case.deterministic,
        "fresh_process": case.fresh,
        "resolved_jit": case.jit,
    }
    if isinstance(result, Failure):
        return params
    counts = {"total_parameters": result.parameters, "recurrent_parameters": result.recurrent_parameters}
    return {**params, **counts, "kernel_path": result.kernel_path, "group_size": result.group_size}


def _implementation(case: Case) -> str:
    """Whose layer: "pytorch", "keras", or of this project, in a training run's words, "stock" or "custom"."""
    return "pytorch" if case.path == "pytorch" else "keras" if case.ordinary else case.implementation


def _metrics(result: Measurement | Failure) -> dict[str, float]:
    """Metrics of a result, named as in a training run's record where they mean the same."""
    if isinstance(result, Failure):
        return {}
    name = PREFIX[result.case.what]
    numbers = {
        name: result.median_ms,
        f"{name}_low": result.low_ms,
        f"{name}_high": result.high_ms,
        "samples_per_second": 1000 * result.case.batch / result.median_ms if result.case.what != "stream" else None,
        "compile_seconds": result.compile_seconds,
        "peak_memory_mb": result.peak_memory_mb,
        "added_memory_mb": result.added_memory_mb,
        "device_memory_mb": result.device_memory_mb,
        "total_parameters": result.parameters,
        "recurrent_parameters": result.recurrent_parameters,
        "flops": result.flops,
        "floor_ms": result.floor_ms,
        "times_floor": result.times_floor,
        "run_seconds": result.seconds,
    }
    return {name: float(value) for name, value in numbers.items() if value is not None}

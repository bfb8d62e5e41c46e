"""What a tracking server shows of a result: its name, parameters, numbers and tags; the same in every experiment."""

import statistics
import time
from typing import Any

from pydantic import TypeAdapter

from gru_tf.experiment.result import Diagnostics, LayerReading, RunResult
from gru_tf.experiment.specs import TrainingSpec
from gru_tf.experiment.specs.network import LATER
from gru_tf.foundation import palette
from gru_tf.tasks.evaluation import SampleForecast

DIAGNOSTICS, SAMPLES, FORECASTS = "diagnostics.json", "samples.txt", "forecasts.json"  # artifacts: too long for a tag
FORECASTS_KIND = TypeAdapter(tuple[SampleForecast, ...])
COLOUR = "mlflow.runColor"  # what the dashboard's charts draw a run in
# parts of the data, by a run's purpose
READ = {"trial": "train, validation"} | dict.fromkeys(("final", "baseline"), "train, validation, test")


def name(result: RunResult) -> str:
    """The run's name in the dashboard, beginning with what differs between runs."""
    run = result.run
    kind = {"final": f"seed {run.seed}", "trial": f"trial {run.fingerprint[:6]}"}.get(run.purpose, run.purpose)
    return f"{run.cell.label} · {kind} · {run.task.title}"


def params(result: RunResult) -> dict[str, Any]:
    """What was requested and what it resolved to; of a baseline the settings that were chosen."""
    run = result.run
    if run.purpose == "baseline":
        settings = result.fitted.settings if result.fitted else {}
        names = {"task": run.task.title, "cell": run.cell.label, "seed": run.seed, "purpose": run.purpose}
        return {**settings, **names, "total_parameters": result.parameters, "metric": result.metric}
    return {
        "task": run.task.title,
        "cell": run.cell.label,
        "seed": run.seed,
        "purpose": run.purpose,
        **{f"budget_{name}": getattr(run.model, name) for name in ("units", "parameters")},
        **run.model.model_dump(exclude={"units", "parameters"}),
        **{name: getattr(run.model, name) for name in LATER},
        **_recipe(run.training),
        "resolved_units": result.units,
        "total_parameters": result.parameters,
        "recurrent_parameters": result.recurrent_parameters,
        "resolved_jit": result.jit,
        "kernel_path": result.kernel_path,
        "metric": result.metric,
        "best_epoch": result.best_epoch,
    }


def _recipe(training: TrainingSpec) -> dict[str, Any]:
    """All fields, as they are; of `epochs` and `steps` the one that counts. `validation` is a metric of a result."""
    unread = {"epochs"} if training.steps is not None else set()
    names = {"validation": "validation_split"}
    return {names.get(name, name): value for name, value in training if name not in unread}


def numbers(result: RunResult) -> dict[str, float]:
    """Metrics with one value; names are the same in every experiment, so that MLflow's charts compare cells."""
    speed = result.speed.model_dump() if result.speed else {}
    if result.fitted:
        speed = result.fitted.model_dump(include={"fit_seconds", "grid_seconds", "predict_seconds"})
    numbers = {
        "total_parameters": result.parameters,
        "recurrent_parameters": result.recurrent_parameters,
        f"best_validation_{result.metric}": result.validation,
        f"test_{result.metric}": result.test,
        **{f"test_{name}": value for name, value in result.more.items()},
        f"chance_{result.metric}": result.chance,
        **{f"chance_{name}": value for name, value in result.chances.items()},
        "score": result.score,
        "updates": result.updates,
        "solved": result.solved,
        "peak_memory_mb": result.peak_memory_mb,
        "run_seconds": result.seconds,
        **speed,
        **(_inside(result.diagnostics) if result.diagnostics else {}),
    }
    return {name: float(value) for name, value in numbers.items() if value is not None}


def texts(result: RunResult) -> dict[str, str]:
    """File name → content, of what is to be read as a file."""
    inside = {DIAGNOSTICS: result.diagnostics.model_dump_json()} if result.diagnostics is not None else {}
    samples = result.sample_forecasts
    forecasts = {FORECASTS: FORECASTS_KIND.dump_json(samples).decode()} if samples else {}
    return inside | forecasts | ({SAMPLES: result.samples} if result.samples else {})


def _inside(diagnostics: Diagnostics) -> dict[str, float]:
    """Diagnostics in one number each, before and after training: medians over units, and mean shares."""
    numbers = {"diagnostics_seconds": diagnostics.seconds}
    for when, readings in (("before", diagnostics.before), ("after", diagnostics.after)):
        for reading in readings:
            place = f"layer{reading.layer}_{reading.direction}"
            numbers |= {f"{name}_{place}_{when}": value for name, value in _scalars(reading).items()}
    return numbers


def _scalars(reading: LayerReading) -> dict[str, float]:
    scalars = {"memory_steps": statistics.median(reading.memory)} if reading.memory else {}
    for gate, shares in reading.saturation.items():
        scalars |= {f"saturated_low_{gate}": statistics.fmean(shares.low)}
        scalars |= {f"saturated_high_{gate}": statistics.fmean(shares.high)}
    return scalars


def tags(result: RunResult) -> dict[str, str]:
    """Status, versions, commit, device, threads, CPU kernels or what kept them away, bits, data checksums, colour."""
    environment = result.environment
    flat = {f"version.{k}": v for k, v in environment.get("versions", {}).items()}
    flat |= {f"data.{k}": v for k, v in environment.get("data", {}).items()}
    names = ("commit", "device", "threads", "kernels", "why_not_fused", "bits")
    flat |= {name: str(environment[name]) for name in names if name in environment}
    flat |= {COLOUR: palette.colour(result.run.cell.name)}
    return {"status": result.status, "error": result.error, "logged_at": str(int(time.time())), **flat}

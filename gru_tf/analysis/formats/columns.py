"""What is known of a run, as columns with a type, a meaning, and where a result has it."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple, get_args

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import ModelSpec, TrainingSpec

WHOLE, REAL, TRUTH, TEXT, TIME = "Int64", "float64", "boolean", "string", "datetime64[ms, UTC]"
MILLI = 1000.0
ASKED = {
    "units": "budget_units",
    "parameters": "budget_parameters",
    "seconds": "budget_seconds",
    "validation": "validation_split",
    "start": "from",
    "sha256": "from_sha256",
}  # the others keep their name


class RunColumn(NamedTuple):
    """One column.

    Args:
        name: its heading.
        kind: pandas' type, or the categories in their order; those of task and cell are the experiment's.
        meaning: what it holds, in a line.
        read: takes it from a result; None or "" where there is none.
    """

    name: str
    kind: str | tuple[str, ...]
    meaning: str
    read: Callable[[RunResult], Any]


def _literals(model: Any, name: str) -> tuple[str, ...]:
    return get_args(model.model_fields[name].annotation)


def _speed(name: str, unit: float = 1.0) -> Callable[[RunResult], float | None]:
    def read(result: RunResult) -> float | None:
        value = getattr(result.speed, name, None)  # a run that failed has no speed, an older result not all of it
        return None if value is None else value / unit

    return read


def _where(name: str) -> Callable[[RunResult], Any]:
    return lambda result: result.environment.get(name)


def _direction(result: RunResult) -> str | None:
    return result.direction if result.metric else None  # a default, where it failed before the metric was known


def _milliseconds(result: RunResult) -> int:
    return round(MILLI * result.started)


def _kind(annotation: Any) -> str:
    """The kind of a field of a specification; text where it may be a word."""
    leaves = set(_leaves(annotation))
    if str in leaves or any(isinstance(leaf, str) for leaf in leaves):
        return TEXT
    return next((kind for kind, python in ((TRUTH, bool), (WHOLE, int), (REAL, float)) if python in leaves), TEXT)


def _leaves(annotation: Any) -> Iterator[Any]:
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts[:1] if hasattr(annotation, "__metadata__") else parts:
        yield from _leaves(part)


def _of_network(path: str) -> Callable[[RunResult], Any]:
    """What a run asked of its network; nothing of a baseline, which has none."""
    read = attrgetter(path)

    def value(result: RunResult) -> Any:
        in_place = path == "run.training.epochs" and result.run.training.steps is not None  # of which nothing was read
        return None if result.run.purpose == "baseline" or in_place else read(result)

    return value


def _hyperparameters() -> Iterator[RunColumn]:
    for part, spec in (("model", ModelSpec), ("training", TrainingSpec)):
        for name, field in spec.model_fields.items():
            meaning = f"`{part}.{field.alias or name}`, as the run was asked for"
            yield RunColumn(ASKED.get(name, name), _kind(field.annotation), meaning, _of_network(f"run.{part}.{name}"))


COLUMNS = (
    RunColumn(
        "task", (), "with its options; folder and checksum too where two would look alike", attrgetter("run.task.label")
    ),
    RunColumn("cell", (), "with its options; or the baseline", attrgetter("run.cell.label")),
    RunColumn("purpose", _literals(Run, "purpose"), "a trial of the search, final, or baseline", attrgetter("run.purpose")),
    RunColumn("seed", WHOLE, "of data, initialisation, dropout and order; trials have the search's", attrgetter("run.seed")),
    RunColumn("status", _literals(RunResult, "status"), "how it ended", attrgetter("status")),
    RunColumn("metric", TEXT, "name of the task's metric", attrgetter("metric")),
    RunColumn("direction", _literals(RunResult, "direction"), "whether more or less of the metric is better", _direction),
    RunColumn("test", REAL, "the metric on the test split; trials have none", attrgetter("test")),
    RunColumn("validation", REAL, "the metric on the validation split, at `best_epoch`", attrgetter("validation")),
    RunColumn("chance", REAL, "the baseline's metric", attrgetter("chance")),
    RunColumn("score", REAL, "(test − chance) / (solved − chance): 0 for the baseline, 1 for solved", attrgetter("score")),
    RunColumn("best_epoch", WHOLE, "which epoch `validation` and `test` are of, from 0", attrgetter("best_epoch")),
    RunColumn("updates", WHOLE, "steps of the optimiser; missing in older results", attrgetter("updates")),
    RunColumn("solved", TRUTH, "whether the monitored metric reached `stop_at`, where there is one", attrgetter("solved")),
    RunColumn("units", WHOLE, "size of each layer's state", attrgetter("units")),
    RunColumn("parameters", WHOLE, "weights, head included; the numbers that a baseline keeps", attrgetter("parameters")),
    RunColumn("recurrent_parameters", WHOLE, "of these in the recurrent layers", attrgetter("recurrent_parameters")),
    RunColumn("seconds_per_step", REAL, "of training, excluding compile time: median over epochs", _speed("step_ms", MILLI)),
    RunColumn("seconds_per_step_low", REAL, "lower quartile of the same", _speed("step_ms_low", MILLI)),
    RunColumn("seconds_per_step_high", REAL, "upper quartile of the same", _speed("step_ms_high", MILLI)),
    RunColumn("predict_seconds", REAL, "of a batch without updates; missing in older results", _speed("predict_ms", MILLI)),
    RunColumn("samples_per_second", REAL, "sequences a second at the median step", _speed("samples_per_second")),
    RunColumn(
        "compile_seconds", REAL, "tracing and compiling, also where an earlier run paid it", _speed("compile_seconds")
    ),
    RunColumn("train_seconds", REAL, "all training epochs", _speed("train_seconds")),
    RunColumn("run_seconds", REAL, "the whole run", attrgetter("seconds")),
    RunColumn("peak_memory_mb", REAL, "of the worker's process, in MiB", attrgetter("peak_memory_mb")),
    RunColumn("model_bytes", WHOLE, "of the saved model; trials and older results have none", attrgetter("model_bytes")),
    RunColumn("kernel_path", TEXT, "what executed the recurrence", attrgetter("kernel_path")),
    RunColumn("resolved_jit", TRUTH, "whether XLA compiled it", attrgetter("jit")),
    *_hyperparameters(),
    RunColumn("error", TEXT, "what went wrong, in a line", attrgetter("error")),
    RunColumn("warning", TEXT, "what went wrong without ending the run", attrgetter("warning")),
    RunColumn("attempts", WHOLE, "how often it was tried", attrgetter("attempts")),
    RunColumn("started", TIME, "when", _milliseconds),
    RunColumn("device", TEXT, "processor or GPU", _where("device")),
    RunColumn("threads", WHOLE, "of the computation", _where("threads")),
    RunColumn("commit", TEXT, "of this package's checkout", _where("commit")),
    RunColumn("fingerprint", TEXT, "of all that decides its numbers; in MLflow a tag", attrgetter("run.fingerprint")),
)
FURTHER = ("test_", "chance_")  # how columns of further metrics begin, which only some tasks have


def kind_of(name: str) -> str | tuple[str, ...] | None:
    """The kind of the column of this name; None for one that is not among these."""
    return KINDS.get(name, REAL if name.startswith(FURTHER) else None)


KINDS = {column.name: column.kind for column in COLUMNS}

"""What a run leaves behind: its result, ready for the store, for tables and for statistics."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.reading import Diagnostics as Diagnostics
from gru_tf.experiment.reading import LayerReading as LayerReading
from gru_tf.experiment.reading import Quartiles as Quartiles
from gru_tf.experiment.reading import Shares as Shares
from gru_tf.foundation.digest import sha256_of_text
from gru_tf.tasks import Evaluation
from gru_tf.tasks.evaluation import SampleForecast


class Speed(BaseModel):
    """Training speed, excluding compile time.

    Args:
        compile_seconds: tracing and compiling of this shape in this worker, even where an earlier run paid it.
        train_seconds: wall time of all training epochs, excluding compile time.
        step_ms: median over epochs of the mean time of a step.
        step_ms_low, step_ms_high: quartiles of the same.
        samples_per_second: sequences a second at the median step, or parts of a text of `timesteps` tokens where states
            are carried on; padding of a batch does not count.
        predict_ms: median over epochs of the mean time of a batch without updates, on the validation split; None in results
            from before it was measured.
    """

    model_config = ConfigDict(frozen=True)

    compile_seconds: float
    train_seconds: float
    step_ms: float
    step_ms_low: float
    step_ms_high: float
    samples_per_second: float
    predict_ms: float | None = None


class BaselineRecord(BaseModel):
    """How a baseline was chosen and what it cost.

    Args:
        settings: those with the best metric on validation.
        tried: all settings of its grid, each with that metric.
        fit_seconds: to fit the chosen ones; grid_seconds: to fit and validate all; predict_seconds: to score the test split.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    settings: dict[str, bool | int | float | str]
    tried: list[tuple[dict[str, bool | int | float | str], float]]
    fit_seconds: float
    grid_seconds: float
    predict_seconds: float


class DataRead(NamedTuple):
    """The data of a run.

    Args:
        name: the task with its options.
        digest: 16 digits: the beginning of its file's sha256; of several files, of all their checksums; without files, of
            the name, since the data then follow from the options and the run's seed.
        files: path → sha256 of each file; empty for data that are drawn or come with a package.
    """

    name: str
    digest: str
    files: dict[str, str]


def sign(direction: str) -> int:
    """1 where more of a metric is better ("max"), −1 where less is ("min"): times this, the larger value is the better."""
    return 1 if direction == "max" else -1


class RunResult(BaseModel):
    """One run and its outcome; a run that diverged or failed is a result as well.

    Args:
        run: the run as requested.
        status: "finished", "diverged" (a loss that is not finite) or "failed" (an exception; see `error`).
        error: one line on what went wrong, or ""; warning: the same for what did not end the run.
        passing: whether the cause of a failure may be temporary (memory, disk, a killed worker), so that a retry may help.
        attempts: how often the run was tried.
        started: seconds since the epoch; seconds: wall time of the run.
        history: metric name → one value an epoch.
        best_epoch: index of the epoch with the best validation metric, or with `training.select: last` of the last one; by
            `training.steps` an epoch is a stretch of updates.
        metric: name of the task's metric; direction: whether higher or lower is better.
        validation: the metric at that epoch, None where nothing was validated; test: on the test split, None for a trial.
        solved: whether the monitored metric reached `training.stop_at`; None without it. updates: steps of the optimiser,
            None in older results.
        more: further metrics on the test split by name, and metrics on further splits as "SPLIT_METRIC".
        chance: the baseline's metric; score: (test − chance) / (solved − chance), None for a trial.
        test_examples: sequences that `test` is of; None in older results.
        chances: the baseline's metric on further splits, by name as in `more`.
        units: size of each layer's state; parameters, recurrent_parameters: exact counts.
        speed: training speed; peak_memory_mb: of the worker's process.
        kernel_path: what executed the recurrence; jit: the resolved jit_compile.
        environment: versions, device, threads, commit, data checksums; what kept a fused CPU kernel away;
            bits, "held" where every x86-64 processor with the kernels gives the same, or what decides them.
        fitted: of a baseline, how it was chosen; its `parameters` are the numbers that it keeps. One that cannot be used on
            the data is finished without a metric, and `warning` says why.
        model_file: where the trained model lies, or ""; model_bytes: its size, None without one and in older results.
        samples: some sequences that the network wrote for the test split, or ""; the store keeps them separately as well.
        diagnostics: those that `run.diagnostics` requests; None in results from the store, which keeps them separately.
        losses: of each test example, as `gru_tf.experiment.losses` has them; b"" where they are not kept, and in results
            from the store, which keeps them separately. losses_kept: of how many examples they are kept.
        parts: what test examples are divided by ("series", "step", "class") → each part's name → metric → value.
        radii: coverage in percent → half the width of a prediction interval by output, on the scale of the outputs; of a
            network with `run.model.quantiles`, what is added to its quantiles at both ends, which may be negative.
        sample_forecasts: forecasts to look at; () in results from the store, which keeps them separately.
    """

    # a diverged run's history holds values that are not finite, which JSON proper cannot
    model_config = ConfigDict(
        frozen=True,
        protected_namespaces=(),
        ser_json_inf_nan="constants",
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )

    run: Run
    status: Literal["finished", "diverged", "failed"]
    error: str = ""
    warning: str = ""
    passing: bool = False
    attempts: int = 1
    started: float
    seconds: float
    history: dict[str, list[float]] = {}
    best_epoch: int | None = None
    metric: str = ""
    direction: Literal["max", "min"] = "max"
    validation: float | None = None
    test: float | None = None
    solved: bool | None = None
    updates: int | None = None
    more: dict[str, float] = {}
    chance: float | None = None
    score: float | None = None
    test_examples: int | None = None
    chances: dict[str, float] = {}
    units: int | None = None
    parameters: int | None = None
    recurrent_parameters: int | None = None
    speed: Speed | None = None
    peak_memory_mb: float | None = None
    kernel_path: str = ""
    jit: bool | None = None
    environment: dict[str, Any] = {}
    fitted: BaselineRecord | None = None
    model_file: str = ""
    model_bytes: int | None = None
    samples: str = ""
    diagnostics: Diagnostics | None = None
    losses: bytes = b""
    losses_kept: int = 0
    parts: dict[str, dict[str, dict[str, float]]] = {}
    radii: dict[str, list[float]] = {}
    sample_forecasts: tuple[SampleForecast, ...] = ()

    @property
    def data(self) -> DataRead:
        """The data, from what the run recorded of them: nothing is read again."""
        files, name = dict(self.environment.get("data", {})), self.run.task.title
        sums = list(files.values())
        digest = sums[0] if len(sums) == 1 else sha256_of_text("\n".join(sums or [name]))
        return DataRead(name, digest[:16], files)

    @property
    def is_finished_final(self) -> bool:
        """Whether it is a final seed, not a trial, and came to its end."""
        return self.run.purpose == "final" and self.status == "finished"

    def answers(self, run: Run) -> bool:
        """Whether this is a result of `run` with all requested diagnostics; a failure is none."""
        same = self.run.fingerprint == run.fingerprint and self.status != "failed"
        return same and set(run.diagnostics) <= set(self.run.diagnostics)


def described(evaluation: Evaluation) -> dict[str, Any]:
    """The fields of a result that hold an evaluation, beside `more`."""
    parts = {kind: {name: dict(values) for name, values in each.items()} for kind, each in evaluation.parts.items()}
    radii = {level: list(each) for level, each in evaluation.radii.items()}
    return {"parts": parts, "radii": radii, "sample_forecasts": evaluation.sample_forecasts}

"""The outcome of timing a case: a measurement, or a failure."""

from pydantic import BaseModel, ConfigDict

from gru_tf.machine.speed.cases import Case


class Measurement(BaseModel):
    """A case and its time.

    Args:
        case: what was timed.
        median_ms: of one training step, batch or streamed step, over groups of repeats; low_ms, high_ms: quartiles.
        groups: how many groups; group_size: repeats in each.
        compile_seconds: tracing, compiling and the first repeat; not in the times above.
        peak_memory_mb: the process's, compile included; added_memory_mb: above what it held when the case began.
        device_memory_mb: the GPU's peak, None without one.
        kernel_path: what executed the recurrence, read off the graph.
        flops: of the matrix products; floor_ms: these at the machine's measured rate.
        parameters, recurrent_parameters: exact counts.
        started: seconds since the epoch; seconds: all that the measurement took.
    """

    model_config = ConfigDict(frozen=True)

    case: Case
    median_ms: float
    low_ms: float
    high_ms: float
    groups: int
    group_size: int
    compile_seconds: float
    peak_memory_mb: float
    added_memory_mb: float
    device_memory_mb: float | None = None
    kernel_path: str
    flops: int
    floor_ms: float
    parameters: int
    recurrent_parameters: int
    started: float
    seconds: float

    @property
    def times_floor(self) -> float:
        """How many times the arithmetic floor it takes."""
        return self.median_ms / self.floor_ms


class Failure(BaseModel):
    """A case that could not be timed, and why, in one line."""

    model_config = ConfigDict(frozen=True)

    case: Case
    error: str
    started: float

"""Times a case: compile time separately, then repeats in groups, next to the arithmetic floor.

Times are medians and quartiles over groups of repeats, each group far longer than the timer's resolution. The groups of
a case are spread over the whole measurement, in rounds, because other work on a machine varies within minutes.
"""

import gc
import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Self

import numpy as np
import psutil
import tensorflow as tf

from gru_tf.foundation import environment
from gru_tf.foundation.errors import one_line
from gru_tf.machine.speed.cases import Case, Effort
from gru_tf.machine.speed.flops import flops
from gru_tf.machine.speed.measurement import Failure, Measurement
from gru_tf.machine.speed.tensorflow_case import prepare
from gru_tf.training.compiled_steps import on_gpu

MIB = 1024**2
FIRST = 8  # a first round, with compiling, takes about as long as eight others
Result = Measurement | Failure
Progress = Callable[[Result | None, float], None]


class Trial:
    """A case that is being timed; creating it runs its first round.

    Args:
        case: what to time.
        rate: floating-point operations a second for the floor, from `product_rate`.
        effort: how long to time.

    Raises:
        UserError: where the case's path is not available: no GPU, no stock layer, no PyTorch.
    """

    def __init__(self, case: Case, rate: float, effort: Effort):
        gc.collect()
        self.case, self.rate, self.effort = case, rate, effort
        self.started, clock = time.time(), time.perf_counter()
        self.held = _reset_memory()
        if case.deterministic:
            tf.config.experimental.enable_op_determinism()
        self.ready = prepare(case)
        self.group_size = _group_size(self.ready.repeat, effort.group_seconds)
        self.times: list[float] = []
        self.round()
        self.peak = environment.peak_memory_mb()
        self.device_peak = tf.config.experimental.get_memory_info("GPU:0")["peak"] / MIB if on_gpu() else None
        self.seconds = time.perf_counter() - clock

    def round(self) -> Self:
        """Time a round of groups; returns itself."""
        self.times += [_seconds(self.ready.repeat, self.group_size) / self.group_size for _ in range(self.effort.groups)]
        return self

    def measurement(self) -> Measurement:
        """The result of the rounds so far."""
        low, median, high = 1000 * np.quantile(self.times, (0.25, 0.5, 0.75))
        size, count = self.case.size, flops(self.case)
        return Measurement(
            case=self.case,
            median_ms=median,
            low_ms=low,
            high_ms=high,
            groups=len(self.times),
            group_size=self.group_size,
            compile_seconds=self.ready.compile_seconds,
            peak_memory_mb=self.peak,
            added_memory_mb=max(0.0, self.peak - self.held),
            device_memory_mb=self.device_peak,
            kernel_path=self.ready.kernel_path,
            flops=count,
            floor_ms=1000 * count / self.rate,
            parameters=self.ready.parameters,
            recurrent_parameters=self.ready.parameters - (size.parameters - size.recurrent_parameters),
            started=self.started,
            seconds=self.seconds,
        )


def rounds(
    cases: Iterable[Case],
    rate: float,
    effort: Effort,
    progress: Progress | None = None,
    seconds: float = math.inf,
) -> Iterator[list[Result]]:
    """Time cases in this process and yield the results after each round; a case that fails gives a `Failure`.

    When the time is over, further rounds are left out, so that medians are of fewer groups; a case whose first round has
    not begun by then is a `Failure`.

    Args:
        cases: what to time.
        rate: floating-point operations a second for the floor, from `product_rate`.
        effort: how long to time.
        progress: called with the result of a case's first round, or None, and the share that is done.
        seconds: how long it may take.
    """
    cases, end = list(cases), time.monotonic() + seconds
    report = progress or (lambda result, share: None)
    whole = len(cases) * (FIRST + effort.rounds - 1)
    done: list[Trial | Failure] = []
    for case in cases:
        over = time.monotonic() > end
        done.append(_too_late(case) if over else _attempt(case, partial(Trial, case, rate, effort)))
        report(_result(done[-1]), FIRST * len(done) / whole)
    yield [_result(trial) for trial in done]
    for turn in range(1, effort.rounds):
        for index, trial in enumerate(done):
            if isinstance(trial, Trial) and time.monotonic() <= end:
                done[index] = _attempt(trial.case, trial.round)
            report(None, ((FIRST + turn - 1) * len(cases) + index + 1) / whole)
        yield [_result(trial) for trial in done]


def measure(
    cases: Iterable[Case],
    rate: float,
    effort: Effort,
    progress: Progress | None = None,
    seconds: float = math.inf,
) -> list[Result]:
    """Run all `rounds`; returns the results of the last."""
    return list(rounds(cases, rate, effort, progress, seconds))[-1]


def _too_late(case: Case) -> Failure:
    return Failure(case=case, error="not measured: the time was over; --minutes gives more", started=time.time())


def _result(trial: Trial | Failure) -> Result:
    return trial if isinstance(trial, Failure) else trial.measurement()


def _attempt(case: Case, act: Callable[[], Trial]) -> Trial | Failure:
    started = time.time()
    try:
        return act()
    except Exception as error:  # the boundary of a case, as in `trainer.attempt`
        return Failure(case=case, error=one_line(f"{type(error).__name__}: {error}", 300), started=started)


def product_rate(effort: Effort) -> float:
    """Floating-point operations a second of a float32 matrix product in this process: the best of several."""
    return max(_rate(size, effort) for size in ((2048, 4096, 8192) if on_gpu() else (256, 512, 1024)))


def _rate(size: int, effort: Effort) -> float:
    a = tf.constant(np.random.default_rng(0).normal(size=(size, size)).astype("float32"))
    product = tf.function(tf.matmul, autograph=False)

    def repeat(times: int) -> None:
        for _ in range(times):
            result = product(a, a)
        result[0, 0].numpy()  # waits for the device

    times = _group_size(repeat, effort.group_seconds)
    return 2 * size**3 * times / min(_seconds(repeat, times) for _ in range(effort.groups))


def _group_size(repeat: Callable[[int], Any], group_seconds: float) -> int:
    """How many repeats take `group_seconds`, by trial."""
    size, taken = 1, min(_seconds(repeat, 1) for _ in range(2))
    while taken < group_seconds:
        size = max(size + 1, min(16 * size, math.ceil(1.2 * size * group_seconds / taken)))
        taken = _seconds(repeat, size)
    return size


def _seconds(repeat: Callable[[int], Any], times: int) -> float:
    clock = time.perf_counter()
    repeat(times)
    return time.perf_counter() - clock


def _reset_memory() -> float:
    """Reset memory peaks; returns the MiB that the process holds now."""
    environment.reset_peak_memory()
    if on_gpu():
        tf.config.experimental.reset_memory_stats("GPU:0")
    return float(psutil.Process().memory_info().rss / MIB)

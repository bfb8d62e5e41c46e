"""How far the runs of one call are, in words that every display of them shares."""

import math
import time
from dataclasses import dataclass, field

from gru_tf.experiment.result import RunResult, sign

LONGEST = 36  # characters of 80 for what is being done


@dataclass
class RunState:
    """What is known of the runs of one call of `gru_tf.run`.

    Args:
        doing: "training", or the look.
        before: runs that the store had already.
        done: runs that are done, those of before included.
        total: runs in all, as far as known; None before the first is known.
        best: task → the run with the best validation metric.
        started: seconds of the monotonic clock; training: the same when the first run began.
    """

    doing: str = "training"
    before: int = 0
    done: int = 0
    total: int | None = None
    best: dict[str, RunResult] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    training: float = field(default_factory=time.monotonic)

    def begin(self, done: int, total: int) -> None:
        """So many runs are in the store already."""
        self.before, self.done, self.total, self.training = done, done, total, time.monotonic()

    def add(self, result: RunResult, done: int, total: int) -> str:
        """One more run is done; returns what is being done in words, with its cell and the best of its task so far."""
        self.done, self.total = done, total
        task, label = result.run.task.label, result.run.cell.label
        if result.validation is not None and math.isfinite(result.validation) and result.run.purpose != "baseline":
            held = self.best.get(task)
            ahead = held is None or sign(result.direction) * (result.validation - (held.validation or 0.0)) > 0
            self.best[task] = result if ahead else self.best[task]
        best = self.best.get(task)
        leader = f" · best {best.run.cell.label} {best.validation:.4g}" if best else ""
        texts = (f"{self.doing} · {label}{leader}", f"{self.doing}{leader}")
        return next((text for text in texts if len(text) <= LONGEST), self.doing)  # a number that is cut is another number

    def clocks(self) -> str:
        """How long the runs take and will take: "elapsed 0:03 · ETA 0:12"; "–" where nothing is known yet."""
        elapsed, new = time.monotonic() - self.training, self.done - self.before
        left = None if not new or self.total is None else elapsed / new * (self.total - self.done)
        return f"elapsed {clock(elapsed)} · ETA {clock(left)}"

    def summed_up(self, every: int) -> str:
        """How many runs there are in all, and how long this call took for those that were missing."""
        new = self.done - self.before
        runs = f"{every:,} {'run' if every == 1 else 'runs'}"
        if not new:
            return f"{runs}, all in the store already"
        return f"{runs}, {new:,} of them new, in {clock(time.monotonic() - self.started)}"


def clock(seconds: float | None) -> str:
    """A duration as "0:03" or "1:02:03"; "–" for None."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary(result: RunResult, task: bool = True) -> str:
    """A run in one line, with its task or without."""
    run = result.run
    name = f"{run.cell.label} · {f'seed {run.seed}' if run.purpose == 'final' else run.purpose}"
    name = f"{run.task.title} · {name}" if task else name
    if result.status != "finished":
        return f"{name}: {result.status}: {result.error}"
    if run.purpose == "baseline" and result.test is None:
        return f"{name}: {result.warning}"
    which, value = ("validation", result.validation) if result.test is None else ("test", result.test)
    return f"{name}: {which} {result.metric} {value:.4g} ({result.seconds:.1f} s)"

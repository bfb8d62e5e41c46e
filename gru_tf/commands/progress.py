"""What the terminal shows while runs or measurements go on: a bar with the ETA, or one line each where it is no terminal."""

import math
import time
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from gru_tf.commands.console import print_line
from gru_tf.experiment.result import RunResult, sign

LONGEST = 36  # characters of 80 for what is being done


class ElapsedColumn(ProgressColumn):
    """Time since the start, and the estimate of the time until the end: "elapsed 0:03 · ETA 0:12"."""

    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        """Both times; "–" for an estimate that nothing is known of yet."""
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text(f"elapsed {clock(elapsed or 0)} · ETA {clock(task.time_remaining)}")


def clock(seconds: float | None) -> str:
    """A duration as "0:03" or "1:02:03"; "–" for None."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def bar(console: Console, *counted: ProgressColumn) -> Progress:
    """A bar with the ETA; nothing where the console is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        *counted,
        ElapsedColumn(),
        console=console,
        transient=True,
        speed_estimate_period=3600,
        disable=not console.is_terminal,
    )


class RunProgress:
    """A bar with the ETA on a terminal, one line per run elsewhere.

    Args:
        console: where it is shown.
        task: whether a line names the task; not where there is one only.
    """

    def __init__(self, console: Console, task: bool = True):
        self.console, self.names_task = console, task
        self.bar = bar(console, MofNCompleteColumn(), TextColumn("runs ·"))
        self.task = self.bar.add_task("starting workers", total=None)
        self.before, self.doing, self.started, self.done = 0, "training", time.monotonic(), 0
        self.best: dict[str, RunResult] = {}  # task → the run with the best validation metric
        self.timed: tuple[str, Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *failure: Any) -> None:
        self.bar.stop()
        if self.timed:
            self.timed[1].stop()

    def look(self, text: str) -> None:
        """A look begins, such as "look 2 of 5: 8 replicates, 3 of 6 pairs decided": a line, also above the bar."""
        self.doing = text.partition(":")[0]
        self.bar.update(self.task, description=self.doing)
        print_line(self.console, text)

    def note(self, text: str) -> None:
        """Something that changes what is run, in a line."""
        print_line(self.console, text)

    def timing(self, title: str, seconds: float, at_most: float) -> None:
        """The networks of a task are being timed: a bar of seconds on a terminal, a line at the start elsewhere."""
        if self.timed is None or self.timed[0] != title:
            self.__exit__()
            quiet = not self.console.is_terminal
            if quiet:
                print_line(self.console, f"timing {title}: at most {at_most:g} s")
            clock = Progress(
                TextColumn("{task.description}"), BarColumn(), console=self.console, transient=True, disable=quiet
            )
            self.timed = title, clock, clock.add_task("", total=at_most)
            clock.start()
        _, clock, task = self.timed
        clock.update(task, completed=seconds, description=f"timing {title}: {seconds:.0f} of at most {at_most:g} s")

    def __call__(self, result: RunResult | None, done: int, total: int) -> None:
        """One more run is done; runs of an earlier call do not count, so that the ETA is right."""
        self.done = done
        if result is None:
            self.before = done
            if done:
                self.console.print(f"{done} of {total} runs are in the store already.")
            self.bar.reset(self.task, total=total - done, description=self.doing)
            return
        self.bar.update(
            self.task, completed=done - self.before, total=total - self.before, description=self._description(result)
        )
        if not self.console.is_terminal:
            print_line(self.console, f"{done:4d}/{total} {summary(result, self.names_task)}")

    def _description(self, result: RunResult) -> str:
        """What is being done, the cell that has just finished, and the best of its task so far, by validation."""
        task, label = result.run.task.label, result.run.cell.label
        if result.validation is not None and math.isfinite(result.validation) and result.run.purpose != "baseline":
            held = self.best.get(task)
            ahead = held is None or sign(result.direction) * (result.validation - (held.validation or 0.0)) > 0
            self.best[task] = result if ahead else self.best[task]
        best = self.best.get(task)
        leader = f" · best {best.run.cell.label} {best.validation:.4g}" if best else ""
        texts = (f"{self.doing} · {label}{leader}", f"{self.doing}{leader}")
        return next((text for text in texts if len(text) <= LONGEST), self.doing)  # a number that is cut is another number

    def summed_up(self, every: int) -> str:
        """How many runs there are in all, and how long this command took for those that were missing."""
        new = self.done - self.before
        runs = f"{every:,} {'run' if every == 1 else 'runs'}"
        if not new:
            return f"{runs}, all in the store already"
        return f"{runs}, {new:,} of them new, in {clock(time.monotonic() - self.started)}"


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

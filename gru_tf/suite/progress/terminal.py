"""What a terminal shows while runs or measurements go on: a bar with the ETA, or one line each where it is no terminal."""

from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from gru_tf.experiment.result import RunResult
from gru_tf.foundation.spinner import spinner
from gru_tf.suite.progress.state import RunState, clock, summary


class ElapsedColumn(ProgressColumn):
    """Time since the start, and the estimate of the time until the end: "elapsed 0:03 · ETA 0:12"."""

    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        """Both times; "–" for an estimate that nothing is known of yet."""
        elapsed = task.finished_time if task.finished else task.elapsed
        return Text(f"elapsed {clock(elapsed or 0)} · ETA {clock(task.time_remaining)}")


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
    """A bar with the ETA on a terminal, one line per run elsewhere; a spinner for what comes before and after the runs.

    Args:
        console: where it is shown.
        task: whether a line names the task; not where there is one only.
    """

    def __init__(self, console: Console, task: bool = True):
        self.console, self.names_task, self.state = console, task, RunState()
        self.bar = bar(console, MofNCompleteColumn(), TextColumn("runs ·"))
        self.task = self.bar.add_task(self.state.doing, total=None)
        self.timed: tuple[str, Progress, TaskID] | None = None
        self.display: Progress | None = None  # the one that is shown

    def __enter__(self) -> Self:
        self.phase("importing libraries")
        return self

    def __exit__(self, *failure: Any) -> None:
        self._show(None)

    def _show(self, display: Progress | None) -> None:
        if self.display is not display:
            if self.display is not None:
                self.display.stop()
            self.display = display
            if display is not None:
                display.start()

    def phase(self, text: str) -> None:
        """Something that is no run begins, such as "importing TensorFlow": a spinner on a terminal, nothing elsewhere."""
        self._show(spinner(self.console, text))

    def look(self, text: str) -> None:
        """A look begins, such as "look 2 of 5: 8 replicates, 3 of 6 pairs decided": a line, also above the bar."""
        self.state.doing = text.partition(":")[0]
        self.bar.update(self.task, description=self.state.doing)
        self.note(text)

    def note(self, text: str) -> None:
        """Something that changes what is run, in a line as it is."""
        self.console.print(Text(text), soft_wrap=True)

    def timing(self, title: str, seconds: float, at_most: float) -> None:
        """The networks of a task are being timed: a bar of seconds on a terminal, a line at the start elsewhere."""
        if self.timed is None or self.timed[0] != title:
            quiet = not self.console.is_terminal
            if quiet:
                self.note(f"timing {title}: at most {at_most:g} s")
            columns = TextColumn("{task.description}"), BarColumn()
            display = Progress(*columns, console=self.console, transient=True, disable=quiet)
            self.timed = title, display, display.add_task("", total=at_most)
            self._show(display)
        _, display, task = self.timed
        display.update(task, completed=seconds, description=f"timing {title}: {seconds:.0f} of at most {at_most:g} s")

    def __call__(self, result: RunResult | None, done: int, total: int) -> None:
        """One more run is done; runs of an earlier call do not count, so that the ETA is right."""
        if result is None:
            self.state.begin(done, total)
            if done:
                self.console.print(f"{done} of {total} runs are in the store already.")
            self.bar.reset(self.task, total=total - done, description=self.state.doing)
            self._show(self.bar)
            return
        before, text = self.state.before, self.state.add(result, done, total)
        self.bar.update(self.task, completed=done - before, total=total - before, description=text)
        if not self.console.is_terminal:
            self.note(f"{done:4d}/{total} {summary(result, self.names_task)}")

    def summed_up(self, every: int) -> str:
        """How many runs there are in all, and how long this command took for those that were missing."""
        return self.state.summed_up(every)

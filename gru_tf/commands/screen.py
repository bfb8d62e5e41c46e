"""What the terminal shows: tables and progress, in rich."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from gru_tf.analysis import table_text
from gru_tf.analysis.published import Beside
from gru_tf.analysis.recommendation import Recommendation
from gru_tf.analysis.table import Row
from gru_tf.analysis.table_text import ARROWS as ARROWS
from gru_tf.analysis.table_text import notes as notes
from gru_tf.analysis.verdicts import Verdict
from gru_tf.analysis.wording import interval as interval
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.training.network.budget import Size

SPELLED = {"relative": "absolute", "batch_size": "batch-size"}  # options whose switch is called otherwise
BEST = ("cell", "mean [95 % interval]")  # what is bold where a mean is the best: no other number of its row is
PART = 22  # characters of 80 that a name may take
NARROW: dict[str, Any] = {
    "title_justify": "left",
    "title_style": "",
    "header_style": "bold",
    "box": SIMPLE_HEAD,
    "padding": 0,
    "show_edge": False,
}


def tables(experiment: Experiment, rows: Sequence[Row]) -> Iterator[Table]:
    """The answer: a table a task, narrow enough for 80 columns, the best mean in bold."""
    for block in table_text.blocks(rows):
        metric = table_text.metric(block)
        shown = Table(title=Text.assemble((block[0].title, "bold"), f": {metric}" if metric else ""), **NARROW)
        for name in table_text.COLUMNS:
            label = name == "cell"  # may be long; the numbers are never cut for it
            shown.add_column(name, justify="left" if label else "right", no_wrap=not label, overflow="fold")
        best = table_text.best(block)
        for row in block:
            cell, *numbers = table_text.cells(row)
            marked = {table_text.COLUMNS.index(name): "bold" for name in BEST} if row is best else {}
            entries = enumerate([in_parts(cell), *numbers])
            shown.add_row(*(Text(entry, style=marked.get(place, "")) for place, entry in entries))
        yield shown


def guesses(said: Iterable[tuple[str, tuple[str, ...]]]) -> Table:
    """What was guessed or is the default, beside the options of the command that say otherwise."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(style="cyan", overflow="fold")
    grid.add_row(Text("guessed, or the default", style="bold"), Text("otherwise", style="bold"))
    for text, options in said:
        grid.add_row(Text(text), Text(" ".join(f"--{SPELLED.get(name, name)}" for name in options)))
    return grid


def recommendation(found: Recommendation) -> Table:
    """The advice beside its headings."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", max_width=14)
    grid.add_column(ratio=1)
    for number, (heading, text) in enumerate(found.lines):
        grid.add_row(Text(heading), Text(text, style="bold" if number == 0 else ""))
    return grid


VERDICTS = {"supported": "green", "contradicted": "red", "inconclusive": "yellow"}


def verdicts(found: Sequence[Verdict]) -> Iterator[Table | Text]:
    """Each claim with its verdict and what that rests on, and how it was reached; nothing where nothing was claimed."""
    if not found:
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for one in found:
        grid.add_row(Text(one.verdict, style=f"bold {VERDICTS[one.verdict]}"), Text(one.text, style="bold"))
        grid.add_row("", Text(one.why))
    yield grid
    measured = sum(one.p is not None for one in found)
    if measured:
        corrected = f", Holm's correction over {measured} of them" if measured > 1 else ""
        other = "The answer is corrected for all pairs of cells."
        yield Text(f"Measured claims: paired tests at equal seeds{corrected}; 95 % intervals. {other}", style="dim")


def published(found: Sequence[Beside]) -> Iterator[Table | Text]:
    """Published numbers beside ours, a table a task, with the difference and where each number comes from."""
    for task in dict.fromkeys(one.task for one in found):
        block = [one for one in found if one.task == task]
        shown = Table(title=Text.assemble((block[0].title, "bold"), ": published beside ours"), **NARROW)
        for name in ("cell", "metric", "published", "tag", "ours", "ours − published"):
            words = name in ("cell", "metric", "tag")
            shown.add_column(name, justify="left" if words else "right", no_wrap=name != "cell", overflow="fold")
        for one in block:
            ours = interval(one.ours) if one.ours else "–"
            difference = "–" if one.difference is None else f"{one.difference:+.3g}"
            shown.add_row(*map(Text, (one.cell, one.metric, f"{one.published.value:g}", one.tag, ours, difference)))
        yield shown
        yield Text("\n".join(_sources(block)), style="dim")


def _sources(block: Iterable[Beside]) -> Iterator[str]:
    """Where the numbers come from, those of one source together: "gru 8.54, lstm 8.67: quoted …"."""
    told: dict[str, list[str]] = {}
    for one in block:
        told.setdefault(one.provenance, []).append(f"{one.cell} {one.published.value:g}")
    return (f"{', '.join(numbers)}: {provenance}" for provenance, numbers in told.items())


def sizes(experiment: Experiment, found: Iterable[tuple[Choice, Choice, Size]]) -> Iterator[RenderableType]:
    """The networks that a budget gives: a table a task."""
    yield Text.assemble((experiment.name, "bold"), f": {table_text.budget(experiment)}")
    for title, entries in groupby(found, lambda entry: entry[0].title):
        shown = Table(title=Text(title, style="bold"), **NARROW)
        shown.add_column("cell", overflow="fold", min_width=PART)
        for name in ("units", "parameters", "of these recurrent"):
            shown.add_column(name, justify="right", no_wrap=True)
        for _, cell, size in entries:
            counts = (size.units, size.parameters, size.recurrent_parameters)
            shown.add_row(Text(in_parts(cell.label)), *(f"{n:,}" for n in counts))
        yield ""
        yield shown


def in_parts(name: str) -> str:
    """A long name in lines, each an option or its value, which a column would cut anywhere."""
    if len(name) <= PART:
        return name
    if "(" in name:
        return re.sub(r"\((?=\w+=)|, (?=\w+=)", lambda cut: f"{cut[0].rstrip()}\n  ", name)
    return name.replace("=", "=\n  ", 1)


def entries(named: Iterable[tuple[str, str, str]]) -> Table:
    """Names with a line each, and their options below."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    for name, line, options in named:
        grid.add_row(Text(f"  {name}"), Text(line))
        if options:
            grid.add_row("", Text(options, style="dim"))
    return grid


def bar(console: Console, *counted: ProgressColumn) -> Progress:
    """A bar with the time left; nothing where the console is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *counted,
        TimeElapsedColumn(),
        TextColumn("gone ·"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        transient=True,
        speed_estimate_period=3600,
        disable=not console.is_terminal,
    )


class RunProgress:
    """A bar with the time left on a terminal, a line a run elsewhere.

    Args:
        console: where it is shown.
        task: whether a line names the task; not where there is one only.
    """

    def __init__(self, console: Console, task: bool = True):
        self.console, self.names_task = console, task
        self.bar = bar(console, MofNCompleteColumn(), TextColumn("runs ·"))
        self.task = self.bar.add_task("starting workers", total=None)
        self.before = 0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *failure: Any) -> None:
        self.bar.stop()

    def __call__(self, result: RunResult | None, done: int, total: int) -> None:
        """One more run is done; runs of an earlier call do not count, so that the time left is right."""
        if result is None:
            self.before = done
            if done:
                self.console.print(f"{done} of {total} runs are in the store already.")
            self.bar.reset(self.task, total=total - done, description="training")
            return
        self.bar.update(self.task, completed=done - self.before, total=total - self.before)
        if not self.console.is_terminal:
            self.console.print(
                f"{done:4d}/{total} {line(result, self.names_task)}",
                markup=False,
                emoji=False,
                highlight=False,
                soft_wrap=True,
            )


def line(result: RunResult, task: bool = True) -> str:
    """A run in one line, with its task or without."""
    run = result.run
    name = f"{run.cell.label} · {'trial' if run.purpose == 'trial' else f'seed {run.seed}'}"
    name = f"{run.task.title} · {name}" if task else name
    if result.status != "finished":
        return f"{name}: {result.status}: {result.error}"
    which, value = ("validation", result.validation) if result.test is None else ("test", result.test)
    return f"{name}: {which} {result.metric} {value:.4g} ({result.seconds:.1f} s)"

"""What the terminal shows of experiments and their results, as tables in rich."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
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

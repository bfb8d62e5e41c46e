"""What the terminal shows of experiments and their results, as tables in rich."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.text import Text

from gru_tf.analysis import table_text, wording
from gru_tf.analysis.table import Row
from gru_tf.analysis.table_text import ARROWS as ARROWS
from gru_tf.analysis.table_text import notes as notes
from gru_tf.analysis.wording import interval as interval
from gru_tf.commands import fitted
from gru_tf.commands.fitted import FittedTable
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import Choice
from gru_tf.suite.comparison.options import flag

if TYPE_CHECKING:  # every command imports this module
    from gru_tf.analysis.answer import Line
    from gru_tf.analysis.published import Beside
    from gru_tf.analysis.recommendation import Recommendation
    from gru_tf.analysis.verdicts import Verdict
    from gru_tf.training.network.budget import Size

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


def tables(experiment: Experiment, rows: Sequence[Row]) -> Iterator[FittedTable]:
    """The results: one table per task, narrow enough for 80 columns, the best mean in bold."""
    for block in table_text.blocks(rows):
        metric = table_text.metric(block)
        table = FittedTable(title=Text.assemble((block[0].title, "bold"), f": {metric}" if metric else ""), **NARROW)
        names, *lines = table_text.lines(block)
        for name in names:
            label = name == "cell"  # may be long; the numbers are never cut for it
            table.add_column(name, justify="left" if label else "right", no_wrap=not label, overflow="fold")
        best = table_text.best(block)
        for row, (cell, *numbers) in zip(block, lines, strict=True):
            marked = {table_text.COLUMNS.index(name): "bold" for name in BEST} if row is best else {}
            entries = enumerate([in_parts(cell), *numbers])
            table.add_row(*(Text(entry, style=marked.get(place, "")) for place, entry in entries))
        yield table
        for title, (names, *lines) in table_text.beside(block):
            yield _smaller(title, names, lines)


def _smaller(title: str, names: Sequence[str], lines: Iterable[Sequence[str]]) -> FittedTable:
    """A table without marks, of a name and numbers."""
    table = FittedTable(title=Text(title), **NARROW)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left", no_wrap=place > 0, overflow="fold")
    for cell, *numbers in lines:
        table.add_row(*map(Text, (in_parts(cell), *numbers)))
    return table


def settings(inferences: Iterable[tuple[str, tuple[str, ...]]]) -> FittedTable:
    """Inferred options and defaults, beside the options of the command that override them."""
    grid = fitted.grid()
    grid.add_column(ratio=1)
    grid.add_column(style="cyan", overflow="fold")
    grid.add_row(Text("setting", style="bold"), Text("override with", style="bold"))
    for text, options in inferences:
        grid.add_row(Text(text), Text(" ".join(map(flag, options))))
    return grid


def recommendation(advice: "Recommendation") -> FittedTable:
    """The advice beside its headings."""
    grid = fitted.grid()
    grid.add_column(style="bold", max_width=14)
    grid.add_column(ratio=1)
    for number, (heading, text) in enumerate(advice.lines):
        grid.add_row(Text(heading), Text(text, style="bold" if number == 0 else ""))
    return grid


def answer(lines: "Iterable[Line]") -> FittedTable:
    """The answer: each task beside its verdict, and after it the rest, less loud."""
    grid = fitted.grid()
    grid.add_column(style="bold", overflow="fold", max_width=PART)
    grid.add_column(ratio=1)
    for line in lines:
        text = Text.assemble((line.verdict, "bold"), *([("; ", "dim"), (line.rest, "dim")] if line.rest else []))
        grid.add_row(Text(line.task), text)
    return grid


PUBLISHED_COLOURS = {"reproduced": "green", "better": "green", "worse": "red"}
VERDICTS = {"supported": "green", "contradicted": "red", "inconclusive": "yellow"}


def verdicts(judged: "Sequence[Verdict]") -> Iterator[FittedTable | Text]:
    """Each claim with its verdict and the evidence for it, and how it was tested; nothing where nothing was claimed."""
    if not judged:
        return
    grid = fitted.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for one in judged:
        grid.add_row(Text(one.verdict, style=f"bold {VERDICTS.get(one.verdict, 'yellow')}"), Text(one.text, style="bold"))
        grid.add_row("", Text(one.why))
    yield grid
    if any(one.p is not None for one in judged):
        text = "Measured claims are corrected (Holm) together with all pairs of cells, baselines and tasks; 95 % intervals."
        yield Text(text, style="dim")


def published(numbers: "Sequence[Beside]") -> Iterator[FittedTable | Text]:
    """Published numbers and ours, one table per task; then the verdict on each with its reason, and the sources."""
    for task in dict.fromkeys(one.task for one in numbers):
        block = [one for one in numbers if one.task == task]
        table = FittedTable(title=Text.assemble((block[0].title, "bold"), ": published vs. ours"), **NARROW)
        for name in ("cell", "metric", "published", "tag", "ours", "ours − published"):
            words = name in ("cell", "metric", "tag")
            table.add_column(name, justify="left" if words else "right", no_wrap=name != "cell", overflow="fold")
        for one in block:
            difference = "–" if one.difference is None else f"{one.difference:+.3g}"
            table.add_row(*map(Text, (one.cell, one.metric, one.published.printed, one.tag, one.ours_text, difference)))
        yield table
        yield _judged(block)
        yield Text("\n".join(_sources(block)), style="dim")


def _judged(block: "Iterable[Beside]") -> FittedTable:
    """Each number with its verdict, and the reason below."""
    lines = fitted.grid()
    lines.add_column(no_wrap=True)
    lines.add_column(ratio=1, overflow="fold")
    for one in block:
        colour = PUBLISHED_COLOURS.get(one.verdict.word, "yellow")
        lines.add_row(
            Text(one.verdict.word, style=f"bold {colour}"), Text(f"{one.cell} {one.published.printed}", style="bold")
        )
        marks = f"{', '.join(one.verdict.marks)}: " if one.verdict.marks else ""
        lines.add_row("", Text(f"{wording.sentence(marks)}{one.verdict.why}"))
    return lines


def _sources(block: "Iterable[Beside]") -> Iterator[str]:
    """The sources of the numbers, those of one source together: "gru 8.54, lstm 8.67: quoted …"."""
    by_source: dict[str, list[str]] = {}
    for one in block:
        by_source.setdefault(one.provenance, []).append(f"{one.cell} {one.published.printed}")
    return (f"{', '.join(numbers)}: {provenance}" for provenance, numbers in by_source.items())


def sizes(experiment: Experiment, networks: "Iterable[tuple[Choice, Choice, Size]]") -> Iterator[RenderableType]:
    """The networks that fit a budget: one table per task."""
    yield Text.assemble((experiment.name, "bold"), f": {table_text.budget(experiment)}")
    for title, entries in groupby(networks, lambda entry: entry[0].title):
        table = FittedTable(title=Text(title, style="bold"), **NARROW)
        table.add_column("cell", overflow="fold", min_width=PART)
        for name in ("units", "parameters", "recurrent"):
            table.add_column(name, justify="right", no_wrap=True)
        for _, cell, size in entries:
            counts = (size.units, size.parameters, size.recurrent_parameters)
            table.add_row(Text(in_parts(cell.label)), *(f"{n:,}" for n in counts))
        yield ""
        yield table


def in_parts(name: str) -> str:
    """A long name in lines, each an option or its value, which a column would cut anywhere; words wrap by themselves."""
    if len(name) <= PART:
        return name
    if "(" in name:
        return re.sub(r"\((?=\w+=)|, (?=\w+=)", lambda cut: f"{cut[0].rstrip()}\n  ", name)
    return name if " " in name else name.replace("=", "=\n  ", 1)

"""The figure of a record: the interval of each cell, published numbers as open marks, the trivial answer as a line.

A baseline is in it where a published number is of it.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.published import Beside
from gru_tf.analysis.report import cell_style, inline_svg
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import MUTED, Panel, Plate, light, painted
from gru_tf.analysis.results import Results
from gru_tf.analysis.statistics import Interval
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice

MOST_BYTES = 200_000
PUBLISHED = {"ls": "", "marker": "v", "ms": 6.5, "mfc": "#FFFFFF", "mec": "#000000", "mew": 1.2, "zorder": 4}
KEY = "▽ published"
ABOVE, BELOW, LINE = 0.26, 0.22, 0.36  # of a row: published numbers above ours, seeds below; a row in inches
Ours = dict[str, tuple[Interval | None, list[float]]]


def svg(results: Results) -> str:
    """The figure as SVG; a panel for each task, and for each further metric that a published number is of.

    Raises:
        ValueError: where it is as large as no figure should be.
    """
    panels = tuple(_panels(results))
    text = inline_svg.svg(Plate(panels, across=2).whole())
    if len(text.encode()) >= MOST_BYTES:
        raise ValueError(f"figure: expected less than {MOST_BYTES:,} bytes. Received: {len(text.encode()):,}")
    return text


def _panels(results: Results) -> Iterator[Panel]:
    numbers = results.published
    for task in results.evidence.tasks:
        own = [one for one in numbers if one.task == task.task]
        ours: Ours = {cell.cell: (cell.row.test, list(cell.tests.values())) for cell in task.cells}
        mine = [one for one in own if one.metric in ("", task.metric)]
        ours |= {one.cell: (one.ours, list(one.values)) for one in mine if one.fitted}
        yield _panel(results, task, task.metric, task.direction, task.chance, ours, mine)
        for metric in dict.fromkeys(one.metric for one in own if one not in mine):
            further = [one for one in own if one.metric == metric]
            known: Ours = {one.cell: (one.ours, list(one.values)) for one in further}
            yield _panel(results, task, metric, further[0].direction, _chance(results.runs, task, metric), known, further)


def _chance(runs: Sequence[RunResult], task: TaskEvidence, metric: str) -> float | None:
    """The baseline's metric on a further split, as the first run that has it recorded it."""
    known = (r.chances.get(metric) for r in runs if r.run.task.label == task.task and r.is_finished_final)
    return next((value for value in known if value is not None), None)


def _panel(
    results: Results,
    task: TaskEvidence,
    metric: str,
    direction: str,
    chance: float | None,
    ours: Ours,
    numbers: Sequence[Beside],
) -> Panel:
    others = [Choice(name=name) for name in dict.fromkeys(one.cell for one in numbers if one.fitted)]
    styles = cell_style.styles([*results.experiment.cells, *others])
    cells = [label for label in styles if label in ours]

    def paint(axes: Any) -> None:
        values: list[float] = []
        for place, cell in enumerate(cells):
            values += _draw(axes, place, styles[cell], *ours[cell])
            theirs = [one for one in numbers if one.cell == cell]
            for one in theirs:
                values += _draw_theirs(axes, place, one)
        axes.set_ylim(len(cells) - 0.4, -0.6)
        axes.set_yticks(range(len(cells)), cells)
        light(axes, "x")
        scales.metric(axes, "x", f"test {metric or 'metric'}", direction, values, chance)
        if numbers:
            axes.set_xlabel(f"{axes.get_xlabel()}{' · ' if chance is not None else chr(10)}{KEY}")

    title = _title(results, task)
    title = title if metric == task.metric else f"{title}: {metric}"
    return painted(title, paint, 0.95 + LINE * max(len(cells), 2))


def _title(results: Results, task: TaskEvidence) -> str:
    """The task's name; with its options, which may be long, only where others of the experiment have the same name."""
    names = [choice.name for choice in results.experiment.tasks]
    name = next(choice.name for choice in results.experiment.tasks if choice.label == task.task)
    return name if names.count(name) == 1 else task.title


def _draw(axes: Any, place: int, style: cell_style.CellStyle, ours: Interval | None, values: list[float]) -> list[float]:
    """A cell's interval with its mean, and its seeds below it; all that was drawn."""
    finite = [value for value in values if math.isfinite(value)]
    if ours is None or not finite:
        axes.text(0.01, place, "no finished seed", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
        return []
    axes.plot(finite, [place + BELOW] * len(finite), **style.dots(ms=3.2, alpha=0.6, mew=0))
    drawn = [bound for bound in ours if math.isfinite(bound)]
    if len(drawn) == 3:
        axes.plot([ours.low, ours.high], [place, place], color=style.colour, lw=2, solid_capstyle="butt")
    axes.plot([ours.mean], [place], **style.dots(ms=6.5))
    return [*finite, *drawn]


def _draw_theirs(axes: Any, place: int, one: Beside) -> list[float]:
    """A published number, with its uncertainty where the paper has one."""
    value = one.published.value
    if one.published.uncertainty is None:
        axes.plot([value], [place - ABOVE], **PUBLISHED)
        return [value]
    axes.plot([one.theirs.low, one.theirs.high], [place - ABOVE] * 2, color="#000000", lw=1)
    axes.plot([value], [place - ABOVE], **PUBLISHED)
    return [*one.theirs]

"""Draws figure and table of docs/explanation/cells.md from a finished experiment: `python docs/cells_experiment.py STORE`.

    gru-tf run cells

fills the store. The figure has a panel for each task: every cell's seeds, their mean, and what is reached without memory.
The page's text is written by hand around the tables.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

import gru_tf
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.foundation import palette

FIGURE = Path(__file__).with_name("cells.svg")
PAGE = Path(__file__).parent / "explanation" / "cells.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
MUTED = "#6b7075"
TITLES = {
    "adding": "Adding, 40 steps",
    "delayed_recall": "Delayed recall, lag 6",
    "parity": "Running parity, 24 bits",
    "selective_copy": "Selective copy, 3 of 20",
    "temporal_order": "Temporal order, 40 steps",
}


def title(task: TaskEvidence) -> str:
    """What a reader calls the task."""
    return TITLES[task.task.partition("(")[0]]


def panel(axes: Any, task: TaskEvidence, places: dict[str, int]) -> None:
    """The share of the way from the answer without memory, 0, to a perfect one, 1, of each cell and seed."""
    for cell in task.cells:
        scores = [max(-0.08, score) for score in cell.scores.values()]  # a worse answer than without memory at the edge
        colour, place = palette.colour(cell.cell), places[cell.cell]
        axes.plot(scores, [place] * len(scores), ".", color=colour, ms=4, alpha=0.55)
        if scores:
            axes.plot([sum(scores) / len(scores)], [place], palette.marker(cell.cell), color=colour, ms=6)
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.axvline(1, color=MUTED, lw=0.8, ls=(0, (2, 2)))
    axes.set_xlim(-0.12, 1.1)
    axes.set_xticks([0, 0.5, 1], ["none", "half", "all"])
    axes.set_title(title(task), fontsize=9)
    axes.grid(axis="y", color="#e6e6e6", lw=0.6)
    axes.tick_params(length=0)


def figure(tasks: tuple[TaskEvidence, ...]) -> Figure:
    """All panels, the cells in the experiment's order from the top."""
    names = [cell.cell for cell in tasks[0].cells]
    places = {name: -place for place, name in enumerate(names)}
    whole = Figure(figsize=(10.2, 4.9), layout="constrained")
    for column, (axes, task) in enumerate(zip(whole.subplots(1, len(tasks), sharey=True), tasks, strict=True)):
        panel(axes, task, places)
        axes.set_ylim(-len(names) + 0.4, 0.6)
        if column == 0:
            axes.set_yticks([*places.values()], names, fontsize=9)
    whole.supxlabel("share of the way from the best answer without memory to a perfect one", fontsize=9)
    return whole


def _cell(cell: CellEvidence) -> str:
    """The test metric's mean and the seeds' range."""
    values = [v for v in cell.tests.values() if math.isfinite(v)]
    if not values:
        return "failed"
    mean, digits = sum(values) / len(values), 3 if cell.row.metric != "mse" else 4
    return f"{mean:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def rows(tasks: tuple[TaskEvidence, ...]) -> Iterator[str]:
    """The table in Markdown: a row a cell, a column a task."""
    arrows = {"max": "↑", "min": "↓"}
    heads = [f"{title(task)}<br>{task.metric} {arrows[task.direction]}" for task in tasks]
    yield f"| cell | {' | '.join(heads)} |"
    yield f"|---|{'---:|' * len(tasks)}"
    for place, cell in enumerate(tasks[0].cells):
        yield f"| `{cell.cell}` | {' | '.join(_cell(task.cells[place]) for task in tasks)} |"
    chances = [f"{task.chance or 0:.{4 if task.metric == 'mse' else 3}f}" for task in tasks]
    yield f"| *without memory* | {' | '.join(chances)} |"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", help="tracking URI of the store that `gru-tf run cells` filled")
    results = gru_tf.results("cells", store=parser.parse_args().store)
    tasks = results.evidence.tasks
    with mpl.rc_context(palette.STYLE):
        figure(tasks).savefig(FIGURE, metadata={"Date": None})
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + "\n".join(rows(tasks)) + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()

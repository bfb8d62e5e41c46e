"""Gradient norm against lag, a line for each cell."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_tf.foundation import palette
from gru_tf.recurrent.cells import CELLS
from gru_tf.training.diagnostics.figures.canvas import figure_of, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = 6  # along a line, about
ENTRY, LETTER = 0.7, 0.085  # inches of a legend entry without its label, and of a letter of the label


def draw_gradients(panels: Mapping[str, Mapping[str, Any]], title: str = "", across: int | None = None) -> "Figure":
    """Gradient norm against lag on a logarithmic scale: one line a cell, the median, in the band of its quartiles.

    A cell has its colour, its dashes and its marker here as everywhere; several lines of one cell differ in their dashes.

    Args:
        panels: title of a panel, such as "before training" → label of a line, a cell's name first → `Quartiles`. One
            without lines leaves its place empty.
        title: of the figure.
        across: panels in a row, which have their scale of norms in common; None puts all into one row.
    """
    looks = _looks(dict.fromkeys(label for lines in panels.values() for label in lines))
    columns = min(across or len(panels), len(panels))
    rows, width = -(-len(panels) // columns), 0.8 + 3.6 * columns
    entries = max(1, int(width / (ENTRY + LETTER * max(map(len, looks), default=1))))
    with styled():
        figure = figure_of((width, 0.5 + 2.7 * rows + 0.2 * -(-len(looks) // entries)))
        axes = figure.subplots(rows, columns, sharey="row", squeeze=False)
        drawn: dict[str, Any] = {}
        for panel, (heading, lines) in zip(axes.ravel(), panels.items(), strict=False):
            drawn |= _gradients_of(panel, heading, lines, looks)
        for panel in axes.ravel()[len(panels) :]:
            panel.set_visible(False)
        for first in axes[:, 0]:
            first.set_ylabel("‖∂L/∂state‖")
        # above the axes and not in them: at any place a line may pass
        where: Any = {
            "loc": "outside upper left",
            "ncols": entries,
            "title": title,
            "alignment": "left",
            "borderaxespad": 0.2,
        }
        figure.legend(drawn.values(), list(drawn), frameon=False, handlelength=3, title_fontsize=10, **where)
    return figure


def _gradients_of(panel: Any, heading: str, lines: Mapping[str, Any], looks: Mapping[str, Any]) -> dict[str, Any]:
    """One panel; returns its lines by label."""
    drawn = {
        label: _line(panel, quartiles, looks[label], place / len(lines))
        for place, (label, quartiles) in enumerate(lines.items())
    }
    panel.set_title(heading, fontsize=9, loc="left")
    panel.set(yscale="log", xlabel="lag T − t (steps)", xlim=(0, None))
    panel.locator_params(axis="x", integer=True, nbins=7)
    panel.grid(axis="y", color="#E0E0E0", lw=0.6)
    panel.tick_params(length=0, which="both")
    panel.set_axisbelow(True)
    panel.set_visible(bool(lines))
    return drawn


def _line(panel: Any, quartiles: Any, look: Mapping[str, Any], shift: float) -> Any:
    """A line in its band; `shift` moves its marks, in parts of the way from one to the next, off those of other lines."""
    # a norm that is 0 lies infinitely low: the line ends there
    low, middle, high = (np.where(np.asarray(v) > 0, v, np.nan) for v in (quartiles.low, quartiles.median, quartiles.high))
    lags, spacing = np.arange(len(middle)), max(1, len(middle) // MARKS)
    panel.fill_between(lags, low, high, color=look["color"], alpha=0.18, lw=0)
    return panel.plot(lags, middle, lw=1.6, ms=3.5, markevery=(int(shift * spacing), spacing), **look)[0]


def _looks(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Label → colour, dashes and marker of the cell that it names first; black without marks where it names none."""
    looks: dict[str, dict[str, Any]] = {}
    for label in labels:
        name = label.partition("(")[0].partition(" ")[0]
        known = name in CELLS.names()
        tone = palette.colour(name) if known else "#000000"
        taken = [look["ls"] for look in looks.values() if look["color"] == tone]
        order = [palette.dash(name, place) if known else palette.DASHES[place] for place in range(len(palette.DASHES))]
        free = [dash for dash in order if dash not in taken] or order
        looks[label] = {"color": tone, "ls": free[0], "marker": palette.marker(name) if known else ""}
    return looks

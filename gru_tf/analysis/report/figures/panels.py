"""A figure before it is drawn: its panels, what they show, and why there is none."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gru_tf.analysis.report.cell_style import CellStyle
from gru_tf.foundation import palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 3.8, 2.7  # inches of a panel: at 9 points its text is legible on a phone
MUTED, GRID = "#767676", "#E0E0E0"


@dataclass(frozen=True)
class Panel:
    """A part of a figure that can be read alone.

    Args:
        title: what it is of, such as a task.
        figure: draws it.
        paint: draws it on axes, for a figure of several; None where it is a figure by itself.
        height: in inches.
        wide: whether it needs more than a phone's width.
        first: whether it begins a line where there is room for several.
    """

    title: str
    figure: Callable[[], "Figure"]
    paint: Callable[[Any], None] | None = None
    height: float = HEIGHT
    wide: bool = False
    first: bool = False


@dataclass(frozen=True)
class Plate:
    """What there is to draw.

    Args:
        panels: none where there is nothing to show.
        missing: a sentence on what is not there, or "".
        styles: of the cells, for a key; empty where the panels name them.
        drawn: the whole as a figure; None puts the panels side by side.
        across: so many in a row.
    """

    panels: tuple[Panel, ...]
    missing: str = ""
    styles: tuple[CellStyle, ...] = ()
    drawn: Callable[[], "Figure"] | None = None
    across: int = 3

    def whole(self) -> "Figure":
        """All panels in one figure, with a key above them."""
        return self.drawn() if self.drawn else _side_by_side(self.panels, self.styles, self.across)


def painted(title: str, paint: Callable[[Any], None], height: float = HEIGHT, first: bool = False) -> Panel:
    """A panel that is painted on axes."""

    def figure() -> "Figure":
        with styled():
            drawing = _figure(WIDTH, height)
            paint(drawing.subplots())
        return drawing

    return Panel(title, figure, paint, height, first=first)


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's settings as in every figure of this project."""
    import matplotlib as mpl

    with mpl.rc_context(palette.STYLE):
        yield


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _side_by_side(panels: Sequence[Panel], styles: Sequence[CellStyle], most: int) -> "Figure":
    across = min(most, len(panels))
    rows = -(-len(panels) // across)
    lines = -(-len(styles) // (2 * across)) if styles else 0
    heights = [max(p.height for p in panels[r * across : (r + 1) * across]) + 0.25 for r in range(rows)]
    with styled():
        drawing = _figure(WIDTH * across, sum(heights) + 0.25 * lines)
        grid = drawing.subplots(rows, across, squeeze=False, height_ratios=heights).ravel()
        for panel, axes in zip(panels, grid, strict=False):
            axes.set_title(textwrap.fill(panel.title, 52), loc="left", fontsize=9)
            if panel.paint:
                panel.paint(axes)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        if styles:
            drawing.legend(
                handles=[style.handle() for style in styles], loc="outside upper left", ncols=2 * across, frameon=False
            )
    return drawing


def light(axes: Any, along: str = "y") -> None:
    """A grid that stays behind the data."""
    axes.grid(axis=along, color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, which="both")

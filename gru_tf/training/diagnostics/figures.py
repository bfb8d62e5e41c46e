"""Diagnostics drawn: gates over time, gradient against lag, saturation. Each function returns a matplotlib `Figure`.

They take arrays or lists, from `gru_tf.training.diagnostics` or from the record of a run alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_tf.foundation import palette
from gru_tf.recurrent.cells import CELLS
from gru_tf.training.diagnostics import CANDIDATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Perceptually even, and read alike with any kind of colour vision: gates on one scale, candidates on one with a middle
GATE_SCALE = {"cmap": "cividis", "vmin": 0.0, "vmax": 1.0}
CANDIDATE_SCALE = {"cmap": "PuOr_r", "vmin": -1.0, "vmax": 1.0}
WIDEST = 27  # letters of a title that have room above a panel of gates
TALLEST = 4  # rows of gates that a colour bar is as high as
MARKS = 6  # along a line, about
ENTRY, LETTER = 0.7, 0.085  # inches of an entry of the key without its label, and of a letter of that


def _figure(size: tuple[float, float]) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def _styled() -> Any:
    import matplotlib as mpl

    return mpl.rc_context(palette.STYLE)


def draw_gates(
    gates: Mapping[str, Any] | Mapping[str, Mapping[str, Any]], marks: Sequence[int] = (), title: str = ""
) -> "Figure":
    """Heat maps of gates over time, steps to the right and one line a unit; a row of panels for each cell.

    Args:
        gates: gate → (T, units), as `Gates.example` gives it; or several of these by label, such as the cell's name. Units
            are sorted by the mean of the first gate, alike in all panels of a row.
        marks: steps to point at, counted from 0.
        title: of the figure.
    """
    nested = {k: v for k, v in gates.items() if isinstance(v, Mapping)}
    rows: Mapping[str, Mapping[str, Any]] = nested or {"": gates}
    columns = max(map(len, rows.values()))
    bars = 0.6 * len({name in CANDIDATES for values in rows.values() for name in values})
    with _styled():
        figure = _figure((0.3 + bars + 2.1 * columns, 0.9 + 1.6 * len(rows)))
        parts: Any = figure.subfigures(1, 2, width_ratios=(2.1 * columns, bars))
        maps, scales = parts
        alike = len({len(steps) for values in rows.values() for steps in values.values()}) == 1
        panels = maps.subplots(len(rows), columns, squeeze=False, sharex=True if alike else "row")
        apart = any(len(f"{label}: {_named(name)}") > WIDEST for label, values in rows.items() for name in values)
        shown: dict[str, Any] = {}
        for line, (label, values) in zip(panels, rows.items(), strict=True):
            shown |= _gates_of(line, label, values, marks, apart)
        for axis, kind in zip(scales.subplots(1, len(shown), squeeze=False)[0], sorted(shown, reverse=True), strict=True):
            axis.set_box_aspect(8 * min(len(rows), TALLEST))
            axis.set_anchor("C" if len(rows) <= TALLEST else "N")
            low, high = shown[kind].get_clim()
            ticks = [low, (low + high) / 2, high]
            bar = figure.colorbar(shown[kind], cax=axis, label=kind, ticks=ticks, format="%g")
            bar.outline.set_visible(False)
        for column in panels.T:
            lowest = [panel for panel in column if panel.get_visible()][-1]
            lowest.tick_params(labelbottom=True)
            lowest.set_xlabel("step")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _named(gate: str) -> str:
    return f"{gate}  (candidate)" if gate in CANDIDATES else gate


def _gates_of(panels: Any, label: str, values: Mapping[str, Any], marks: Sequence[int], apart: bool) -> dict[str, Any]:
    """One row of panels; returns the images that the colour bars belong to.

    With `apart` the label stands once, above the row: it is too long to stand above each panel.
    """
    order = np.argsort(-np.mean(np.asarray(next(iter(values.values())), float), axis=0))
    shown: dict[str, Any] = {}
    for panel, (name, steps) in zip(panels, values.items(), strict=False):
        candidate = name in CANDIDATES
        grid = np.asarray(steps, float).T[order]
        ends = (0.5, grid.shape[1] + 0.5, grid.shape[0], 0)
        scale = CANDIDATE_SCALE if candidate else GATE_SCALE
        shown["candidate" if candidate else "gate"] = panel.imshow(
            grid, aspect="auto", interpolation="nearest", extent=ends, **scale
        )
        where = f"{label}: " if label and not apart else f"{label}\n" if panel is panels[0] and apart else ""
        panel.set_title(f"{where}{_named(name)}", fontsize=9, loc="left", pad=7)
        if marks:  # a line without points has no extent, and the layout none either
            panel.plot([t + 1 for t in marks], [0] * len(marks), "v", color="#000000", ms=4, clip_on=False)
        panel.locator_params(integer=True, nbins=5)
        panel.tick_params(length=0, labelleft=panel is panels[0])
    for panel in panels[len(values) :]:
        panel.set_visible(False)
    panels[0].set_ylabel("units, sorted")
    return shown


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
    with _styled():
        figure = _figure((width, 0.5 + 2.7 * rows + 0.2 * -(-len(looks) // entries)))
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
    lags, every = np.arange(len(middle)), max(1, len(middle) // MARKS)
    panel.fill_between(lags, low, high, color=look["color"], alpha=0.18, lw=0)
    return panel.plot(lags, middle, lw=1.6, ms=3.5, markevery=(int(shift * every), every), **look)[0]


def _looks(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Label → colour, dashes and marker of the cell that it names first; black without marks where it names none."""
    found: dict[str, dict[str, Any]] = {}
    for label in labels:
        name = label.partition("(")[0].partition(" ")[0]
        known = name in CELLS.names()
        tone = palette.colour(name) if known else "#000000"
        taken = [look["ls"] for look in found.values() if look["color"] == tone]
        order = [palette.dash(name, place) if known else palette.DASHES[place] for place in range(len(palette.DASHES))]
        free = [dash for dash in order if dash not in taken] or order
        found[label] = {"color": tone, "ls": free[0], "marker": palette.marker(name) if known else ""}
    return found


def draw_saturation(cells: Mapping[str, Mapping[str, Any]], title: str = "") -> "Figure":
    """Saturation as in Karpathy et al. 2015, figure 3: a panel a cell, a dot a unit, a colour and a marker a gate.

    To the right: share of activations above the upper threshold; upwards: below the lower one. No dot lies above the
    diagonal, and one on it is saturated in every step.

    Args:
        cells: label → what `saturation` gives for it; a cell without gates has an empty panel, which says so.
        title: of the figure.
    """
    tones = [*palette.FIXED.values(), *palette.OTHERS]
    gates = list(dict.fromkeys(gate for shares in cells.values() for gate in shares))
    with _styled():
        figure = _figure((0.8 + 2.6 * len(cells), 3.5))
        axes = figure.subplots(1, len(cells), sharex=True, sharey=True, squeeze=False)[0]
        for panel, (label, shares) in zip(axes, cells.items(), strict=True):
            panel.plot([0, 1], [1, 0], color="#767676", lw=0.8, ls=(0, (4, 3)))
            for gate, share in shares.items():
                rank = gates.index(gate)
                sign = {"marker": palette.MARKERS[rank % len(palette.MARKERS)], "color": tones[rank % len(tones)]}
                panel.plot(share.high, share.low, ls="", ms=5, alpha=0.7, mew=0, label=gate, clip_on=False, **sign)
            if shares:
                panel.legend(frameon=False, fontsize=8, title="gate", loc="upper right", handletextpad=0.2)
            else:
                panel.text(0.05, 0.05, "no gates", color="#767676")
            panel.set_title(label, fontsize=9, loc="left")
            panel.set(xlabel="share saturated high", xlim=(0, 1), ylim=(0, 1), box_aspect=1)
            panel.tick_params(length=0, pad=6)
        axes[0].set_ylabel("share saturated low")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure

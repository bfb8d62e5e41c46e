"""Heat maps of gates over time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_tf.recurrent.cells import CANDIDATES
from gru_tf.training.diagnostics.figures.canvas import figure_of, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Perceptually uniform and safe for colour-blind readers: gates on one scale, candidates on one with a middle
GATE_SCALE = {"cmap": "cividis", "vmin": 0.0, "vmax": 1.0}
CANDIDATE_SCALE = {"cmap": "PuOr_r", "vmin": -1.0, "vmax": 1.0}
WIDEST = 27  # characters of a title that fit above a panel
TALLEST = 4  # rows of panels up to which a colour bar grows


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
    with styled():
        figure = figure_of((0.3 + bars + 2.1 * columns, 0.9 + 1.6 * len(rows)))
        parts: Any = figure.subfigures(1, 2, width_ratios=(2.1 * columns, bars))
        maps, scales = parts
        alike = len({len(steps) for values in rows.values() for steps in values.values()}) == 1
        panels = maps.subplots(len(rows), columns, squeeze=False, sharex=True if alike else "row")
        apart = any(len(f"{label}: {_named(name)}") > WIDEST for label, values in rows.items() for name in values)
        images: dict[str, Any] = {}
        for line, (label, values) in zip(panels, rows.items(), strict=True):
            images |= _gates_of(line, label, values, marks, apart)
        for axis, kind in zip(scales.subplots(1, len(images), squeeze=False)[0], sorted(images, reverse=True), strict=True):
            axis.set_box_aspect(8 * min(len(rows), TALLEST))
            axis.set_anchor("C" if len(rows) <= TALLEST else "N")
            low, high = images[kind].get_clim()
            ticks = [low, (low + high) / 2, high]
            bar = figure.colorbar(images[kind], cax=axis, label=kind, ticks=ticks, format="%g")
            bar.outline.set_visible(False)
        for column in panels.T:
            lowest = [panel for panel in column if panel.get_visible()][-1]
            lowest.tick_params(labelbottom=True)
            lowest.set_xlabel("step")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _named(gate: str) -> str:
    return f"{gate}  ({CANDIDATES[gate]})" if gate in CANDIDATES else gate


def _gates_of(panels: Any, label: str, values: Mapping[str, Any], marks: Sequence[int], apart: bool) -> dict[str, Any]:
    """One row of panels; returns the images that the colour bars belong to.

    With `apart` the label stands once, above the row: it is too long to stand above each panel.
    """
    order = np.argsort(-np.mean(np.asarray(next(iter(values.values())), float), axis=0))
    images: dict[str, Any] = {}
    for panel, (name, steps) in zip(panels, values.items(), strict=False):
        candidate = name in CANDIDATES
        grid = np.asarray(steps, float).T[order]
        ends = (0.5, grid.shape[1] + 0.5, grid.shape[0], 0)
        scale = CANDIDATE_SCALE if candidate else GATE_SCALE
        images["candidate" if candidate else "gate"] = panel.imshow(
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
    return images

"""A figure of time over the arithmetic floor: a group of rows for each cell, a row for each path, a panel for each task."""

from pathlib import Path
from typing import Any

from gru_tf.foundation import palette
from gru_tf.machine.speed.cases import PATHS, What
from gru_tf.machine.speed.findings import SpeedFindings
from gru_tf.machine.speed.measurement import Measurement

DOING: dict[What, str] = {"train": "training step", "infer": "inference of a batch"}
PALE, GREY, GAP = 0.45, "#595959", 0.9  # strength of all paths but the first; of notes; rows between two cells


def draw(findings: SpeedFindings, file: Path) -> Path:
    """Write the figure to `file`, whose suffix determines the format (.svg, .png); returns it.

    Dots are medians with quartiles, as multiples of the floor of the same run; the axis is logarithmic.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = _rows(findings)
    with mpl.rc_context(palette.STYLE):
        figure = Figure(figsize=(8.6, 1.5 + 0.23 * (len(rows) + GAP * len(findings.spec.cells))), layout="constrained")
        panels = figure.subplots(1, len(DOING), sharey=True, sharex=True)
        for panel, what in zip(panels, DOING, strict=True):
            _panel(panel, findings, what, rows)
        _names(panels[0], rows)
        figure.suptitle(_title(findings), x=0.01, ha="left", fontsize=10)
        figure.supxlabel("times the floor (logarithmic)", fontsize=9)
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    return file


def _rows(findings: SpeedFindings) -> dict[tuple[str, str], float]:
    """(cell, path) → place on the vertical axis, of all that was measured in one of the panels."""
    rows: dict[tuple[str, str], float] = {}
    place = 0.0
    for cell in findings.spec.cells:
        cases = [findings.spec.case(cell, path, what) for path in PATHS for what in DOING]
        for path in dict.fromkeys(m.case.path for m in findings.select(cases)):
            rows[cell.label, path] = place
            place += 1
        place += GAP
    return rows


def _title(findings: SpeedFindings) -> str:
    spec = findings.spec
    threads = f"{spec.threads} thread{'s' * (spec.threads > 1)}"
    shape = f"{spec.batch} sequences × {spec.timesteps} steps × {spec.features} features, {spec.units} units, {threads}"
    floor = f"the floor is the arithmetic alone at {findings.rate / 1e9:.0f} GFLOP/s, a large matrix product's rate in this run"
    return f"Time over the arithmetic floor\n{shape}; {floor}"


def _panel(panel: Any, findings: SpeedFindings, what: What, rows: dict[tuple[str, str], float]) -> None:
    for cell in findings.spec.cells:
        measured = findings.select(findings.spec.case(cell, path, what) for path in PATHS)
        for rank, m in enumerate(measured):
            _dot(panel, m, rows[m.case.cell.label, m.case.path], first=rank == 0)
    panel.axvline(1, color="black", lw=1)
    panel.set_title(DOING[what], loc="left", fontsize=9)
    _axes(panel)


def _dot(panel: Any, m: Measurement, place: float, first: bool) -> None:
    """A measurement: a line from the floor to a dot with its quartiles, and its number beside it."""
    tone, low, high = palette.colour(m.case.cell.name), m.low_ms / m.floor_ms, m.high_ms / m.floor_ms
    strength = 1.0 if first else PALE
    panel.plot([1, m.times_floor], [place, place], color=tone, lw=3 if first else 1.5, alpha=strength, zorder=1)
    panel.plot([low, high], [place, place], color=tone, lw=5, alpha=0.35, solid_capstyle="butt", zorder=2)
    panel.plot(m.times_floor, place, palette.marker(m.case.cell.name), color=tone, markersize=6, alpha=strength, zorder=3)
    text = f"{m.times_floor:.1f}" if m.times_floor < 10 else f"{m.times_floor:.0f}"
    weight, colour = ("bold", "black") if first else ("normal", GREY)
    where = {"xy": (max(high, m.times_floor), place), "xytext": (6, 0), "textcoords": "offset points"}
    panel.annotate(text, **where, va="center", fontsize=8, fontweight=weight, color=colour)


def _axes(panel: Any) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.tick_params(length=0)
    panel.grid(axis="x", color="#E0E0E0", lw=0.6)
    panel.set_axisbelow(True)
    panel.spines["left"].set_visible(False)


def _names(panel: Any, rows: dict[tuple[str, str], float]) -> None:
    """Paths at the axis; each cell's name above its first row."""
    if not rows:
        return
    panel.set_yticks(list(rows.values()), [path for _, path in rows])
    panel.set_ylim(max(rows.values()) + 0.7, -1.3)  # the first row on top
    low, high = panel.get_xlim()
    panel.set_xlim(1, high * (high / low) ** 0.12)  # room for the numbers
    for label in dict.fromkeys(cell for cell, _ in rows):
        top = min(place for (cell, _), place in rows.items() if cell == label)
        panel.annotate(
            label, (0, top), xycoords=("axes fraction", "data"), xytext=(-6, 15), textcoords="offset points",
            ha="right", va="center", fontweight="bold", color=palette.colour(label.partition("(")[0].strip()),
        )  # fmt: skip

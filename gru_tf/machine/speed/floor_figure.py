"""A figure of time over the arithmetic floor: a group of rows for each cell, a row for each path, a panel for each task."""

from pathlib import Path
from typing import Any

from gru_tf.foundation import palette
from gru_tf.machine.speed.cases import PATHS, KernelPath, What
from gru_tf.machine.speed.findings import SpeedFindings
from gru_tf.machine.speed.measurement import Measurement

Rows = dict[tuple[str, KernelPath], float]
DOING: dict[What, str] = {"train": "training step", "infer": "inference of a batch"}
NAMES: dict[KernelPath, str] = {
    "fused": "fused kernel", "keras": "Keras", "keras xla": "Keras + XLA", "scan": "parallel scan", "scan xla": "scan + XLA",
    "custom": "custom cell", "custom xla": "custom cell + XLA", "cudnn": "cuDNN", "pytorch": "PyTorch",
}  # fmt: skip
OWN = ("fused", "cudnn")  # what experiments train by, drawn strongly
PALE, GREY, GAP = 0.45, "#595959", 0.9  # strength of the other paths; colour of their numbers; rows between two cells


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
        _names(panels[0], rows, {cell.label: palette.colour(cell.name) for cell in findings.spec.cells})
        figure.suptitle(_title(findings), x=0.01, ha="left", fontsize=9)
        figure.supxlabel("times the arithmetic floor (logarithmic)", fontsize=9)
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    return file


def _rows(findings: SpeedFindings) -> Rows:
    """(cell, path) → place on the vertical axis, of all that was measured in one of the panels."""
    rows: Rows = {}
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
    floor = f"Floor: the matrix products alone at {findings.rate / 1e9:.0f} GFLOP/s, the rate of a large one in this run"
    return f"Time over the arithmetic floor: {shape}\n{floor}. Medians with quartiles"


def _panel(panel: Any, findings: SpeedFindings, what: What, rows: Rows) -> None:
    for cell in findings.spec.cells:
        measured = findings.select(findings.spec.case(cell, path, what) for path in PATHS)
        for m in measured:
            _dot(panel, m, rows[m.case.cell.label, m.case.path], strong=m.case.path in OWN)
    panel.axvline(1, color="black", lw=1)
    panel.set_title(DOING[what], loc="left", fontsize=9)
    _axes(panel)


def _dot(panel: Any, m: Measurement, place: float, strong: bool) -> None:
    """A measurement: a line from the floor to a dot with its quartiles, and its number beside it."""
    tone, low, high = palette.colour(m.case.cell.name), m.low_ms / m.floor_ms, m.high_ms / m.floor_ms
    strength, width = (1.0, 3.0) if strong else (PALE, 1.5)
    panel.plot([1, m.times_floor], [place, place], color=tone, lw=width, alpha=strength, solid_capstyle="butt")
    panel.plot([low, high], [place, place], color=tone, lw=5, alpha=0.35, solid_capstyle="butt")
    panel.plot(m.times_floor, place, palette.marker(m.case.cell.name), color=tone, markersize=6, alpha=strength)
    text = f"{m.times_floor:.1f}" if m.times_floor < 10 else f"{m.times_floor:.0f}"
    weight, colour = ("bold", "black") if strong else ("normal", GREY)
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


def _names(panel: Any, rows: Rows, tones: dict[str, str]) -> None:
    """Paths at the axis; each cell's name above its first row."""
    if not rows:
        return
    panel.set_yticks(list(rows.values()), [NAMES[path] for _, path in rows])
    panel.set_ylim(max(rows.values()) + 0.7, -1.3)  # the first row on top
    low, high = panel.get_xlim()
    panel.set_xlim(low if low < 0.9 else 1, high * (high / low) ** 0.12)  # room for the numbers
    for label in dict.fromkeys(cell for cell, _ in rows):
        top = min(place for (cell, _), place in rows.items() if cell == label)
        panel.annotate(
            label, (0, top), xycoords=("axes fraction", "data"), xytext=(-6, 15), textcoords="offset points",
            ha="right", va="center", fontweight="bold", color=tones[label],
        )  # fmt: skip

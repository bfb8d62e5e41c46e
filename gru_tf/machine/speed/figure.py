"""A figure of the growth of time with length, batch and units: a panel each, both axes logarithmic."""

from pathlib import Path
from typing import Any

from gru_tf.foundation import palette
from gru_tf.machine.speed.findings import SpeedFindings
from gru_tf.machine.speed.spec import AXES, SYMBOLS, Axis

NAMES = {"timesteps": "length T (steps)", "batch": "batch B (sequences)", "units": "units H"}
DOING = {"train": "Training step", "infer": "Inference of a batch"}


def draw(findings: SpeedFindings, file: Path) -> Path:
    """Write the figure to `file`, whose suffix determines the format (.svg, .png); returns it.

    Dots are medians with quartiles, lines join them, a dashed line is the cell's arithmetic floor.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(palette.STYLE):
        figure = Figure(figsize=(10, 4.2), layout="constrained")
        panels = figure.subplots(1, len(AXES), sharey=True)
        for panel, axis in zip(panels, AXES, strict=True):
            _panel(panel, findings, axis)
        panels[0].set_ylabel("milliseconds")
        _room(panels[0], len(findings.spec.cells))
        figure.suptitle(_title(findings), x=0.01, ha="left", fontsize=10)
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    return file


def _title(findings: SpeedFindings) -> str:
    spec = findings.spec
    base = f"T = {spec.timesteps}, B = {spec.batch}, H = {spec.units}, I = {spec.features}"
    return f"{DOING[spec.growth_what]}, {spec.shared_path}. Elsewhere {base}. Dashed: arithmetic floor"


def _panel(panel: Any, findings: SpeedFindings, axis: Axis) -> None:
    sizes: set[int] = set()
    for cell in findings.spec.cells:
        points = findings.growth(axis, cell)
        if not points:
            continue
        x = [getattr(m.case, axis) for m in points]
        sizes |= set(x)
        power = findings.power(axis, cell)
        label = f"{cell.label}  ∝ {SYMBOLS[axis]}^{power}" if power else cell.label
        tone = palette.colour(cell.name)
        middle = [m.median_ms for m in points]
        spread = [[m.median_ms - m.low_ms for m in points], [m.high_ms - m.median_ms for m in points]]
        panel.errorbar(x, middle, spread, color=tone, ls="none")
        panel.plot(x, middle, color=tone, marker=palette.marker(cell.name), markersize=5, lw=1.5, label=label)
        panel.plot(x, [m.floor_ms for m in points], color=tone, lw=1, ls=(0, (4, 3)))
    _axes(panel, axis, sorted(sizes))


def _axes(panel: Any, axis: Axis, sizes: list[int]) -> None:
    from matplotlib.ticker import LogLocator

    panel.set(xscale="log", yscale="log", xlabel=NAMES[axis])
    panel.set_xticks(sizes, [str(size) for size in sizes])
    panel.minorticks_off()
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.tick_params(length=0)
    panel.grid(axis="y", color="#E0E0E0", lw=0.6)
    panel.set_axisbelow(True)
    if sizes:
        panel.legend(loc="upper left", frameon=False, fontsize=8, handlelength=1.6, borderaxespad=0.2)


def _room(panel: Any, lines: int) -> None:
    """Make room for the legend above the highest point."""
    low, high = panel.get_ylim()
    panel.set_ylim(low, high * (high / low) ** (0.075 * lines + 0.03))

"""Axes that fit what is on them: linear or logarithmic, with the baseline on them or named beside them."""

import math
from collections.abc import Iterable
from typing import Any, Literal

from gru_tf.analysis.report.figures.panels import MUTED

MANY = 30.0  # times between the smallest and the largest error from which an axis is logarithmic
NARROWEST, SIZES = 0.05, 0.2  # of the largest value: the least that an axis of metrics, or of costs, spans
FAR = 1.0  # spans of the data that the baseline may lie outside before it is only named
ARROWS = {"max": "↑ better", "min": "↓ better"}
DASHES = (0, (4, 3))


def metric(
    axes: Any,
    along: Literal["x", "y"],
    name: str,
    direction: str,
    values: Iterable[float],
    chance: float | None,
) -> None:
    """Scale, limits, label and the baseline of an axis that shows a metric.

    Args:
        axes: matplotlib's.
        along: which of its axes.
        name: what is shown, e.g. "test accuracy".
        direction: "max" or "min".
        values: all that are on it.
        chance: the baseline's metric.
    """
    values = [value for value in values if math.isfinite(value)]
    logarithmic = direction == "min" and bool(values) and min(values) > 0 and max(values) / min(values) > MANY
    if logarithmic:
        getattr(axes, f"set_{along}scale")("log", nonpositive="clip")
        getattr(axes, f"{along}axis").set_minor_formatter(lambda value, _: "")
    low, high = _limits(values, logarithmic, NARROWEST)
    beside = ""
    if chance is not None and math.isfinite(chance):
        low, high, beside = _with_chance(axes, along, chance, low, high, logarithmic)
    getattr(axes, f"set_{along}lim")(low, high)
    if not logarithmic:
        getattr(axes, f"{along}axis").set_major_locator(_few())
    arrow = ARROWS[direction].replace("↑", "→").replace("↓", "←") if along == "x" else ARROWS[direction]
    getattr(axes, f"set_{along}label")(f"{name}, {arrow}{beside}")


def _with_chance(
    axes: Any, along: str, chance: float, low: float, high: float, logarithmic: bool
) -> tuple[float, float, str]:
    """Limits that hold the baseline where it is near, a line at it, and what the label says of it."""
    at, first, last = (math.log(v) if logarithmic and v > 0 else v for v in (chance, low, high))
    span = last - first
    outside = max(first - at, at - last, 0)
    if outside > FAR * span or (logarithmic and chance <= 0):
        where = ("below" if at < first else "above") if along == "y" else ("to the left" if at < first else "to the right")
        return low, high, f"\nbaseline {chance:.3g} is far {where}"
    draw = axes.axhline if along == "y" else axes.axvline
    draw(chance, color=MUTED, lw=1.1, ls=DASHES, zorder=1)
    margin = 0.06 * (max(last, at) - min(first, at))
    if outside:
        # the far end too: its margin was of the data alone, and a mark there would be cut
        first, last = (at - margin, last + margin) if at < first else (first - margin, at + margin)
    low, high = (math.exp(v) if logarithmic else v for v in (first, last))
    return low, high, f"\n╌ ╌ baseline {chance:.3g}"


def _limits(values: list[float], logarithmic: bool, narrowest: float) -> tuple[float, float]:
    """Around all values, and no narrower than this share of the largest: a small spread is to look small."""
    if not values:
        return 0.0, 1.0
    low, high = (math.log(v) if logarithmic else v for v in (min(values), max(values)))
    least = 0.0 if logarithmic else narrowest * max(abs(low), abs(high)) or 1.0
    margin = max(0.08 * (high - low), (least - (high - low)) / 2)
    low, high = low - margin, high + margin
    return (math.exp(low), math.exp(high)) if logarithmic else (low, high)


def amount(axes: Any, along: Literal["x", "y"], values: Iterable[float], name: str, whole: bool = False) -> None:
    """Scale, limits and label of an axis that shows a cost: sizes, which are whole numbers, seconds, milliseconds."""
    values = [value for value in values if math.isfinite(value)]
    logarithmic = bool(values) and min(values) > 0 and max(values) / min(values) > MANY
    if logarithmic:
        getattr(axes, f"set_{along}scale")("log")
        getattr(axes, f"{along}axis").set_minor_formatter(lambda value, _: "")
    else:
        getattr(axes, f"{along}axis").set_major_locator(_few(4, whole))
    getattr(axes, f"{along}axis").set_major_formatter(lambda value, _: f"{value:,.6g}")
    getattr(axes, f"set_{along}lim")(*_limits(values, logarithmic, SIZES))
    getattr(axes, f"set_{along}label")(name)


def _few(most: int = 5, whole: bool = False) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(most, steps=[1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10], integer=whole)

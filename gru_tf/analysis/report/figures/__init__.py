"""Figures of a report, each in a file of its own: `plate(findings)` says what there is to draw, panel by panel.

A panel of a plate stands alone on a page, so that it can be read on a phone; `draw` puts all of them side by side.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gru_tf.analysis.report.figures.panels import Plate
from gru_tf.analysis.report.findings import Findings, ResultSource
from gru_tf.foundation.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("forecasts", "pareto", "curves", "seeds", "ranks", "search", "trials", "gates", "gradients", "speed")


def draw(name: str, results: ResultSource) -> "Figure":
    """One figure of an experiment's results.

    Args:
        name: one of `NAMES`.
        results: from `gru_tf.results` or `gru_tf.run`.

    Raises:
        UserError: for another name, and where the results have nothing that it could show; it says what is missing.
    """
    drawing = plate(name, Findings.from_results(results))
    if not drawing.panels:
        raise UserError(f"{name}: {drawing.missing}")
    return drawing.whole()


def plate(name: str, findings: Findings) -> Plate:
    """What there is to draw under this name.

    Raises:
        UserError: for another name.
    """
    if name not in NAMES:
        raise UserError(f"no figure is called '{name}'.{did_you_mean(name, NAMES)} Figures: {', '.join(NAMES)}")
    drawing: Plate = import_module(f"gru_tf.analysis.report.figures.{name}").plate(findings)
    return drawing

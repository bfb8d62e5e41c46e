"""The figures of a report as methods, for notebooks: `results.plot.pareto()`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gru_tf.analysis import report
from gru_tf.analysis.report.findings import ResultSource
from gru_tf.foundation.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Plots:
    """The figures of a report, each a method; what it returns is a `matplotlib.figure.Figure`.

    Args:
        results: what is drawn.
    """

    def __init__(self, results: ResultSource):
        self._results = results

    def __getattr__(self, name: str) -> "Callable[[], Figure]":
        if name.startswith("_"):  # what notebooks and copies look for
            raise AttributeError(name)
        names = report.figures.NAMES
        if name not in names:
            raise AttributeError(f"no figure is called '{name}'.{did_you_mean(name, names)} Figures: {', '.join(names)}")
        return partial(_draw, name, self._results)

    def __dir__(self) -> list[str]:
        return sorted(report.figures.NAMES)

    def __repr__(self) -> str:
        return f"<figures: {', '.join(report.figures.NAMES)}>"


def _draw(name: str, results: ResultSource, /, *arguments: object, **options: object) -> "Figure":
    """A figure of a method, which takes nothing.

    Raises:
        UserError: where it was given something.
    """
    if arguments or options:
        received = ", ".join([*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())])
        tasks = ", ".join(task.title for task in results.experiment.tasks)
        raise UserError(f"plot.{name}: expected no argument, it draws every task ({tasks}). Received: {received}")
    figure: Figure = report.figures.draw(name, results)
    figure._repr_svg_ = partial(_svg, figure)  # type: ignore[attr-defined]  # notebooks show it, pyplot imported or not
    return figure


def _svg(figure: "Figure") -> str:
    from io import StringIO

    import matplotlib as mpl

    from gru_tf.foundation import palette

    held = StringIO()
    with mpl.rc_context(palette.STYLE):
        figure.savefig(held, format="svg", metadata={"Date": None})
    return held.getvalue()

"""Results in every form that people read: table, frame, comparisons, figures, report, text, and in a notebook."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, get_args

from gru_tf.analysis import evidence, report, table
from gru_tf.analysis.answer import answer
from gru_tf.analysis.formats import markup
from gru_tf.analysis.formats.json_document import document, dumps
from gru_tf.analysis.pairwise import Versus
from gru_tf.analysis.published import beside
from gru_tf.analysis.verdicts import judge
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Format = Literal["csv", "json", "markdown", "latex"]


class Readable(ABC):
    """What results have that know their experiment and runs; `gru_tf.suite.Results` are these.

    Attributes:
        experiment: the question.
        runs: every trial and every final seed.
        earlier: how many runs of earlier definitions are left out.
    """

    experiment: Experiment
    runs: tuple[RunResult, ...]
    earlier: int

    @abstractmethod
    def in_full(self) -> Self:
        """The same with the histories and diagnostics that the store keeps apart."""

    def table(self) -> list[table.Row]:
        """One row a (task, cell)."""
        return table.rows(self.experiment, self.runs)

    @cached_property
    def evidence(self) -> evidence.Evidence:
        """What the runs say: intervals, pairs of cells, ranks, what is open, what is missing."""
        return evidence.gather(self.experiment, self.runs)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a run, trials and final seeds; `analysis.formats.columns` says what its columns are. Yours to change."""
        return self._frame.copy()

    @cached_property
    def _frame(self) -> "pd.DataFrame":
        from gru_tf.analysis.formats.frame import frame

        return frame(self.experiment, self.runs)

    def compare(self, first: str, second: str) -> Versus:
        """Two cells at equal seeds, on every task; printed, or in a notebook, it says what is settled.

        Raises:
            UserError: for a cell that the experiment does not have.
        """
        return Versus(self.evidence, first, second)

    @property
    def plot(self) -> "Plots":
        """The figures of the report by name, such as `results.plot.pareto()`; `dir(results.plot)` lists them."""
        return Plots(self)

    def report(self, path: str | Path) -> Path:
        """Write the report, one page that needs no network, and return where it is."""
        return report.write(self, Path(path))

    def text(self, form: Format) -> str:
        """The results as `gru-tf results --format` prints them: the runs as CSV, all as JSON, the table typeset.

        Raises:
            UserError: for another format.
        """
        if form == "csv":
            from gru_tf.analysis.formats.frame import csv

            return csv(self._frame)
        if form == "json":
            return dumps(document(self.evidence, self.runs, self.earlier))
        if form not in get_args(Format):
            near = did_you_mean(str(form), get_args(Format))
            raise UserError(f"no format is called '{form}'.{near} Formats: {', '.join(get_args(Format))}")
        write = markup.markdown if form == "markdown" else markup.latex
        return write(self.experiment, self.table(), self.earlier, self._beside())

    def _beside(self) -> dict[str, list[str]]:
        """Verdicts on claims, and published numbers by the label of their task, a line each."""
        found: dict[str, list[str]] = {}
        for verdict in judge(self.experiment, self.runs):
            found.setdefault("", []).append(f"Claim {verdict.text}: {verdict.verdict}. {verdict.why}")
        for one in beside(self.experiment, self.runs):
            ours = f"ours {table.interval(one.ours)}, {one.difference:+.3g}" if one.ours else "ours is not there yet"
            told = f"{one.title}, {one.cell}: published {one.metric} {one.published.value:g} ({one.provenance}); {ours}."
            found.setdefault(one.task, []).append(told)
        return found

    def __repr__(self) -> str:
        sizes = ((len(self.experiment.tasks), "task"), (len(self.experiment.cells), "cell"), (len(self.runs), "run"))
        counted = ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in sizes)
        return f"<gru_tf results of '{self.experiment.name}': {counted}>"

    def _repr_html_(self) -> str:
        """For notebooks: the question, the answer, the table."""
        asked = f"<p><b>{escape(self.experiment.question)}</b></p><p>{escape(' '.join(answer(self.evidence)))}</p>"
        return asked + markup.html(self.experiment, self.table(), self.earlier, self._beside())


class Plots:
    """The figures of a report, each a method; what it returns is a `matplotlib.figure.Figure`.

    Args:
        results: what is drawn.
    """

    def __init__(self, results: Readable):
        self._results = results

    def __getattr__(self, name: str) -> "Callable[[], Figure]":
        if name.startswith("_"):  # what notebooks and copies look for
            raise AttributeError(name)
        names = report.figures.NAMES
        if name not in names:
            raise AttributeError(f"no figure is called '{name}'.{did_you_mean(name, names)} Figures: {', '.join(names)}")
        return partial(_drawn, name, self._results)

    def __dir__(self) -> list[str]:
        return sorted(report.figures.NAMES)

    def __repr__(self) -> str:
        return f"<figures: {', '.join(report.figures.NAMES)}>"


def _drawn(name: str, results: Readable, /, *given: object, **named: object) -> "Figure":
    """A figure of a method, which takes nothing.

    Raises:
        UserError: where it was given something.
    """
    if given or named:
        received = ", ".join([*map(repr, given), *(f"{key}={value!r}" for key, value in named.items())])
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

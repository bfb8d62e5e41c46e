"""The page: findings → one HTML file that asks nothing of any network and runs no script."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gru_tf.analysis.report import beside_table, cell_style, inline_svg, provenance, tables
from gru_tf.analysis.report.figures import NAMES
from gru_tf.analysis.report.figures import plate as plate_of
from gru_tf.analysis.report.figures.panels import Plate
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.statistics.importance import FEW, LEAST
from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError

if TYPE_CHECKING:
    from jinja2 import Environment

    from gru_tf.analysis.results import Results

ENDINGS = (".html", ".htm")
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """A panel on the page: its title, its SVG, whether it needs more than a phone's width, or begins a line."""

    title: str
    svg: str
    wide: bool
    first: bool


@dataclass(frozen=True)
class Section:
    """A figure on the page.

    Args:
        name: of the figure; title, text: what it is of and how to read it.
        pictures: its panels; styles: of the cells, for the key.
        missing: what is not there, or "".
    """

    name: str
    title: str
    text: str
    pictures: tuple[Picture, ...]
    styles: tuple[cell_style.CellStyle, ...]
    missing: str


TEXTS = {
    "pareto": (
        "Score and cost",
        "Large marks are means with their 95 % interval at the median cost, small ones are single seeds. A ring marks the"
        " cells that no other one beats in both, by their means (the Pareto front). Sizes within 5 % count as equal.",
    ),
    "curves": (
        "Learning curves",
        "At each epoch, the median over seeds, with a band from the worst value to the best, for as long as at least half of"
        " the seeds trained; a line need not follow any single seed.",
    ),
    "seeds": ("Individual seeds", "Each mark is one final seed; the bar below is the mean with its 95 % interval."),
    "ranks": (
        "Ranks across tasks",
        "Each cell's rank on each task, averaged. A thick bar joins cells whose ranks lie within the critical difference of"
        " Nemenyi's test at 5 %: they do not differ significantly.",
    ),
    "search": (
        "Hyperparameter search",
        "Each mark is a trial, by its validation metric; a ring marks the best one of each cell.",
    ),
    "gates": (
        "Gates over time",
        "One sequence of the validation split, after training; each line is a unit, sorted by the first gate's mean.",
    ),
    "gradients": (
        "Gradient by lag",
        "Norm of the loss's gradient with respect to the state, by lag: the median over sequences with a band of their"
        " quartiles, for the first seed.",
    ),
    "speed": (
        "Speed by kernel",
        "Each mark is a seed's median training step, its line the quartiles over epochs; below each cell is the kernel that"
        " computed its recurrence. Runs share the machine: compare ratios, not milliseconds.",
    ),
}


def write(results: "Results", path: str | Path, figures: str | Path | None = None) -> Path:
    """Write the report of an experiment's results; returns the file.

    Args:
        results: from `gru_tf.results` or `gru_tf.run`; also of an experiment that is not finished, or failed.
        path: of the file, a name that ends in .html, replaced if it is there.
        figures: a folder for the figures as well, each an SVG file of its own; None for none.

    Raises:
        UserError: for another ending, and where a file cannot be written.
    """
    file = Path(path)
    if file.suffix.lower() not in ENDINGS:  # a typing error would replace an experiment by a page
        raise UserError(f"{file}: expected a name that ends in {' or '.join(ENDINGS)}")
    findings = Findings.from_results(results)
    _put(file, render(findings))
    if figures is not None:
        _save_figures(findings, Path(figures))
    return file


def save_figures(results: "Results", folder: str | Path) -> list[Path]:
    """Write every figure that there is something to show in as an SVG file of its own; returns the files.

    Raises:
        UserError: where a file cannot be written.
    """
    return _save_figures(Findings.from_results(results), Path(folder))


def _save_figures(findings: Findings, folder: Path) -> list[Path]:
    plates = {name: plate for name in NAMES if (plate := plate_of(name, findings)).panels}
    for name, plate in plates.items():
        _put(folder / f"{name}.svg", inline_svg.svg(plate.whole()))
    return [folder / f"{name}.svg" for name in plates]


def _put(file: Path, text: str) -> None:
    """Write a file where the user wants it."""
    try:
        atomic_file.write(file, text.encode())
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from error


def render(findings: Findings) -> str:
    """The page as text."""
    evidence, experiment = findings.evidence, findings.experiment
    sections = {name: _section(name, findings) for name in NAMES}
    page = _environment().get_template("page.html")
    return page.render(
        experiment=experiment,
        answer=beside_table.answer(findings),
        verdicts=beside_table.verdicts(findings),
        published=beside_table.published(findings),
        state=tuple(_state(findings)),
        facts=_facts(findings),
        blocks=tables.blocks(findings),
        several=len(experiment.cells) > 1,
        evidence=evidence,
        middles=tables.middles(evidence) if len(evidence.tasks) > 1 else [],
        unended=[cell.label for cell in experiment.cells if cell.label not in evidence.middle],
        friedman=tables.probability(evidence.ranks.p) if evidence.ranks else "",
        sections=sections,
        importance=_importance(findings),
        chosen=tables.settings(findings),
        badly=findings.lost_trials,
        provenance=provenance.trace(experiment, findings.runs),
        earlier=findings.earlier,
        styles=cell_style.styles(experiment.cells),
        light=inline_svg.variables(dark=False),
        dark=inline_svg.variables(dark=True),
    )


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters["unbroken"] = unbroken
    environment.filters["slug"] = lambda text: re.sub(r"\W+", "-", str(text)).strip("-").lower()
    return environment


def unbroken(text: object) -> str:
    """Text for print: a number stays on one line with its "%" and its "p =", so does an interval; a minus is no hyphen."""
    text = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", str(text))
    text = re.sub(r"(\[-?[\d.einf]+,|\[one|\[no) (?=[-\w.]+\])", "\\1\N{NO-BREAK SPACE}", text)
    text = re.sub(r"\bp ([=<]) (?=\d)", "p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)
    return re.sub(r"(?<![\w=])-(?=\d)", "−", text)


def _section(name: str, findings: Findings) -> Section:
    title, text = TEXTS[name]
    plate = plate_of(name, findings)
    return Section(name, title, text, tuple(_pictures(name, title, plate)), plate.styles, _sentence(plate.missing))


def _pictures(name: str, title: str, plate: Plate) -> Iterator[Picture]:
    for number, panel in enumerate(plate.panels):
        svg = inline_svg.inside(panel.figure(), f"{name}-{number}", f"{title}: {panel.title}", panel.wide)
        yield Picture(panel.title, svg, panel.wide, panel.first)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _state(findings: Findings) -> Iterator[str]:
    """What keeps the answer from being whole: nothing run, runs that failed, seeds that are missing, one seed only."""
    evidence, experiment = findings.evidence, findings.experiment
    wanted = len(experiment.seeds) * len(experiment.cells) * len(experiment.tasks)
    missing = sum(count for *_, count in evidence.missing)
    if not findings.runs:
        yield "No run has finished yet. This page shows the definition of the experiment only."
    elif missing == wanted and all(result.status != "finished" for result in findings.runs):
        yield f"All {len(findings.runs):,} runs diverged or failed. There are no results; the reasons are listed below."
    elif missing == wanted:
        yield "No final seed has finished yet: there are trials of the search, but no test results."
    elif missing:
        yield f"{wanted - missing:,} of {wanted:,} final seeds have finished. Missing seeds enter no mean and no test."
    untested = sum(count for *_, count in evidence.untested)
    if untested:
        seeds, enter = ("final seed has", "enters") if untested == 1 else ("final seeds have", "enter")
        yield f"{untested:,} finished {seeds} no test metric and {enter} no mean and no test."
    lost = sum(not math.isfinite(test) for task in evidence.tasks for cell in task.cells for test in cell.tests.values())
    if lost:
        yield f"{lost:,} final {'seed has' if lost == 1 else 'seeds have'} a test metric that is not finite."
    if len(experiment.seeds) == 1:
        yield "One seed: there are no intervals and no tests, and every comparison is inconclusive."


def _facts(findings: Findings) -> list[tuple[str, str]]:
    experiment, runs = findings.experiment, findings.runs
    finished = sum(result.status == "finished" for result in runs)
    trials = sum(result.run.purpose == "trial" for result in runs)
    ended = f"{len(runs):,}" + (f", {trials:,} of them trials" if trials else "")
    facts = [
        ("tasks", f"{len(experiment.tasks):,}"),
        ("cells", f"{len(experiment.cells):,}"),
        ("seeds", f"{len(experiment.seeds):,}"),
        ("runs", ended),
        ("failed", f"{len(runs) - finished:,}"),
        ("each network", experiment.model.size),
    ]
    when = provenance.when(runs)
    return [*facts, ("trained", when)] if when else facts


def _importance(findings: Findings) -> str:
    """How the importance of hyperparameters was computed, and what it is worth."""
    if findings.experiment.search is None:
        return ""
    importance = findings.importance
    if importance is None:
        return f"Hyperparameter importance: not computed; it takes at least {LEAST} finished trials with different results."
    how = (
        "Importance: a random forest predicts each trial's rank among those of its task and cell from its settings; on"
        " held-out trials one setting at a time is shuffled, and the drop in R² is its importance (mean and standard"
        f" deviation over shuffles). From {importance.trials} trials, R² {importance.r2:.2f}.".replace("R² -", "R² −")
    )
    if importance.silent:
        return f"{how} The model has no predictive power; importances are omitted."
    return f"{how} Fewer than {FEW} trials: treat it as a hint." if importance.few else how

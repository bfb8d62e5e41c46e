"""The page: findings → one HTML file that asks nothing of any network and runs no script."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gru_tf.analysis.report import beside_table, cell_style, csv_links, inline_svg, provenance, sentences, tables
from gru_tf.analysis.report.figures import NAMES
from gru_tf.analysis.report.figures import plate as plate_of
from gru_tf.analysis.report.figures.panels import Plate
from gru_tf.analysis.report.findings import Findings, ResultSource
from gru_tf.experiment.experiment import overlap_of
from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError

if TYPE_CHECKING:
    from jinja2 import Environment

RANKED = 5  # tasks from which cells are ranked over them
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


def write(results: ResultSource, path: str | Path, figures: str | Path | None = None) -> Path:
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


def save_figures(results: ResultSource, folder: str | Path) -> list[Path]:
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
    drawn = any(map(overlap_of, experiment.tasks))  # no mean is taken over splits that overlap
    chosen, badly, middles = tables.settings(findings), findings.lost_trials, tables.middles(evidence)
    several = len(experiment.cells) > 1
    page = _environment().get_template("page.html")
    text = page.render(
        experiment=experiment,
        answer=beside_table.answer(findings),
        verdicts=beside_table.verdicts(findings),
        published=beside_table.published(findings),
        state=tuple(sentences.state(findings)),
        facts=sentences.facts(findings),
        blocks=tables.blocks(findings),
        several=several,
        evidence=evidence,
        marked=sentences.marked(findings),
        ranked=len(evidence.tasks) >= RANKED and several,
        searched=bool(sections["search"].pictures or chosen or badly),
        incomplete=bool(evidence.failures or evidence.missing or evidence.untested or findings.earlier),
        middles=middles,
        unended=[] if drawn else [cell.label for cell in experiment.cells if cell.label not in evidence.middle],
        signed=tables.signed_ranks(evidence),
        friedman=tables.probability(evidence.ranks.p) if evidence.ranks else "",
        sections=sections,
        widened=tuple(sentences.widened(findings)),
        importance=sentences.importance(findings),
        chosen=chosen,
        badly=badly,
        provenance=provenance.trace(experiment, findings.runs),
        earlier=findings.earlier,
        styles=cell_style.styles(experiment.cells),
        light=inline_svg.variables(dark=False),
        dark=inline_svg.variables(dark=True),
    )
    return csv_links.add(text, experiment.name)


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
    title, text = sentences.TEXTS[name]
    plate = plate_of(name, findings)
    return Section(name, title, text, tuple(_pictures(name, title, plate)), plate.styles, _sentence(plate.missing))


def _pictures(name: str, title: str, plate: Plate) -> Iterator[Picture]:
    for number, panel in enumerate(plate.panels):
        svg = inline_svg.inside(panel.figure(), f"{name}-{number}", f"{title}: {panel.title}", panel.wide)
        yield Picture(panel.title, svg, panel.wide, panel.first)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

"""What a page's tables show, as text: each value is one of `gru_tf.analysis.evidence`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gru_tf.analysis import further, marked, pairwise, table_text, wording
from gru_tf.analysis.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.analysis.report import cell_style, other_models
from gru_tf.analysis.report.cell_style import CellStyle
from gru_tf.analysis.report.findings import Findings, middle, training_seconds
from gru_tf.analysis.report.interval_bars import Bar, Scale
from gru_tf.analysis.report.other_models import ModelLine
from gru_tf.analysis.report.test_sets import other_test_sets
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.table import Row
from gru_tf.analysis.wording import difference, interval

NONE = "–"
KIB = 1024
LENGTHS = 12  # of sequences, whose score is shown


@dataclass(frozen=True)
class TableLine:
    """One cell on one task."""

    cell: str
    style: CellStyle
    best: bool
    units: str
    parameters: str
    test: str
    bar: Bar | None
    other_sets: str  # the interval with other test sets of this size counted in
    beats: str
    score: str
    verdict: str
    seconds: str
    step_ms: str
    latency: str
    memory: str
    disk: str
    seeds: str
    learned: str  # in how many of its runs
    failed: int


@dataclass(frozen=True)
class PairRow:
    """Two cells on one task, or a cell and a baseline, the one with the better mean first."""

    names: str
    difference: str
    verdict: str
    test: str
    p: str
    equivalent: str
    effect: str
    improvement: str


@dataclass(frozen=True)
class Block:
    """One task."""

    title: str
    metric: str
    lines: tuple[TableLine, ...]
    scale: Scale | None  # of the drawn intervals
    timed: bool  # whether the time of a batch without updates is known
    resampled: bool  # whether losses by test example are known
    sized: bool  # whether memory or the size of the saved model is known
    pairs: tuple[PairRow, ...]
    others: tuple[ModelLine, ...]  # without a recurrent network
    allows: str  # the failure rate of each cell that its runs still allow
    margin: str  # within which two are equivalent, "" where it is not known
    chance: str  # the baseline's metric, "" where it is not known
    sometimes: bool  # whether a cell did not learn in one of its runs
    marks: tuple[str, ...]  # which cells may not be at their best
    beside: tuple[tuple[str, further.Lines], ...]  # (title, table) of further metrics, by series, by step, by class
    worse: tuple[str, ...]  # on which series a model is worse than a naive forecast

    @property
    def failing(self) -> bool:
        """Whether a run of some cell failed."""
        return any(line.failed for line in self.lines)


def blocks(findings: Findings) -> list[Block]:
    """The tables of all tasks, in the experiment's order."""
    return [_block(findings, task) for task in findings.evidence.tasks]


def _block(findings: Findings, task: TaskEvidence) -> Block:
    styles, metric = cell_style.styles(findings.experiment.cells), table_text.metric(cell.row for cell in task.cells)
    scale = Scale.from_task(task)
    lines = tuple(_line(findings, task, cell, styles[cell.cell], scale) for cell in task.cells)
    pairs = tuple(_pair(task, pair) for pair in (*task.pairs, *task.against))
    timed = any(line.latency != NONE for line in lines)
    sized = any(line.memory != NONE or line.disk != NONE for line in lines)
    margin = "" if task.margin is None else f"{task.margin:.2g}"
    resampled = any(line.other_sets != NONE for line in lines)
    chance = "" if task.chance is None else f"{task.chance:.3g}"
    sometimes = any(cell.row.modes.successes < cell.row.modes.runs for cell in task.cells if cell.row.modes)
    rows = [cell.row for cell in (*task.cells, *task.baselines)]
    return Block(
        title=task.title,
        metric=metric,
        lines=lines,
        scale=scale,
        timed=timed,
        resampled=resampled,
        sized=sized,
        pairs=pairs,
        others=other_models.lines(task),
        allows=_allows(task),
        margin=margin,
        chance=chance,
        sometimes=sometimes,
        marks=tuple(text for _, text in marked.sentences(task)),
        beside=tuple(_beside([row for row in rows if not row.left_out])),
        worse=tuple(further.worse(rows)),
    )


def _beside(rows: list[Row]) -> Iterator[tuple[str, further.Lines]]:
    """(title, table) of what is tested beside the score."""
    metric = rows[0].metric
    tables = [
        ("Further metrics", further.metrics(rows)),
        (f"By series: {metric}", further.by_part(rows, "series")),
        (f"By step ahead: {metric}", further.by_part(rows, "step")),
        (f"By label, each in its own units: {metric}", further.by_part(rows, "label")),
        (f"By length: {metric}", further.by_part(rows, "length", LENGTHS)),
        *((f"Classes as {row.cell} takes them", further.confusion(row)) for row in rows),
    ]
    return ((title, lines) for title, lines in tables if lines)


def _line(findings: Findings, task: TaskEvidence, cell: CellEvidence, style: CellStyle, scale: Scale | None) -> TableLine:
    row, finals = cell.row, findings.finals(task.task, cell.cell)
    return TableLine(
        cell=cell.cell,
        style=style,
        best=cell.cell == task.best and len(task.cells) > 1,
        units=wording.count(row.units),
        parameters=wording.count(row.parameters),
        test="no test metric" if cell.untested == row.seeds > 0 else _centre(row),
        bar=Bar.on_scale(scale, task, cell) if scale else None,
        other_sets=_bounds(other_test_sets(finals)),
        beats={True: "yes", False: "not clearly", None: NONE}[cell.beats_chance],
        score=f"{row.score:.3f}" if row.score is not None and math.isfinite(row.score) else NONE,
        verdict=_verdict(task, cell),
        seconds=number(middle([training_seconds(r) for r in finals])),
        step_ms=number(row.step_ms),
        latency=number(row.predict_ms),
        memory=number(row.peak_memory_mb),
        disk=number(None if row.model_bytes is None else row.model_bytes / KIB),
        seeds=f"{row.seeds}/{row.wanted}" + (f", {cell.untested} untested" if cell.untested else ""),
        learned=_learned(row),
        failed=len(row.failures),
    )


def _bounds(value: Interval | None) -> str:
    return NONE if value is None else interval(value).partition(" ")[2]


def _centre(row: Row) -> str:
    if row.middle is None:
        return NONE
    return table_text.centre(row) if math.isfinite(row.middle.mean) else "not finite"


def _learned(row: Row) -> str:
    """In how many of its runs a cell learned: "4/5"."""
    return NONE if row.modes is None else f"{row.modes.successes}/{row.modes.runs}"


def _allows(task: TaskEvidence) -> str:
    """The failure rates that so many runs still allow, with 95 % confidence: a cell that never failed may fail at that."""
    bounds = [(cell.cell, cell.row.modes.failure_bound) for cell in task.cells if cell.row.modes]
    return ", ".join(f"{name} {100 * bound:.0f} %" for name, bound in bounds)


def _verdict(task: TaskEvidence, cell: CellEvidence) -> str:
    test = cell.row.test
    if task.best is None or test is None or not math.isfinite(test.mean) or len(task.cells) < 2:
        return NONE
    if cell.cell == task.best:
        best = "best median" if cell.row.unreliable else "best mean"
        return best if cell.tested == cell.row.wanted else f"{best} ({cell.tested} of {cell.row.wanted} seeds)"
    pair = task.pair(task.best, cell.cell)
    word = task.verdict(pair) if pair else "inconclusive"
    if word == "better":
        return f"worse than {task.best}" if pair and pair.better == task.best else f"better than {task.best}"
    return {"equivalent": f"equivalent to {task.best}", "inconclusive": "no significant difference"}.get(word, word)


def _pair(task: TaskEvidence, pair: SampleComparison) -> PairRow:
    mean = pair.difference.mean
    if math.isfinite(mean) and mean < 0:
        pair = pair.seen_from(pair.second)
    return PairRow(
        names=f"{pair.first} against {pair.second}",
        difference=f"{_difference(pair.difference)}{' of rates' if pair.test == 'rates' else ''}",
        verdict=pairwise.words(task, pair),
        test=pairwise.TESTS[pair.test],
        p=probability(pair.p_holm),
        equivalent=probability(pair.p_equivalent_holm),
        effect=f"{pair.effect:.2f}" if math.isfinite(pair.effect) else NONE,
        improvement=f"{100 * pair.improvement:.0f} %" if math.isfinite(pair.improvement) else NONE,
    )


def _difference(value: Interval) -> str:
    return difference(value) if math.isfinite(value.mean) else NONE


def settings(findings: Findings) -> list[tuple[str, str, str]]:
    """(task, cell, what the search chose), where it has."""
    return [
        (task.title, cell.cell, ", ".join(f"{name} {setting(value)}" for name, value in cell.row.settings.items()))
        for task in findings.evidence.tasks
        for cell in task.cells
        if cell.row.settings
    ]


def middles(evidence: Evidence) -> list[tuple[str, str]]:
    """(cell, interquartile mean of its scores), the best first."""
    order = sorted(evidence.middle.items(), key=lambda item: -item[1].mean)
    return [(cell, interval(value) if math.isfinite(value.mean) else "not finite") for cell, value in order]


@dataclass(frozen=True)
class SignedLine:
    """Two cells over several tasks."""

    names: str
    tasks: str
    median: str
    p: str
    verdict: str


def signed_ranks(evidence: Evidence) -> list[SignedLine]:
    """Every two cells over the tasks, where there are fewer than ten of these."""
    return [
        SignedLine(
            names=f"{pair.first} against {pair.second}",
            tasks=f"{pair.wins} – {pair.losses}",
            median=f"{pair.median:.3f}" if math.isfinite(pair.median) else NONE,
            p=probability(pair.p_holm),
            verdict=f"{pair.better} is better"
            if pair.better
            else "no significant difference"
            if pair.reachable
            else "too few tasks to tell",
        )
        for pair in evidence.signed
    ]


def probability(p: float) -> str:
    """A p-value, e.g. "0.049" or "< 0.001"."""
    if not math.isfinite(p):
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def number(value: float | None) -> str:
    """A number with three digits, large ones whole."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".removesuffix(".")


def setting(value: Any) -> str:
    """A hyperparameter's value in a few digits."""
    return "none" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

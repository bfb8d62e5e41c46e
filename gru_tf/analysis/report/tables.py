"""What a page's tables show, as text: each value is one of `gru_tf.analysis.evidence`."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gru_tf.analysis import table_text, wording
from gru_tf.analysis.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.analysis.report import cell_style, other_models
from gru_tf.analysis.report.cell_style import CellStyle
from gru_tf.analysis.report.findings import Findings, middle, training_seconds
from gru_tf.analysis.report.interval_bars import Bar, Scale
from gru_tf.analysis.report.other_models import ModelLine
from gru_tf.analysis.statistics import Interval, PairedComparison, holm
from gru_tf.analysis.statistics.paired import LEVEL
from gru_tf.analysis.wording import difference, interval

NONE = "–"
KIB = 1024


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
    chance: str
    beats: str
    score: str
    verdict: str
    seconds: str
    step_ms: str
    latency: str
    memory: str
    disk: str
    seeds: str
    failed: int


@dataclass(frozen=True)
class PairRow:
    """Two cells on one task, the one with the better mean first."""

    names: str
    difference: str
    verdict: str
    p: str
    permutation: str
    wilcoxon: str
    effect: str
    improvement: str
    needed: str


@dataclass(frozen=True)
class Block:
    """One task."""

    title: str
    metric: str
    lines: tuple[TableLine, ...]
    scale: Scale | None  # of the drawn intervals
    timed: bool  # whether the time of a batch without updates is known
    sized: bool  # whether memory or the size of the saved model is known
    pairs: tuple[PairRow, ...]
    others: tuple[ModelLine, ...]  # without a recurrent network
    few: tuple[str, ...]  # what so few seeds keep two of the three tests from saying


def blocks(findings: Findings) -> list[Block]:
    """The tables of all tasks, in the experiment's order."""
    tasks = findings.evidence.tasks
    least = iter(least_probabilities([pair for task in tasks for pair in task.pairs]))
    return [_block(findings, task, [next(least) for _ in task.pairs]) for task in tasks]


def least_probabilities(pairs: Sequence[PairedComparison]) -> list[float]:
    """What neither the permutation test nor Wilcoxon's can fall below in each of these pairs, whatever its difference is.

    Of n differences 2 of the 2ⁿ changes of sign are as far from 0 as all of one sign: 2^(1−n). Holm's correction of these
    least values is the least corrected one, for it falls with none of those that it corrects.

    Args:
        pairs: all that were corrected for one another.
    """
    uncorrected = [2.0 ** (1 - pair.seeds) for pair in pairs]
    families = ([pair.permutation for pair in pairs], [pair.wilcoxon for pair in pairs])
    corrected = [
        holm([least if math.isfinite(p) else math.nan for least, p in zip(uncorrected, family, strict=True)])
        for family in families
    ]
    return [min((p for p in both if math.isfinite(p)), default=math.nan) for both in zip(*corrected, strict=True)]


def _few(pairs: Sequence[PairedComparison], least: Sequence[float]) -> Iterator[str]:
    """A sentence for each number of seeds with which Student's test decides alone."""
    by_seeds: dict[int, list[float]] = {}
    for pair, floor in zip(pairs, least, strict=True):
        if pair.seeds > 1 and not pair.reachable and floor > LEVEL:
            by_seeds.setdefault(pair.seeds, []).append(floor)
    for seeds, floors in by_seeds.items():
        compared = f" and {pairs[0].comparisons:,} pairs compared" if pairs[0].comparisons > 1 else ""
        yield (
            f"With {seeds} seeds{compared}, neither the permutation test nor Wilcoxon’s can give a p-value below"
            f" {probability(min(floors))}, however large the difference. Student’s paired t-test decides there;"
            " a significant difference also requires that one cell is ahead at every seed."
        )


def _block(findings: Findings, task: TaskEvidence, least: Sequence[float]) -> Block:
    styles, metric = cell_style.styles(findings.experiment.cells), table_text.metric(cell.row for cell in task.cells)
    scale = Scale.from_task(task)
    lines = tuple(_line(findings, task, cell, styles[cell.cell], scale) for cell in task.cells)
    pairs = tuple(_pair(pair, needed) for pair, needed in zip(task.pairs, task.needed, strict=True))
    timed = any(line.latency != NONE for line in lines)
    sized = any(line.memory != NONE or line.disk != NONE for line in lines)
    return Block(
        task.title, metric, lines, scale, timed, sized, pairs, other_models.lines(task), tuple(_few(task.pairs, least))
    )


def _line(findings: Findings, task: TaskEvidence, cell: CellEvidence, style: CellStyle, scale: Scale | None) -> TableLine:
    row, finals = cell.row, findings.finals(task.task, cell.cell)
    return TableLine(
        cell=cell.cell,
        style=style,
        best=cell.cell == task.best and len(task.cells) > 1,
        units=wording.count(row.units),
        parameters=wording.count(row.parameters),
        test="no test metric" if cell.untested == row.seeds > 0 else _test(row.test),
        bar=Bar.on_scale(scale, task, cell) if scale else None,
        chance=f"{row.chance:.3g}" if row.chance is not None else NONE,
        beats={True: "yes", False: "not clearly", None: NONE}[cell.beats_chance],
        score=f"{row.score:.3f}" if row.score is not None and math.isfinite(row.score) else NONE,
        verdict=_verdict(task, cell),
        seconds=number(middle([training_seconds(r) for r in finals])),
        step_ms=number(row.step_ms),
        latency=number(row.predict_ms),
        memory=number(row.peak_memory_mb),
        disk=number(None if row.model_bytes is None else row.model_bytes / KIB),
        seeds=f"{row.seeds}/{row.wanted}" + (f", {cell.untested} untested" if cell.untested else ""),
        failed=len(row.failures),
    )


def _test(test: Interval | None) -> str:
    if test is None:
        return NONE
    return interval(test) if math.isfinite(test.mean) else "not finite"


def _verdict(task: TaskEvidence, cell: CellEvidence) -> str:
    test = cell.row.test
    if task.best is None or test is None or not math.isfinite(test.mean) or len(task.cells) < 2:
        return NONE
    if cell.cell == task.best:
        return "best mean" if cell.tested == cell.row.wanted else f"best mean ({cell.tested} of {cell.row.wanted} seeds)"
    return "no significant difference" if cell.cell in task.inconclusive else f"worse than {task.best}"


def _pair(pair: PairedComparison, needed: int | None) -> PairRow:
    mean = pair.difference.mean
    if math.isfinite(mean) and mean < 0:
        pair = pair.seen_from(pair.second)
    verdict = f"{pair.better} is better" if pair.significant else "inconclusive"
    return PairRow(
        names=f"{pair.first} against {pair.second}",
        difference=_difference(pair.difference, pair.seeds),
        verdict=verdict,
        p=probability(pair.t_holm),
        permutation=probability(pair.permutation_holm),
        wilcoxon=probability(pair.wilcoxon_holm),
        effect=f"{pair.effect:.2f}" if math.isfinite(pair.effect) else NONE,
        improvement=f"{100 * pair.improvement:.0f} %" if math.isfinite(pair.improvement) else NONE,
        needed=_needed(pair, needed),
    )


def _difference(value: Interval, seeds: int) -> str:
    if seeds == 0:
        return "no seed in common"
    return difference(value) if math.isfinite(value.mean) else NONE


def _needed(pair: PairedComparison, needed: int | None) -> str:
    if pair.significant:
        return NONE
    return f"{needed:,}" if needed is not None else "unknown"


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
    return [(cell, _test(value)) for cell, value in order]


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

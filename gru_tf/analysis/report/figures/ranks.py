"""Mean ranks over the tasks, with the critical difference below which two cells do not differ significantly."""

from typing import Any

from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures.panels import MUTED, Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.statistics.across import Ranks
from gru_tf.analysis.statistics.signed_ranks import FRIEDMAN

BESIDE = 0.16  # of the axis, between the bars of groups


def plate(findings: Findings) -> Plate:
    """One panel."""
    ranks = findings.evidence.ranks
    if ranks is None:
        return Plate((), _why_not(findings))
    return Plate((_panel(findings, ranks),))


def _why_not(findings: Findings) -> str:
    evidence = findings.evidence
    if len(evidence.tasks) < 2:
        return "ranks need several tasks; this experiment has one."
    if len(findings.experiment.cells) < 2:
        return "ranks need several cells; this experiment has one."
    if len(evidence.tasks) < FRIEDMAN:
        return f"mean ranks need {FRIEDMAN} tasks; this experiment has {len(evidence.tasks)}."
    return "ranks need a score of every cell on every task, and some are missing."


def _panel(findings: Findings, ranks: Ranks) -> Panel:
    styles = cell_style.styles(findings.experiment.cells)
    order = sorted(range(len(ranks.cells)), key=lambda i: ranks.mean[i])

    def paint(axes: Any) -> None:
        count = len(order)
        for line, place in enumerate(order):
            label, rank = ranks.cells[place], ranks.mean[place]
            axes.plot([1, rank], [line, line], color="#D0D0D0", lw=1, zorder=1)
            axes.plot([rank], [line], **styles[label].dots(ms=7), zorder=3)
            axes.annotate(f"{rank:.2f}", (rank, line), (0, 7), textcoords="offset points", ha="center", fontsize=8)
        step = BESIDE * (count - 1)
        groups = ranks.cliques()
        for number, group in enumerate(groups):
            lines = [line for line, place in enumerate(order) if ranks.cells[place] in group]
            x = count + step * (1 + number)
            axes.plot([x, x], [lines[0] - 0.2, lines[-1] + 0.2], color="#333333", lw=3.5, solid_capstyle="butt")
        if groups:
            axes.text(
                count + step * (len(groups) + 0.4), (count - 1) / 2, "not significant", rotation=90, va="center", fontsize=8
            )
        ends = min(1 + ranks.critical_difference, count + step * (len(groups) + 0.5))
        axes.plot([1, ends], [-1, -1], color="#333333", lw=1.2, marker="|", ms=6)
        axes.text(1, -1.18, f"critical difference {ranks.critical_difference:.2f}", fontsize=8, va="bottom")
        axes.set_ylim(count - 0.4, -1.9)
        axes.set_xlim(1 - 0.05 * (count - 1), count + step * (len(groups) + (1.2 if groups else 0.6)))
        axes.set_yticks(range(count), [ranks.cells[place] for place in order])
        axes.set_xticks(range(1, count + 1))
        light(axes, "x")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"mean rank over {ranks.tasks} tasks, 1 is the best", color=MUTED)

    return painted("mean ranks", paint, 1.4 + 0.4 * len(order))

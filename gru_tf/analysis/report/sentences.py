"""What a page says in sentences: how to read each figure, what is missing, how importance was computed."""

import math
from collections.abc import Iterator

from gru_tf.analysis.marked import sentences as marked_cells
from gru_tf.analysis.report import provenance
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.statistics.importance import FEW, LEAST
from gru_tf.analysis.table_text import cut_searches
from gru_tf.experiment.ranges import used
from gru_tf.experiment.specs import Range
from gru_tf.foundation.errors import counted

# figure → (title, how to read it)
TEXTS = {
    "forecasts": (
        "Forecasts and what came",
        "The last test rows of series from the smallest spread to the largest, by the first seed of the best cell and,"
        " dashed, the best model without a recurrent network. No row is in two windows.",
    ),
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
    "trials": (
        "Score against trials",
        "The best validation metric that a search of so many random trials expects to find, averaged over all searches, with"
        " a band of one standard deviation between searches (Dodge and others 2019). Where a curve has not levelled off,"
        " more trials would find better settings.",
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
        "Each mark is the median training step of a cell where the networks of a task were timed in turn after training,"
        " else of a seed; its line the quartiles over rounds, or over epochs. Below each cell is the kernel that computed"
        " its recurrence. Programs share the machine: compare ratios, not milliseconds.",
    ),
}


def state(findings: Findings) -> Iterator[str]:
    """What keeps the answer from being whole: nothing run, runs that failed, seeds that are missing, one seed only."""
    evidence, experiment = findings.evidence, findings.experiment
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
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
    yield from _short_of_time(findings)


def _short_of_time(findings: Findings) -> Iterator[str]:
    """What an experiment did not come to whose time was limited."""
    tasks = findings.evidence.tasks
    replicates = min(cell.row.seeds for task in tasks for cell in task.cells)
    if replicates and (first := tasks[0].first_look):
        yield f"Not decided: {counted(replicates, 'replicate')}, and comparisons begin at {first}."
    yield from cut_searches(cell.row for task in tasks for cell in task.cells)


def marked(findings: Findings) -> dict[str, list[str]]:
    """Section → which cells may not be at their best for what it shows, and what mends it."""
    lines: dict[str, list[str]] = {"search": [], "curves": []}
    for task in findings.evidence.tasks:
        for mark, text in marked_cells(task):
            lines["curves" if mark.of_training else "search"].append(f"{task.title}, {text}")
    return lines


def facts(findings: Findings) -> list[tuple[str, str]]:
    """(name, value) of the counts below the answer."""
    experiment, runs = findings.experiment, findings.runs
    finished = sum(result.status == "finished" for result in runs)
    trials = sum(result.run.purpose == "trial" for result in runs)
    ended = f"{len(runs):,}" + (f", {trials:,} of them trials" if trials else "")
    counts = [
        ("tasks", f"{len(experiment.tasks):,}"),
        ("cells", f"{len(experiment.cells):,}"),
        _replicates(findings),
        ("runs", ended),
        ("failed", f"{len(runs) - finished:,}"),
        ("each network", experiment.model.size),
    ]
    when = provenance.when(runs)
    return [*counts, ("trained", when)] if when else counts


def _replicates(findings: Findings) -> tuple[str, str]:
    """How many seeds, or replicates, a cell had."""
    experiment = findings.experiment
    if experiment.replicates is None:
        return "seeds", f"{len(experiment.seeds):,}"
    counts = [cell.row.seeds for task in findings.evidence.tasks for cell in task.cells]
    least, most = min(counts), max(counts)
    return "replicates", f"{least:,}" if least == most else f"{least:,} to {most:,}"


def widened(findings: Findings) -> Iterator[str]:
    """Which ranges were widened on which tasks, from where to where."""
    search = findings.experiment.search
    drawn = used(findings.experiment, findings.runs)
    for task in findings.evidence.tasks:
        for name, axis in drawn[task.task].items():
            first = search.axes[name] if search else axis
            if isinstance(first, Range) and (axis.low, axis.high) != (first.low, first.high):
                yield (
                    f"On {task.title}, {name} was drawn from {axis.low:.3g} to {axis.high:.3g} by all cells alike: with the"
                    f" range in the file, {first.low:.3g} to {first.high:.3g}, some cell chose values at its end."
                )


def importance(findings: Findings) -> str:
    """How the importance of hyperparameters was computed, and what it is worth."""
    if findings.experiment.search is None:
        return ""
    known = findings.importance
    if known is None:
        return f"Hyperparameter importance: not computed; it takes at least {LEAST} finished trials with different results."
    how = (
        "Importance: a random forest predicts each trial's rank among those of its task and cell from its settings; on"
        " held-out trials one setting at a time is shuffled, and the drop in R² is its importance (mean and standard"
        f" deviation over shuffles). From {known.trials} trials, R² {known.r2:.2f}.".replace("R² -", "R² −")
    )
    if known.silent:
        return f"{how} The model has no predictive power; importances are omitted."
    return f"{how} Fewer than {FEW} trials: treat it as a hint." if known.few else how

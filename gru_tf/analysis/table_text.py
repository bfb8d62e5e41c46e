"""The table of an experiment as text: its columns, the best row, the notes below; the same in every format."""

import math
from collections.abc import Iterable, Iterator, Sequence

from gru_tf.analysis import further
from gru_tf.analysis.statistics.unreliable import failure_bound
from gru_tf.analysis.table import Row
from gru_tf.analysis.wording import count, interval
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import OF_FILES
from gru_tf.foundation import option_spelling

ARROWS = {"max": "↑", "min": "↓"}
OTHERS = "Below the cells: models without a recurrent network, tuned on validation, fitted {how}."
OVERLAP = "Each seed has its own split; as these overlap, variances are corrected (Nadeau and Bengio 2003)"
COLUMNS = ("cell", "units", "parameters", "mean [95 % interval]", "baseline", "ms/step", "seeds", "failed")


def blocks(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each task, in their order; what is left out of a task is named in the notes alone."""
    by_task: dict[str, list[Row]] = {}
    for row in rows:
        if not row.left_out:
            by_task.setdefault(row.task, []).append(row)
    return list(by_task.values())


def task_names(experiment: Experiment) -> dict[str, str]:
    """Label → what a task is called in every format: its title, or its label where another has the same title."""
    titles = [task.title for task in experiment.tasks]
    return {task.label: task.title if titles.count(task.title) == 1 else task.label for task in experiment.tasks}


def metric(block: Iterable[Row]) -> str:
    """What is measured and which way is better, e.g. "test mse ↓"; "" where no run of the task has finished."""
    return next((f"test {row.metric} {ARROWS[row.direction]}" for row in block if row.metric), "")


def lines(block: Sequence[Row]) -> list[list[str]]:
    """The names of a table's columns, then each row; without the last column, failures, where there are none."""
    end = None if any(row.failures for row in block) else -1
    return [list(COLUMNS)[:end], *(cells(row)[:end] for row in block)]


def cells(row: Row) -> list[str]:
    """What stands below each of `COLUMNS`; "–" where there is nothing."""
    return [
        row.cell,
        count(row.units),
        count(row.parameters),
        _mean(row),
        f"{row.chance:.3g}" if row.chance is not None else "–",
        f"{row.step_ms:.2f}" if row.step_ms is not None else "–",
        "–" if row.fitted_once else f"{row.seeds}/{row.wanted}",
        str(len(row.failures)),
    ]


def _mean(row: Row) -> str:
    """With its interval; a baseline's value, which no seed changes, has none, unless each has data of its own."""
    if row.test is None:
        return "–"
    return f"{row.test.mean:.3g}" if row.fitted_once else centre(row)


def _how_fitted(others: Sequence[Row]) -> str:
    if all(row.overlap for row in others):
        return "to each split"
    once = sum(row.fitted_once for row in others)
    return "once" if once == len(others) else "once, or at each seed that draws data" if once else "at each seed"


def centre(row: Row) -> str:
    """The mean with its interval; of a cell that sometimes fails the median, with its interval where so few have one."""
    middle = row.middle
    if middle is None:
        return "–"
    if not row.is_median:
        return interval(middle)
    return f"median {f'{middle.mean:.3g}' if math.isnan(middle.low) else interval(middle)}"


def beside(block: Sequence[Row]) -> Iterator[tuple[str, list[list[str]]]]:
    """(title, names of the columns and rows) of each smaller table of a task: further metrics, steps ahead, lengths."""
    if lines_of_metrics := further.metrics(block):
        yield "further metrics, means over seeds", lines_of_metrics
    if steps := further.by_part(block, "step", further.STEPS):
        yield f"{block[0].metric} by step ahead, means over seeds", _turned(steps)
    if by_label := further.by_part(block, "label", further.STEPS):
        yield f"{block[0].metric} by label, each in its own units, means over seeds", _turned(by_label)
    if lengths := further.by_part(block, "length", further.STEPS):
        yield f"{block[0].metric} by length, means over seeds", _turned(lengths)


def _turned(table: list[list[str]]) -> list[list[str]]:
    """A row for each model."""
    return [list(column) for column in zip(*table, strict=True)]


def unreliable(row: Row) -> str:
    """How often a cell learned that sometimes fails, and how often it may fail: "learned in 15 of 30 [0.33, 0.67]"."""
    if row.modes is None:
        return ""
    rate = row.modes.rate
    return f"learned in {row.modes.successes} of {row.modes.runs} replicates, rate [{rate.low:.2f}, {rate.high:.2f}]"


def best(block: Iterable[Row]) -> Row | None:
    """The row with the best mean; None where fewer than two have one."""
    tested = [row for row in block if row.oriented is not None]
    return max(tested, key=lambda row: row.oriented or 0.0) if len(tested) > 1 else None


def notes(experiment: Experiment, rows: Sequence[Row], earlier: int = 0) -> Iterator[str]:
    """What a reader must know of the table, and each failure.

    Args:
        experiment: the question.
        rows: the table.
        earlier: runs in the store that belong to an earlier definition of the experiment.
    """
    if experiment.smaller:
        yield f"Smaller than published: {experiment.smaller}"
    yield f"At {budget(experiment)}."
    yield from _over(experiment, rows)
    if any(row.baseline for row in rows):
        yield OTHERS.format(how=_how_fitted([row for row in rows if row.baseline]))
    yield f"Baseline: test metric of a naive prediction. ms/step: median training step, {timed(rows)}."
    if experiment.search:
        named = ", ".join(experiment.search.axes)
        trials = f"{experiment.search.expected_trials(experiment.training.epochs)} {experiment.search.tuner} trials"
        each = "" if experiment.search.shared else " for each seed"
        but = ", but for what the time ended" if any(row.cut for row in rows) else ""
        yield f"Every cell tuned equally{but}: {trials}{each} over {named}, on validation only."
        yield from cut_searches(rows)
    for block in blocks(rows):
        yield from further.worse(block)
    if earlier:
        runs = "1 run" if earlier == 1 else f"{earlier:,} runs"
        yield f"Not shown: {runs} of earlier definitions of {experiment.name}, kept in the store."
    for row in rows:
        if row.seeds < row.wanted:
            yield f"{row.title}, {row.cell}: {row.seeds} of {row.wanted} seeds finished."
        for failure in row.failures:
            yield f"{row.title}, {row.cell}: {failure}"


def _open(experiment: Experiment, rows: Sequence[Row]) -> Iterator[str]:
    """Which cells would need more replicates, and what to do about it."""
    still = [row for row in rows if row.open and row.seeds >= row.wanted]
    if still:
        where = "; ".join(
            f"{', '.join(row.cell for row in block)} on {block[0].title} after {block[0].seeds}" for block in blocks(still)
        )
        replicates = "replicate" if all(row.seeds == 1 for row in still) else "replicates"
        yield f"Not decided: {where} {replicates}. To go on, raise {minutes_option(experiment)} and run it again."


def cut_searches(rows: Iterable[Row]) -> Iterator[str]:
    """Each search that the time ended, and what became of its replicate."""
    for row in rows:
        if row.cut:
            took = "the best of these" if row.cut[0] else "the experiment's own settings"
            yield f"{row.title}, {cut_search(row.cell, row.cut)}: the first replicate has {took}."


def cut_search(cell: str, cut: tuple[int, int]) -> str:
    """That the time of an experiment ended a search: "search of gru cut after 5 of 12 trials by --minutes"."""
    trials, planned = cut
    by = option_spelling.flag("minutes") if option_spelling.in_command() else "'minutes'"
    return f"search of {cell} cut after {trials} of {planned} trials by {by}"


def minutes_option(experiment: Experiment) -> str:
    """The option that lets replicates go on, as whoever reads this wrote it, or would have written it."""
    own = any(name in task.options for task in experiment.tasks for name in OF_FILES)
    if not own or experiment.origin != experiment.name:
        return "'replicates.minutes'"
    in_python = "'minutes' ('replicates.minutes' in a file)"
    return option_spelling.flag("minutes") if option_spelling.in_command() else in_python


def timed(rows: Iterable[Row]) -> str:
    """How the times in a table came about: beside other runs, or in a phase of their own, on what a machine."""
    phases = {row.task: row.timing for row in rows if not row.baseline}
    apart = [phase for phase in phases.values() if phase is not None]
    if not apart:
        return "excluding compile time"
    loads = [load[0] for phase in apart for load in (phase.load_before, phase.load_after) if load is not None]
    cores = " or ".join(map(str, sorted({phase.cores for phase in apart})))
    load = f"; machine load {min(loads):.1f} to {max(loads):.1f} on {cores} cores" if loads else ""
    few = "" if len(apart) == len(phases) else f", on {len(apart)} of {len(phases)} tasks"
    return f"timed after training, the networks in turn{few}{load}"


def conditional(experiment: Experiment) -> str:
    """What intervals leave out where one search served all seeds: what it happened to draw."""
    return ", conditional on one search" if experiment.search and experiment.search.shared else ""


def _over(experiment: Experiment, rows: Sequence[Row]) -> Iterator[str]:
    """What intervals are of, and what so few replicates still allow; nothing with one seed."""
    counts = sorted({row.seeds for row in rows if not row.baseline and row.seeds}) or [len(experiment.seeds)]
    if len(experiment.seeds) == 1:
        return
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    own = experiment.search is not None and not experiment.search.shared
    unit = "replicates, each with a search of its own" if own else "seeds"
    if number == "1":
        unit = "replicate, with a search of its own" if own else "seed"
    over = f"{number} {unit}{conditional(experiment)}"
    yield f"Mean and 95 % interval over {over}; bold = best mean (not a significance test)."
    yield from _overlapping(rows)
    yield from _failing(rows)
    yield from _open(experiment, rows)
    for row in rows:
        if row.unreliable:
            yield f"{row.title}, {row.cell} is unreliable: {unreliable(row)}; the median stands in place of the mean."


def _failing(rows: Sequence[Row]) -> Iterator[str]:
    """Each cell that did not learn in every run, and the failure rates that so few runs leave possible."""
    known = [(row, row.modes) for row in rows if row.modes and row.modes.runs > 1]
    for row, modes in known:
        if modes.successes < modes.runs and not row.unreliable:
            learned = f"{row.title}, {row.cell} learned in {modes.successes} of {modes.runs} runs"
            yield f"{learned}: {_possible(modes.failure_bound)}"
    steady = [modes.runs for _, modes in known if modes.successes == modes.runs]
    if steady:
        none = f"None of {min(steady)} runs" if len(steady) == len(known) else f"In {min(steady)} runs no other cell"
        yield f"{none} failed: {_possible(failure_bound(0, min(steady)))}"


def _possible(bound: float) -> str:
    return f"a failure rate of up to {100 * bound:.0f} % remains possible (95 % confidence)."


def _overlapping(rows: Sequence[Row]) -> Iterator[str]:
    """How intervals and tests are corrected where seeds draw splits of the same data."""
    drawn = dict.fromkeys(row.title for row in rows if row.overlap)
    if drawn:
        yield OVERLAP + (f": {', '.join(drawn)}." if len(drawn) < len({row.task for row in rows}) else ".")


def budget(experiment: Experiment) -> str:
    """The size that every cell gets."""
    equal = "an equal budget of " if experiment.model.parameters else "equal units, not parameters: "
    if experiment.model.start is not None:
        equal = ""
    time = f", and of {experiment.training.seconds:g} s of training" if experiment.training.seconds else ""
    return f"{equal}{experiment.model.size}{experiment.model.included}{time}"

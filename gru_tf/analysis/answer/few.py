"""The answer for up to a few tasks: a clause each."""

from collections.abc import Sequence

from gru_tf.analysis.answer.certainty import certainty, needed, undecided
from gru_tf.analysis.answer.seeds import Seeds, equal
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.wording import interval, listed


def finding(tasks: Sequence[TaskEvidence], tested: Sequence[TaskEvidence]) -> str:
    """A clause a task, and how many seeds would be needed for what is inconclusive in all of them.

    Where a best mean is of fewer seeds than were asked for, those come first: no further ones are estimated.
    """
    over = [Seeds.from_task(task) for task in tested]
    alone = all(seeds.single for seeds in over)
    clauses = [_clause(*counts, alone) for counts in zip(tested, over, [None, *over[:-1]], strict=True)]
    if alone:
        doubt = "one seed is inconclusive" if any(map(undecided, tested)) else ""
    else:
        doubt = "" if any(seeds.fewer for seeds in over) else needed(tested)
    nothing = [task.title for task in tasks if task.best is None]
    gap = f"no run has finished on {listed(nothing)}" if nothing else ""
    text = "; ".join(filter(None, [*clauses, doubt, gap]))
    return f"{text[:1].upper()}{text[1:]}"


def _clause(task: TaskEvidence, seeds: Seeds, before: Seeds | None, alone: bool) -> str:
    """What a task shows, with its number of seeds where the clause before it has not said the same.

    A clause that says so makes room for that: what "test" and "seeds" are is known from the first one.
    """
    clause = _one(task, alone, seeds.single)
    if seeds == before:
        return clause
    how = "with" if seeds.single else "over"
    if before:
        return f"{how} {'' if seeds.fewer else 'all '}{seeds} {clause.replace(' test ', ' ', 1)}"
    return f"{how} {seeds} {'seed' if seeds.single and not seeds.fewer else 'seeds'} {clause}"


def _one(task: TaskEvidence, alone: bool, single: bool) -> str:
    """The best cell, its interval, and whom it is significantly better than.

    Args:
        task: some cell of which has finished.
        alone: whether the answer speaks of one seed, which is inconclusive by itself.
        single: whether this clause is said to be of one seed, so that its number needs no mark.
    """
    best = task.cell(task.best or "")
    if len(task.cells) == 1:
        value = _value(best, single)
        return f"{best.cell} has a test {task.metric} of {value} on {task.title}, with no other cell to compare"
    best_ones, sure = equal(task), certainty(task, alone)
    if len(best_ones) > 1:
        mean = _value(best, single).partition(" ")[0]
        rest = sure if len(best_ones) < len(task.cells) else "with no difference between them"
        clause = f"{listed(best_ones)} have the same test {task.metric} on {task.title}, {mean}"
    else:
        rest, clause = sure, f"{best.cell} has the best test {task.metric} on {task.title}, {_value(best, single)}"
    return ", ".join(filter(None, [clause, rest]))


def _value(cell: CellEvidence, single: bool) -> str:
    if cell.row.test is None:
        return "–"
    return f"{cell.row.test.mean:.3g}" if single else interval(cell.row.test)


def baseline(tasks: Sequence[TaskEvidence]) -> str:
    """Which cells beat it by their whole interval; with one seed, by their number."""
    known = [task for task in tasks if task.chance is not None]
    if not known:
        return "the baseline's metric is not known"
    if len(known) == 1 and not _better(known[0]):
        clearly = "with one seed no cell beats" if _without_interval(known[0]) else "no cell clearly beats"
        return f"{clearly} the baseline{_where(known[0], len(tasks) > 1)}"
    alike = len({_without_interval(task) for task in known}) == 1
    parts = [f"{'' if alike else _beaten(task)}by {_who(task)}{_where(task, len(tasks) > 1)}" for task in known]
    return f"the baseline is {_beaten(known[0]) if alike else ''}{listed(parts)}"


def _without_interval(task: TaskEvidence) -> bool:
    return all(cell.beats_chance is None for cell in task.cells)


def _beaten(task: TaskEvidence) -> str:
    return "beaten, with one seed, " if _without_interval(task) else "clearly beaten "


def _better(task: TaskEvidence) -> list[str]:
    """The cells that beat the baseline."""
    if _without_interval(task):
        return [cell.cell for cell in task.cells if cell.mean_beats_chance]
    return [cell.cell for cell in task.cells if cell.beats_chance]


def _who(task: TaskEvidence) -> str:
    """The cells that beat it: "only lstm and gru"; "every cell" is said where all have finished."""
    better = _better(task)
    if len(better) == len(task.cells) > 1:
        return "every cell"
    only = "only " if len(better) < sum(cell.row.test is not None for cell in task.cells) else ""
    return f"{only}{listed(better)}" if better else "no cell"


def _where(task: TaskEvidence, named: bool) -> str:
    return f"{f' on {task.title}' if named else ''} ({task.chance:.3g})"


def fastest(task: TaskEvidence) -> str:
    """The cell with the shortest step and how much longer the others' are, each by its median."""
    steps = {cell.cell: cell.row.step_ms for cell in task.cells if cell.row.step_ms is not None}
    if task.quickest is None:
        return ""
    first, *others = sorted(steps, key=lambda cell: steps[cell])
    ratios = ", ".join(f"{cell} {steps[cell] / steps[first]:.1f}×" for cell in others)
    close = task.as_quick
    where = "not clearly" if task.timed else "not in every seed"
    doubt = f"; {where}{'' if len(close) == len(others) else f' against {listed(close)}'}" if close else ""
    return f"{first} has the shortest training step, {steps[first]:.3g} ms ({ratios}{doubt})"

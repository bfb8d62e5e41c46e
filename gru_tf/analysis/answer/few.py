"""The answer for up to a few tasks: a clause each."""

from collections.abc import Sequence

from gru_tf.analysis.answer.certainty import certainty, undecided
from gru_tf.analysis.answer.seeds import Seeds, equal
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.table_text import centre
from gru_tf.analysis.wording import listed


def finding(tested: Sequence[TaskEvidence]) -> list[str]:
    """A clause a task: the best cell, its value, and whom it is better than."""
    over = [Seeds.from_task(task) for task in tested]
    alone = all(seeds.single for seeds in over)
    clauses = [_clause(*counts, alone) for counts in zip(tested, over, [None, *over[:-1]], strict=True)]
    if alone and any(map(undecided, tested)):
        clauses[-1] += "; one seed is inconclusive"
    return [f"{clause[:1].upper()}{clause[1:]}" for clause in clauses]


def _clause(task: TaskEvidence, seeds: Seeds, before: Seeds | None, alone: bool) -> str:
    """What a task shows, with its number of seeds where the clause before it has not said the same."""
    clause = _one(task, alone, seeds.single)
    if seeds == before:
        return clause
    how = "with" if seeds.single else "over"
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
        mean = _value(best, single).partition(" [")[0]
        rest = sure if len(best_ones) < len(task.cells) else "with no difference between them"
        clause = f"{listed(best_ones)} have the same test {task.metric} on {task.title}, {mean}"
    else:
        rest, clause = sure, f"{best.cell} has the best test {task.metric} on {task.title}, {_value(best, single)}"
    return ", ".join(filter(None, [clause, rest]))


def _value(cell: CellEvidence, single: bool) -> str:
    """The mean with its interval; of a cell that sometimes fails the median."""
    middle = cell.row.middle
    if middle is None:
        return "–"
    return f"{middle.mean:.3g}" if single else centre(cell.row)


def baseline(task: TaskEvidence) -> str:
    """Which cells beat the naive prediction by their whole interval; with one seed, by their number."""
    if task.chance is None:
        return "the baseline's metric is not known"
    if not _better(task):
        clearly = "with one seed no cell beats" if _without_interval(task) else "no cell clearly beats"
        return f"{clearly} the baseline ({task.chance:.3g})"
    return f"the baseline ({task.chance:.3g}) is {_beaten(task)}by {_who(task)}"


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


def fastest(task: TaskEvidence) -> str:
    """The cell with the shortest step and how much longer the others' are, each by its median."""
    steps = {cell.cell: cell.row.step_ms for cell in task.cells if cell.row.step_ms is not None}
    if task.quickest is None:
        return ""
    first, *others = sorted(steps, key=lambda cell: steps[cell])
    ratios = ", ".join(f"{cell} {steps[cell] / steps[first]:.1f}×" for cell in others)
    close = task.as_quick
    doubt = f"; not clearly{'' if len(close) == len(others) else f' against {listed(close)}'}" if close else ""
    return f"{first} has the shortest training step, {steps[first]:.3g} ms ({ratios}{doubt})"

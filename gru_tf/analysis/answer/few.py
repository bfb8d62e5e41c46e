"""The answer for up to a few tasks: a clause each."""

from collections.abc import Sequence

from gru_tf.analysis.answer.certainty import certainty, needed, undecided
from gru_tf.analysis.answer.seeds import Seeds, equal
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.wording import interval, listed


def found(tasks: Sequence[TaskEvidence], tested: Sequence[TaskEvidence]) -> str:
    """A clause a task, and how many seeds would settle what is open in all of them.

    Where a best mean is of fewer seeds than were asked for, those come first: no further ones are foretold.
    """
    over = [Seeds.from_task(task) for task in tested]
    alone = all(seeds.single for seeds in over)
    said = [_clause(*of, alone) for of in zip(tested, over, [None, *over[:-1]], strict=True)]
    if alone:
        doubt = "one seed settles nothing" if any(map(undecided, tested)) else ""
    else:
        doubt = "" if any(seeds.fewer for seeds in over) else needed(tested)
    nothing = [task.title for task in tasks if task.best is None]
    gap = f"on {listed(nothing)} nothing has finished" if nothing else ""
    told = "; ".join(filter(None, [*said, doubt, gap]))
    return f"{told[:1].upper()}{told[1:]}"


def _clause(task: TaskEvidence, seeds: Seeds, before: Seeds | None, alone: bool) -> str:
    """What a task shows, with its number of seeds where the clause before it has not said the same.

    A clause that says so makes room for that: what "test" and "seeds" are is known from the first one.
    """
    said = _one(task, alone, seeds.single)
    if seeds == before:
        return said
    how = "with" if seeds.single else "over"
    if before:
        return f"{how} {'' if seeds.fewer else 'all '}{seeds} {said.replace(' test ', ' ', 1)}"
    return f"{how} {seeds} {'seed' if seeds.single and not seeds.fewer else 'seeds'} {said}"


def _one(task: TaskEvidence, alone: bool, single: bool) -> str:
    """The best cell, its interval, and against whom that is settled.

    Args:
        task: some cell of which has finished.
        alone: whether the answer speaks of one seed, so that what this settles needs no word here.
        single: whether this clause is said to be of one seed, so that its number needs no mark.
    """
    best = task.cell(task.best or "")
    if len(task.cells) == 1:
        shown = _shown(best, single)
        return f"{best.cell} has a test {task.metric} of {shown} on {task.title}, compared with no other cell"
    best_ones, sure = equal(task), certainty(task, alone)
    if len(best_ones) > 1:
        mean = _shown(best, single).partition(" ")[0]
        rest = sure if len(best_ones) < len(task.cells) else "which settles nothing between them"
        said = f"{listed(best_ones)} have the same test {task.metric} on {task.title}, {mean}"
    else:
        rest, said = sure, f"{best.cell} has the best test {task.metric} on {task.title}, {_shown(best, single)}"
    return ", ".join(filter(None, [said, rest]))


def _shown(cell: CellEvidence, single: bool) -> str:
    if cell.row.test is None:
        return "–"
    return f"{cell.row.test.mean:.3g}" if single else interval(cell.row.test)


def trivial(tasks: Sequence[TaskEvidence]) -> str:
    """By which cells' whole interval it is beaten; with one seed, by which cells' number."""
    known = [task for task in tasks if task.chance is not None]
    if not known:
        return "the trivial answer's metric is not known"
    alike = len({_by(task) for task in known}) == 1
    told = [("" if alike else f"{_by(task)} ") + _beaten(task, named=len(tasks) > 1) for task in known]
    return " ".join(["the trivial answer is beaten", *([_by(known[0])] if alike else []), listed(told)])


def _without_interval(task: TaskEvidence) -> bool:
    return all(cell.beats_chance is None for cell in task.cells)


def _by(task: TaskEvidence) -> str:
    return "by the one seed" if _without_interval(task) else "by the whole interval"


def _beaten(task: TaskEvidence, named: bool) -> str:
    """Whose: "of lstm and gru alone on adding (0.167)"; "every cell" is said where all have finished."""
    tested = [cell for cell in task.cells if cell.row.test is not None]
    better = [cell.cell for cell in tested if (cell.mean_beats_chance if _without_interval(task) else cell.beats_chance)]
    if not better:
        who = "no cell"
    elif len(better) == len(task.cells) > 1:
        who = "every cell"
    else:
        who = listed(better) + (" alone" if len(better) < len(tested) else "")
    return f"of {who}{f' on {task.title}' if named else ''} ({task.chance:.3g})"


def fastest(task: TaskEvidence) -> str:
    """The cell with the shortest step and how much longer the others' are, each by its median."""
    steps = {cell.cell: cell.row.step_ms for cell in task.cells if cell.row.step_ms is not None}
    if task.quickest is None:
        return ""
    first, *others = sorted(steps, key=lambda cell: steps[cell])
    ratios = ", ".join(f"{cell} {steps[cell] / steps[first]:.1f}" for cell in others)
    close = task.as_quick
    doubt = f"; {'' if len(close) == len(others) else f'{listed(close)} '}not always" if close else ""
    return f"a training step is shortest with {first}, {steps[first]:.3g} ms ({ratios} times that{doubt})"

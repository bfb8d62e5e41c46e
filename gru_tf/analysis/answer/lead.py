"""The first of a line: which cell has the best mean on a task, and which cells beat the baseline."""

from gru_tf.analysis.answer import against_others
from gru_tf.analysis.answer.seeds import Seeds, equal
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.table_text import centre
from gru_tf.analysis.wording import cell_name, cell_names


def verdict(task: TaskEvidence) -> list[str]:
    """The best cell, its value, and what it is against each of the others."""
    return [_best(task), *(against_others.verdicts(task) if len(task.cells) > 1 else ["no other cell to compare"])]


def _best(task: TaskEvidence) -> str:
    """Who leads: "RNN leads (accuracy 0.965 [0.954, 0.973], 5 seeds)"; "LSTM and GRU lead (accuracy 1.000, 5 seeds)".

    Where it beats none of the others, it has only the best mean: "RNN has the best mean (accuracy …)".
    """
    best, equals, seeds = task.cell(task.best or ""), equal(task), Seeds.from_task(task)
    number = f"{seeds} {'seed' if seeds.single and not seeds.fewer else 'seeds'}"
    if len(task.cells) == 1:
        return f"{cell_name(best.cell)} alone ({task.metric} {_value(best)}, {number})"
    beats = any(task.better(pair) in equals for pair in task.pairs)
    if len(equals) == 1:
        middle = "median" if best.row.is_median else "mean"
        verb = "leads" if beats else f"has the best {middle}"
        return f"{cell_name(best.cell)} {verb} ({task.metric} {_value(best)}, {number})"
    verb = "tie" if len(equals) == len(task.cells) else "lead" if beats else "share the best mean"
    return f"{cell_names(equals)} {verb} ({task.metric} {_value(best).partition(' [')[0]}, {number})"


def _value(cell: CellEvidence) -> str:
    """The mean with its interval; of a cell that sometimes fails the median."""
    return centre(cell.row).removesuffix(" [one seed]")


def baseline(task: TaskEvidence) -> str:
    """Which cells beat the naive prediction by their whole interval; with one seed, by their number."""
    if task.chance is None:
        return "baseline unknown"
    better, one = _better(task), all(cell.beats_chance is None for cell in task.cells)
    by = ", with one seed" if one else ""
    clearly = "" if one else "clearly "
    if not better:
        return f"no cell {clearly}beats the baseline ({task.chance:.3g}){by}"
    tested = sum(cell.row.test is not None for cell in task.cells)
    if len(better) == len(task.cells) > 1:
        return f"all {clearly}beat the baseline ({task.chance:.3g}){by}"
    only = "only " if len(better) < tested else ""
    verb = "beats" if len(better) == 1 else "beat"
    return f"{only}{cell_names(better)} {clearly}{verb} the baseline ({task.chance:.3g}){by}"


def _better(task: TaskEvidence) -> list[str]:
    """The cells that beat the baseline."""
    if all(cell.beats_chance is None for cell in task.cells):
        return [cell.cell for cell in task.cells if cell.mean_beats_chance]
    return [cell.cell for cell in task.cells if cell.beats_chance]

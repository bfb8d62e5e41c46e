"""The answer of an experiment: a line a task, the same in terminal, report, Markdown, dashboard and notebook.

    digits  RNN leads (accuracy 0.926 [0.914, 0.938], 5 seeds); beats LSTM (p = 0.013); vs GRU inconclusive (p = 0.2); …

The verdict comes first: which cell has the best mean, and what it is against the others. Behind it stand the best model
without a recurrent network, the baseline, and the costs. "Beats" is said of nothing but pairs whose difference is
significant in `gru_tf.analysis.evidence`.
"""

from typing import NamedTuple

from gru_tf.analysis.answer import beside, costs, lead, overall
from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.table_text import task_names
from gru_tf.analysis.wording import listed, sentence

FEW = 3  # tasks: of more, the first line is of all of them together
LONGEST = 160  # characters of a failure's reason


class Line(NamedTuple):
    """What an experiment says of a task.

    Args:
        task: its name, without options where it is the only one of this name; "" where the line is of no task.
        verdict: the best cell and what it is against the others.
        rest: the best model without a recurrent network, the baseline, the costs; may be "".
    """

    task: str
    verdict: str
    rest: str = ""

    @property
    def text(self) -> str:
        """Verdict and rest, without the task."""
        return "; ".join(filter(None, [self.verdict, self.rest]))

    def __str__(self) -> str:
        """A line of text: "digits: RNN leads …"."""
        return f"{self.task}: {self.text}" if self.task else self.text


def answer(evidence: Evidence) -> tuple[Line, ...]:
    """A line for each task, before them one of all where these are more than `FEW`, behind them one of what is missing."""
    tested = [task for task in evidence.tasks if task.best is not None]
    if not tested:
        return _nothing(evidence)
    names = _names(evidence)
    lines = [_line(task, names[task.task]) for task in tested]
    if len(evidence.tasks) > FEW:
        several = overall.rest(evidence, tested)
        lines.insert(0, Line(f"{len(evidence.tasks)} tasks", overall.verdict(evidence, tested), _joined(several)))
    missing = _joined([_nowhere(evidence), _gaps(evidence)])
    return (*lines, *([Line("", sentence(missing))] if missing else []))


def _line(task: TaskEvidence, name: str) -> Line:
    """A model without a network comes first where it is better than the best cell, and later the less it matters."""
    cells, other = lead.verdict(task), beside.best(task)
    first = [other] if beside.is_better(task) else []
    then = [other] if beside.is_ahead(task) and not first else []
    last = [] if first or then else [other]
    return Line(name, _joined([*first, *cells, *then]), _joined([*last, lead.baseline(task), costs.fastest(task)]))


def _joined(parts: list[str]) -> str:
    return "; ".join(filter(None, parts))


def _names(evidence: Evidence) -> dict[str, str]:
    """Label → what a line calls a task: its name alone, or what tables call it where another task has the same name."""
    names, full = {task.label: task.name for task in evidence.experiment.tasks}, task_names(evidence.experiment)
    every = list(names.values())
    return {label: name if every.count(name) == 1 else full[label] for label, name in names.items()}


def _nowhere(evidence: Evidence) -> str:
    nothing = [task.title for task in evidence.tasks if task.best is None]
    return f"no run has finished on {listed(nothing)}" if nothing else ""


def _nothing(evidence: Evidence) -> tuple[Line, ...]:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    runs = f"{wanted:,} final {'run is' if wanted == 1 else 'runs are'}"
    if len(evidence.missing) < sum(len(task.cells) for task in evidence.tasks):
        return (
            Line("", "No result: no finished run has a finite test metric"),
            Line("", f"No comparison with the baseline is possible: {runs} without a finite test metric"),
        )
    if not evidence.failures:
        return Line("", "No result yet: no final run has finished"), Line("", f"{runs} still to come")
    task, cell, what = evidence.failures[0]
    count = len(evidence.failures)
    return (
        Line(
            "", f"No result: no final run has finished, and {count:,} {'run' if count == 1 else 'runs'} diverged or failed"
        ),
        Line("", f"The first was {cell} on {task}: {_cut(what)}"),
    )


def _gaps(evidence: Evidence) -> str:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    missing = sum(count for *_, count in evidence.missing)
    return f"{missing:,} of {wanted:,} seeds have not finished" if missing else ""


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

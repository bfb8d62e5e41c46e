"""Published numbers beside ours, each with the tag that says where it comes from; pure, from results alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from gru_tf.analysis.scores import bounded
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.table import Row, rows
from gru_tf.experiment.claim import named
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Published

TAGS = {
    "read": "read in the paper",
    "quoted": "quoted in another text",
    "recalled": "recalled, as commonly cited",
}


@dataclass(frozen=True)
class Beside:
    """One published number and ours.

    Args:
        published: number, tag and source.
        task, title, cell: labels, and what tables call the task.
        metric: of both; "" where neither the experiment nor a run says it.
        ours: mean and 95 % interval over the finished seeds; None while there is none.
    """

    published: Published
    task: str
    title: str
    cell: str
    metric: str
    ours: Interval | None

    @property
    def difference(self) -> float | None:
        """Ours − theirs."""
        return None if self.ours is None else self.ours.mean - self.published.value

    @property
    def tag(self) -> str:
        """The tag as a table has it, with a mark where the protocol is known to be another: "read, differs"."""
        return f"{self.published.tag}, differs" if self.published.differs else self.published.tag

    @property
    def source(self) -> str:
        """The paper, and how its protocol differs."""
        differs = f"; their protocol: {self.published.differs}" if self.published.differs else ""
        return f"{self.published.source}{differs}"

    @property
    def provenance(self) -> str:
        """The tag in words, the source, and how its protocol differs."""
        return f"{TAGS[self.published.tag]}; {self.source}"


def beside(experiment: Experiment, results: Iterable[RunResult]) -> tuple[Beside, ...]:
    """Each published number of an experiment with ours, in their order."""
    if not experiment.published:
        return ()
    results = list(results)
    table = {(row.task, row.cell): row for row in rows(experiment, results)}
    numbers = []
    for number in experiment.published:
        task, cell = named(number.task, experiment.tasks, "task"), named(number.cell, experiment.cells, "cell")
        row = table[task.label, cell.label]
        ours = row.test
        if number.metric not in (None, row.metric):
            ours = _further(number.metric or "", row, results)
        numbers.append(Beside(number, task.label, task.title, cell.label, number.metric or row.metric, ours))
    return tuple(numbers)


def _further(metric: str, row: Row, results: Iterable[RunResult]) -> Interval | None:
    """Of a metric that is recorded beside the task's own."""
    finals = (r for r in results if r.is_finished_final)
    own = [
        r.more[metric] for r in finals if (r.run.task.label, r.run.cell.label) == (row.task, row.cell) and metric in r.more
    ]
    return bounded(metric, own, overlap=row.overlap) if own else None

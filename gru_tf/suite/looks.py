"""Looks at an experiment with replicates: which cells go on, up to how many, and whether there is time for it.

What a look decides follows from the results of the replicates so far, so that a coordinator that starts again decides the
same at each of them. That holds for the time as well: it is that of the runs whose results the look has.
"""

from collections.abc import Collection

from gru_tf.analysis.course import course
from gru_tf.analysis.statistics.sequential import Course
from gru_tf.analysis.statistics.spending import level_of, looks_until
from gru_tf.experiment.experiment import Experiment, draws_data
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import ReplicatesSpec
from gru_tf.experiment.wall_time import wall_time, wall_time_of_more

Pair = tuple[str, str]  # labels of task and cell


class Looks:
    """The looks of one experiment, one after the other.

    Args:
        experiment: with these replicates.
        replicates: how many at most, and how long.

    Attributes:
        planned: replicates of each look.
        wanted: replicates of the look that is to come.
        course: what is known since the last one; None before the first.
    """

    def __init__(self, experiment: Experiment, replicates: ReplicatesSpec):
        self.experiment, self.minutes = experiment, replicates.minutes
        self.planned = looks_until(replicates.at_most)
        self.wanted = self.planned[0]
        self.course: Course | None = None

    def prepare(self) -> None:
        """Compute what every look needs, a second's work, while the runs of the first one still go on."""
        level_of(0.5, 0, self.planned)

    def take(self, results: Collection[RunResult]) -> list[Pair]:
        """Take the look whose results are there; returns the cells that need replicates up to the next `wanted`.

        Args:
            results: of all runs so far, of every cell up to the replicates that were wanted of it.

        Returns:
            Nothing where nothing is open, all looks have been taken, or the next would not end in time.
        """
        self.course = course(self.experiment, results)
        wanted = self.course.wanted
        if wanted is None:
            return []
        if wanted <= self.wanted:
            raise ValueError(f"take: expected the results of {self.wanted} replicates. Received: those of fewer")
        tasks = zip(self.experiment.tasks, self.course.running, strict=True)
        going_on = [(task.label, cell) for task, cells in tasks for cell in cells]
        fitted = self._fitted(results, {task for task, _ in going_on})
        if self._late(results, dict.fromkeys((*going_on, *fitted), wanted - self.wanted)):
            return []
        self.wanted = wanted
        return going_on

    def _fitted(self, results: Collection[RunResult], tasks: Collection[str]) -> set[Pair]:
        """The baselines of these tasks that are fitted at each replicate, as far as they are known."""
        drawn = {task.label for task in self.experiment.tasks if task.label in tasks and draws_data(task)}
        runs = [result.run for result in results if result.run.purpose == "baseline"]
        return {(run.task.label, run.cell.label) for run in runs if run.task.label in drawn}

    def _late(self, results: Collection[RunResult], more: dict[Pair, int]) -> bool:
        if self.minutes is None:
            return False
        search = self.experiment.search
        repeated = [r for r in results if search is None or not search.shared or r.run.purpose != "trial"]
        return wall_time(results) + wall_time_of_more(repeated, more) > 60 * self.minutes

    def __str__(self) -> str:
        """Which look comes next and what is known so far: "look 2 of 5: 8 replicates, 3 of 6 pairs decided"."""
        look = f"look {self.planned.index(self.wanted) + 1} of {len(self.planned)}: {self.wanted} replicates"
        if self.course is None:
            return look
        decided = [decision.look is not None for decision in self.course.decisions]
        return f"{look}, {sum(decided)} of {len(decided)} pairs decided"

"""Of how many seeds the best mean on a task is."""

from typing import NamedTuple, Self

from gru_tf.analysis.evidence import TaskEvidence


class Seeds(NamedTuple):
    """How many seeds have finished of the cells with the best mean, and how many were asked for."""

    least: int
    most: int
    wanted: int

    @classmethod
    def from_task(cls, task: TaskEvidence) -> Self:
        """Those of a task of which some cell has finished."""
        counts = [task.cell(cell).tested for cell in equal(task)]
        return cls(min(counts), max(counts), max(task.cell(cell).row.wanted for cell in equal(task)))

    @property
    def single(self) -> bool:
        """Whether it is one seed, which is inconclusive."""
        return self.most == 1

    @property
    def fewer(self) -> bool:
        """Whether some are still to come, or were lost."""
        return self.least < self.wanted

    def __str__(self) -> str:
        """In words: "5", or "2 of 5" where that is fewer than were asked for; 1 is "one"."""
        known = f"{self.least} to {self.most}" if self.least < self.most else "one" if self.single else str(self.most)
        return f"{known} of {self.wanted}" if self.fewer else known


def equal(task: TaskEvidence) -> list[str]:
    """The cells with the best mean."""
    means = {cell.cell: cell.row.oriented for cell in task.cells if cell.row.oriented is not None}
    return [cell for cell, mean in means.items() if mean == means[task.best or ""]]

"""Which of the inputs' axes are the batch: the first of each, until a recurrent node shows another."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


def input_name(name: str) -> str:
    """The input of an axis, "x" of "x[1]"."""
    return name.rpartition("[")[0]


@dataclass
class BatchNames:
    """Names of axes that are the batch.

    Args:
        names: of all of them.
        confirmed: of those that a recurrent node has shown; the others are guessed.
        unlikely: that are not guessed again.
    """

    names: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    unlikely: set[str] = field(default_factory=set)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.names))

    def of_input(self, *names: str) -> set[str]:
        """The batch's names in the inputs of these axes."""
        inputs = set(map(input_name, names))
        return {name for name in self.names if input_name(name) in inputs}

    def guess(self, name: str) -> None:
        """Take the first axis of an input for the batch, unless it has another, or was doubted."""
        if name not in self.unlikely and not self.of_input(name):
            self.names.add(name)

    def doubt(self, names: Iterable[str]) -> None:
        """Take axes no longer for the batch, if that was only a guess."""
        guessed = self.names & set(names) - self.confirmed
        self.names -= guessed
        self.unlikely |= guessed

    def show(self, names: set[str]) -> bool:
        """Let these be the batch of their inputs; whether that is new. Raises ValueError if another was shown there."""
        own = self.of_input(*names)
        if self.confirmed & (own - names):
            raise ValueError(f"another batch was shown: {own - names}")
        self.names, self.confirmed = self.names - own | names, self.confirmed | names
        return own != names

    def unite(self, one: str, other: str) -> None:
        """Let two axes of the same length both be the batch, if one is.

        Raises:
            ValueError: if the other's input has another axis as batch.
        """
        for batch, same in ((one, other), (other, one)):
            if batch in self.names and same not in self.names:
                if not self.of_input(same):
                    self.names.add(same)
                elif batch in self.confirmed:
                    raise ValueError(f"the batch {batch} and another axis: {same}")
                else:
                    self.doubt([batch])
                return

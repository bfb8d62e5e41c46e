"""The time that the runs of an experiment may take, and the order in which they use it.

A limit is kept: when it is reached nothing is begun any more and what goes on is stopped. So that there is something to say
by then, the replicates of a look come one after the other, and the search of the first takes half of the limit at most; see
`gru_tf.suite.coordinator`.
"""

import time
from collections import Counter
from collections.abc import Iterable

from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.wall_time import covered, united
from gru_tf.suite.engine import Rank

MANY = 50  # intervals from which they are united: those of runs in a row are one
clock = time.time  # the clock of results


class TimeLimit:
    """How much of the time of an experiment is used.

    Args:
        minutes: of wall time of all runs together, as `gru_tf.experiment.wall_time` has it; pauses do not count.

    Attributes:
        seconds: the same in seconds.
        since: when the runs that go on now were begun; None while none does.
    """

    def __init__(self, minutes: float):
        self.minutes, self.seconds = minutes, 60 * minutes
        self.since: float | None = None
        self._intervals: list[tuple[float, float]] = []

    def add(self, result: RunResult) -> None:
        """Count the time of a run."""
        self._intervals.append((result.started, result.started + result.seconds))
        if len(self._intervals) > MANY:
            self._intervals = united(self._intervals)

    def begin(self) -> None:
        """The first of some runs begins: from now on it is time that runs take, their workers' start included."""
        self.since = clock()

    def pause(self) -> None:
        """Nothing goes on any longer: what has gone on counts, whether or not it has results."""
        if self.since is not None:
            self._intervals.append((self.since, clock()))
        self.since = None

    @property
    def used(self) -> float:
        """The share of the limit that the runs so far and what goes on now have taken; 1 or more when it is reached."""
        now = [] if self.since is None else [(self.since, clock())]
        return covered([*self._intervals, *now]) / self.seconds


class RunOrder:
    """The order of runs where time is limited: replicate by replicate, and in the first one in rounds.

    In a round each cell has as many trials as any other, and as many as in all rounds before: wherever the search is cut, no
    cell has had many more than another. Within a round, and within a later replicate, a worker takes what suits it.

    Args:
        experiment: with `replicates`.
    """

    def __init__(self, experiment: Experiment):
        self.search = experiment.search
        self.places = {seed: place for place, seed in enumerate(experiment.seeds)}
        self.trials = Counter[tuple[str, str]]()
        self.ranks: dict[str, Rank] = {}

    def add(self, runs: Iterable[Run]) -> None:
        """Give each run its rank, in the order in which a search asks for its trials."""
        for run in runs:
            if run.fingerprint not in self.ranks:
                self.ranks[run.fingerprint] = self._new(run)

    def rank(self, run: Run) -> Rank:
        """Of a run that was added."""
        return self.ranks[run.fingerprint]

    def _new(self, run: Run) -> Rank:
        if run.purpose != "trial":
            return self.places[run.seed], int(run.purpose == "baseline")  # which stands behind the first trials
        shared = self.search is None or self.search.shared
        replicate = 0 if shared or self.search is None else self.places[run.seed - self.search.seed]
        if replicate:
            return replicate, 1
        pair = run.task.label, run.cell.label
        self.trials[pair] += 1
        return 0, (self.trials[pair] - 1).bit_length()  # trials 0 | 1 | 2, 3 | 4 to 7 | 8 to 15 | …

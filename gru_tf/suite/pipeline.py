"""One cell on one task: searches, each followed by the final seeds that take what it chose.

The unit of replication is this whole pipeline, not a final seed alone (Bouthillier and others 2021, arXiv 2103.03098): what
a search happens to draw moves the final result more than a final seed does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Choice
from gru_tf.foundation import startup
from gru_tf.tasks import create

if TYPE_CHECKING:
    from gru_tf.suite.tuning import Search

Results = Mapping[str, RunResult]


class Pipeline:
    """A search of one cell on one task, and the final seeds that are trained with what it chose.

    A replicate has one final seed and a search of its own; a search that is shared has all final seeds.

    Args:
        experiment, task, cell: what is trained.
        seeds: the final ones.
        results: fingerprint → result, of all runs of this cell on this task that have ended.
    """

    def __init__(self, experiment: Experiment, task: Choice, cell: Choice, seeds: Sequence[int], results: Results):
        self.experiment, self.task, self.cell = experiment, task, cell
        self.seeds, self.results = seeds, results
        self.direction = create(task.name, task.options).metric.direction
        self.search = None
        if experiment.search:
            with startup.quiet():
                from gru_tf.suite.tuning import Search
            self.trial_seed = experiment.search.seed_for(seeds[0])
            drawn = experiment.search.model_copy(update={"seed": experiment.search.drawing_for(seeds[0])})
            self.search = Search(drawn, self.direction, experiment.training.epochs)
        self.trials: list[Run] = []
        self.finals: list[Run] = []

    def next(self) -> list[Run]:
        """The runs that can start now, each only once."""
        if len(self.finals) == len(self.seeds):
            return []
        if self.search:
            template = self.experiment.run(self.task, self.cell, self.trial_seed, "trial")
            self._tell(self.search)
            trials = [template.tuned(settings) for settings in self.search.ask()]
            self.trials += trials
            if trials or self.search.told < len(self.trials):
                return trials
        new = self._finals()[len(self.finals) :]
        self.finals += new
        return new

    def expected(self) -> int:
        """Runs in all, as far as can be known."""
        trials = self.experiment.search.expected_trials(self.experiment.training.epochs) if self.experiment.search else 0
        return max(trials, len(self.trials)) + len(self.seeds)

    def _tell(self, search: "Search") -> None:
        while search.told < len(self.trials):
            result = self.results.get(self.trials[search.told].fingerprint)
            if result is None:
                return
            search.tell(result.validation if result.status == "finished" else None)

    def _finals(self) -> list[Run]:
        best = best_of((self.results[trial.fingerprint] for trial in self.trials), self.direction)
        finals = [self.experiment.run(self.task, self.cell, seed) for seed in self.seeds]
        if best is None:
            return finals  # no search, or none of its trials finished: the experiment's own settings
        training = best.run.training
        if self.search and self.search.search.tuner == "hyperband":  # a short trial's settings, trained in full
            training = training.but(epochs=self.experiment.training.epochs)
        return [f.model_copy(update={"model": best.run.model, "training": training}) for f in finals]

    def done(self) -> bool:
        """Whether every final seed has its result."""
        return len(self.finals) == len(self.seeds) and all(run.fingerprint in self.results for run in self.finals)


class CellOnTask:
    """One task and one cell: a replicate for each final seed, or all of them behind one search.

    Args:
        experiment, task, cell: what is trained.
        wanted: the first so many final seeds; all if None. See `want`.
    """

    def __init__(self, experiment: Experiment, task: Choice, cell: Choice, wanted: int | None = None):
        self.experiment, self.task, self.cell = experiment, task, cell
        self.results: dict[str, RunResult] = {}
        self.pipelines: list[Pipeline] = []
        self.want(len(experiment.seeds) if wanted is None else wanted)

    def want(self, wanted: int) -> None:
        """Go on to so many final seeds; never to fewer than before."""
        seeds = self.experiment.seeds[:wanted]
        if self.experiment.search and not self.experiment.search.shared:
            self.pipelines += [self._pipeline((seed,)) for seed in seeds[len(self.pipelines) :]]
        elif self.pipelines:
            self.pipelines[0].seeds = seeds
        else:
            self.pipelines = [self._pipeline(seeds)]

    def _pipeline(self, seeds: Sequence[int]) -> Pipeline:
        return Pipeline(self.experiment, self.task, self.cell, seeds, self.results)

    def next(self) -> list[Run]:
        """The runs that can start now, each only once; the first replicate's come first."""
        return [run for pipeline in self.pipelines for run in pipeline.next()]

    def expected(self) -> int:
        """Runs in all, as far as can be known."""
        return sum(pipeline.expected() for pipeline in self.pipelines)

    def done(self) -> bool:
        """Whether every final seed has its result."""
        return all(pipeline.done() for pipeline in self.pipelines)

    def finals(self) -> list[RunResult]:
        """The results of the final seeds, in their order."""
        return [self.results[run.fingerprint] for pipeline in self.pipelines for run in pipeline.finals]

    def best(self) -> RunResult | None:
        """The final result with the best validation metric, the first of equals; None where none has finished."""
        return best_of(self.finals(), self.pipelines[0].direction)


def best_of(results: Iterable[RunResult], direction: str) -> RunResult | None:
    """The finished result with the best validation metric, the first of equals."""
    finished = [r for r in results if r.status == "finished" and r.validation is not None]
    return max(finished, key=lambda r: sign(direction) * (r.validation or 0.0), default=None)

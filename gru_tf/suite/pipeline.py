"""One cell on one task: searches, each followed by the final seeds that take what it chose.

The unit of replication is this whole pipeline, not a final seed alone (Bouthillier and others 2021, arXiv 2103.03098): what
a search happens to draw moves the final result more than a final seed does.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gru_tf.experiment.experiment import Experiment, Run, overlap_of
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, SearchSpec
from gru_tf.foundation import startup
from gru_tf.suite.chosen_run import best_of, kept_of
from gru_tf.suite.widening import TaskRanges
from gru_tf.tasks import create

if TYPE_CHECKING:
    from gru_tf.suite.tuning import Search

Results = Mapping[str, RunResult]


class Draws:
    """The trials of one search: asked for, and told in their order.

    Args:
        search: what proposes them.
        template: the run that each of them is, but for what is searched.

    Attributes:
        runs: those that were asked for.
        ended: whether each has its result, and there are no more.
    """

    def __init__(self, search: "Search", template: Run):
        self.search, self.template = search, template
        self.runs: list[Run] = []
        self.ended = False

    def next(self, results: Results) -> list[Run]:
        """The trials that can start now, each only once."""
        while self.search.told < len(self.runs) and (result := results.get(self.runs[self.search.told].fingerprint)):
            self.search.tell(result.validation if result.status == "finished" else None)
        new = [self.template.tuned(settings) for settings in self.search.ask()]
        self.runs += new
        self.ended = not new and self.search.told == len(self.runs)
        return new


class Pipeline:
    """A search of one cell on one task, and the final seeds that are trained with what it chose.

    A replicate has one final seed and a search of its own; a search that is shared has all final seeds.

    Args:
        experiment, task, cell: what is trained.
        seeds: the final ones.
        results: fingerprint → result, of all runs of this cell on this task that have ended.
        ranges: that all searches of this task draw from; where they are widened, the search goes on in what was added.

    Attributes:
        is_cut: whether the search was ended before its last trial, see `cut`.
    """

    def __init__(
        self,
        experiment: Experiment,
        task: Choice,
        cell: Choice,
        seeds: Sequence[int],
        results: Results,
        ranges: TaskRanges,
    ):
        self.experiment, self.task, self.cell = experiment, task, cell
        self.seeds, self.results, self.ranges = seeds, results, ranges
        self.direction = create(task.name, task.options).metric.direction
        self.draws: list[Draws] = []
        self.finals: list[Run] = []
        self.is_cut = False

    def next(self) -> list[Run]:
        """The runs that can start now, each only once."""
        if len(self.finals) == len(self.seeds):
            return []
        if self.experiment.search and not self.is_cut:
            self._extend(self.experiment.search)
            trials = [run for draws in self.draws for run in draws.next(self.results)]
            if trials or not self.searched():
                return trials
        if not self.ranges.settled:
            return []
        new = self._finals()[len(self.finals) :]
        self.finals += new
        return new

    def _extend(self, search: SearchSpec) -> None:
        """Have a search in each range that there is by now."""
        for step, spec in list(enumerate((search, *self.ranges.added)))[len(self.draws) :]:
            with startup.quiet():
                from gru_tf.suite.tuning import Search
            split = self.seeds[0] if overlap_of(self.task) else None
            template = self.experiment.run(self.task, self.cell, search.seed_for(self.seeds[0]), "trial", split)
            drawn = spec.model_copy(update={"seed": search.drawing_for(self.seeds[0], step)})
            self.draws.append(Draws(Search(drawn, self.direction, self.experiment.training.epochs), template))

    def searched(self) -> bool:
        """Whether each trial in the ranges of now has its result, or the search was cut."""
        return self.is_cut or (len(self.draws) == 1 + len(self.ranges.added) and all(draws.ended for draws in self.draws))

    def missing(self) -> list[Run]:
        """The trials that were asked for and have no result."""
        return [run for draws in self.draws for run in draws.runs if run.fingerprint not in self.results]

    def cut(self) -> list[Run]:
        """End the search where it is; returns the trials that are not wanted any longer.

        The final seeds take the best trial of those that have a result by now, or the experiment's own settings where none
        has finished. A search that has had all of its trials is not changed.
        """
        if self.experiment.search is None or self.searched():
            return []
        self.is_cut = True
        return self.missing()

    @property
    def cut_after(self) -> tuple[int, int] | None:
        """After how many of how many trials the search was cut; None where it was not."""
        if not self.is_cut:
            return None
        had = sum(len(draws.runs) for draws in self.draws) - len(self.missing())
        return had, max(had, self._planned())

    def drawn(self, ranges: TaskRanges) -> list[Run]:
        """The trials without a result that the search would ask for in these ranges."""
        other = Pipeline(self.experiment, self.task, self.cell, self.seeds, self.results, ranges)
        return [run for run in other.next() if run.fingerprint not in self.results]

    def chosen(self) -> RunResult | None:
        """The best trial so far; None where none has finished."""
        trials = (self.results.get(run.fingerprint) for draws in self.draws for run in draws.runs)
        return best_of((result for result in trials if result), self.direction)

    def expected(self) -> int:
        """Runs in all, as far as can be known."""
        if self.experiment.search is None:
            return len(self.seeds)
        asked = sum(len(draws.runs) for draws in self.draws)
        if self.is_cut:
            return asked - len(self.missing()) + len(self.seeds)
        return max(asked, self._planned()) + len(self.seeds)

    def _planned(self) -> int:
        """Trials of a search that is not cut, in the ranges of now."""
        search = self.experiment.search
        own = search.expected_trials(self.experiment.training.epochs) if search else 0
        return own + sum(added.trials or 0 for added in self.ranges.added)

    def _finals(self) -> list[Run]:
        best = self.chosen()
        finals = [self.experiment.run(self.task, self.cell, seed) for seed in self.seeds]
        finals = [final.model_copy(update={"cut_search": self.cut_after}) for final in finals]
        if best is None:
            return finals  # no search, or none of its trials finished: the experiment's own settings
        training = best.run.training
        if self.experiment.search and self.experiment.search.tuner == "hyperband":  # a short trial's settings, in full
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
        ranges: that it shares with the other cells of the task; those of the file if None, never widened.
    """

    def __init__(
        self,
        experiment: Experiment,
        task: Choice,
        cell: Choice,
        wanted: int | None = None,
        ranges: TaskRanges | None = None,
    ):
        self.experiment, self.task, self.cell = experiment, task, cell
        self.ranges = ranges or TaskRanges(None)
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
        return Pipeline(self.experiment, self.task, self.cell, seeds, self.results, self.ranges)

    def next(self) -> list[Run]:
        """The runs that can start now, each only once; the first replicate's come first."""
        return [run for pipeline in self.pipelines for run in pipeline.next()]

    def expected(self) -> int:
        """Runs in all, as far as can be known."""
        return sum(pipeline.expected() for pipeline in self.pipelines)

    def done(self) -> bool:
        """Whether every final seed has its result."""
        return all(pipeline.done() for pipeline in self.pipelines)

    def cut(self) -> list[Run]:
        """End the search of the first replicate where it is; returns the trials that are not wanted any longer."""
        return self.pipelines[0].cut()

    def whole(self) -> int:
        """How many final seeds have their results, up to the first that has none."""
        ended = [
            place < len(pipeline.finals) and pipeline.finals[place].fingerprint in self.results
            for pipeline in self.pipelines
            for place in range(len(pipeline.seeds))
        ]
        return (*ended, False).index(False)

    def searched(self) -> bool:
        """Whether each trial in the ranges of now has its result."""
        return all(pipeline.searched() for pipeline in self.pipelines)

    def chosen(self) -> list[RunResult | None]:
        """The best trial of each search."""
        return [pipeline.chosen() for pipeline in self.pipelines]

    def finals(self) -> list[RunResult]:
        """The results of the final seeds that have ended, in their order."""
        finals = (run.fingerprint for pipeline in self.pipelines for run in pipeline.finals)
        return [self.results[fingerprint] for fingerprint in finals if fingerprint in self.results]

    def best(self) -> RunResult | None:
        """The final result whose model is kept, see `kept_of`; None where none has finished."""
        return kept_of(self.finals())

"""An experiment is one question as data: tasks × cells × seeds, a budget, a training recipe, a search.

Nothing here imports TensorFlow, so that listing, checking names and printing results stay instant.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError, ValidationInfo, field_validator, model_validator

from gru_tf.baselines.baseline import BASELINES
from gru_tf.experiment import claim
from gru_tf.experiment.explanation import explain
from gru_tf.experiment.fingerprint import BESIDE, fingerprint_of
from gru_tf.experiment.specs import (
    MODEL,
    TRAINING,
    Choice,
    Claims,
    Diagnosed,
    ModelSpec,
    Name,
    Published,
    ReplicatesSpec,
    SearchSpec,
    Seed,
    Settings,
    Spec,
    TrainingSpec,
    axis_values,
    passes,
    recipe,
    seeds_in,
)
from gru_tf.experiment.specs.spec import MOST_SEED
from gru_tf.foundation.errors import UserError, did_you_mean, shown
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import TASKS, Task, create

Purpose = Literal["trial", "final", "baseline"]


class Run(Spec):
    """One training: everything that decides its numbers, and what else to record.

    Args:
        purpose: "trial" of a search (never reads the test split), "final", or "baseline".
        task, cell: what is learned, and by what; of a baseline its name, and of model and training only `refit`
            and `validation` count.
        seed: of data, initialisation, dropout and order.
        model, training: network and recipe.
        diagnostics: of the network, recorded by a final run; they change no number and are no part of the fingerprint.
        split_seed: of a trial the final seed that its search serves, where the task draws a split from it; None for `seed`.
        cut_search: of a final run whose search was ended early, for lack of time: after how many of how many trials. It says
            why the settings are what they are, and is no part of the fingerprint either.
    """

    purpose: Purpose
    task: Choice
    cell: Choice
    seed: Seed
    model: ModelSpec
    training: TrainingSpec
    diagnostics: Diagnosed = ()
    split_seed: Seed | None = None
    cut_search: Annotated[tuple[int, int], Field(strict=False)] | None = None  # JSON has a list

    @model_validator(mode="after")
    def _diagnosed_when_final(self) -> Self:
        if self.diagnostics and self.purpose != "final":
            raise ValueError(f"expected a {self.purpose} without 'diagnostics'. Received: {', '.join(self.diagnostics)}")
        return self

    @property
    def fingerprint(self) -> str:
        """Hash of the canonical form: the same run has the same one, in every process and on every machine."""
        without: dict[str, Any] = {"diagnostics": True, "cut_search": True}
        if self.purpose == "baseline":
            # what both splits together learn is the same, whichever field asks for it
            others = {name: True for name in TrainingSpec.model_fields if name not in ("refit", "validation")}
            joined = self.training.refit or self.training.validation == "none"
            without |= {"model": True, "training": others if joined else True}
        return fingerprint_of(self, without)

    def drawn_task(self) -> Task:
        """The task, with the split that the run has."""
        return create(self.task.name, self.task.options).at(self.seed if self.split_seed is None else self.split_seed)

    def tuned(self, settings: Settings) -> "Run":
        """This run with hyperparameters set by name.

        Raises:
            ValueError: for a name that is no hyperparameter, or an impossible value.
        """
        for name in sorted(settings.keys() - {*MODEL, *TRAINING}):
            near = did_you_mean(name, MODEL + TRAINING)
            raise ValueError(f"no hyperparameter is called '{name}'.{near} Hyperparameters: {', '.join(MODEL + TRAINING)}")
        model = {name: value for name, value in settings.items() if name in MODEL}
        training = {name: value for name, value in settings.items() if name in TRAINING}
        return self.model_copy(update={"model": self.model.but(**model), "training": self.training.but(**training)})


STORED = "stored"  # in the context of a validation: the definition is a store's, of a run that was accepted once


def _seeds(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return tuple(range(value))
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"received {shown(value)}, expected a count of at least 1, or a list of seeds")
    return tuple(value)


def _one_task(value: Any) -> Any:
    return [{name: options} for name, options in value.items()] if isinstance(value, dict) else value


Choices = Annotated[tuple[Choice, ...], BeforeValidator(_one_task), Field(min_length=1, strict=False)]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(_seeds), Field(min_length=1)]


@dataclass(frozen=True)
class Origin:
    """Where an experiment was read; any two are equal, so that it makes no experiment another one."""

    file: str = field(default="", compare=False)


class Experiment(Spec):
    """One question, its data, its candidates and its protocol.

    Args:
        name: the file's stem; a valid file name.
        question: what the experiment answers, in one line.
        tasks, cells: names, each with its options if it has any.
        seeds: a count, or a list of seeds; with `replicates` it is left out, and they are those of the most replicates.
        replicates: as many as it takes to decide what the experiment asks, in place of `seeds`.
        model: the network, with the budget that every cell gets.
        training: the recipe, the same for every cell.
        search: what is tuned for each (task, cell); null for nothing.
        diagnostics: what each final run records of its network: true for all, or some of "gates", "saturation", "memory",
            "gradients".
        baselines: models without a recurrent network that are fitted beside the cells: true for all that fit each task, or
            names, see `gru_tf.baselines`.
        claims: about the cells, see `gru_tf.experiment.claim`; results give each a verdict.
        published: numbers of others, to compare with ours.
        protocol: in words, the exact protocol as it is run here: data and split, network, training, how the number is made.
        not_followed: what of the paper's protocol could not be followed, a line each.
        smaller: what is run smaller than in the paper; null where all of it is run at full size. It is the first that
            recorded results say, and it marks each verdict.
        timing: whether the networks are timed side by side after the last run, where there are several cells. It changes no
            run, and a finished experiment is not timed again for it.
    """

    name: Name
    question: str
    tasks: Choices
    cells: Choices
    seeds: Seeds = (0, 1, 2)
    replicates: ReplicatesSpec | None = None
    model: ModelSpec
    training: TrainingSpec = TrainingSpec()
    search: SearchSpec | None = None
    diagnostics: Diagnosed = ()
    baselines: bool | tuple[str, ...] = True
    claims: Claims = ()
    published: Annotated[tuple[Published, ...], Field(strict=False)] = ()
    protocol: Annotated[str, Field(min_length=1)] | None = None
    not_followed: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)] = ()
    smaller: Annotated[str, Field(min_length=1)] | None = None
    timing: bool = True
    _origin: Origin = PrivateAttr(default=Origin())

    def __init__(self, **content: Any):
        """From keywords; raises UserError with the one line that the same content in a file would get."""
        try:
            super().__init__(**content)
        except ValidationError as error:
            plain = {name: _plain(value) for name, value in content.items()}
            raise UserError(f"Experiment: {explain(error, plain, Experiment)}") from error

    # pydantic's own validation, as of a file or of JSON, goes on without it and raises what pydantic raises
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @property
    def origin(self) -> str:
        """What messages call the experiment: the name of its file, or its own where it comes from none.

        It is in no fingerprint, in no dump and in no store.
        """
        return self._origin.file or self.name

    def read_from(self, file: str) -> "Experiment":
        """The same experiment, which messages call by the name of the file that it was read from."""
        copy = self.model_copy()
        copy._origin = Origin(file)
        return copy

    @model_validator(mode="before")
    @classmethod
    def _seeds_of_replicates(cls, content: Any) -> Any:
        """Fills in the seeds; a stored definition has both, and they agree."""
        seeds = seeds_in(content)
        if seeds is None:
            return content
        alike = [seeds, list(seeds), *([len(seeds)] if seeds[0] == 0 else [])]
        if "seeds" in content and (written := content["seeds"]) not in alike:
            own = f"'replicates', which has the seeds {seeds[0]} to {seeds[-1]}"
            raise ValueError(f"seeds: received {shown(written)}, expected none beside {own}")
        return {**content, "seeds": seeds}

    @field_validator("tasks", "cells")
    @classmethod
    def _known(cls, choices: tuple[Choice, ...], info: Any) -> tuple[Choice, ...]:
        catalogue = TASKS if info.field_name == "tasks" else CELLS
        for choice in choices:
            catalogue.check(choice.name)
            if catalogue is TASKS:
                create(choice.name, choice.options)
        labels = [choice.label for choice in choices]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"expected each {catalogue.kind} once. Received: '{label}' {labels.count(label)} times")
        return choices

    @field_validator("baselines", mode="before")
    @classmethod
    def _named_baselines(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
            raise ValueError(f"received {shown(value)}, expected true, false, or a list of names")
        for name in value:
            BASELINES.check(name)
            if value.count(name) > 1:
                raise ValueError(f"expected each baseline once. Received: '{name}' {value.count(name)} times")
        return tuple(value)  # JSON has a list

    @model_validator(mode="after")
    def _possible_passes(self, info: ValidationInfo) -> Self:
        tuner, axes = (self.search.tuner, self.search.axes) if self.search else (None, {})
        passes.check_search(self.training, tuner, axes, self.diagnostics)
        if not (info.context or {}).get(STORED):  # what was run once is read, though it would be refused today
            recipe.check_falls(self.training, axes)
            recipe.check_norm(self.training, axes)
        return self

    @model_validator(mode="after")
    def _possible_search(self) -> Self:
        if self.search:
            axis_values.check(self.search, self.run(self.tasks[0], self.cells[0], self.seeds[0]))
        return self

    @model_validator(mode="after")
    def _timed(self) -> Self:
        self.model.check_variational(self.search.axes if self.search else {})
        if (self.model.budget == "seconds") != (self.training.seconds is not None):
            raise ValueError("expected 'model.budget: seconds' and 'training.seconds' together")
        return self

    @property
    def one_at_a_time(self) -> bool:
        """Whether its runs need a quiet machine."""
        return self.model.budget == "seconds"

    @model_validator(mode="after")
    def _separate_seeds(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            twice = next(seed for seed in self.seeds if self.seeds.count(seed) > 1)
            raise ValueError(f"seeds: expected each seed once. Received: {twice} {self.seeds.count(twice)} times")
        for seed in map(self.search.seed_for, self.seeds) if self.search else ():
            if seed in self.seeds:
                raise ValueError(f"search.seed: expected none of the final seeds{_at(self.search, seed)}")
            if seed > MOST_SEED:
                raise ValueError(
                    f"search.seed: expected at most {MOST_SEED:,} with each final seed added. Received: {seed:,}"
                )
        return self

    @model_validator(mode="after")
    def _search_of_its_own(self) -> Self:
        drawn = next((task.title for task in self.tasks if overlap_of(task)), None)
        if drawn and self.search and self.search.shared:
            raise ValueError(
                f"search.shared: received true, expected false beside draws: drawn ({drawn}): what one seed validates on is"
                " what another tests on."
            )
        return self

    @model_validator(mode="after")
    def _known_claims(self) -> Self:
        fitted = BASELINES.names() if self.baselines is True else self.baselines or ()
        claim.check(self.claims, self.published, self.cells, self.tasks, fitted)
        return self

    @property
    def fingerprint(self) -> str:
        """Hash of what is trained and recorded; what did not exist before is in it only where it is used.

        Claims and published numbers are compared with results and change none of them; nor does a timing phase, nor how
        long an experiment may go on, nor what is said of the protocol.
        """
        without: dict[str, Any] = dict.fromkeys(BESIDE, True)
        if not self.diagnostics:
            without["diagnostics"] = True
        if self.search and not self.search.wideable:
            without["search"] = {"widen"}  # as before any range was
        return fingerprint_of(self, without)

    def pairs(self) -> Iterator[tuple[Choice, Choice]]:
        """Every (task, cell), task by task."""
        return ((task, cell) for task in self.tasks for cell in self.cells)

    def baseline_runs(self, wanted: int | None = None, tasks: Collection[str] | None = None) -> list[Run]:
        """Of each task the baselines that fit it: once each, or where each seed draws data or a split, at each seed.

        Which fit may take a look at the data, so that results are read without this.

        Args:
            wanted: the first so many seeds; all if None.
            tasks: labels of those that are meant; all if None.

        Raises:
            UserError: for a named one that fits no task, for a published number of one that does not fit its task, and
                where a user's own file cannot be read.
        """
        for name in self.baselines if isinstance(self.baselines, tuple) else ():
            if all(name not in _baselines_for(task) for task in self.tasks):
                fitting = sorted({name for task in self.tasks for name in _baselines_for(task)})
                near = f"Those that do: {', '.join(fitting) or 'none'}"
                raise UserError(f"{self.origin}: baselines: '{name}' fits no task. {near}")
        self._expect_fitting()
        return [
            self.run(task, Choice(name=name), seed, "baseline")
            for task in self.tasks
            if tasks is None or task.label in tasks
            for seed in self.seeds[: wanted if draws_data(task) else 1]
            for name in _baselines_for(task)
            if self.baselines is True or (self.baselines and name in self.baselines)
        ]

    def _expect_fitting(self) -> None:
        """Refuse a published number of a baseline that does not fit the number's task: it would never be compared."""
        for place, number in enumerate(self.published):
            if number.cell.strip() not in BASELINES.names():
                continue
            task = claim.named(number.task, self.tasks, "task")
            fitting = _baselines_for(task)
            if number.cell.strip() not in fitting:
                near = f"Those that do: {', '.join(fitting) or 'none'}"
                raise UserError(f"{self.origin}: published[{place}].cell: '{number.cell}' does not fit {task.title}. {near}")

    def run(self, task: Choice, cell: Choice, seed: int, purpose: Purpose = "final", split_seed: int | None = None) -> Run:
        """The run of one (task, cell) at one seed, with nothing tuned."""
        diagnostics = self.diagnostics if purpose == "final" else ()
        return Run(
            purpose=purpose,
            task=task,
            cell=cell,
            seed=seed,
            model=self.model,
            training=self.training,
            diagnostics=diagnostics,
            split_seed=split_seed,
        )

    def runs(self) -> list[Run]:
        """The final runs, with nothing tuned."""
        return [self.run(task, cell, seed) for task, cell in self.pairs() for seed in self.seeds]


def _plain(value: Any) -> Any:
    """A part of an experiment as a file would have it: specifications are mappings, tuples lists."""
    if isinstance(value, Spec):
        return value.model_dump()
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def overlap_of(task: Choice) -> float:
    """By how much the splits overlap that the seeds of a task draw; 0 where they draw none. See `Task.overlap`."""
    return create(task.name, task.options).overlap


def draws_data(task: Choice) -> bool:
    """Whether another seed means other data, see `Task.draws_data`."""
    return create(task.name, task.options).draws_data


def _baselines_for(task: Choice) -> tuple[str, ...]:
    return create(task.name, task.options).baselines


def _at(search: SearchSpec | None, seed: int) -> str:
    """Which seed was received, and where it is not the file's own, which sum it is."""
    assert search is not None  # noqa: S101, of an experiment with a search
    own = "" if search.shared or seed == search.seed else f" plus {seed - search.seed}, a final seed, which is {seed}"
    return f". Received: {search.seed}{own}"

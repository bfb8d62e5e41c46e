"""What a task is: data and a score. A task owns data and score; it knows nothing of cells or layers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gru_tf.foundation.array import Array
from gru_tf.foundation.catalogues import TASKS as TASKS
from gru_tf.foundation.errors import UserError
from gru_tf.tasks.evaluation import LARGEST, Evaluation, Outputs, Tally
from gru_tf.tasks.forecast_rows import ForecastRows
from gru_tf.tasks.metric import WRITTEN as WRITTEN
from gru_tf.tasks.metric import Metric as Metric
from gru_tf.tasks.metric import MetricName as MetricName

Count = Annotated[int, Field(ge=1)]
END = 0  # the class that ends a decoded target, and that precedes its first


@dataclass(frozen=True)
class Signature:
    """Shapes of one example.

    Args:
        timesteps: length of a sequence, or of the longest one where lengths vary.
        features: I, size of one step's input; of a token's embedding where there are `tokens`.
        outputs: size of the network's output: classes, values or notes.
        target: "class" (integer labels, softmax), "value" (squared error, or quantiles), "binary" (independent sigmoids).
        per_step: whether every step has a target, or only the whole sequence.
        causal: whether a step's target lies in the input that follows, so that a backward direction would see it.
        tokens: size of the vocabulary where inputs are token numbers, which the network embeds; 0 for real-valued inputs.
        varying: whether lengths vary, so that the network needs to know where a sequence ends.
        carried: whether each sequence continues the one before it in the same row of the batch, with its last state:
            truncated back-propagation through time over `train`, `validation` and `test`, each one long text.
        decoded: steps of the longest target sequence that the network writes token by token, the class END last; 0
            where it writes none. Targets are then (N, up to `decoded`) classes, −1 after the end, of a length of their own.
        scale: factor by which the network multiplies its inputs first, so that bytes stay bytes until then: 1/255 for grey
            levels.
        scored: "last" where validation and test score the last step of a sequence alone, though training has a target at
            every step.
        weights: what an example of each class weighs in training; () where all weigh the same.
        continued: input columns whose next steps the outputs are, step by step: a forecast. () for any other task.
    """

    timesteps: int
    features: int
    outputs: int
    target: Literal["class", "value", "binary"]
    per_step: bool = False
    causal: bool = False
    tokens: int = 0
    varying: bool = False
    carried: bool = False
    decoded: int = 0
    scale: float = 1.0
    continued: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    scored: Literal["all", "last"] = "all"

    @property
    def span(self) -> int:
        """Steps of the longest example, of its input or of its decoded target."""
        return max(self.timesteps, self.decoded)

    @property
    def targets_over_time(self) -> bool:
        """Whether targets have an axis of steps."""
        return self.per_step or self.decoded > 0


@dataclass(frozen=True)
class Examples:
    """Sequences with their targets.

    Args:
        inputs: (N, T, I) numbers, or (N, T) whole numbers from 0 to `tokens` − 1; right-padded with zeros where lengths
            vary, and memory-mapped where they come from a file.
        targets: (N,) classes, (N, outputs) values; where every step has a target (N, T) classes, −1 for a step without
            one, or (N, T, outputs); (N, up to `decoded`) classes where the network writes a sequence of its own.
        lengths: (N,) real steps of each sequence.
    """

    inputs: Array
    targets: Array
    lengths: Array

    def __post_init__(self) -> None:
        if not len(self.inputs) == len(self.targets) == len(self.lengths) > 0:
            raise ValueError(
                "Examples: expected as many targets and lengths as inputs, and at least one."
                f" Received: {len(self.inputs)} inputs, {len(self.targets)} targets, {len(self.lengths)} lengths"
            )
        impossible = np.flatnonzero((self.lengths < 1) | (self.lengths > self.inputs.shape[1]))
        if len(impossible):  # cuDNN fails on an empty row, and a mean over no step is not a number
            row, longest = impossible[0], self.inputs.shape[1]
            raise ValueError(f"Examples: expected lengths from 1 to {longest}. Received: {self.lengths[row]} in row {row}")

    def __len__(self) -> int:
        return len(self.inputs)

    @classmethod
    def unpadded(cls, inputs: Array, targets: Array) -> Self:
        """Examples of which every step is real."""
        return cls(inputs, targets, np.full(len(inputs), inputs.shape[1], np.int32))


@dataclass(frozen=True)
class Splits:
    """The parts of a task's data: `train` to fit, `validation` to select, `test` to score once.

    Args:
        train, validation, test: the three parts; validation is None where there is none.
        more: further test splits by name, scored once as well, e.g. {"longer": …} for sequences longer than in training;
            they may be longer than the signature's `timesteps`.
    """

    train: Examples
    validation: Examples | None
    test: Examples
    more: Mapping[str, Examples] = field(default_factory=dict)

    @property
    def validated(self) -> Examples:
        """The part to select by.

        Raises:
            ValueError: where there is none.
        """
        if self.validation is None:
            raise ValueError("Splits: expected a validation split. Received: none")
        return self.validation


class Task(BaseModel, ABC):
    """Data and a score; a subclass's fields are the options that an experiment may set.

    Class attributes: `question` (one line), `reference`, `licence`; `packages`, the optional packages that data or score
    need, by the names in `gru_tf.foundation.extras`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    question: ClassVar[str]
    reference: ClassVar[str]
    licence: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    @property
    def draws_data(self) -> bool:
        """Whether another seed means other data; two cells at the same seed are then compared in pairs.

        Known from the options alone: no file is read for it.
        """
        return self.overlap > 0

    @property
    def overlap(self) -> float:
        """Examples to test on for each one to train on, where seeds draw splits of the same data, which overlap; else 0.

        By it the variance of a mean over such splits is corrected (C. Nadeau and Y. Bengio, Inference for the
        generalization error, 2003, §5.1). Known from the options alone.
        """
        return 0.0

    def at(self, seed: int) -> Self:
        """The task with the split of a seed: itself where all seeds have the same one, or draw their data in `splits`."""
        return self

    @property
    @abstractmethod
    def signature(self) -> Signature:
        """Shapes of one example; known without reading the data where possible."""

    @property
    @abstractmethod
    def metric(self) -> Metric:
        """The score, with the values of the baseline and of a solved task."""

    @abstractmethod
    def splits(self, rng: np.random.Generator) -> Splits:
        """The data; all randomness comes from `rng`."""

    @property
    def most_fresh(self) -> int:
        """How many training examples can be drawn anew at a time, see `fresh`; 0 for a task whose data are fixed."""
        return 0

    def fresh(self, rng: np.random.Generator, count: int, splits: Splits) -> Examples:
        """Other training examples, drawn as those of `splits` were, of which none validates or tests.

        Args:
            rng: from which all randomness comes.
            count: how many, at most `most_fresh`.
            splits: the data.

        Raises:
            UserError: for a task whose data are fixed.
        """
        raise UserError(f"{type(self).__name__}: expected a task that draws its data. Received: one whose data are fixed")

    def pinned(self) -> dict[str, str]:
        """Further options that a run must carry so that it always means the same data: {"sha256": …} of a user's own files.

        Raises:
            UserError: where a file cannot be read, or is not the one that the option already names.
        """
        return {}

    def scored(self, split: Literal["validation", "test"], written: Array) -> float:
        """The metric of the sequences (N, up to `decoded`) that a network wrote, in the order of the split."""
        raise NotImplementedError(f"{type(self).__name__} has no targets that a network writes")

    def sample_text(self, greedy: Array, beam: Array) -> str:
        """Some of what a network wrote for the test split, by greedy and by beam search, for people to read."""
        raise NotImplementedError(f"{type(self).__name__} has no targets that a network writes")

    @property
    def is_evaluated(self) -> bool:
        """Whether all outputs on a split say more than the score: whether `measured` and `evaluated` are defined."""
        return False

    def looks_at(self, splits: Splits) -> bool:
        """Whether all outputs on validation and test split are held at once, and evaluated."""
        most = max(len(splits.validation or ()), len(splits.test)) * self.signature.outputs
        return self.is_evaluated and (most <= LARGEST or self.metric.whole)

    def measured(self, split: Literal["validation", "test"], outputs: Array) -> dict[str, float]:
        """Metric → value of a split from a model's outputs (N, outputs) for it, the score's own among them.

        Metrics that are not defined on these targets, such as a percentage of zero, are left out.
        """
        raise NotImplementedError(f"{type(self).__name__} is scored by means over targets")

    def evaluated(self, outputs: Outputs) -> Evaluation:
        """What a model's outputs show beside the score."""
        return Evaluation()

    def also_tallied(self, splits: Splits) -> Mapping[str, Examples]:
        """Further examples whose outcome `tallied` is to be given, by a name of their own; by default none."""
        return {}

    def tallied(self, splits: Splits, tallies: Mapping[str, Tally]) -> Evaluation:
        """What a network's outcome on single examples shows beside the score, such as the score by length.

        Args:
            splits: that were tested.
            tallies: "test", the names of `splits.more` and of `also_tallied` → the outcome.
        """
        return Evaluation()

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of each file that the data come from; empty for generated and bundled data."""
        return {}

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the models without a recurrent network that fit the task, in `gru_tf.baselines`; () where none does.

        Raises:
            UserError: as `signature`.
        """
        return baselines_for(self.signature)

    def for_baselines(self) -> "Task":
        """The task that models without a recurrent network fit, from the same draws: itself, or another form."""
        return self

    def rows_of(self, splits: Splits) -> ForecastRows | None:
        """The rows behind the windows of `splits`, for forecasts; by default those of the files, `forecast_rows`.

        Raises:
            UserError: as `forecast_rows`.
        """
        return self.forecast_rows()

    def forecast_rows(self) -> ForecastRows | None:
        """The rows that windows are cut from; None where the task is no forecast of a series.

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """
        return None


# in which they are listed, that of each task's own
BASELINE_ORDER = (
    *("naive", "seasonal_naive", "ets", "logistic", "summary", "nearest", "dtw", "rocket"),
    *("bag_of_words", "ngram", "markov", "current_step", "sliding_window", "ridge", "boosting"),
)
FORECAST_BASELINES = ("naive", "seasonal_naive", "ets", "ridge", "boosting")


def baselines_for(signature: Signature) -> tuple[str, ...]:
    """The baselines for examples of these shapes, of which nothing else is known.

    None fits a class at every step of real-valued inputs, but for a user's own; nor a sequence that is written, as is a
    translation.
    """
    if signature.decoded:
        return ()
    if signature.per_step:
        if signature.tokens and signature.causal and signature.target == "class":
            return ("ngram",)
        return ("markov",) if signature.target == "binary" and signature.causal else ()
    if signature.tokens:
        return ("bag_of_words",) if signature.target in ("class", "value") else ()
    by_target = {"class": ("logistic", "summary", "nearest", "rocket", "boosting"), "value": ("ridge", "boosting")}
    return by_target.get(signature.target, ())

"""A search over the fields of network and training: its space and number of trials."""

import math
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import Discriminator, Field, Tag, create_model, field_validator, model_serializer, model_validator

from gru_tf.experiment.specs import network, training
from gru_tf.experiment.specs.network import ModelSpec
from gru_tf.experiment.specs.spec import Positive, Scalar, Seed, Spec
from gru_tf.experiment.specs.training import TrainingSpec

FACTOR = 3  # Hyperband keeps one trial in three


class Range(Spec):
    """Numbers from `low` to `high`, drawn evenly ("linear") or evenly in their logarithm ("log")."""

    low: float
    high: float
    sampling: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"expected low < high. Received: low {self.low:g}, high {self.high:g}")
        if self.sampling == "log" and self.low <= 0:
            raise ValueError(f"expected low > 0 with sampling: log. Received: {self.low:g}")
        return self

    def ends(self, integer: bool) -> tuple[float, float] | tuple[int, int]:
        """(low, high), as whole numbers where the hyperparameter takes these."""
        if integer and self.low.is_integer() and self.high.is_integer():
            return int(self.low), int(self.high)
        return self.low, self.high


Values = Annotated[tuple[Scalar | None, ...], Field(strict=False, min_length=1)]
NOT_SEARCHED = (
    "budget",
    "counted",
    "seconds",
    "refit",
    "deterministic",
    "start",
    "frozen",
    "sha256",
    "quantiles",
    "evaluate_every",
    "fresh",
    "monitor",
    "select",
    "stop_at",
    "validation",
)  # protocol, not network or recipe
LATER = (*network.LATER, *training.LATER)
MODEL = tuple(name for name in ModelSpec.model_fields if name not in NOT_SEARCHED)
BUDGETS = ("units", "parameters", "layers", "epochs", "steps")  # what a network may cost is the user's to bound
BOUND = ("momentum", "teacher_forcing", "teacher_forcing_end")  # whose possible values depend on other fields
TRAINING = tuple(name for name in TrainingSpec.model_fields if name not in NOT_SEARCHED)
Axis = Annotated[
    Annotated[Values, Tag("list")] | Annotated[Range, Tag("Range")],
    Discriminator(
        lambda value: {dict: "Range", Range: "Range", list: "list", tuple: "list"}.get(type(value)),
        custom_error_type="axis_type",
        custom_error_message="a list or a range",
    ),
]


class Axes(Spec):
    """What a space is made from: it leaves out of a dump what could not always be searched, where it is not searched."""

    @model_serializer(mode="wrap")
    def _as_before(self, inner: Any) -> dict[str, Any]:
        fields: dict[str, Any] = inner(self)
        return {name: axis for name, axis in fields.items() if axis is not None or name not in LATER}


Space = create_model("Space", __base__=Axes, **dict.fromkeys(MODEL + TRAINING, (Axis | None, None)))  # type: ignore[call-overload]


def is_integer(name: str) -> bool:
    """Whether a hyperparameter takes whole numbers."""
    field = (ModelSpec if name in MODEL else TrainingSpec).model_fields[name]
    parts = (field.annotation, *get_args(field.annotation))
    return any(part is int or get_args(part)[:1] == (int,) for part in parts)  # int, int | None, Positive | None


class SearchSpec(Spec):
    """The search of each (task, cell), with the same draws for all of them.

    Args:
        tuner: which of Keras Tuner's oracles proposes the trials.
        trials: configurations tried in each search; Hyperband sets their number itself, from `training.epochs`, the most
            epochs of a trial.
        space: hyperparameter → list of values, or {low, high, sampling}; any field of the model and the training.
        seed: of the draws and of each trial's training; never one of the final seeds.
        shared: whether one search serves all final seeds. What they show is then conditional on that search: another one
            might have chosen otherwise. By default each final seed is a replicate of the whole pipeline, with a search of
            its own (Bouthillier and others 2021, arXiv 2103.03098); trials are then trained with `seed` plus the final one.
        widen: whether a range is widened for all cells of a task alike where one of them chooses values at its end, see
            `gru_tf.suite.widening`. Only the ranges of a random search that is not shared are, and none of units,
            parameters, layers, epochs and steps, of momentum, and of teacher forcing.
    """

    tuner: Literal["random", "bayesian", "grid", "hyperband"] = "random"
    trials: Positive | None = None
    space: Space
    seed: Seed = 1000
    shared: bool = False
    widen: bool = True

    @field_validator("space")
    @classmethod
    def _something_to_search(cls, space: Any) -> Any:
        if all(axis is None for _, axis in space):
            raise ValueError(f"expected at least one hyperparameter. Received: none. Fields: {', '.join(MODEL + TRAINING)}")
        return space

    @model_validator(mode="after")
    def _trials(self) -> Self:
        if (self.trials is None) != (self.tuner == "hyperband"):
            left_out = "to be left out: Hyperband sets their number"
            raise ValueError(f"expected 'trials' {left_out if self.trials else '(how many configurations to try)'}")
        if self.tuner == "hyperband" and "epochs" in self.axes:
            raise ValueError("space.epochs: expected it to be left out: Hyperband sets the epochs of each trial")
        return self

    def expected_trials(self, epochs: int) -> int:
        """Number of trials, or of Hyperband's rounds in all (Li et al. 2018, arXiv 1603.06560, algorithm 1)."""
        if self.trials is not None:
            return self.trials
        brackets = 1 + int(math.log(epochs, FACTOR) + 1e-9)
        last = math.ceil(1 + math.log(epochs, FACTOR))
        return sum(math.ceil(last / (b + 1) * FACTOR ** (b - r)) for b in range(brackets) for r in range(b + 1))

    def seed_for(self, final: int) -> int:
        """The seed that the trials are trained with whose search serves a final seed."""
        return self.seed if self.shared else self.seed + final

    def drawing_for(self, final: int, step: int = 0) -> int:
        """The seed of the draws of that search; `step` counts the times that its ranges were widened.

        Keras Tuner adds 1 to its seed at each draw: from one seed and the next it draws the same, moved by one trial. So
        those of replicates are spread out.
        """
        if self.shared:
            return self.seed
        place = [self.seed, final, step] if step else [self.seed, final]
        return int(np.random.SeedSequence(place).generate_state(1)[0])

    @property
    def wideable(self) -> dict[str, Range]:
        """The ranges that may be widened."""
        if not self.widen or self.shared or self.tuner != "random":
            return {}
        left = (*BUDGETS, *BOUND)
        return {name: axis for name, axis in self.axes.items() if isinstance(axis, Range) and name not in left}

    @property
    def axes(self) -> dict[str, Range | tuple[Scalar | None, ...]]:
        """Hyperparameter → its values, in the order of the fields."""
        return {name: getattr(self.space, name) for name in MODEL + TRAINING if getattr(self.space, name) is not None}

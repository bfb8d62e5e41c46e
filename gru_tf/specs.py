"""The parts of an experiment as data: a choice of cell or task, the network, the training, the search."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    create_model,
    field_validator,
    model_serializer,
    model_validator,
)

from gru_tf.errors import did_you_mean, shown
from gru_tf.tasks import MetricName

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what NumPy's legacy generator, which Keras seeds as well, can take
Scalar = bool | int | float | str
Names = Annotated[tuple[str, ...], Field(strict=False)]  # a list in YAML; a tuple here, so that what has it can be hashed
Settings = Mapping[str, Scalar | None]


def _of_names(value: Any) -> Any:
    if isinstance(value, list) and not all(isinstance(name, str) for name in value):
        raise ValueError(f"received {shown(value)}, expected a list of text only")
    return value


Option = Annotated[Scalar | Names, BeforeValidator(_of_names)]


class Spec(BaseModel):
    """A part of an experiment: frozen, strict in types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def but(self, **changes: Any) -> Self:
        """A copy with these fields changed, validated again."""
        return type(self).model_validate({**self.model_dump(), **changes})


DIAGNOSTICS = ("gates", "saturation", "memory", "gradients")


def _diagnostics(value: Any) -> Any:
    """`true` for all of them, `false` or null for none, or a list of names; always in the same order."""
    if value is None or isinstance(value, bool):
        return DIAGNOSTICS if value else ()
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"received {shown(value)}, expected true, false or a list of {', '.join(DIAGNOSTICS)}")
    for name in value:
        if name not in DIAGNOSTICS:
            near = did_you_mean(str(name), DIAGNOSTICS)
            raise ValueError(f"received {shown(name)}, expected one of {', '.join(DIAGNOSTICS)}.{near}")
        if value.count(name) > 1:
            raise ValueError(f"expected each name once. Received: '{name}' {value.count(name)} times")
    return tuple(name for name in DIAGNOSTICS if name in value)


Diagnosed = Annotated[tuple[str, ...], BeforeValidator(_diagnostics)]


def _claims(value: Any) -> Any:
    """One claim or a list of them; null for none."""
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"received {shown(value)}, expected a list of claims, such as 'gru.score > rnn.score'")
    for claim in value:
        if value.count(claim) > 1:
            raise ValueError(f"expected each claim once. Received: {shown(claim)} {value.count(claim)} times")
    return tuple(value)


Claims = Annotated[tuple[str, ...], BeforeValidator(_claims)]


OF_FILES = ("path", "test_path")  # options that name a user's own files
PINNED = "sha256"  # and the option that says which content they had


class Choice(Spec):
    """A task or a cell by name, with its options; in YAML `adding` or `adding: {length: 100}`."""

    name: str
    options: dict[str, Option] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and len(value) == 1 and not value.keys() & {"name", "options"}:
            name, options = next(iter(value.items()))
            return {"name": name, "options": {} if options is None else options}
        if isinstance(value, Choice) or (isinstance(value, dict) and "name" in value):
            return value
        raise ValueError(
            f"received {shown(value)}, expected a name, or one name with its options: 'name: {{option: value}}'"
        )

    @property
    def label(self) -> str:
        """Name with its options, e.g. "adding(length=100)"; what tables show and pairs are formed by."""
        return self._named(self.options)

    @property
    def title(self) -> str:
        """The label without folders and checksums of a user's files: what is read, and what random numbers follow from.

        The same file elsewhere, or one more row in it, changes no draw.
        """
        return self._named({k: Path(str(v)).name if k in OF_FILES else v for k, v in self.options.items() if k != PINNED})

    def _named(self, options: Mapping[str, Any]) -> str:
        named = ", ".join(f"{k}={_listed(v)}" for k, v in sorted(options.items()))
        return f"{self.name}({named})" if named else self.name


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Published(Spec):
    """A number that others have published, to stand beside ours.

    Args:
        task, cell: whose number, as a claim names them.
        metric: what it is; the task's own metric if null.
        value: the number.
        tag: where it comes from: "read" in the paper's text, "quoted" in another text, or "recalled" from memory of the
            paper. It is shown wherever the number is.
        source: the paper.
        differs: what is otherwise in its protocol, such as "T = 600, 70K parameters"; null where nothing is known to be.
            It is shown wherever the number is.
    """

    task: str
    cell: str
    metric: MetricName | None = None
    value: float
    tag: Literal["read", "quoted", "recalled"]
    source: str
    differs: Annotated[str, Field(min_length=1)] | None = None


STARTING = ("start", "from", "frozen", "sha256")  # what a `ModelSpec` says of a file to start from


class ModelSpec(Spec):
    """The network around a cell.

    Args:
        units: size of each layer's state; or
        parameters: budget of weights, head included, from which the units follow.
        budget: "size" (the same units or parameters), or "seconds": also the same training time, `training.seconds`.
        layers: depth of the stack.
        bidirectional: whether a second stack reads the sequence backwards.
        dropout: share of each recurrent layer's output that is dropped in training, in [0, 1).
        implementation: "stock" (as shipped: Keras' own layer, cuDNN on a GPU, or a parallel scan; this project's cell
            where there is neither) or "custom" (this project's cell, step by step: the same implementation for all).
        start: in YAML `from`: file of a trained stack, any that `gru_tf.import_model` reads, that is the recurrent part
            instead; units, layers and directions follow from it, see `gru_tf.starting_point`.
        frozen: whether that part keeps its weights while the rest learns.
        sha256: first 16 digits of the file's checksum; filled in when an experiment is loaded.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    units: Positive | None = None
    parameters: Positive | None = None
    budget: Literal["size", "seconds"] = "size"
    layers: Positive = 1
    bidirectional: bool = False
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    implementation: Literal["stock", "custom"] = "stock"
    start: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="from")
    frozen: bool = False
    sha256: str = ""

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.start is not None:
            return self._sized_by_its_file()
        if self.frozen or self.sha256:
            raise ValueError(f"expected 'from', a file, beside '{'frozen' if self.frozen else PINNED}'. Received: none")
        if (self.units is None) == (self.parameters is None):
            both = "neither" if self.units is None else "both"
            raise ValueError(f"expected one of 'units' and 'parameters'. Received: {both}")
        return self

    def _sized_by_its_file(self) -> Self:
        given = {"units": self.units, "parameters": self.parameters, "layers": self.layers > 1}
        for name, value in {**given, "bidirectional": self.bidirectional}.items():
            if value:
                raise ValueError(f"expected no '{name}' beside 'from', whose file says it. Received: {getattr(self, name)}")
        return self

    @model_serializer(mode="wrap")
    def _as_in_yaml(self, inner: Any) -> dict[str, Any]:
        """Without what says nothing where there is no file to start from: runs keep the fingerprints they had before."""
        found: dict[str, Any] = inner(self)
        start = {"from" if name in ("start", "from") else name: found.pop(name) for name in STARTING if name in found}
        return found if self.start is None else {**found, **start}

    @property
    def size(self) -> str:
        """The size in words, e.g. "12,000 parameters"."""
        if self.start is not None:
            return f"the size of {Path(self.start).name}, {'frozen' if self.frozen else 'fine-tuned'}"
        return f"{self.parameters:,} parameters" if self.parameters else f"{self.units} units"


class TrainingSpec(Spec):
    """How a network is trained.

    Args:
        epochs: passes over the training split; not read where `seconds` is given.
        seconds: training time, for `model.budget: seconds`; training ends with the epoch that comes nearest to it.
        batch_size: sequences a step.
        learning_rate: of the optimiser.
        clip_norm: largest norm of a gradient; null for none.
        clip: whether the norm is that of all gradients together ("global") or of each weight's ("weight").
        optimizer: "adam", "rmsprop" or "sgd", with Keras' defaults.
        patience: epochs without a better validation metric before training stops; null for none.
        jit: "auto" (XLA, except for a layer that takes cuDNN), true or false.
        deterministic: whether TensorFlow's deterministic kernels are required.
    """

    epochs: Positive = 10
    seconds: Annotated[float, Field(gt=0)] | None = None
    batch_size: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    clip_norm: Annotated[float, Field(gt=0)] | None = 1.0
    clip: Literal["global", "weight"] = "global"
    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    patience: Positive | None = None
    jit: Literal["auto"] | bool = "auto"
    deterministic: bool = True


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


FACTOR = 3  # Hyperband keeps one trial in three
Values = Annotated[tuple[Scalar | None, ...], Field(strict=False, min_length=1)]
NOT_SEARCHED = ("budget", "seconds", "deterministic", "start", "frozen", "sha256")  # the protocol, not network or recipe
MODEL = tuple(name for name in ModelSpec.model_fields if name not in NOT_SEARCHED)
TRAINING = tuple(name for name in TrainingSpec.model_fields if name not in NOT_SEARCHED)
Axis = Annotated[
    Annotated[Values, Tag("list")] | Annotated[Range, Tag("Range")],
    Discriminator(
        lambda value: {dict: "Range", Range: "Range", list: "list", tuple: "list"}.get(type(value)),
        custom_error_type="axis_type",
        custom_error_message="a list or a range",
    ),
]
Space = create_model("Space", __base__=Spec, **dict.fromkeys(MODEL + TRAINING, (Axis | None, None)))  # type: ignore[call-overload]


def is_integer(name: str) -> bool:
    """Whether a hyperparameter takes whole numbers."""
    field = (ModelSpec if name in MODEL else TrainingSpec).model_fields[name]
    parts = (field.annotation, *get_args(field.annotation))
    return any(part is int or get_args(part)[:1] == (int,) for part in parts)  # int, int | None, Positive | None


class SearchSpec(Spec):
    """The search of each (task, cell), the same for all of them.

    Args:
        tuner: which of Keras Tuner's oracles asks for the trials.
        trials: configurations tried for each (task, cell); Hyperband sets their number itself, from `training.epochs`
            as the most epochs that a trial gets.
        space: hyperparameter → list of values, or {low, high, sampling}; any field of the model and the training.
        seed: of the draws and of each trial's training; never one of the final seeds.
    """

    tuner: Literal["random", "bayesian", "grid", "hyperband"] = "random"
    trials: Positive | None = None
    space: Space
    seed: Seed = 1000

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

    @property
    def axes(self) -> dict[str, Range | tuple[Scalar | None, ...]]:
        """Hyperparameter → its values, in the order of the fields."""
        return {name: getattr(self.space, name) for name in MODEL + TRAINING if getattr(self.space, name) is not None}

"""The options of a comparison, once: from them follow the command, the Python function and what belongs to which data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict, get_args, get_type_hints

from gru_tf.foundation import option_spelling

Section = Literal["data", "forecast", "sequences", "texts", "comparison"]
TITLES: dict[Section, str] = {"forecast": "Forecast", "sequences": "Sequences", "texts": "Texts", "comparison": "Comparison"}
ALL = ("forecast", "sequences", "texts")


@dataclass(frozen=True)
class Option:
    """What is known of an option beside its name and type.

    Args:
        section: where the command's help lists it; "data" is for data of every kind.
        metavar: what stands for the value in that help; "…,…" where several values are separated by commas.
        help: what it is in a few words, for the command.
        description: the same for Python; the few words if "".
        kinds: the kinds of data that have it; that of its section if None.
        least: smallest number, which the command checks; Python leaves that to the task.
        switch: "--this/--opposite" of an option without a value.
    """

    section: Section
    metavar: str
    help: str
    description: str = ""
    kinds: tuple[str, ...] | None = None
    least: int | None = None
    switch: str = ""

    @property
    def belongs_to(self) -> tuple[str, ...]:
        """The kinds of data that have it; empty for what is no matter of the data, such as seeds."""
        if self.kinds is not None:
            return self.kinds
        return (self.section,) if self.section in ALL else ()

    @property
    def commas(self) -> bool:
        """Whether the command takes several values in one argument, separated by commas; a list without is repeatable."""
        return self.metavar.endswith(",…")


Text = str | None
Texts = str | Sequence[str] | None
Count = int | None
Number = float | None
CELLS = ("rnn", "lstm", "gru")  # that are compared by default

# what Python's documentation says where the few words of the command's help are not enough
HOW = "refuse (default), drop, forward, interpolate, mean"
MISSING = f"how to treat missing values: {HOW}"
WHAT = '"forecast", "class", "value" or "text"; inferred from the data if None'
GROUP = "column of independent series; for sequences and texts, of what no two splits share, e.g. a person"
SEASON = "steps in a season, which the seasonal naive baseline repeats; 0 for none"
CHANGE = "whether to predict the change from the last value of the window, not the value itself"
LABEL = "column, or array, to predict"
ID = "column that is equal in all rows of a sequence"
ORDER = "column that sorts the rows of a sequence"
FEATURES = "input columns, or the array of the inputs; all other columns if None"
NAMES = f"names from `gru-tf list cells`; {', '.join(CELLS)} if None"
BUDGET = "parameter budget of each network, head included"
MINUTES = "minutes for which replicates go on, instead of a number of `seeds`; where they are raised, the same call goes on"
SPLIT = (
    'whether each seed draws its own test part, "drawn", or all have the same, "fixed"; where there are 5 seeds or more and'
    ' no test data, "drawn" if None'
)
UNITS = "units of each network, instead of a budget of `parameters`"


class ComparisonOptions(TypedDict, total=False):
    """Every option of `gru_tf.compare` and `gru-tf compare` on data and protocol; one that is left out is inferred."""

    kind: Annotated[Text, Option("data", "KIND", "forecast, class, value or text", WHAT, kinds=())]
    target: Annotated[Texts, Option("forecast", "COLUMN", "column to predict; repeatable", "column or columns to predict")]
    time: Annotated[Text, Option("forecast", "COLUMN", "column of times")]
    group: Annotated[Text, Option("data", "COLUMN", "separate series, or rows kept in one split", GROUP, kinds=ALL)]
    covariates: Annotated[Texts, Option("forecast", "COLUMN,…", "additional input columns")]
    window: Annotated[Count, Option("forecast", "N", "steps in an input window", least=1)]
    horizon: Annotated[Count, Option("forecast", "N", "steps to predict", least=1)]
    stride: Annotated[Count, Option("forecast", "N", "train on every Nth window", "train on one window in so many", least=1)]
    season: Annotated[Count, Option("forecast", "N", "steps in a season; 0 for none", SEASON, least=0)]
    relative: Annotated[
        bool | None, Option("forecast", "", "predict the change, or the value", CHANGE, switch="--relative/--absolute")
    ]
    text: Annotated[Text, Option("texts", "COLUMN", "column of texts; with --label", "column of texts")]
    label: Annotated[Text, Option("sequences", "COLUMN", "column to predict", LABEL, kinds=("sequences", "texts"))]
    id: Annotated[Text, Option("sequences", "COLUMN", "equal in all rows of a sequence", ID)]
    order: Annotated[Text, Option("sequences", "COLUMN", "sorts the rows of a sequence", ORDER)]
    features: Annotated[Texts, Option("sequences", "COLUMN,…", "input columns (default: all others)", FEATURES)]
    missing: Annotated[Text, Option("data", "HOW", f"missing values: {HOW}", MISSING, kinds=("forecast", "sequences"))]
    cells: Annotated[Texts, Option("comparison", "NAME,…", f"from 'gru-tf list' (default: {','.join(CELLS)})", NAMES)]
    parameters: Annotated[Count, Option("comparison", "N", "parameter budget of each network", BUDGET, least=1)]
    units: Annotated[Count, Option("comparison", "N", "units of each network, instead of a budget", UNITS, least=1)]
    trials: Annotated[Count, Option("comparison", "N", "search trials per cell; 0 for none", least=0)]
    seeds: Annotated[Count, Option("comparison", "N", "replicates of each cell; by default until it is decided", least=1)]
    minutes: Annotated[Number, Option("comparison", "N", "how long replicates go on until it is decided", MINUTES)]
    split: Annotated[Text, Option("comparison", "HOW", "drawn by each seed, or fixed", SPLIT)]
    epochs: Annotated[Count, Option("comparison", "N", "maximum epochs of a run", least=1)]
    batch_size: Annotated[Count, Option("comparison", "N", "sequences per training step", least=1)]


HINTS: Mapping[str, Any] = get_type_hints(ComparisonOptions, include_extras=True)
TYPES: Mapping[str, Any] = get_type_hints(ComparisonOptions)
OPTIONS: Mapping[str, Option] = {name: hint.__metadata__[0] for name, hint in HINTS.items()}
PROTOCOL = tuple(name for name, option in OPTIONS.items() if option.section == "comparison")
COUNTS = tuple(name for name, kind in TYPES.items() if int in get_args(kind))
LISTS = tuple(name for name, kind in TYPES.items() if Sequence[str] in get_args(kind))
COLUMNS = tuple(name for name, option in OPTIONS.items() if option.metavar.startswith("COLUMN"))


def options_of(kind: str) -> tuple[str, ...]:
    """The names of the options that data of a kind have: "forecast", "sequences" or "texts"."""
    return tuple(name for name, option in OPTIONS.items() if kind in option.belongs_to)


def only_of(kind: str) -> tuple[str, ...]:
    """The names of the options that no other kind has, so that they tell the kind."""
    return tuple(name for name, option in OPTIONS.items() if option.belongs_to == (kind,))


def flag(name: str) -> str:
    """How the command spells the option that changes what was inferred: "--batch-size", and "--absolute" for relative."""
    return OPTIONS[name].switch.rpartition("/")[2] or option_spelling.flag(name)

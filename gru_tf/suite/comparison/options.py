"""The options of a comparison, once: from them follow the command, the Python function and what belongs to which data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict, get_args, get_type_hints

from gru_tf.foundation import option_spelling

Section = Literal["data", "forecast", "sequences", "texts", "comparison"]
TITLES: dict[Section, str] = {"forecast": "Forecast", "sequences": "Sequences", "texts": "Texts", "comparison": "Comparison"}
ALL = ("forecast", "sequences", "texts")
STEPPED = ("forecast", "sequences")


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
TIME = "column of times, or the columns of a date and an hour, of year and month, or of other parts of a time"
ZONE = "time zone of times that are written without one, e.g. Europe/Berlin"
DATES = 'what comes first in dates such as 01/02/2020, "day-first" or "month-first"'
GAPS = 'windows in which times are missing: "leave_out" (default), or "stretch", which counts rows, not time'
COVARIATES = 'additional input columns; "hour", "weekday" and "month" are made of the times where no column is called so'
SEASON = "steps in a season, which the seasonal naive baseline repeats; 0 for none"
CHANGE = "whether to predict the change from the last value of the window, not the value itself"
READ = 'which words of a text longer than 200 are read, the "first" (default) or the "last"'
LABEL = "column, or array, to predict"
PER_STEP = (
    "whether every step has a label, or none where it is missing, and a prediction is made at every step, from one sequence"
    " to another; if None where labels change within most sequences, other than by counting down; false: each step is"
    " predicted from the last steps alone, a `window`"
)
LABELS = "further columns of values at each step, beside `label`, with `per_step`"
ID = "column that is equal in all rows of a sequence"
ORDER = "column that sorts the rows of a sequence"
FEATURES = "input columns, or the array of the inputs; all other columns if None"
NAMES = f"names from `gru-tf list cells`; {', '.join(CELLS)} if None"
BUDGET = "parameter budget of each network, head included"
MINUTES = (
    "minutes after which training ends, decided or not, instead of a number of `seeds`; the first replicate's search has"
    " half of them at most; 10 if neither is given; where they are raised, the same call goes on"
)
SPLIT = (
    'what tells training, validation and test apart: "time" (the last ones test), "group" (none is in two parts; without a'
    ' column of groups, windows that overlap are kept together) or "random"; inferred if None'
)
DRAWS = (
    'whether each seed draws its own test part, "drawn", or all have the same, "fixed"; where there are 5 seeds or more and'
    ' no test data, "drawn" if None'
)
QUOTING = (
    'what a quote means in files of text: "standard", the beginning of a text that may span lines, or "none", a character as'
    " any other; what fits the file if None"
)
LAYOUT = '"long", a row a step; "wide", a row a sequence or series; "columns", a column a series; inferred if None'
WINDOW = "steps in an input window; for sequences: steps up to each label, where every step has one"
UNITS = "units of each network, instead of a budget of `parameters`"


KNOWN = (
    "covariates that are known in advance, such as holidays or prices: they are read of the rows that are forecast, which"
    " new data must have as well, without the target"
)
BACKTEST = (
    "cut-offs of a rolling-origin backtest: the test share is cut into so many parts, each forecast by models that know what"
    " came before; one a seed"
)
SCALING = (
    'scale of a forecast\'s numbers: of the whole "table", of each "series" (its mean and deviation in training), "robust"'
    ' (its median and quartiles), or of each "window" or "window-robust"; if None by series where there are several, and the'
    " search also tries networks that scale each window"
)
INTERVALS = (
    'prediction intervals of forecasts and values: "conformal" (default), all of one width, or "quantile": networks learn'
    " the median, which is then their forecast, and ends that are as far from it as the inputs tell"
)
METRIC = (
    "metric that chooses and that is tested: of forecasts rmse, mae, mape, smape or mase; of classes accuracy,"
    " balanced_accuracy, macro_f1 or roc_auc; of values rmse or mae"
)


class ComparisonOptions(TypedDict, total=False):
    """Every option of `gru_tf.compare` and `gru-tf compare` on data and protocol; one that is left out is inferred."""

    kind: Annotated[Text, Option("data", "KIND", "forecast, class, value or text", WHAT, kinds=())]
    target: Annotated[Texts, Option("forecast", "COLUMN", "column to predict; repeatable", "column or columns to predict")]
    time: Annotated[Texts, Option("forecast", "COLUMN,…", "column of times, or of date and hour", TIME)]
    zone: Annotated[Text, Option("forecast", "ZONE", "of the times, e.g. Europe/Berlin", ZONE)]
    dates: Annotated[Text, Option("forecast", "ORDER", "of dates in numbers: day-first, month-first", DATES)]
    gaps: Annotated[Text, Option("forecast", "HOW", "windows with missing times: leave_out, stretch", GAPS)]
    group: Annotated[Text, Option("data", "COLUMN", "separate series, or rows kept in one split", GROUP, kinds=ALL)]
    split: Annotated[Text, Option("data", "HOW", "by time, group or random", SPLIT, kinds=ALL)]
    layout: Annotated[Text, Option("data", "HOW", "long, wide (a row each), columns", LAYOUT, kinds=STEPPED)]
    quoting: Annotated[Text, Option("data", "HOW", "quotes in text files: standard, none", QUOTING, kinds=ALL)]
    covariates: Annotated[Texts, Option("forecast", "COLUMN,…", "more inputs: columns, hour, weekday, month", COVARIATES)]
    known: Annotated[Texts, Option("forecast", "COLUMN,…", "covariates that are known in advance", KNOWN)]
    window: Annotated[Count, Option("data", "N", "steps in an input window", WINDOW, kinds=STEPPED, least=1)]
    horizon: Annotated[Count, Option("forecast", "N", "steps to predict", least=1)]
    stride: Annotated[
        Count, Option("data", "N", "train on every Nth window", "train on one window in so many", kinds=STEPPED, least=1)
    ]
    season: Annotated[Count, Option("forecast", "N", "steps in a season; 0 for none", SEASON, least=0)]
    backtest: Annotated[Count, Option("forecast", "N", "cut-offs of a rolling-origin backtest", BACKTEST, least=0)]
    relative: Annotated[
        bool | None, Option("forecast", "", "predict the change, or the value", CHANGE, switch="--relative/--absolute")
    ]
    scaling: Annotated[Text, Option("forecast", "HOW", "table, series, robust, window or window-robust", SCALING)]
    text: Annotated[Text, Option("texts", "COLUMN", "column of texts; with --label", "column of texts")]
    read: Annotated[Text, Option("texts", "WHICH", "words of long texts: first, last", READ)]
    label: Annotated[Text, Option("sequences", "COLUMN", "column to predict", LABEL, kinds=("sequences", "texts"))]
    labels: Annotated[Texts, Option("sequences", "COLUMN,…", "further values at each step", LABELS)]
    per_step: Annotated[
        bool | None,
        Option("sequences", "", "a label at every step, or windows", PER_STEP, switch="--per-step/--windowed"),
    ]
    id: Annotated[Text, Option("sequences", "COLUMN", "equal in all rows of a sequence", ID)]
    order: Annotated[Text, Option("sequences", "COLUMN", "sorts the rows of a sequence", ORDER)]
    features: Annotated[Texts, Option("sequences", "COLUMN,…", "input columns (default: all others)", FEATURES)]
    missing: Annotated[Text, Option("data", "HOW", f"missing values: {HOW}", MISSING, kinds=("forecast", "sequences"))]
    metric: Annotated[Text, Option("data", "NAME", "metric to choose and to test by", METRIC, kinds=ALL)]
    intervals: Annotated[Text, Option("data", "HOW", "prediction intervals: conformal, quantile", INTERVALS, kinds=ALL)]
    cells: Annotated[Texts, Option("comparison", "NAME,…", f"from 'gru-tf list' (default: {','.join(CELLS)})", NAMES)]
    parameters: Annotated[Count, Option("comparison", "N", "parameter budget of each network", BUDGET, least=1)]
    units: Annotated[Count, Option("comparison", "N", "units of each network, instead of a budget", UNITS, least=1)]
    trials: Annotated[Count, Option("comparison", "N", "search trials per cell; 0 for none", least=0)]
    seeds: Annotated[Count, Option("comparison", "N", "replicates of each cell; by default until it is decided", least=1)]
    minutes: Annotated[
        Number, Option("comparison", "N", "training ends after N minutes, decided or not (default: 10)", MINUTES)
    ]
    draws: Annotated[Text, Option("comparison", "HOW", "test parts drawn by each seed, or fixed", DRAWS)]
    epochs: Annotated[Count, Option("comparison", "N", "maximum epochs of a run", least=1)]
    batch_size: Annotated[Count, Option("comparison", "N", "sequences per training step", least=1)]


HINTS: Mapping[str, Any] = get_type_hints(ComparisonOptions, include_extras=True)
TYPES: Mapping[str, Any] = get_type_hints(ComparisonOptions)
OPTIONS: Mapping[str, Option] = {name: hint.__metadata__[0] for name, hint in HINTS.items()}
PROTOCOL = tuple(name for name, option in OPTIONS.items() if option.section == "comparison")
COUNTS = tuple(name for name, kind in TYPES.items() if int in get_args(kind))
LISTS = tuple(name for name, kind in TYPES.items() if Sequence[str] in get_args(kind))
APART = ("kind", "scaling", "metric", "intervals")  # options that are no options of a task under their own names
COLUMNS = tuple(name for name, option in OPTIONS.items() if option.metavar.startswith("COLUMN"))


def options_of(kind: str) -> tuple[str, ...]:
    """The names of the options that data of a kind have: "forecast", "sequences" or "texts"."""
    return tuple(name for name, option in OPTIONS.items() if kind in option.belongs_to)


def only_of(kind: str) -> tuple[str, ...]:
    """The names of the options that no other kind has, so that they tell the kind."""
    own = {"forecast": ("window", "stride")}  # a forecast, unless another option says that they are sequences
    return tuple(n for n, option in OPTIONS.items() if option.belongs_to == (kind,) or n in own.get(kind, ()))


def flag(name: str) -> str:
    """How the command spells the option that changes what was inferred: "--batch-size", and "--absolute" for relative."""
    switch = OPTIONS[name].switch if name in OPTIONS else ""
    return switch.rpartition("/")[2] or option_spelling.flag(name)

"""The pages of tasks: what each one is, from its docstrings, and what was measured on it, from docs/tasks/measured.json."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gru_tf.analysis.statistics import Interval
from gru_tf.commands import listing
from gru_tf.experiment import yaml_file
from gru_tf.experiment.specs import OF_FILES
from gru_tf.tasks import TASKS, Task, create
from pages import docstrings
from pages.docstrings import prose

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS, FOLDER = ROOT / "experiments", ROOT / "docs" / "tasks"
MEASURED = FOLDER / "measured.json"


class Page(NamedTuple):
    """A page: its heading, what its tasks share, and their names."""

    heading: str
    about: str
    tasks: tuple[str, ...]


PAGES = {
    "memory": Page(
        "Memory",
        "Sequences drawn from the run's seed, so no two seeds see the same ones, and nothing is downloaded; the strings of"
        " `counting` alone are the same for all seeds. Each task has a"
        ' further test split, "longer", recorded in the store as `test_longer_…`, its baseline as `chance_longer_…`: does'
        " a network trained on short sequences generalise to longer ones?",
        (
            *("adding", "copy_memory", "temporal_order", "parity", "selective_copy", "delayed_recall"),
            *("counting", "modular_arithmetic", "reverse_string"),
        ),
    ),
    "music": Page("Music", "Which notes sound next, of many that may sound together.", ("polyphonic",)),
    "images": Page("Images as sequences", "An image read pixel by pixel or row by row.", ("digits", "mnist")),
    "language": Page(
        "Language",
        "Models of a long text, read in consecutive parts with the network's state carried over; sentiment of short texts.",
        ("penn_treebank", "tiny_shakespeare", "sst2", "imdb"),
    ),
    "translation": Page("Translation", "A network that reads a sentence and writes its translation.", ("multi30k",)),
    "speech": Page("Speech", "Recordings, as log-mel features.", ("spoken_digits",)),
    "forecasting": Page(
        "Forecasting",
        "The next steps of a series. The baseline is the better of two naive forecasts: the last value, and the seasonal"
        " naive forecast. The data are the same for every seed, which sets only initialisation, dropout and order; the"
        " series of `waves` alone are drawn from the seed.",
        ("ett", "airline", "sunspots", "temperatures", "waves"),
    ),
    "series": Page("Time series classification", "Which class does a whole series belong to?", ("ucr",)),
}
MORE = {"penn_treebank": ("penn_treebank_words",)}  # experiments beside the one that has its task's name
SOLVED = {
    "accuracy": "1: every prediction is right",
    "nll": "0: certain of every target, and right",
    "bpc": "0: certain of every target, and right, which no text allows",
    "perplexity": "1: certain of every target, and right, which no text allows",
    "bleu": "100: the reference, word for word",
    "mse": "0: no error",
    "rmse": "0: no error",
}


INDEX = """# Tasks

Each with an experiment in which a GRU beats the baseline, except `counting`, which it does not learn.

*gru* is the mean over seeds of the test metric at the best validation epoch, with its 95 % interval; *baseline* is the
metric, on the same split, of a prediction that learns nothing from the inputs, such as the majority class or a naive
forecast; *without a network* is the best of the models that need no recurrent network, [bold where it is significantly
better](../explanation/no_network.md) than the best cell. Networks, data and epochs are small enough for minutes without a
GPU: the experiments show that a task is learned, not how well it can be. Each page says what was tuned.

Data are downloaded when first used; `GRU_TF_DATA` names folders that already have them. Times are the total of all runs on
one worker, while other work shared its two cores, more in some runs than in others: read them as an order of magnitude.

| task | question, command, time | metric | baseline | gru [95 % interval] | without a network |
|---|---|---|---|---|---|"""
ORIGIN = "Generated from the code and [`measured.json`](measured.json) when the site is built.\n"


def on_own_files(task: str) -> bool:
    """Whether a task needs a user's file: it has no data to be measured on here."""
    fields = TASKS.find(task).model_fields
    return any(fields[option].is_required() for option in OF_FILES if option in fields)


def experiments_of(task: str) -> tuple[str, ...]:
    """The experiments on a task's page, each a file in experiments/."""
    return (task, *MORE.get(task, ()))


def pages(measured: dict[str, Any]) -> dict[str, str]:
    """File name → text."""
    return {"index.md": index(measured), **{f"{stem}.md": "\n".join(_page(page, measured)) for stem, page in PAGES.items()}}


def index(measured: dict[str, Any]) -> str:
    """One row for each experiment."""
    rows = [
        _row(stem, task, name, measured[name])
        for stem, page in PAGES.items()
        for task in page.tasks
        for name in experiments_of(task)
    ]
    listed = ["```{toctree}", ":hidden:", "", *PAGES, "```", ""]
    return "\n".join([INDEX, *rows, "", *_own_files(), ORIGIN, *listed])


def _own_files() -> Iterator[str]:
    names = [f"`{name}`" for name in TASKS.names() if on_own_files(name)]
    if names:
        yield f"Tasks on a user's own files ({', '.join(names)}) have no data here; `gru-tf compare` runs them on yours."
        yield ""


def _row(stem: str, task: str, name: str, numbers: dict[str, Any]) -> str:
    from gru_tf.commands import screen

    arrow, interval = screen.ARROWS[numbers["direction"]], screen.interval(Interval(**numbers["gru"]))
    question = yaml_file.load(EXPERIMENTS / f"{name}.yaml").question
    duration = _duration(numbers["seconds"])
    metric, asked = f"{numbers['metric']}\N{NO-BREAK SPACE}{arrow}", f"{question}<br>`gru-tf run {name}`, {duration}"
    baseline = f"{numbers['chance']:.3g}"
    others = _without(numbers.get("rival"))
    about = f"[{task}]({stem}.md#{task})"
    cells = (about, asked, metric, baseline, interval, others)
    return f"| {' | '.join(cells)} |"


def _without(rival: dict[str, Any] | None) -> str:
    """The best model without a recurrent network, in bold where it is significantly better than the best cell."""
    if rival is None:
        return "–"
    text = f"{rival['model']} {rival['value']:.4g}"
    return f"**{text}**" if rival["verdict"] == "better" else text


def _duration(seconds: float) -> str:
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 95 else f"{max(2, round(seconds / 60))} min"


def _page(page: Page, measured: dict[str, Any]) -> Iterator[str]:
    yield from (f"# {page.heading}", "", prose(page.about), "", *_shared(page))
    for task in page.tasks:
        yield from _section(task, measured)
    yield f"[All tasks](index.md). {ORIGIN}"


def _shared(page: Page) -> Iterator[str]:
    """The docstrings of the modules and classes that its tasks have in common, each once."""
    kinds = [kind for task in page.tasks for kind in reversed(TASKS.find(task).__mro__[1:])]
    bases = [kind for kind in kinds if issubclass(kind, Task) and kind is not Task]
    for words in dict.fromkeys(words for kind in bases for words in (_module(kind), kind.__doc__)):
        yield from (prose(_first(words)), "")


def _module(kind: Any) -> str:
    """The docstring of the module that a class is in."""
    return sys.modules[kind.__module__].__doc__ or ""


def _section(name: str, measured: dict[str, Any]) -> Iterator[str]:
    kind = TASKS.find(name)
    files = ", ".join(f"`{path}`" for path in _files(name)) or "none to fetch"
    yield from (f"## {name}", "", f"*{kind.question}*", "", prose(_first(_module(kind))), "")
    yield from ("### Data and split", "", prose(_first(kind.__doc__)), "", _arrays(kind), "")
    yield from (f"* Source: {prose(kind.reference)}", f"* Licence: {prose(kind.licence)}", f"* Files: {files}", "")
    yield from ("### Metric, baseline and solved", "", prose(_first(kind.metric.__doc__)), "")
    for metric in dict.fromkeys(measured[experiment]["metric"] for experiment in experiments_of(name)):
        yield f"Solved, in {metric}, is {SOLVED[metric]}."
    yield from ("", "### Options", "", *_options(name), "")
    for experiment in experiments_of(name):
        yield from _experiment(experiment, measured[experiment])


def _arrays(kind: Any) -> str:
    """What the docstring says of the arrays, for a reader who has no `rng`."""
    words = prose(_first(kind.splits.__doc__))
    return words.replace("`rng` is not used", "the same for every seed").replace("from `rng`", "from the run's seed")


def _files(name: str) -> list[str]:
    """Paths of what its experiments read."""
    loaded = [yaml_file.load(EXPERIMENTS / f"{e}.yaml").tasks[0] for e in experiments_of(name)]
    return list(dict.fromkeys(path for task in loaded for path in create(task.name, task.options).checksums()))


def _options(name: str) -> Iterator[str]:
    words = described(name)
    yield from ("| option | values, default first | meaning |", "|---|---|---|")
    for option in filter(None, listing.task_options(name).split("; ")):
        key, _, values = option.partition(": ")
        yield f"| `{key}` | {values.replace(' | ', ', ')} | {prose(words[key])} |"


def described(name: str) -> dict[str, str]:
    """Option → its description in the docstrings, those of the task before those of its bases."""
    descriptions: dict[str, str] = {}
    for kind in reversed(TASKS.find(name).__mro__):
        descriptions |= docstrings.arguments(kind.__doc__)
    return {option: descriptions[option] for option in TASKS.find(name).model_fields}


def _experiment(name: str, numbers: dict[str, Any]) -> Iterator[str]:

    file, (train, validation, test, *more) = EXPERIMENTS / f"{name}.yaml", numbers["sizes"].items()
    yield from (f"### `gru-tf run {name}`", "", f"[`experiments/{file.name}`](../../experiments/{file.name}):", "")
    yield from ("```yaml", file.read_text(encoding="utf-8").strip(), "```", "")
    further = "".join(f', and {count:,} in "{part}"' for part, count in more)
    yield f"{train[1]:,} {numbers['unit']} to train on, {validation[1]:,} to validate on, {test[1]:,} to test on{further}."
    yield from ("", "```", *numbers["table"], "", *numbers["notes"], "```", "")
    yield from (line for sentence in numbers["answer"] for line in (prose(sentence), ""))
    versions = " and ".join(f"{package} {version}" for package, version in numbers["versions"].items())
    duration = f"about {_duration(numbers['seconds'])} for all runs"
    yield f"Measured {numbers['date']} with {versions} on a core of an {numbers['device']}, {duration}."
    yield "Other work shared the machine, more in some runs than in others."
    yield ""


def _first(docstring: str | None) -> str:
    """A docstring up to its first heading, without what concerns only callers in Python."""
    return re.sub(r"\s*The\s+first\s+call\s+reads\s+the\s+files?\.", "", docstrings.first(docstring)).strip()

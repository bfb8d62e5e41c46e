"""Writes the pages of docs/tasks from the code and measured.json: `python docs/reference.py`.

`python docs/reference.py --store sqlite:///mlruns/mlflow.db adding digits` first takes the tables of these experiments
(of all, where none is named) from a store that `gru-tf run` filled, so that no number is copied by hand.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from inspect import cleandoc
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from gru_tf.analysis.statistics import Interval
from gru_tf.commands import listing
from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import OF_FILES
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import TASKS, Task, create

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS, FOLDER = ROOT / "experiments", ROOT / "docs" / "tasks"
MEASURED = FOLDER / "measured.json"


class Field(NamedTuple):
    """A page: its heading, what its tasks share, and their names."""

    heading: str
    about: str
    tasks: tuple[str, ...]


FIELDS = {
    "memory": Field(
        "Memory",
        "Sequences drawn from the run's seed, so no two seeds see the same ones, and nothing is downloaded. Each has a"
        ' further test split, "longer", recorded in the store as `test_longer_…` beside `chance_longer_…`: does what was'
        " learned on short sequences hold on longer ones?",
        ("adding", "copy_memory", "temporal_order", "parity", "selective_copy", "delayed_recall"),
    ),
    "music": Field("Music", "What sounds next, of many notes that may sound together.", ("polyphonic",)),
    "images": Field("Images as sequences", "An image read pixel by pixel or row by row.", ("digits", "mnist")),
    "language": Field(
        "Language",
        "Models of a long text, read in consecutive parts with the network's state carried on, and opinions of short texts.",
        ("penn_treebank", "tiny_shakespeare", "sst2", "imdb"),
    ),
    "translation": Field("Translation", "A network that reads a sentence and writes another.", ("multi30k",)),
    "speech": Field("Speech", "Recordings, as log-mel features.", ("spoken_digits",)),
    "forecasting": Field(
        "Forecasting",
        "The next steps of a series. Chance is the better of two forecasts that learn nothing: the last value, and the"
        " season before. The data are the same for every seed, which decides initialisation, dropout and order alone.",
        ("ett", "airline", "sunspots", "temperatures"),
    ),
    "series": Field("Classes of series", "Which class does a whole series belong to?", ("ucr",)),
}
MORE = {"penn_treebank": ("penn_treebank_words",)}  # experiments beside the one that is called as its task
SOLVED = {
    "accuracy": "1: every answer is right",
    "nll": "0: certain of what comes, and right",
    "bpc": "0: certain of what comes, and right, which no text allows",
    "perplexity": "1: certain of what comes, and right, which no text allows",
    "bleu": "100: the reference, word for word",
    "mse": "0: no error",
    "rmse": "0: no error",
}


INDEX = """# The tasks, each with an experiment in which a GRU beats the trivial answer

*gru* is the mean over seeds of the test metric at the best validation epoch, with its 95 % Student-t interval; *chance* is
what the trivial answer gets on the same split. Nothing is searched, and networks, data and epochs are small enough for
minutes without a GPU: the experiments show that a task is learned, not how well it can be.

Data are downloaded when first used; `GRU_TF_DATA` names folders that have them already. Times are those of one worker, all
runs added up, while other work shared its two cores, more in some runs than in others: read them, and the ms/step of the
tables, as an order of magnitude.

| task | the experiment asks | metric | chance | gru [95 % interval] | command | about |
|---|---|---|---|---|---|---|"""
WRITTEN = "Written by `docs/reference.py` from the code and [`measured.json`](measured.json).\n"


def on_own_files(task: str) -> bool:
    """Whether a task cannot do without a file of the user's: it has no data to be shown on here."""
    fields = TASKS.find(task).model_fields
    return any(fields[option].is_required() for option in OF_FILES if option in fields)


def experiments_of(task: str) -> tuple[str, ...]:
    """The experiments that show a task, each a file in experiments/."""
    return (task, *MORE.get(task, ()))


# --- from the store to measured.json ---


def definition(experiment: Experiment) -> dict[str, Any]:
    """What its numbers follow from; what it leaves to the defaults is left out."""
    return experiment.model_dump(
        mode="json", exclude={"name", "question", "diagnostics", "claims", "published"}, exclude_defaults=True
    )


def measure(name: str, store: str) -> dict[str, Any]:
    """What the pages say of a finished experiment; UserError where the store has another one, or a part of it."""
    from gru_tf import suite

    found, experiment = suite.results(name, store), yaml_file.load(EXPERIMENTS / f"{name}.yaml")
    rows = found.table()
    if definition(found.experiment) != definition(experiment) or any(row.seeds < row.wanted for row in rows):
        raise UserError(f"{name}: the store has another definition or a part of it; 'gru-tf run {name}' first")
    gru = next(row for row in rows if row.cell == "gru")
    last = max(found.runs, key=lambda result: result.started)
    metric = create(experiment.tasks[0].name, experiment.tasks[0].options).metric
    return {
        "definition": definition(experiment),
        "metric": gru.metric,
        "direction": gru.direction,
        "chance": gru.chance,
        "solved": metric.solved,
        "gru": gru.test._asdict() if gru.test else None,
        **sizes(experiment),
        "seconds": round(sum(result.seconds for result in found.runs), 1),
        "date": datetime.fromtimestamp(last.started).date().isoformat(),
        "device": last.environment["device"],
        "versions": {package: last.environment["versions"][package] for package in ("tensorflow", "keras")},
        "table": printed(experiment, rows),
    }


def sizes(experiment: Experiment) -> dict[str, Any]:
    """How many sequences each part has, or tokens where it is one text."""
    import numpy as np

    task = create(experiment.tasks[0].name, experiment.tasks[0].options)
    splits, text = task.splits(np.random.default_rng(0)), task.signature.carried
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test, **splits.more}
    counts = {name: int(part.lengths.sum()) if text else len(part) for name, part in parts.items()}
    return {"unit": "tokens" if text else "sequences", "sizes": counts}


def printed(experiment: Experiment, rows: Any) -> list[str]:
    """The lines that `gru-tf results` prints, but for the question."""
    from rich.console import Console

    from gru_tf.commands import screen

    console = Console(file=StringIO(), width=80)
    for block in screen.tables(experiment, rows):
        console.print(block, "")
    for line in screen.notes(experiment, rows):
        console.print(line, soft_wrap=True, markup=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# --- from measured.json and the code to the pages ---


def pages(measured: dict[str, Any]) -> dict[str, str]:
    """File name → text."""
    return {"README.md": index(measured), **{f"{page}.md": "\n".join(_page(page, measured)) for page in FIELDS}}


def index(measured: dict[str, Any]) -> str:
    """One row an experiment."""
    rows = [
        _row(page, task, name, measured[name])
        for page, field in FIELDS.items()
        for task in field.tasks
        for name in experiments_of(task)
    ]
    return "\n".join([INDEX, *rows, "", *_own_files(), WRITTEN])


def _own_files() -> Iterator[str]:
    names = [f"`{name}`" for name in TASKS.names() if on_own_files(name)]
    if names:
        yield f"Tasks on a user's own files ({', '.join(names)}) have no data here; `gru-tf compare` shows them on yours."
        yield ""


def _row(page: str, task: str, name: str, found: dict[str, Any]) -> str:
    from gru_tf.commands import screen

    arrow, interval = screen.ARROWS[found["direction"]], screen.interval(Interval(**found["gru"]))
    question = yaml_file.load(EXPERIMENTS / f"{name}.yaml").question
    metric, command = f"{found['metric']} {arrow}", f"`gru-tf run {name}`"
    cells = (f"[{task}]({page}.md#{task})", question, metric, f"{found['chance']:.3g}", interval, command, _about(found))
    return f"| {' | '.join(cells)} |"


def _about(found: dict[str, Any]) -> str:
    seconds = found["seconds"]
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 95 else f"{max(2, round(seconds / 60))} min"


def _page(page: str, measured: dict[str, Any]) -> Iterator[str]:
    field = FIELDS[page]
    yield from (f"# {field.heading}", "", _prose(field.about), "", *_shared(field))
    for task in field.tasks:
        yield from _section(task, measured)
    yield f"[All tasks](README.md). {WRITTEN}"


def _shared(field: Field) -> Iterator[str]:
    """What its tasks are made from says of all of them: the words of each module and class, once."""
    kinds = [kind for task in field.tasks for kind in reversed(TASKS.find(task).__mro__[1:])]
    bases = [kind for kind in kinds if issubclass(kind, Task) and kind is not Task]
    for words in dict.fromkeys(words for kind in bases for words in (_module(kind), kind.__doc__)):
        yield from (_prose(_first(words)), "")


def _module(kind: Any) -> str:
    """The docstring of the module that a class is in."""
    return sys.modules[kind.__module__].__doc__ or ""


def _section(name: str, measured: dict[str, Any]) -> Iterator[str]:
    kind = TASKS.find(name)
    files = ", ".join(f"`{path}`" for path in _files(name)) or "none to fetch"
    yield from (f"## {name}", "", f"*{kind.question}*", "", _prose(_first(_module(kind))), "")
    yield from ("### Data and split", "", _prose(_first(kind.__doc__)), "", _arrays(kind), "")
    yield from (f"* Source: {_prose(kind.reference)}", f"* Licence: {_prose(kind.licence)}", f"* Files: {files}", "")
    yield from ("### Metric, chance and solved", "", _prose(_first(kind.metric.__doc__)), "")
    for metric in dict.fromkeys(measured[experiment]["metric"] for experiment in experiments_of(name)):
        yield f"Solved, in {metric}, is {SOLVED[metric]}."
    yield from ("", "### Options", "", *_options(name), "")
    for experiment in experiments_of(name):
        yield from _shown(experiment, measured[experiment])


def _arrays(kind: Any) -> str:
    """What the docstring says of the arrays, in the words of a reader who has no `rng`."""
    words = _prose(_first(kind.splits.__doc__))
    return words.replace("`rng` is not used", "the same for every seed").replace("from `rng`", "from the run's seed")


def _files(name: str) -> list[str]:
    """Paths of what its experiments read."""
    loaded = [yaml_file.load(EXPERIMENTS / f"{e}.yaml").tasks[0] for e in experiments_of(name)]
    return list(dict.fromkeys(path for task in loaded for path in create(task.name, task.options).checksums()))


def _options(name: str) -> Iterator[str]:
    words = described(name)
    yield from ("| option | values, the default first | what |", "|---|---|---|")
    for option in filter(None, listing.task_options(name).split("; ")):
        key, _, values = option.partition(": ")
        yield f"| `{key}` | {values.replace(' | ', ', ')} | {_prose(words[key])} |"


def described(name: str) -> dict[str, str]:
    """Option → what the docstrings say of it, those of the task before those of what it is made from."""
    found: dict[str, str] = {}
    for kind in reversed(TASKS.find(name).__mro__):
        _, _, args = cleandoc(kind.__doc__ or "").partition("\nArgs:\n")
        body = re.split(r"\n(?=\S)", args)[0]  # up to the next heading
        for entry in re.split(r"\n(?=    \S)", body):
            key, _, words = entry.strip().partition(": ")
            found |= dict.fromkeys(key.split(", "), " ".join(words.split()))
    return {option: found[option] for option in TASKS.find(name).model_fields}


def _shown(name: str, found: dict[str, Any]) -> Iterator[str]:
    file, (train, validation, test, *more) = EXPERIMENTS / f"{name}.yaml", found["sizes"].items()
    yield from (f"### `gru-tf run {name}`", "", f"[`experiments/{file.name}`](../../experiments/{file.name}):", "")
    yield from ("```yaml", file.read_text(encoding="utf-8").strip(), "```", "")
    further = "".join(f', and {count:,} in "{part}"' for part, count in more)
    yield f"{train[1]:,} {found['unit']} to train on, {validation[1]:,} to choose on, {test[1]:,} to test on{further}."
    yield from ("", "```", *found["table"], "```", "")
    versions = " and ".join(f"{package} {version}" for package, version in found["versions"].items())
    yield f"Measured {found['date']} with {versions} on a core of an {found['device']}, about {_about(found)} for all runs."
    yield "Other work shared the machine, more in some runs than in others: ms/step is rough and ranks no cell."
    yield ""


def _first(docstring: str | None) -> str:
    """A docstring up to its first heading, "Args:" or another, without what only a caller in Python wants to know."""
    words = re.split(r"\n(?:Args|Raises|Returns|Warns|Attributes):\n", cleandoc(docstring or ""))[0]
    return re.sub(r"\s*The first call reads the files\.", "", words).strip()


def _prose(text: str) -> str:
    """Text in which "<" begins no tag, but for code: in backticks or indented."""
    return re.sub(r"(?m)(^    .*$|`[^`]*`)|<", lambda found: found[1] or "&lt;", text)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="experiments to take from the store (default: all)")
    parser.add_argument("--store", help="MLflow tracking URI; without it measured.json stays as it is")
    given = parser.parse_args()
    measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    every = [name for field in FIELDS.values() for task in field.tasks for name in experiments_of(task)]
    if given.store:
        measured |= {name: measure(name, given.store) for name in given.names or every}
        ordered = {name: measured[name] for name in every if name in measured}
        MEASURED.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, text in pages(measured).items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Forms that files of data have: each a small file, made here, and what `gru-tf compare` makes of it.

`python tests/support/file_forms.py > docs/reference/file_forms.md` writes the page of them.
"""

import gzip
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from gru_tf.foundation import option_spelling
from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison
from gru_tf.tasks import create

DAYS, SEQUENCES, STEPS = 120, 36, 12
PROTOCOL = ("cells", "trials", "seeds", "epochs", "batch_size", "parameters", "draws")
EXAMPLE = 3  # lines of a file on the page
WIDTH = 28


@dataclass(frozen=True)
class Form:
    """A form of file.

    Args:
        title: in words.
        file: its name.
        write: writes it.
        task: "forecast", "sequences" or "texts"; "" where it is refused.
        options: what is inferred of it, but for window, horizon and the like.
        shape: (examples of all parts, or rows of a forecast; steps; features).
        given: options of the user.
        words: of a refusal, or of a line of the settings.
    """

    title: str
    file: str
    write: Callable[[Path], object]
    task: str
    options: Mapping[str, Any]
    shape: tuple[int, int, int] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


# ------------------------------------------------------------------------------------------------------------ contents


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def daily() -> pandas.DataFrame:
    """A load of 120 days."""
    days = pandas.date_range("2023-01-01", periods=DAYS)
    return pandas.DataFrame({"day": days, "load": (50 + rng().normal(0, 2, DAYS).cumsum()).round(2)})


def text_of(frame: Any, **options: Any) -> str:
    return str(frame.to_csv(index=False, **options))


def writes(text: str) -> Callable[[Path], object]:
    return lambda file: file.write_text(text, encoding="utf-8")


def csv(frame: Any, **options: Any) -> Callable[[Path], object]:
    return writes(text_of(frame, **options))


def shops() -> pandas.DataFrame:
    """Two stores with two items each, of which neither alone is a series."""
    keys = [(store, item) for store in ("north", "south") for item in (1, 2)]
    parts = [daily().assign(store=store, item=item)[["day", "store", "item", "load"]] for store, item in keys]
    return pandas.concat(parts, ignore_index=True)


def trips() -> pandas.DataFrame:
    """36 trips of 12 steps."""
    values = rng().normal(0, 1, (SEQUENCES, STEPS)).round(3)
    walks = np.arange(SEQUENCES) % 2
    trip, step = np.repeat(np.arange(SEQUENCES), STEPS), np.tile(np.arange(STEPS), SEQUENCES)
    speed = (values + 2 * walks[:, None]).ravel().round(3)
    return pandas.DataFrame({"id": trip, "step": step, "speed": speed, "label": np.where(walks, "walk", "run")[trip]})


def engines() -> pandas.DataFrame:
    """12 machines that fail after 40 to 62 cycles."""
    parts = []
    for unit in range(1, 13):
        cycles = np.arange(1, 39 + 2 * unit)
        heat = (20 + 9 * cycles / len(cycles) + rng().normal(0, 1, len(cycles))).round(2)
        parts.append(pandas.DataFrame({"unit": unit, "cycle": cycles, "heat": heat, "RUL": len(cycles) - cycles}))
    return pandas.concat(parts, ignore_index=True)


LIVES = sum(38 + 2 * unit for unit in range(1, 13))
ENGINES_WINDOWS = sum(38 + 2 * unit - 29 for unit in range(1, 13))


def rows() -> tuple[np.ndarray, np.ndarray]:
    """((36, 12) values, (36,) classes 1 and 2)."""
    frame = trips()
    return frame.speed.to_numpy().reshape(SEQUENCES, STEPS), np.arange(SEQUENCES) % 2 + 1


def in_columns(label: str = "label", last: bool = False) -> pandas.DataFrame:
    values, classes = rows()
    frame = pandas.DataFrame(values, columns=[f"t{step}" for step in range(STEPS)])
    frame.insert(STEPS if last else 0, label, classes)
    return frame


def ragged(text: str) -> str:
    """A wide table whose fourth row ends three steps early."""
    lines = text.splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:-3], "", "", ""])
    return "\n".join(lines) + "\n"


def series_in_rows(names: list[str], **first: Any) -> pandas.DataFrame:
    values = 50 + rng().normal(0, 1, (10, DAYS)).cumsum(1).round(2)
    frame = pandas.DataFrame(values, columns=names)
    for place, (name, column) in enumerate(first.items()):
        frame.insert(place, name, column)
    return frame


def npz(**arrays: Any) -> Callable[[Path], object]:
    return lambda file: np.savez(file, **arrays)


def windows() -> dict[str, Any]:
    """Windows of 20 steps, cut at every fifth step of 6 recordings."""
    cut = [part[start : start + 20] for part in rng().normal(0, 1, (6, 70, 2)).cumsum(1) for start in range(0, 51, 5)]
    return {"X": np.stack(cut), "y": np.repeat(np.arange(6) % 2, 11)}


def messages() -> list[tuple[str, str]]:
    words = ["win a prize now", "see you at home", "call me back soon", "it is free today"]
    return [("spam" if number % 2 == 0 else "ham", f"{words[number % 4]} {number}") for number in range(60)]


def with_quotes() -> str:
    lines = [f"{label}\t{text}" for label, text in messages()]
    lines[10], lines[21] = 'ham\t"Well, here we go', 'spam\tthe price is 5"'
    return "label\ttext\n" + "\n".join(lines) + "\n"


def packed(text: str) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(gzip.compress(text.encode(), mtime=0))


def json_lines(records: list[dict[str, Any]]) -> Callable[[Path], object]:
    return writes("".join(json.dumps(record) + "\n" for record in records))


def in_ts() -> str:
    values, classes = rows()
    return "@data\n" + "".join(f"{','.join(map(str, row))}:{name}\n" for row, name in zip(values, classes, strict=True))


def prices() -> str:
    body = "".join(f"{day:%Y-%m-%d},{load},{load + 1:.2f}\n" for day, load in daily().itertuples(index=False))
    return "Price,Close,High\nTicker,ABC,ABC\nDate,,\n" + body


def gaps(mark: str) -> pandas.DataFrame:
    frame = daily().astype({"load": object})
    frame.loc[[1, 50], "load"] = mark
    return frame


def sensor() -> pandas.DataFrame:
    frame = daily()
    frame.loc[[1, 50, 51, 90], "load"] = -200.0
    return frame


def blanks(frame: pandas.DataFrame) -> str:
    buffer = io.StringIO()
    for row in frame.itertuples(index=False):
        buffer.write("  ".join(f"{value:g}" for value in row) + "  \n")
    return buffer.getvalue()


# --------------------------------------------------------------------------------------------------------------- forms

FORECAST = {"time": "day", "target": ("load",)}
ONE = (DAYS, 14, 1)  # rows, window of two weeks, one feature
LONG = {"id": "id", "order": "step", "label": "label", "kind": "class"}
EACH = (SEQUENCES, STEPS, 1)
WIDE = {"layout": "wide", "label": "label", "kind": "class"}
OF_ROWS = {"layout": "wide", "target": ("value",), "time": "step", "group": "series"}
MONTHS = [f"{month:%Y-%m}" for month in pandas.date_range("2013-01-01", periods=DAYS, freq="MS")]
NAMES = [f"shop {number}" for number in range(10)]
VALUES, CLASSES = rows()
ONE_HOT = np.eye(2)[CLASSES - 1]
MESSAGES = "label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in messages())
TEXTS = {"text": "text", "label": "label", "kind": "class"}
PARTS = {"x_train": VALUES, "y_train": CLASSES, "x_test": VALUES[:12] + 1, "y_test": CLASSES[:12]}
SUBJECTS = trips().assign(subject=lambda frame: frame.id // 4)
TRIALS = SUBJECTS.assign(id=SUBJECTS.id % 4)

FORMS = (
    Form("CSV with a header", "load.csv", csv(daily()), "forecast", FORECAST, ONE),
    Form(
        "semicolons and decimal commas",
        "load.csv",
        csv(daily(), sep=";", decimal=","),
        "forecast",
        FORECAST,
        ONE,
        words="numbers have a decimal comma",
    ),
    Form("tabs in a .csv", "load.csv", csv(daily(), sep="\t"), "forecast", FORECAST, ONE, words="separated by tabs"),
    Form("TSV", "load.tsv", csv(daily(), sep="\t"), "forecast", FORECAST, ONE),
    Form("bars", "load.csv", csv(daily(), sep="|"), "forecast", FORECAST, ONE, words="separated by '|'"),
    Form("compressed by gzip", "load.csv.gz", packed(text_of(daily())), "forecast", FORECAST, ONE),
    Form("Parquet", "load.parquet", lambda file: daily().to_parquet(file), "forecast", FORECAST, ONE),
    Form("a sheet of Excel", "load.xlsx", lambda file: daily().to_excel(file, index=False), "forecast", FORECAST, ONE),
    Form(
        "JSON, an object a line",
        "load.jsonl",
        json_lines([{"day": f"{d:%Y-%m-%d}", "load": x} for d, x in daily().itertuples(index=False)]),
        "forecast",
        FORECAST,
        ONE,
    ),
    Form(
        "no header",
        "load.csv",
        csv(daily(), header=False),
        "forecast",
        {"time": "column1", "target": ("column2",)},
        ONE,
        words="no header",
    ),
    Form(
        "remarks before the header",
        "load.csv",
        writes("# exported by a logger\n# of a mill\n" + text_of(daily())),
        "forecast",
        FORECAST,
        ONE,
        words="lines before the header left out: 2",
    ),
    Form(
        "a title before the header",
        "load.csv",
        writes("Load of the mill\n\n" + text_of(daily())),
        "forecast",
        FORECAST,
        ONE,
        words="lines before the header left out: 1",
    ),
    Form(
        "a line of units below the header",
        "load.csv",
        writes(text_of(daily()).replace("load\n", "load\n,MW\n", 1)),
        "forecast",
        {"time": "day", "target": ("load MW",)},
        ONE,
        words="a header of 2 lines",
    ),
    Form(
        "prices as downloaded, three lines of header",
        "prices.csv",
        writes(prices()),
        "forecast",
        {"time": "Date", "target": ("Close",)},
        ONE,
        {"target": "Close"},
        "a header of 3 lines: Date, Close, High",
    ),
    Form(
        "a sentence after the last row",
        "load.csv",
        writes(text_of(daily()) + "Source: a bureau of loads\n"),
        "forecast",
        FORECAST,
        ONE,
        words="lines after the last row left out: 1",
    ),
    Form(
        "? for a missing value",
        "load.csv",
        csv(gaps("?")),
        "forecast",
        {**FORECAST, "missing": "forward"},
        ONE,
        {"missing": "forward"},
        "'?' among numbers: missing values",
    ),
    Form(
        "- for a missing value",
        "load.csv",
        csv(gaps("-")),
        "forecast",
        {**FORECAST, "missing": "forward"},
        ONE,
        {"missing": "forward"},
        "'-' among numbers: missing values",
    ),
    Form(
        "a mark far from all values",
        "load.csv",
        csv(sensor()),
        "forecast",
        FORECAST,
        ONE,
        words="-200 in 4 of 120 rows of load, far from all other values",
    ),
    Form("a saved index without a name", "load.csv", writes(daily().to_csv()), "forecast", FORECAST, ONE),
    Form(
        "a byte-order mark and Windows line ends",
        "load.csv",
        lambda file: file.write_bytes(("\ufeff" + text_of(daily()).replace("\n", "\r\n")).encode()),
        "forecast",
        FORECAST,
        ONE,
    ),
    Form(
        "one column",
        "load.csv",
        csv(daily()[["load"]]),
        "forecast",
        {"target": ("load",)},
        (DAYS, 24, 1),
        {"target": "load"},
    ),
    Form(
        "many series, one id",
        "loads.csv",
        csv(shops().query("item == 1").drop(columns="item")),
        "forecast",
        {**FORECAST, "group": "store"},
        (2 * DAYS, 14, 1),
    ),
    Form(
        "many series, two ids",
        "loads.csv",
        csv(shops()),
        "forecast",
        {**FORECAST, "group": "store+item"},
        (4 * DAYS, 14, 1),
        {"target": "load"},
    ),
    Form(
        "a column a series",
        "loads.csv",
        csv(daily().assign(other=lambda frame: frame.load[::-1].to_numpy())),
        "forecast",
        {"layout": "columns", "time": "day", "target": ("value",), "group": "series"},
        (2 * DAYS, 14, 1),
        {"layout": "columns"},
    ),
    Form(
        "a row a series, columns counted",
        "m.csv",
        csv(series_in_rows([f"d_{n}" for n in range(1, DAYS + 1)], id=NAMES)),
        "forecast",
        OF_ROWS,
        (10 * DAYS, 24, 1),
        words="each row is a series",
    ),
    Form(
        "a row a series, V1 its name, rows of different lengths",
        "m.csv",
        writes(ragged(text_of(series_in_rows([f"V{n}" for n in range(2, DAYS + 2)], V1=NAMES)))),
        "forecast",
        OF_ROWS,
        (10 * DAYS - 3, 24, 1),
    ),
    Form(
        "a row a series, columns called by months",
        "m.csv",
        csv(series_in_rows(MONTHS, country=NAMES)),
        "forecast",
        OF_ROWS,
        (10 * DAYS, 24, 1),
    ),
    Form("sequences, a row a step", "trips.csv", csv(trips()), "sequences", LONG, EACH),
    Form(
        "sequences of subjects",
        "trips.csv",
        csv(SUBJECTS),
        "sequences",
        {**LONG, "group": "subject"},
        EACH,
        words="each 'subject' is kept in one part",
    ),
    Form(
        "sequences by two ids",
        "trips.csv",
        csv(TRIALS.rename(columns={"id": "trial_id"})),
        "sequences",
        {**LONG, "id": "trial_id+subject", "group": "subject"},
        EACH,
    ),
    Form(
        "a value at the end of each sequence",
        "trips.csv",
        csv(trips().assign(label=lambda frame: frame.id.where(frame.step == STEPS - 1) * 1.5)),
        "sequences",
        {**LONG, "kind": "value"},
        EACH,
    ),
    Form(
        "runs to failure, what remains at every step",
        "engines.csv",
        csv(engines()),
        "sequences",
        {"id": "unit", "order": "cycle", "label": "RUL", "window": 30, "kind": "value"},
        (ENGINES_WINDOWS, 30, 1),
        words="runs to failure: 'RUL' counts down to the end of each 'unit'",
    ),
    Form(
        "runs to failure as text with blanks, without a header",
        "engines.txt",
        writes(blanks(engines())),
        "sequences",
        {"id": "column1", "order": "column2", "label": "column4", "window": 30, "kind": "value"},
        (ENGINES_WINDOWS, 30, 1),
    ),
    Form(
        "a row a sequence, the label first, no header",
        "walk_TRAIN.tsv",
        csv(in_columns(), sep="\t", header=False),
        "sequences",
        {**WIDE, "label": "column1"},
        EACH,
        words="each row is one sequence",
    ),
    Form(
        "a row a sequence, the label last, no header",
        "beats.csv",
        csv(in_columns(last=True), header=False),
        "sequences",
        {**WIDE, "label": "column13"},
        EACH,
    ),
    Form(
        "a row a sequence, of different lengths", "walks.csv", writes(ragged(text_of(in_columns()))), "sequences", WIDE, EACH
    ),
    Form("arrays X and y", "walks.npz", npz(X=VALUES, y=CLASSES), "sequences", {"kind": "class"}, EACH),
    Form(
        "one-hot labels",
        "walks.npz",
        npz(X=VALUES, y=ONE_HOT),
        "sequences",
        {"kind": "class"},
        EACH,
        words="labels are one-hot: 2 classes",
    ),
    Form(
        "labels of the shape (N, 1)",
        "walks.npz",
        npz(X=VALUES, y=CLASSES[:, None]),
        "sequences",
        {"kind": "class"},
        EACH,
        words="labels have the shape (N, 1)",
    ),
    Form(
        "arrays named by part",
        "walks.npz",
        npz(**PARTS),
        "sequences",
        {"kind": "class"},
        (SEQUENCES + 12, STEPS, 1),
        words="tests on the file's own arrays",
    ),
    Form(
        "overlapping windows",
        "windows.npz",
        npz(**windows()),
        "",
        {},
        words="begin inside another one, most 5 steps after it begins",
    ),
    Form(
        "overlapping windows, split by group",
        "windows.npz",
        npz(**windows()),
        "sequences",
        {"split": "group", "kind": "class"},
        (66, 20, 2),
        {"split": "group"},
        "split by group: 6 recordings",
    ),
    Form(
        "overlapping windows of subjects",
        "windows.npz",
        npz(**windows(), subject=np.repeat(np.arange(6), 11)),
        "sequences",
        {"group": "subject", "kind": "class"},
        (66, 20, 2),
        words="each 'subject' is kept in one part",
    ),
    Form(
        "lists of different lengths",
        "walks.jsonl",
        json_lines([{"id": n, "speed": list(VALUES[n, n % 3 :]), "label": int(CLASSES[n])} for n in range(SEQUENCES)]),
        "sequences",
        {"id": "id", "label": "label", "kind": "class"},
        EACH,
    ),
    Form(".ts", "walks.ts", writes(in_ts()), "sequences", {"kind": "class"}, EACH),
    Form("texts with a label", "messages.tsv", writes(MESSAGES), "texts", TEXTS, (60, 5, 64)),
    Form(
        "texts without a header",
        "messages.txt",
        writes(MESSAGES.partition("\n")[2]),
        "texts",
        {**TEXTS, "text": "column2", "label": "column1"},
        (60, 5, 64),
        {},
        "no header",
    ),
    Form(
        "texts with a quote that is never closed",
        "messages.tsv",
        writes(with_quotes()),
        "texts",
        TEXTS,
        (60, 5, 64),
        words="quotes are read as characters, since 2 lines have an odd number of them: 60 rows",
    ),
    Form(
        "quoted texts that span lines",
        "messages.csv",
        csv(pandas.DataFrame(messages(), columns=["label", "text"]).replace("win a", "win\na", regex=True)),
        "texts",
        TEXTS,
        (60, 5, 64),
        words="15 quoted texts span lines, the first in row 1 (line 2)",
    ),
)


# ---------------------------------------------------------------------------------------------------------------- page


USUAL = (
    *("a forecast, because", "times: column", "predicts '", "predicts the", "no column of times", "input window", "horizon"),
    *("season", "no season", "split by time", "sequences with a label", "label: column", "rows with the same", "ordered by"),
    *("inputs: ", "steps in row order", "texts with a label", "texts: column"),
)
SECTIONS = {"one series": 21, "many series": 6, "sequences in tables": 9, "sequences in arrays and lists": 9, "texts": 4}
COLUMNS = "| form | first lines | guessed, and stated besides | training + validation + test |\n|---|---|---|---|\n"


def planned(form: Form, folder: Path) -> Any:
    """The plan of a comparison on a form's file, written into a folder."""
    file = folder / form.file
    form.write(file)
    return comparison.plan(file, **form.given)


def settings(plan: Any) -> list[str]:
    """The lines of what is inferred from the data."""
    return [text for text, options in plan.inferences if not set(options) & set(PROTOCOL)]


def example(file: Path) -> str:
    """The first lines of a file of text, as code; what an array is called otherwise."""
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            return ", ".join(f"`{name}` {arrays[name].shape}" for name in arrays.files)
    if file.suffix in (".parquet", ".xlsx", ".gz"):
        return "as above"
    lines = file.read_text(encoding="utf-8-sig").splitlines()[:EXAMPLE]
    cut = [line[:WIDTH] + (" …" if len(line) > WIDTH else "") for line in lines]
    return "<br>".join("`" + line.replace("\t", " ⇥ ") + "`" for line in cut if line)


def outcome(form: Form, folder: Path) -> tuple[str, str]:
    """(what is guessed and stated, the examples that come of it)."""
    try:
        with option_spelling.of_commands():
            plan = planned(form, folder)
    except UserError as error:
        return f"refused<br>• {re.sub(r'^.*?: ', '', str(error))}", "–"
    own = [line for line in settings(plan) if not line.startswith(USUAL) and not re.match(r"'\w+' has \d", line)]
    task = create(plan.guess.task, plan.guess.options)
    parts, signature = task.splits(np.random.default_rng(0)), task.signature
    counts = " + ".join(str(len(part)) for part in (parts.train, parts.validation, parts.test))
    inputs = f"{signature.features} input{'s' * (signature.features > 1)}" if not signature.tokens else "words"
    comes = f"{counts} examples of {signature.timesteps} steps, {inputs}"
    return "<br>• ".join([plan.guess.summary, *own]), comes


HEAD = """# Forms of files

What [`gru-tf compare FILE`](../how-to/your_data.md) makes of files as people have them, without further options but those
named in the first column. Each is a small file that the tests make; they check what is read, not only that it is. What is
inferred is printed before anything starts, beside the option that changes it: of every forecast the columns of times and of
values, window, horizon, season and split; of every sequence its label, id, order and inputs. The third column has what is
printed besides.
"""


def page() -> str:
    """The page of all forms."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        sections = {sum(list(SECTIONS.values())[:place]): title for place, title in enumerate(SECTIONS)}
        for number, form in enumerate(FORMS):
            if number in sections:
                lines.append(f"\n## {sections[number].capitalize()}\n\n{COLUMNS}".rstrip())
            place = Path(folder) / str(number)
            place.mkdir()
            guessed, comes = outcome(form, place)
            given = "".join(f" `--{name} {value}`" for name, value in form.given.items())
            cells = (f"{form.title} ({form.file}){given}", example(place / form.file), guessed, comes)
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return HEAD.rstrip() + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())

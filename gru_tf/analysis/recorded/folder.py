"""The folder of a record: all of its files are made first, then written, each in one step."""

import csv
import json
from pathlib import Path
from typing import Any

from gru_tf.analysis.recorded import comparisons, csv_tables, second
from gru_tf.analysis.recorded.facts import facts
from gru_tf.analysis.recorded.figure import svg
from gru_tf.analysis.recorded.readme import readme
from gru_tf.analysis.results import Results
from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError

AGAIN = "second.md", "second.csv", "second.json"


def write(results: Results, folder: Path, further: Results | None = None) -> list[Path]:
    """Write what was found into a folder of the experiment's name; returns the files, the README first.

    What a second run had found before stays where this is called without one, unless it was beside other numbers.

    Args:
        results: whole, see `expect_whole`.
        folder: in which that of the experiment lies, or will.
        further: of the same experiment by other seeds, whole as well.

    Raises:
        UserError: where a file cannot be written, or the second run is another experiment.
    """
    place = folder / results.experiment.name
    texts = _texts(results, further, further is None and _is_kept(results, place))
    for name, text in texts.items():
        try:
            atomic_file.write(place / name, text.encode())
        except OSError as error:
            raise UserError(f"{place / name}: cannot be written: {error.strerror}") from error
    for name in {"pairs.csv", "claims.csv", "published.csv"} - texts.keys():  # of an earlier record, which had some
        (place / name).unlink(missing_ok=True)
    return [place / name for name in texts]


def _texts(results: Results, further: Results | None, kept: bool) -> dict[str, str]:
    """File name → content."""
    known, numbers = facts(results), results.published
    texts = {
        "README.md": readme(results, known, further is not None or kept),
        "record.json": json_text(known),
        "table.csv": csv_tables.text(csv_tables.table(results)),
        "runs.csv": csv_tables.text(csv_tables.runs(results.with_losses())),
        "figure.svg": svg(results),
    }
    more = {
        "pairs.csv": comparisons.pairs(results),
        "claims.csv": comparisons.claims(results),
        "published.csv": csv_tables.published(numbers),
    }
    texts |= {name: csv_tables.text(lines) for name, lines in more.items() if lines}
    return texts if further is None else texts | _again(results, further)


def _again(results: Results, further: Results) -> dict[str, str]:
    compared, known = second.compare(results, further), facts(further)
    page = second.page(compared, results.experiment.name, known)
    table = csv_tables.text(second.lines(compared, further.experiment.seeds))
    return dict(zip(AGAIN, (page, table, json_text(known)), strict=True))


def json_text(content: dict[str, Any]) -> str:
    """Facts as they are written."""
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _is_kept(results: Results, place: Path) -> bool:
    """Whether a second run stands there, beside the same runs.

    Raises:
        UserError: where it stands beside others, and would no longer be about what it says.
    """
    if not all((place / name).is_file() for name in AGAIN):
        return False
    runs = place / "runs.csv"
    if runs.is_file() and _prints(runs.read_text(encoding="utf-8")) == _prints(csv_tables.text(csv_tables.runs(results))):
        return True
    raise UserError(
        f"{place}: {AGAIN[0]} is about other runs than these. Give '--second' anew, or remove {' and '.join(AGAIN)}"
    )


def _prints(text: str) -> set[tuple[Any, ...]]:
    """What identifies the runs in `runs.csv`, and the numbers that a second run was compared with."""
    return {(line["fingerprint"], line["status"], line["test"]) for line in csv.DictReader(text.splitlines())}

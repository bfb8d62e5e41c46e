"""Imports the corpus of model files and writes the page on what is read: `python docs/models.py`.

With --before, what the package on the path reads is kept as what an earlier version did, under its `--name`:
`PYTHONPATH=EARLIER_CHECKOUT python docs/models.py --before --name 3178831`.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "support"))
MEASURED, PAGE = DOCS / "explanation" / "models.json", DOCS / "models.md"
READ, REFUSED, WRONG, TRACEBACK = OUTCOMES = "read", "refused", "other numbers", "traceback"
UNKNOWN = "no option for a file of this kind"


def outcome(case: Any, folder: Path, earlier: bool) -> tuple[str, str]:
    """What importing a file comes to, and what is said; without the options that an earlier version does not have."""
    import gru_tf
    from gru_tf.foundation.errors import UserError

    made = case.make(folder)
    options = dict(case.options)
    while True:
        try:
            model = gru_tf.import_model(made.path, **options)
        except UserError as error:
            unknown = next((name for name in options if f" {name}: " in str(error) and UNKNOWN in str(error)), None)
            if unknown is None:
                return REFUSED, str(error).replace(f"{made.path}: ", "").replace(f"{folder}/", "")
            del options[unknown]
            continue
        except Exception:
            if earlier and options:  # an option that an earlier version took otherwise
                options = {}
                continue
            return TRACEBACK, ""
        try:
            case.check(model, made)
        except Exception:  # also where the model takes other inputs
            return WRONG, ""
        return READ, ""


def measure(earlier: bool = False) -> dict[str, list[str]]:
    """Name of a file → what importing it comes to, and what is said."""
    import model_corpus

    outcomes: dict[str, list[str]] = {}
    for case in model_corpus.cases():
        with tempfile.TemporaryDirectory() as folder:
            outcomes[case.name] = list(outcome(case, Path(folder), earlier))
        sys.stdout.write(f"{case.name}: {outcomes[case.name][0]}\n")
    return outcomes


def page(measured: dict[str, Any], cases: list[Any]) -> str:
    """The page in Markdown."""
    before, now, name = measured["before"], measured["now"], measured["name"]
    forms = sorted({case.form for case in cases})
    columns = [(when, outcome) for when in (before, now) for outcome in OUTCOMES if _count(cases, when, outcome)]
    rows = [_row(form, [case for case in cases if case.form == form], columns) for form in forms]
    rows.append(_row("**all**", cases, columns))
    titles = [f"{outcome} {'before' if when is before else 'now'}" for when, outcome in columns]
    writers = "\n".join(f"| {writer} | {count} |" for writer, count in Counter(case.writer for case in cases).most_common())
    refused = [case for case in cases if now.get(case.name, [""])[0] == REFUSED]
    reasons = "\n".join(f"| {case.name} | {_cell(now[case.name][1])} |" for case in refused)
    return TEXT.format(
        count=len(cases),
        rows="\n".join(rows),
        name=name,
        writers=writers,
        reasons=reasons,
        versions=measured["versions"],
        titles=" | ".join(titles),
        lines="|".join("--:" for _ in titles),
    )


def _cell(text: str) -> str:
    """A text in a table of Markdown, as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_|<>[]$" else letter for letter in text)


def _count(cases: list[Any], outcomes: dict[str, list[str]], outcome: str) -> int:
    return sum(outcomes[case.name][0] == outcome for case in cases if case.name in outcomes)


def _row(form: str, cases: list[Any], columns: list[tuple[dict[str, list[str]], str]]) -> str:
    counts = [str(_count(cases, outcomes, outcome) or "–") for outcomes, outcome in columns]
    return f"| {form} | {len(cases)} | {' | '.join(counts)} |"


TEXT = """# Which model files are read

The importer is tried on {count} small model files, which its tests make anew: in the forms that are met in the wild, each
with what its own program gives for a random input. A file is *read* if the imported model gives the same to 10⁻⁵, *refused*
if one line says what is in the way; *other numbers* would be another function without a word. What a file does not record,
such as the order of two stacks, is there twice: without a word from the user, where it must be refused, and with it.

The forms were chosen because they were known to be refused or read wrongly, so the shares before say little about ordinary
files, which were read then as they are now. *Before* is commit {name}; options that it did not have were left away. What
never happened has no column.

| form | files | {titles} |
|---|--:|{lines}|
{rows}

With {versions}. `python docs/models.py` measures again.

## What is refused, and why

| file | the line says |
|---|---|
{reasons}

## Who writes them

| writer | files |
|---|--:|
{writers}
"""


def main() -> None:
    """Measure, keep the outcomes, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", action="store_true", help="keep it as what an earlier version read")
    parser.add_argument("--name", default="", help="of that version")
    arguments = parser.parse_args()
    measured = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {"before": {}, "name": ""}
    if arguments.before:
        measured |= {"before": measure(earlier=True), "name": arguments.name}
    else:
        from importlib.metadata import version

        packages = ("torch", "tensorflow", "keras", "tf_keras", "onnx", "onnxruntime")
        measured |= {"now": measure(), "versions": ", ".join(f"{package} {version(package)}" for package in packages)}
    MEASURED.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if "now" in measured:
        import model_corpus

        PAGE.write_text(page(measured, model_corpus.cases()), "utf-8")


if __name__ == "__main__":
    main()

"""The README of a record: what was run smaller comes first, then question, numbers, verdicts, protocol, machine, time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gru_tf.analysis import answer, table_text, wording
from gru_tf.analysis.formats import markup
from gru_tf.analysis.marked import marked
from gru_tf.analysis.published import TAGS, Beside
from gru_tf.analysis.recorded.paths import without_paths
from gru_tf.analysis.report.protocol import protocol
from gru_tf.analysis.results import Results
from gru_tf.analysis.verdicts import judge

TRUTH = "Written by `gru-tf record {name}` from the runs in its store; nothing in it was typed."
HEADINGS = ("cell", "metric", "published", "runs", "tag", "ours", "seeds", "verdict")


def readme(results: Results, facts: dict[str, Any], further: bool = False) -> str:
    """The text.

    Args:
        results: all runs have ended.
        facts: of `facts.facts`.
        further: whether a second run by other seeds stands beside it.
    """
    parts = [
        *_first(facts),
        f"# {markup.escaped(facts['name'])}",
        markup.escaped(facts["question"]),
        "\n".join(_answer(results)),
        *_tables(results),
        "![Intervals of all cells, published numbers and the baseline](figure.svg)",
        *_notes(results),
        *_published(results.published),
        *_claims(results),
        *_protocol(results, facts),
        *_run(facts, further),
        TRUTH.format(name=facts["name"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _first(facts: dict[str, Any]) -> Iterator[str]:
    if facts["smaller"]:
        yield f"**Smaller than published:** {markup.escaped(facts['smaller'])}"


def _answer(results: Results) -> Iterator[str]:
    for line in answer.answer(results.evidence):
        yield f"- {markup.escaped(str(line))}"


def _tables(results: Results) -> Iterator[str]:
    yield "## Results"
    for block in table_text.blocks(results.table()):
        metric = table_text.metric(block)
        yield f"**{markup.escaped(block[0].title)}**{f': {metric}' if metric else ''}"
        yield markup.piped(block, markup.escaped)


def _notes(results: Results) -> Iterator[str]:
    rows = results.table()
    lines = [*table_text.notes(results.experiment, rows, results.earlier)]
    lines += [line for each in marked(results.evidence).values() for line in each]
    lost = [r for r in results.runs if r.status != "finished"]
    if lost:
        lines.insert(0, f"{len(lost):,} of {len(results.runs):,} runs diverged or failed; the table counts them.")
    kept = [line for line in lines if not line.startswith("Smaller than published")]
    yield "\n".join(f"- {markup.escaped(without_paths(line))}" for line in kept)


def _published(numbers: Sequence[Beside]) -> Iterator[str]:
    if not numbers:
        return
    yield "## Published beside ours"
    for task in dict.fromkeys(one.task for one in numbers):
        block = [one for one in numbers if one.task == task]
        yield f"**{markup.escaped(block[0].title)}**"
        yield markup.pipes([list(HEADINGS), *(list(map(markup.escaped, _line(one))) for one in block)], numbers=False)
        yield "\n".join(f"- {markup.escaped(text)}" for text in map(_reason, block))


def _line(one: Beside) -> Iterator[str]:
    number = one.published
    yield from (one.cell, one.metric, number.printed, f"{number.runs:,}" if number.runs else "not said", one.tag)
    yield from (one.ours_text, str(len(one.values)), str(one.verdict))


def _reason(one: Beside) -> str:
    number = one.published
    return (
        f"{one.cell} {number.printed}: {one.verdict}. {one.verdict.why}"
        f" Source: {number.source} ({TAGS[number.tag]}), {wording.sentence(number.statistic).lower()} of its runs."
    )


def _claims(results: Results) -> Iterator[str]:
    verdicts = judge(results.evidence, results.runs)
    if verdicts:
        yield "## Claims"
        yield "\n".join(
            f"- **{one.verdict}**: `{one.text}`. {markup.escaped(wording.sentence(one.why))}" for one in verdicts
        )


def _protocol(results: Results, facts: dict[str, Any]) -> Iterator[str]:
    yield "## Protocol"
    if facts["protocol"]:
        yield markup.escaped(facts["protocol"])
    if facts["not_followed"]:
        yield "What could not be followed:"
        yield "\n".join(f"- {markup.escaped(text)}" for text in facts["not_followed"])
    in_words = ("Protocol", "Not followed", "Smaller than published")
    lines = [(name, text) for name, text in protocol(results.experiment) if name not in in_words]
    yield markup.pipes([["", "as run"], *([name, markup.escaped(text)] for name, text in lines)], numbers=False)


def _run(facts: dict[str, Any], further: bool) -> Iterator[str]:
    yield "## Run"
    yield f"```\n{facts['command']}\n```"
    yield markup.pipes([["", ""], *([name, markup.escaped(text)] for name, text in _facts(facts))], numbers=False)
    if further:
        yield "Run again with other seeds: [second.md](second.md)."


def _facts(facts: dict[str, Any]) -> Iterable[tuple[str, str]]:
    runs, seconds = facts["runs"], facts["seconds"]
    ends = ", ".join(f"{runs[end]:,} {end}" for end in ("finished", "diverged", "failed"))
    yield (
        "runs",
        f"{runs['all']:,} ({runs['finals']:,} final, {runs['trials']:,} trials, {runs['baselines']:,} baselines): {ends}",
    )
    yield "seeds", ", ".join(map(str, facts["seeds"]))
    yield "wall time", f"{seconds['wall']:,.1f} s in which at least one run was going on"
    yield "compute", f"{seconds['runs']:,.1f} s of all runs together, {seconds['training']:,.1f} s of it training epochs"
    yield "date", " to ".join(dict.fromkeys(facts["days"]))
    yield "commit", facts["commit"] or "not known, or runs of several"
    yield "fingerprint of the experiment", facts["fingerprint"]
    yield from ((name, str(value)) for name, value in facts["machine"].items())
    for name, data in facts["data"].items():
        yield f"data of {name}", ", ".join(f"{file} (sha256 {sha[:16]}…)" for file, sha in data.items()) or "drawn, no files"

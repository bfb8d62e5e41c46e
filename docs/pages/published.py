"""The page of published numbers beside ours, from what is recorded in experiments/results and from nothing else.

`PYTHONPATH=docs python -m pages.published` writes it; git has it, so that it is read without building the site.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gru_tf.analysis.formats.markup import escaped, pipes
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.wording import interval
from pages import recorded
from pages.recorded import RESULTS, Recorded

PAGE = Path(__file__).resolve().parents[1] / "explanation" / "published.md"
HEADINGS = ("result", "of", "theirs", "ours [95 % interval] (seeds)", "verdict", "size")
HEAD = """# Published numbers beside ours

Numbers that others have published, and the same experiment run here, at the paper's own protocol where two cores allow it.
{count} numbers, from {records}: {words}.{computed}
[How a verdict is reached](verdicts.md#published-numbers): *reproduced* is that our 95 % interval over seeds overlaps what
their number may be, by its printed digits and its own uncertainty.

*Tag*: where their number was seen: read in the source, quoted in another text, or recalled, as commonly cited; *differs*:
their protocol is known to be another. *Runs*: how many it is of; most are single runs. *Size*: "full protocol" where
nothing was run smaller than in the paper, with how many points of it could not be followed; each result's page names them.
"""
AGAIN = """A mean of new seeds scatters as well, so it lies inside of the first 95 % interval less often than in 95 % of
cases: *expected* says how often for so many seeds. Inside of the prediction interval, which allows for that, lie 95 %."""
NOTHING = """# Published numbers beside ours

Nothing is recorded yet: `gru-tf record NAME` writes the results of a finished experiment into `experiments/results`.
"""


def page(folder: Path = RESULTS) -> str:
    """The text."""
    every = recorded.every(folder)
    if not every:
        return NOTHING
    numbers = [(record, line) for record in every for line in record.published]
    return "\n\n".join([_head(every, numbers), *_table(numbers), *_seconds(every), *_compute(every)]) + "\n"


def _head(every: Sequence[Recorded], numbers: Sequence[tuple[Recorded, dict[str, str]]]) -> str:
    own = [line["verdict"] for _, line in numbers if line["tag"] == "computed"]
    words = Counter(line["verdict"] for _, line in numbers if line["tag"] != "computed")
    named = ", ".join(f"{count} {word}" for word, count in words.most_common()) or "none with a verdict"
    sources = sum(bool(record.published) for record in every)
    counted = "1 recorded experiment" if sources == 1 else f"{sources} recorded experiments"
    computed = f" {len(own)} more are computed here by other code: {own.count('reproduced')} reproduced." if own else ""
    return HEAD.format(count=len(numbers) - len(own), records=counted, words=named, computed=computed).strip()


def _table(numbers: Sequence[tuple[Recorded, dict[str, str]]]) -> Iterator[str]:
    if not numbers:
        return
    yield pipes([list(HEADINGS), *([*_cells(*each)] for each in numbers)], numbers=False)
    yield "Sources:"
    by_source: dict[str, list[str]] = {}
    for record, line in numbers:
        names = by_source.setdefault(line["source"], [])
        if record.facts["name"] not in names:
            names.append(record.facts["name"])
    yield "\n".join(
        f"- {', '.join(f'`{name}`' for name in names)}: {escaped(source)}" for source, names in by_source.items()
    )


def _cells(record: Recorded, line: dict[str, str]) -> Iterator[str]:
    name = record.facts["name"]
    yield f"[{escaped(name)}](../../experiments/results/{name})"
    yield escaped(f"{_task(record, line['task'])}, {line['cell']}: {line['metric']}")
    yield escaped(f"{line['published']} ({_tag(line)})")
    yield escaped(f"{_ours(line)} ({line['seeds']})")
    yield from (escaped(_verdict(line)), size(record.facts))


def _task(record: Recorded, label: str) -> str:
    """The task's name, without the options that the result's page has, unless several of the record have it."""
    name, others = label.partition("(")[0], {line["task"] for line in record.published}
    return name if sum(other.partition("(")[0] == name for other in others) == 1 else label


def _tag(line: dict[str, str]) -> str:
    if line["tag"] == "computed":  # of no training
        return "computed, differs" if line["differs"] else "computed"
    runs = "a single run" if line["runs"] == "1" else f"{line['statistic']} of {line['runs'] or 'an unknown number of'} runs"
    return f"{line['tag']}{', differs' if line['differs'] else ''}; {runs}"


def _ours(line: dict[str, str]) -> str:
    if not line["ours"]:
        return "–"
    mean = float(line["ours"])
    if "one value" in line["marks"]:  # of a baseline, which no seed changes
        return f"{mean:.5g}"
    if line["statistic"] == "best":
        return f"best of {line['seeds']}: {mean:.4g}"
    low, high = (float(line[bound]) if line[bound] else float("nan") for bound in ("low", "high"))
    return interval(Interval(mean, low, high))


def _verdict(line: dict[str, str]) -> str:
    return f"{line['verdict']}, {line['marks']}" if line["marks"] else line["verdict"]


def size(facts: dict[str, Any]) -> str:
    """In words: "smaller", or "full protocol" with how many points of it were not followed."""
    if facts["smaller"]:
        return "smaller"
    points = len(facts["not_followed"])
    return "full protocol" + (f" but for {points} point{'' if points == 1 else 's'}" if points else "")


def _seconds(every: Sequence[Recorded]) -> Iterator[str]:
    """Which experiments were run again by other seeds, and how many means lie inside of the first intervals."""
    again = [record for record in every if record.second]
    if not again:
        return
    yield "## Run again with other seeds"
    yield AGAIN
    names = ("result", "means", "inside of the interval", "expected", "inside of the prediction interval", "expected")
    yield pipes([list(names), *([*_again(record)] for record in again)])


def _again(record: Recorded) -> Iterator[str]:
    name, count = record.facts["name"], len(record.second)
    yield f"[{escaped(name)}](../../experiments/results/{name})"
    inside, predicted = (sum(line[key] == "True" for line in record.second) for key in ("inside", "predicted"))
    expected = sum(float(line["expected"]) for line in record.second)
    yield from (str(count), str(inside), f"{expected:.1f}", str(predicted), f"{0.95 * count:.1f}")


def _compute(every: Sequence[Recorded]) -> Iterator[str]:
    """What all of it took."""
    yield "## Compute"
    known = [(record, facts) for record in every for facts in (record.facts, record.further) if facts]
    names = ["result", "seeds", "runs", "seconds of all runs", "of these training", "wall time, s", "machine", "date"]
    yield pipes([names, *([*_spent(*each)] for each in known)])
    runs, seconds, training = (
        sum(facts[part][key] for _, facts in known)
        for part, key in (("runs", "all"), ("seconds", "runs"), ("seconds", "training"))
    )
    yield (
        f"In all {runs:,} runs, {seconds:,.0f} s ({seconds / 3600:.1f} hours) of all runs together,"
        f" of which {training:,.0f} s are training; the rest is reading data, compiling and testing."
    )


def _spent(record: Recorded, facts: dict[str, Any]) -> Iterator[str]:
    seconds, machine = facts["seconds"], facts["machine"]
    cores = f", {machine['cores']} cores" if "cores" in machine else ""
    yield f"[{escaped(record.facts['name'])}](../../experiments/results/{record.facts['name']})"
    yield "first" if facts is record.facts else "second"
    yield from (f"{facts['runs']['all']:,}", *(f"{seconds[key]:,.0f}" for key in ("runs", "training", "wall")))
    yield from (escaped(f"{machine.get('device', 'not known')}{cores}"), " to ".join(dict.fromkeys(facts["days"])))


def refresh() -> None:
    """Write the page where it has changed."""
    text = page()
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    refresh()

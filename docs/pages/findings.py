"""The page "What we found": a claim, a figure, plain words, and numbers from experiments/results and nothing else.

`PYTHONPATH=docs python -m pages.findings` writes it; git has it, so that it is read without building the site. The words
between the numbers are written by hand; tests/whole/test_findings.py asks that the records say what they say.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gru_tf.analysis.formats.markup import pipes
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.wording import interval
from pages import recorded

PAGE = Path(__file__).resolve().parents[1] / "explanation" / "what_we_found.md"


@dataclass(frozen=True)
class Finding:
    """One claim.

    Args:
        claim: as tutorials or papers have it.
        verdict: a few words.
        figure: a file in docs/, without its ending.
        caption: what the figure draws.
        records: names in experiments/results that it rests on.
        text: paragraphs.
    """

    claim: str
    verdict: str
    figure: str
    caption: str
    records: tuple[str, ...]
    text: tuple[str, ...]


def ratio(cell: str, other: str, path: str, equal: str) -> str:
    """How many times as long a training step of one cell takes as another's: the median of rounds and its quartiles."""
    rounds = zip(recorded.timed(cell, path, equal)["ms"], recorded.timed(other, path, equal)["ms"], strict=True)
    low, middle, high = statistics.quantiles([one / two for one, two in rounds], n=4)
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def value(name: str, task: str, cell: str) -> str:
    """The mean or median of the test metric, with its interval."""
    return interval(recorded.of(name).test(task, cell))


def step(cell: str, path: str, equal: str) -> str:
    """Milliseconds of a training step, the median of rounds."""
    return f"{statistics.median(recorded.timed(cell, path, equal)['ms']):.1f}"


def units(cell: str, equal: str = "parameters") -> int:
    """Units of the cell that was timed."""
    number: int = recorded.timed(cell, "fused", equal)["units"]
    return number


def parameters(name: str, task: str, cell: str) -> str:
    """Parameters of the recurrent layer."""
    return f"{int(recorded.of(name).row(task, cell)['recurrent_parameters']):,}"


def published(name: str, cell: str, metric: str) -> str:
    """Our number beside a published one, with its interval."""
    line = next(one for one in recorded.of(name).published if (one["cell"], one["metric"]) == (cell, metric))
    return interval(Interval(*(float(line[bound]) for bound in ("ours", "low", "high"))))

"""The page "Ten public data sets": what `gru-tf compare` answers on each, beside the best model without a network."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gru_tf.analysis import wording
from gru_tf.analysis.statistics import Interval

MEASURED = Path(__file__).resolve().parents[1] / "explanation" / "own_data.json"
ARROWS = {"max": "↑", "min": "↓"}
MINUTES = 3


@dataclass(frozen=True)
class PublicSet:
    """A public data set, and what somebody who knows the field would take for it.

    Args:
        name: of the comparison, and in the measurements.
        title: for readers.
        file: in the folder of data; "" where the measuring script makes it.
        options: of `compare`, where the file alone does not say what is wanted.
        test: file of test data.
        expert: what one would take, and why.
    """

    name: str
    title: str
    file: str
    expert: str
    options: dict[str, Any] = field(default_factory=dict)
    test: str = ""

    @property
    def command(self) -> str:
        """As it is typed in the folder of the file."""
        written = [f"--{name.replace('_', '-')} {value}" for name, value in self.options.items()]
        test = [f"--test {Path(self.test).name}"] if self.test else []
        return " ".join(["gru-tf compare", Path(self.file or f"{self.name}.npz").name, *test, *written])


LINEAR = "a linear model of the last year, or exponential smoothing"
CONVOLUTIONS = "random convolutions (Dempster and others 2021): few examples, long sequences"
SETS = (
    PublicSet(
        "airline", "Airline passengers, 144 months", "series/airline-passengers.csv", f"{LINEAR}: trend and season, few rows"
    ),
    PublicSet(
        "temperatures",
        "Daily minimum temperatures, Melbourne, 3,650 days",
        "series/daily-min-temperatures.csv",
        "a linear model of some days: noise around a slow season, so that a network has little to add",
    ),
    PublicSet(
        "sunspots",
        "Monthly sunspots, 2,820 months",
        "series/monthly-sunspots.csv",
        "an autoregression of two years (Yule 1927), or a network that is no worse",
    ),
    PublicSet(
        "ett",
        "ETTh1, oil temperature, 17,420 hours",
        "ett/ETTh1.csv",
        "a linear model of the last two days (Zeng and others 2023)",
        {"target": "OT"},
    ),
    PublicSet(
        "italy",
        "ItalyPowerDemand, 67 days to train on",
        "ucr/ItalyPowerDemand_TRAIN.ts",
        "nearly any model: the classes are two shapes of a day",
        test="ucr/ItalyPowerDemand_TEST.ts",
    ),
    PublicSet(
        "gunpoint",
        "GunPoint, 50 movements to train on",
        "ucr/GunPoint_TRAIN.ts",
        CONVOLUTIONS,
        test="ucr/GunPoint_TEST.ts",
    ),
    PublicSet(
        "arrowhead",
        "ArrowHead, 36 outlines to train on",
        "ucr/ArrowHead_TRAIN.ts",
        CONVOLUTIONS,
        test="ucr/ArrowHead_TEST.ts",
    ),
    PublicSet(
        "vowels",
        "JapaneseVowels, 270 utterances to train on",
        "ucr/JapaneseVowels_TRAIN.ts",
        "random convolutions or a network: short sequences of twelve features",
        test="ucr/JapaneseVowels_TEST.ts",
    ),
    PublicSet(
        "digits_spoken",
        "Free Spoken Digits, new speakers",
        "",
        "a network, or convolutions: what a digit is lies in the order of its sounds",
        {"group": "speaker"},
    ),
    PublicSet(
        "sst2",
        "SST-2, 6,920 sentences to train on",
        "sst2/train.tsv",
        "a linear model of words and pairs of words (Wang and Manning 2012), where no pretrained model may be used",
        test="sst2/test.tsv",
    ),
)

HEAD = """# Ten public data sets, as `compare` answers them

Each is given to `gru-tf compare` as its publishers have it, with no option but those shown below and `--minutes {minutes}`:
a file, and an answer. A second table sets beside it what somebody who knows the field would take without having seen it;
where the two differ, they differ.

{summary}

The cells are tuned by the search of `compare` and tested on parts that they have not seen, on the parts that publishers
set aside where there are any; so are the models without a network. A value is a mean over replicates, with its 95 %
interval where there are two or more; with fewer than five nothing is tested. All was measured on {device}, with two workers
on two cores on which other programs ran: a machine that has nothing else to do has more replicates in the same time.
"""
FOOT = """In the first table, below the recommendation, stands how the best cell and the best model without a network
compare, by a test corrected for all comparisons of the set ([how verdicts are reached](verdicts.md)).

Measured by `python docs/own_data.py`, which fills [`own_data.json`](own_data.json); this page is made from it when the site
is built."""


def page() -> str:
    """The whole text."""
    measured: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8"))
    known = [one for one in SETS if one.name in measured]
    device = next(iter(measured.values()))["device"]
    head = HEAD.format(minutes=MINUTES, summary=_summary([measured[one.name] for one in known]), device=device)
    parts = {"Beside an expert": _experts(known, measured), "The commands": _commands(known, measured)}
    more = [line for heading, lines in parts.items() for line in (f"## {heading}", "", *lines, "")]
    return "\n".join([head, *_table(known, measured), "", *more, FOOT, ""])


def _summary(answers: list[dict[str, Any]]) -> str:
    without = [answer["recommended"] for answer in answers if not answer["network"]]
    return (
        f"**On {len(without)} of {len(answers)} the recommendation is a model without a recurrent network, on"
        f" {len(answers) - len(without)} it is a cell.**"
    )


def _table(known: list[PublicSet], measured: dict[str, Any]) -> Iterator[str]:
    yield "| data | recommended | best cell | without a network | trivial | replicates |"
    yield "|---|---|---|---|---|---|"
    for one in known:
        numbers = measured[one.name]
        data = f"{one.title}<br>{numbers['metric']}\N{NO-BREAK SPACE}{ARROWS[numbers['direction']]}"
        answer = f"**{numbers['recommended']}**<br>{numbers['words']}"
        cell, other = (_score(numbers[name]) for name in ("cell", "other"))
        row = (data, answer, cell, other, f"{numbers['trivial']:.3g}", str(numbers["cell"]["seeds"]))
        yield f"| {' | '.join(row)} |"


def _experts(known: list[PublicSet], measured: dict[str, Any]) -> Iterator[str]:
    yield "| data | recommended | an expert would take |"
    yield "|---|---|---|"
    for one in known:
        yield f"| {one.title} | **{measured[one.name]['recommended']}** | {one.expert} |"


def _score(numbers: dict[str, Any] | None) -> str:
    """Name and mean, the interval below where there is one."""
    if numbers is None:
        return "–"
    ends = (math.nan if end is None else end for end in numbers["test"])
    mean, _, interval = wording.interval(Interval(*ends)).partition(" [")
    lines = [numbers["name"], mean, *([f"[{interval}".replace(" ", "\N{NO-BREAK SPACE}")] if "," in interval else [])]
    return "<br>".join(lines)


def _commands(known: list[PublicSet], measured: dict[str, Any]) -> Iterator[str]:
    yield "```"
    width = max(len(one.command) for one in known)
    for one in known:
        yield f"{one.command:<{width}}  # {measured[one.name]['seconds'] / 60:.1f} minutes"
    yield "```"

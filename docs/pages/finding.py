"""A finding of the page "What we found", and the words in which it says what is recorded."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.wording import SUPERSCRIPTS, interval, listed
from pages import recorded


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


def short(name: str, task: str, cell: str) -> str:
    """The mean of the test metric; of a cell that is unreliable its median, which is said."""
    row = recorded.of(name).row(task, cell)
    return f"{'a median of ' if row['median'] else ''}{plain(recorded.of(name).test(task, cell).mean)}"


def plain(number: float) -> str:
    """Two digits, with a power of ten below a thousandth."""
    if number >= 0.001:
        return f"{number:.2g}"
    digits, _, power = f"{number:.1e}".partition("e")
    return f"{digits}·10{str(int(power)).translate(SUPERSCRIPTS)}"


def step_of(name: str, task: str, cell: str) -> str:
    """Milliseconds of a training step, of the networks of a task in turn."""
    return f"{recorded.number(recorded.of(name).row(task, cell)['step_ms']):.2f}"


def units_of(name: str, cell: str) -> str:
    """Units of a cell, the same on every task."""
    record = recorded.of(name)
    return record.row(record.tasks[0], cell)["units"]


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


def left(cell: str, when: str) -> str:
    """Of ten seeds, what is left of the gradient at the largest lag: median, least and most."""
    values = recorded.gradients()[cell][when]
    middle, least, most = (plain(number) for number in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({least} to {most})"


NAMES = {
    "airline": "airline passengers",
    "ucr(name=ItalyPowerDemand)": "a day's demand of power",
    "ucr": "Japanese vowels",
    "delayed_recall": "delayed recall",
    "digits": "images of digits",
    "polyphonic": "music",
    "ett": "the forecast",
    "spoken_digits": "speech",
    "sst2": "sentiment",
    "tiny_shakespeare": "characters",
    "multi30k": "translation",
    "adding": "adding",
}


def called(label: str) -> str:
    """A task in a sentence."""
    return NAMES.get(label) or NAMES[label.partition("(")[0]]


def outcomes(name: str, first: str, second: str) -> str:
    """On which tasks which of two is better, in a sentence without its end."""
    record = recorded.of(name)
    by_word: dict[str, list[str]] = {}
    for task in record.tasks:
        pair = record.pair(task, first, second)
        word = pair["better"] or pair["verdict"]
        by_word.setdefault(word, []).append(called(task))
    words = {first: f"{label(first)} is better on", second: f"{label(second)} is better on"}
    rest = {"equivalent": "equivalent on", "inconclusive": "undecided on", "withheld": "without a verdict on"}
    order = [*words, *rest, "unreliable"]
    said_of = words | rest | {"unreliable": "unreliable on"}
    return "; ".join(f"{said_of[word]} {listed(by_word[word])}" for word in order if word in by_word)


def label(cell: str) -> str:
    """A cell in a sentence."""
    return f"the {cell.upper()}" if cell in ("rnn", "lstm", "gru", "mgu", "janet") else cell


def baselines(name: str) -> tuple[list[str], list[str], list[str]]:
    """`won_by` of all tasks of an experiment that a model without a network was fitted to."""
    record = recorded.of(name)
    return won_by([(name, task, called(task)) for task in record.tasks if record.best_baseline(task)])


def won_by(tasks: Iterable[tuple[str, str, str]]) -> tuple[list[str], list[str], list[str]]:
    """Tasks where the best cell is better than the best model without a network; where that is; where neither is.

    Args:
        tasks: record, how the task's label begins, what it is called.
    """
    groups: tuple[list[str], list[str], list[str]] = ([], [], [])
    for name, task, title in tasks:
        record = recorded.of(name)
        best, model = record.best(task), str(record.best_baseline(task))
        better = record.pair(task, best, model)["better"]
        groups[0 if better == best else 1 if better == model else 2].append(title)
    return groups


BESIDE = (  # record, how the task's label begins, what it is called
    ("karim2018_ucr", "ucr(name=ArrowHead", "ArrowHead"),
    ("karim2018_ucr", "ucr(name=GunPoint", "GunPoint"),
    ("karim2018_ucr", "ucr(name=Italy", "ItalyPowerDemand"),
    ("geron2019_waves_one_step", "waves", "waves"),
    ("lin2023_ett", "ett", "96 hours of ETTh1"),
    ("claims", "ett", "24 hours of oil temperature"),
    ("equal_parameters", "airline", "airline passengers"),
    ("small_data", "mnist(examples=3000,", "3,000 images"),
    ("claims", "digits", "small images"),
    ("claims", "polyphonic", "music"),
    ("claims", "spoken_digits", "speech"),
    ("claims", "sst2", "sentiment"),
    ("claims", "tiny_shakespeare", "characters"),
)

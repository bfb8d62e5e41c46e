"""The page "Where you need no network": which real data sets are predicted as well, or better, without a recurrent one."""

from collections.abc import Iterator
from typing import Any

from gru_tf.analysis import wording
from gru_tf.analysis.statistics import Interval

ARROWS = {"max": "↑", "min": "↓"}
GROUPS = (  # heading, verdicts of the model without a network
    ("Better without a network", ("better",)),
    ("Neither is shown to be better", ("equivalent", "inconclusive", "unreliable", "withheld")),
    ("Better with a network", ("worse",)),
)
HEAD = """# Where you need no network

Before asking *RNN, LSTM or GRU?* it is worth asking whether the data need any of them. Every experiment of this
project answers both: models without a recurrent network are tuned on the same validation split, tested on the same
test split, and compared with the cells in the same family of tests ([how verdicts are reached](verdicts.md)).

{summary}

The network is the best of the experiment's cells, its learning rate searched, at a small budget of parameters; the
model is the best of those that fit the task (`gru-tf list baselines`), its settings chosen on a small grid. A larger
network may do better, and so may a larger model: what is said here is said of these. The n-grams keep
twenty to sixty times as many numbers as the networks of characters that they are ahead of, and these were trained for
two epochs. Networks that forecast may have a linear
path beside the recurrence (`model.linear_path`); on `temperatures` the search chooses, the others have it. It does not
pay everywhere: on `airline` the cells of `gates`, which lack it, have 28.4 to 34.4, and 19.7 to 24 where a search of
twelve draws chose by a year of validation; on `temperatures` a choice is better by one per cent than a path for all.
Intervals are over seeds. Seconds are those of one training, and of one fit of the chosen settings, on one core of the
same machine."""
FOOT = """## What to do with it

`gru-tf compare FILE` fits these models beside the cells on your own data, recommends one of them where it is better,
and `gru-tf predict` then uses it.

Generated from [`measured.json`](../tasks/measured.json), the numbers of the experiments themselves, when the site is
built."""


def page(measured: dict[str, Any]) -> str:
    """The whole text."""
    known = {name: numbers for name, numbers in measured.items() if numbers.get("rival")}
    groups = [(heading, [name for name in known if known[name]["rival"]["verdict"] in words]) for heading, words in GROUPS]
    lines = [HEAD.format(summary=_summary(len(known), [len(names) for _, names in groups])), ""]
    for heading, names in groups:
        if names:
            lines += [f"## {heading}", "", *_table(names, known), ""]
    return "\n".join([*lines, FOOT, ""])


def _summary(every: int, counts: list[int]) -> str:
    better, neither, worse = (count or "none" for count in counts)
    return (
        f"**Of {every} experiments on real data, the best recurrent network is significantly better than the best model"
        f" without one in {worse}, and that model is significantly better in {better}; in {neither} neither is shown to be"
        " better.**"
    )


def _table(names: list[str], known: dict[str, Any]) -> Iterator[str]:
    yield "| experiment | metric | without a network | best cell | the former is |"
    yield "|---|---|---|---|---|"
    for name in names:
        numbers, one = known[name], known[name]["rival"]
        model = f"**{one['model']}** {_value(one['value'])}{_cost(one['size'], one['model_seconds'])}"
        interval = wording.interval(Interval(**one["test"]))
        cell = f"**{one['cell']}** {interval}{_cost(one['parameters'], one['seconds'])}"
        metric = f"{numbers['metric']}\N{NO-BREAK SPACE}{ARROWS[numbers['direction']]}"
        yield f"| `{name}` | {metric} | {model} | {cell} | {one['words']} |"


def _cost(size: int, seconds: float) -> str:
    """Below a score, its price."""
    return f"<br>{size:,} numbers, {_seconds(seconds)}"


def _value(value: float) -> str:
    return f"{value:.4g}"


def _seconds(seconds: float) -> str:
    return "under 0.1 s" if seconds < 0.1 else f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"

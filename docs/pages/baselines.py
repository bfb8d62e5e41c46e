"""The page of baselines: what each model without a recurrent network is, and the tasks that it fits."""

import ast
from collections.abc import Iterator
from itertools import groupby

from gru_tf.baselines.baseline import BASELINES
from gru_tf.commands import listing
from pages.docstrings import prose

HEAD = """# Baselines

Models that need no recurrent network. Those that fit a task are tuned on its validation split and stand below the cells in
its table; `baselines: [ridge]` in an experiment names some of them, `baselines: false` leaves them out. Which real data are
predicted as well without a network is [a page of its own](../explanation/no_network.md).
"""
HEADINGS = {
    "forecasts": "Forecasts",
    "music": "Music",
    "sequences": "Sequences with a class or a value",
    "tokens": "Texts",
    "windows": "Windows of numbers",
}


def page() -> str:
    """The whole text."""
    return "\n".join([HEAD, *_body()])


def _body() -> Iterator[str]:
    names = sorted(BASELINES.names(), key=lambda name: (_folder(name), name))
    for folder, members in groupby(names, key=_folder):
        yield from (f"## {HEADINGS[folder]}", "")
        for name in members:
            yield from _section(name)


def _folder(name: str) -> str:
    return BASELINES.address(name).split(".")[-2]


def _section(name: str) -> Iterator[str]:
    tasks = listing.baseline_tasks(name).removeprefix("tasks: ").replace(" | ", "`, `")
    yield from (f"### {name}", "", prose(ast.get_docstring(BASELINES.parsed(name)) or ""), "")
    yield from (f"Source: {prose(BASELINES.find(name).reference)}.", "")
    yield from (f"Built-in tasks with their default options: {f'`{tasks}`' if tasks else 'none'}.", "")

"""The page of errors: exit codes, and messages as the code itself words them, made by mistakes that are made here."""

from collections.abc import Iterator
from signal import SIGTERM
from typing import Any

from gru_tf.commands.main import INTERRUPTED
from gru_tf.experiment import yaml_file
from gru_tf.foundation.errors import UserError
from pages.docstrings import table

HEAD = """# Errors

A mistake that you can correct gets one line: where it is, what was received, what was expected, the nearest valid name. In
Python it is a `gru_tf.UserError`, which is a `ValueError`; layers and cells raise `ValueError` as those of Keras do.
"""
RUNS = """## Runs that fail

A run that crashes, runs out of memory or exceeds `--time-limit` is tried once more, then recorded as `failed` with its
reason; one whose loss is no longer a number is `diverged`. Neither stops the experiment: both are counted in the table and
explained below it, and [columns](columns.md) `status`, `error` and `attempts` have them.
"""
CORRECT: dict[str, Any] = {"question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 8}}
MISTAKES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cells: [gruu]", {"cells": ["gruu"]}),
    ("tasks: [{adding: {lenght: 30}}]", {"tasks": [{"adding": {"lenght": 30}}]}),
    ("training: {epoch: 20}", {"training": {"epoch": 20}}),
    ("training: {learning_rate: -0.1}", {"training": {"learning_rate": -0.1}}),
    ("training: {optimizer: adamw}", {"training": {"optimizer": "adamw"}}),
    ("model: {units: 8, parameters: 2000}", {"model": {"units": 8, "parameters": 2000}}),
    ("seeds: [1, 1]", {"seeds": [1, 1]}),
    ("claims: [gru.score > elman.score]", {"claims": ["gru.score > elman.score"]}),
)


def page() -> str:
    """The whole text."""
    return "\n".join([HEAD, *_codes(), RUNS, *_messages()])


def _codes() -> Iterator[str]:
    codes = (
        ("0", "done"),
        ("2", "a mistake in what was typed, in a file, or in where to write; nothing was run"),
        (f"{INTERRUPTED}", "interrupted by Ctrl-C: what is finished is kept, the same command continues"),
        (f"{128 + SIGTERM}", "ended by SIGTERM, as `timeout` and batch systems send it: likewise"),
        ("1", "any other exception, with its traceback"),
    )
    yield from ("## Exit codes", "", *table(("code", "meaning"), codes), "")


def _messages() -> Iterator[str]:
    yield from ("## Messages", "", "Each line below is a mistake in a file `mine.yaml`, with the message that it gets.", "")
    for line, change in MISTAKES:
        yield from ("```yaml", line, "```", "", "```text", message(change), "```", "")


def message(change: dict[str, Any]) -> str:
    """What the mistake is answered with; it is one, or the page would be wrong."""
    try:
        yaml_file.validate({**CORRECT, **change, "name": "mine"}, "mine.yaml")
    except UserError as error:
        return str(error)
    raise AssertionError(f"no mistake: {change}")

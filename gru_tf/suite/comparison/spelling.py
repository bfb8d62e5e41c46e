"""How messages name the options of a comparison: `target`, as in Python, or `--target`, as the command has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from gru_tf.suite.comparison.options import OPTIONS

_OF_COMMANDS: ContextVar[bool] = ContextVar("comparison_of_commands", default=False)


@contextmanager
def of_commands() -> Iterator[None]:
    """Inside, messages name the options of `gru-tf compare`; elsewhere the arguments of `gru_tf.compare`."""
    before = _OF_COMMANDS.set(True)
    try:
        yield
    finally:
        _OF_COMMANDS.reset(before)


def spelled(name: str) -> str:
    """An option as messages name it: "batch_size", or "--batch-size"; of a switch the first of its two names."""
    if not _OF_COMMANDS.get():
        return name
    switch = OPTIONS[name].switch.partition("/")[0] if name in OPTIONS else ""
    return switch or f"--{name.replace('_', '-')}"

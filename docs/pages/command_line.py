"""The page of the command line: every command with its arguments and options, as Typer documents its own app."""

import html
import re

import typer
from typer.cli import get_docs_for_click

from gru_tf.commands.main import app

HEAD = """# Command line

`gru-tf COMMAND --help` prints the same. A mistake gets one line that says where it is, what was received and what was
expected, and [exit code](errors.md#exit-codes) 2.
"""
COMPLETION = re.compile(r"\* `--(?:install|show)-completion`: .*\n")


def page() -> str:
    """The whole text; what is HTML in it becomes Markdown."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="gru-tf")
    _, *commands = text.split("\n## ")
    return "\n".join([HEAD, *(f"## {_plain(section)}" for section in commands)])


def _plain(section: str) -> str:
    text = html.unescape(COMPLETION.sub("", section))
    text = text.replace("```console\n$ ", "```text\n").replace("**Usage**:\n\n", "")
    return re.sub(r"\s*<br\s*/?>\s*|</?b>", " ", text)

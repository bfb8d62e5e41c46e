"""What stands for a value is written in one way, in every help and in every document: FILE, NAME, N."""

import re

import pytest
from places import ROOT
from typer import Context
from typer.main import get_command
from typer.testing import CliRunner

from gru_tf.commands import main as cli

COMMANDS = get_command(cli.app).commands
PLACEHOLDER = re.compile(r"[A-Z]+(\.[a-z]+)?(,…)?")  # FILE, FILE.html, NAME,…
OTHER_WAYS = re.compile(r"<(?:str|int|float|bool|path)\b[^>]*>|\{[A-Za-z|.]+\}|\[\[")
CALL = re.compile(r"gru-tf (?:[a-z]+)\b[^`\n\"]*")
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "notebooks/*.ipynb", "experiments/*.yaml")
    for path in ROOT.glob(pattern)
    if "_build" not in path.parts
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_value_has_a_placeholder_or_choices(name):
    command = COMMANDS[name]
    parameters = [one for one in command.get_params(Context(command)) if not getattr(one, "is_flag", False)]
    assert parameters
    for parameter in parameters:
        written = parameter.metavar or ""
        choices = parameter.type_descriptor.is_choice and not written
        assert choices or PLACEHOLDER.fullmatch(written), f"{name} {parameter.opts[0]}: {written or 'nothing'}"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_no_other_way_of_writing_them(name):
    text = CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "120"}).output
    usage = " ".join(text.partition("Usage:")[2].partition("\n\n")[0].split())
    assert not OTHER_WAYS.search(text), OTHER_WAYS.search(text)
    arguments = [one.metavar for one in COMMANDS[name].params if one.param_type_name == "argument"]
    words = [word.strip("[]") for word in usage.split()[3:] if word != "[OPTIONS]"]
    assert words[: len(arguments)] == arguments


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_speaks_with_one_voice_and_breaks_no_word(name):
    """A few words in lower case and without a full stop, but where a name or an abbreviation begins; choices in one line."""
    text = CliRunner().invoke(cli.app, [*filter(None, [name]), "--help"], env={"COLUMNS": "80"}).output
    assert not re.search(r"<[a-z|]+(?![a-z|>])", text), text
    command = COMMANDS[name] if name else get_command(cli.app)
    for parameter in command.get_params(Context(command)):
        first = parameter.help.split()[0]
        assert not parameter.help.endswith("."), parameter.help
        assert first.islower() or not first[1:].islower() or not first.isalpha(), parameter.help


def test_the_look_at_documents_sees_what_it_is_to_see():
    assert OTHER_WAYS.search("gru-tf run <str>")
    assert OTHER_WAYS.search("gru-tf run {FILE|NAME}")
    assert re.search(r"<[A-Za-z-]+>", "gru-tf run <experiment>")
    assert sum(len(CALL.findall(path.read_text(encoding="utf-8"))) for path in DOCUMENTS) > 20


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_write_placeholders_as_the_help_does(path):
    for call in CALL.findall(path.read_text(encoding="utf-8")):
        assert not re.search(r"<[A-Za-z-]+>|\{[A-Za-z|.]+\}|\b(?:YOUR|MY)[_-]", call), call

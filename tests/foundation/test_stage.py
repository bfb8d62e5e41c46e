"""What long work says of itself reaches whoever shows it."""

import io

from rich.console import Console

from gru_tf.commands.waiting import waiting
from gru_tf.foundation import stage


def test_what_is_said_is_heard_inside_and_nowhere_else():
    said = []
    stage.say("before")
    with stage.heard(said.append):
        stage.say("one")
        with stage.heard(lambda text: said.append(f"inner {text}")):
            stage.say("two")
        stage.say("three")
    stage.say("after")
    assert said == ["one", "inner two", "three"]


def test_it_follows_what_a_command_waits_for_on_a_terminal():
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    with waiting("importing model.onnx", terminal):
        stage.say("comparing with onnxruntime, batch of 3, 30 steps")
    assert "importing model.onnx: comparing with onnxruntime, batch of 3, 30 steps" in terminal.file.getvalue()

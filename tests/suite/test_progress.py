"""What is shown while runs go on: a bar with the ETA on a terminal, one line per run elsewhere."""

import io
import math
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from gru_tf.commands.console import print_line
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.suite.progress import display, notebook, phase
from gru_tf.suite.progress.state import clock, summary
from gru_tf.suite.progress.terminal import ElapsedColumn, RunProgress

NAN = math.nan
FIELDS = {"name": "mine", "question": "Which one?", "tasks": ["digits"], "cells": ["rnn", "lstm", "gru"], "seeds": 3}


def result(purpose: str = "final", **fields: Any) -> RunResult:
    """A run of the first (task, cell)."""
    one = Experiment.model_validate({**FIELDS, "model": {"units": 4}})
    run = one.run(one.tasks[0], one.cells[0], 2, purpose)
    return RunResult.model_validate({"run": run, "status": "finished", "started": 0.0, "seconds": 61.26, **fields})


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"metric": "accuracy", "test": 0.91234}, "digits · rnn · seed 2: test accuracy 0.9123 (61.3 s)"),
        (
            {"purpose": "trial", "metric": "mse", "validation": 3.2e-5},
            "digits · rnn · trial: validation mse 3.2e-05 (61.3 s)",
        ),
        ({"metric": "nll", "test": NAN}, "digits · rnn · seed 2: test nll nan (61.3 s)"),
        ({"purpose": "baseline", "warning": "left out: no season"}, "digits · rnn · baseline: left out: no season"),
        ({"status": "failed", "error": "ValueError: no"}, "digits · rnn · seed 2: failed: ValueError: no"),
        ({"status": "diverged", "error": "the loss"}, "digits · rnn · seed 2: diverged: the loss"),
    ],
)
def test_a_run_in_one_line(fields, shown):
    assert summary(result(**fields)) == shown


def test_progress_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=40)
    with RunProgress(console) as progress:
        progress(None, 1, 3)
        progress(result(metric="accuracy", test=0.5), 2, 3)
        progress(result(status="failed", error="[bold]no[/bold] " + "x" * 100), 3, 3)
    first, *lines = console.file.getvalue().splitlines()
    assert first == "1 of 3 runs are in the store already."
    assert lines == [
        "   2/3 digits · rnn · seed 2: test accuracy 0.5 (61.3 s)",
        "   3/3 digits · rnn · seed 2: failed: [bold]no[/bold] " + "x" * 100,
    ]


LOOKS = ["look 1 of 5: 5 replicates", "look 2 of 5: 8 replicates, 3 of 6 pairs decided"]


def test_a_look_is_a_line_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=40)
    with RunProgress(console) as progress:
        progress.look(LOOKS[0])
        progress(None, 0, 1)
        progress(result(metric="accuracy", test=0.5), 1, 1)
        progress.look(LOOKS[1])
        progress(result(metric="accuracy", test=0.5), 2, 3)
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if "seed" not in line] == LOOKS
    assert [line.split()[0] for line in lines] == ["look", "1/1", "look", "2/3"]


def test_a_look_on_a_terminal_is_a_line_above_the_bar_which_has_room_for_its_number():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with RunProgress(console) as progress:
        progress.look(LOOKS[1])
        progress(None, 130, 250)
        progress.bar.refresh()
    text = console.file.getvalue()
    assert LOOKS[1] in text
    bars = [line for line in text.splitlines() if "elapsed" in line and "look 2 of 5" in line]
    assert bars
    assert all("ETA" in line and "replicates" not in line for line in bars), "it takes two lines"


def test_the_timing_phase_is_a_line_a_task_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=40)
    with RunProgress(console) as progress:
        progress(None, 0, 0)
        for seconds in (0.0, 1.2, 2.3):
            progress.timing("digits", seconds, 60.0)
        progress.timing("adding(length=30)", 0.0, 60.0)
    lines = console.file.getvalue().splitlines()
    assert lines == ["timing digits: at most 60 s", "timing adding(length=30): at most 60 s"]


def test_the_timing_phase_on_a_terminal_is_a_bar_of_seconds():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with RunProgress(console) as progress:
        progress(None, 0, 0)
        progress.timing("digits", 0.0, 60.0)
        progress.timing("digits", 12.3, 60.0)
        progress.timed[1].refresh()
    text = console.file.getvalue()
    assert "timing digits: 12 of at most 60 s" in text
    assert "at most 60 s\n" not in text.rpartition("12 of")[0], "the bar takes the place of lines"


def test_progress_on_a_terminal_shows_how_long_it_took_and_will_take():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with RunProgress(console) as progress:
        progress(None, 0, 3)
        progress(result(metric="accuracy", test=0.5), 1, 3)
        progress.bar.refresh()
    text = console.file.getvalue()
    assert "training" in text
    assert "1/3" in text
    assert "elapsed 0:00" in text
    assert "ETA" in text
    assert "seed 2" not in text, "the bar takes the place of lines"


def test_the_bar_names_the_cell_and_the_best_so_far_and_the_end_is_a_line():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with RunProgress(console) as progress:
        progress(None, 1, 4)
        assert progress.summed_up(1) == "1 run, all in the store already"
        for done, validation in ((2, 0.5), (3, 0.9), (4, 0.7)):
            progress(result(metric="accuracy", direction="max", validation=validation, test=0.1), done, 4)
        cell = result().run.cell.label
        assert progress.bar.tasks[0].description == f"training · {cell} · best {cell} 0.9"
        assert progress.summed_up(4) == "4 runs, 3 of them new, in 0:00"
    narrow = Console(file=io.StringIO(), width=80, force_terminal=True)
    with RunProgress(narrow) as progress:
        progress(None, 0, 400)
        progress(result(metric="mse", direction="min", validation=1.234567e-5), 399, 400)
        progress.bar.refresh()
    assert "399/400" in narrow.file.getvalue()
    assert "ETA" in narrow.file.getvalue(), "nothing is pushed off the line"


@pytest.mark.parametrize(
    ("elapsed", "remaining", "shown"),
    [(3.9, 12.0, "elapsed 0:03 · ETA 0:12"), (None, None, "elapsed 0:00 · ETA –"), (3725, 59, "elapsed 1:02:05 · ETA 0:59")],
)
def test_elapsed_and_eta(elapsed, remaining, shown):
    task = SimpleNamespace(finished=False, finished_time=None, elapsed=elapsed, time_remaining=remaining)
    assert ElapsedColumn().render(task).plain == shown
    done = SimpleNamespace(finished=True, finished_time=elapsed, elapsed=9999, time_remaining=remaining)
    assert ElapsedColumn().render(done).plain == shown


def test_a_clock_has_hours_only_where_there_are_some():
    assert [clock(seconds) for seconds in (0, 59.9, 60, 3599, 3600, 90_061)] == [
        "0:00",
        "0:59",
        "1:00",
        "59:59",
        "1:00:00",
        "25:01:01",
    ]


def test_a_line_is_printed_as_it_is():
    line = "[bold]a[/bold] :smile: 12 'b' " + "word " * 30 + "end"
    for width in (20, 200):
        console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard")
        print_line(console, line)
        assert console.file.getvalue() == f"{line}\n"
    console = Console(file=io.StringIO(), width=20)
    print_line(console, "one two three four five", wrap=True)
    assert console.file.getvalue().split() == ["one", "two", "three", "four", "five"]
    assert max(map(len, console.file.getvalue().splitlines())) <= 20


def test_what_comes_before_and_after_the_runs_is_a_spinner_in_place_of_the_bar():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with RunProgress(console) as progress:
        phase(progress, "opening the [store]")
        progress(None, 0, 1)
        progress(result(metric="accuracy", test=0.5), 1, 1)
        before = len(console.file.getvalue())
        phase(progress, "writing the report")
        after = console.file.getvalue()[before:]
    assert "opening the [store]" in console.file.getvalue()[:before]
    assert "writing the report" in after
    assert "runs" not in after.partition("writing the report")[2], "the bar is gone"
    assert console.file.getvalue().endswith("\x1b[2K"), "so is the spinner at the end"


def test_phases_are_no_lines_where_there_is_no_terminal_and_nothing_where_nobody_asks():
    console = Console(file=io.StringIO(), width=40)
    with RunProgress(console) as progress:
        phase(progress, "writing the report")
    assert console.file.getvalue() == ""
    phase(None, "writing the report")
    phase(lambda *_: None, "writing the report")


class Output:
    """What IPython calls a display handle: an output that is written over."""

    def __init__(self):
        self.contents = []

    def update(self, content, raw):
        assert raw
        self.contents.append(content)


@pytest.fixture
def output(monkeypatch):
    """The output of a cell in a notebook."""
    handle = Output()

    def display(content, raw, display_id):
        assert display_id
        handle.update(content, raw)
        return handle

    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()), display=SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", kernel.display)
    return handle


def test_a_notebook_shows_one_output_that_ends_as_a_line(output):
    with display(None) as progress:
        phase(progress, "opening <the> store")
        progress(None, 0, 2)
        progress(result(metric="accuracy", direction="max", validation=0.5, test=0.5), 1, 2)
        progress.note("a range is widened")
        progress(result(metric="accuracy", direction="max", validation=0.5, test=0.5), 2, 2)
    texts = [content["text/plain"] for content in output.contents]
    pages = [content["text/html"] for content in output.contents]
    assert "opening <the> store …" in texts
    assert "opening &lt;the&gt; store …" in pages
    assert any("best rnn 0.5" in text and "1/2 runs · elapsed 0:00 · ETA 0:00" in text for text in texts)
    assert any('<progress value="1" max="2">' in page for page in pages)
    assert texts[-1] == "a range is widened\n2 runs, 2 of them new, in 0:00."
    assert pages[-1] == "a range is widened<br>2 runs, 2 of them new, in 0:00."
    assert not progress._clock.is_alive()


def test_the_clock_of_a_notebook_goes_on_while_a_run_does(output, monkeypatch):
    monkeypatch.setattr(notebook, "PERIOD", 0.01)
    with display(None) as progress:
        progress(None, 0, 2)
        written = len(output.contents)
        for _ in range(1000):
            if len(output.contents) > written + 1:
                break
            time.sleep(0.01)
    assert len(output.contents) > written + 2


def test_a_notebook_says_where_it_was_stopped(output):
    def stopped():
        with display(True) as progress:
            progress(None, 0, 2)
            progress(result(metric="accuracy", test=0.5), 1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert output.contents[-1]["text/plain"] == "Stopped after 1 of 2 runs."
    with display(None):
        pass
    assert output.contents[-1]["text/plain"] == "All runs were in the store already."


def test_a_script_shows_nothing_unless_it_is_asked(capsys):
    with display(None) as nothing, display(False) as off:
        assert nothing is None
        assert off is None
    assert capsys.readouterr() == ("", "")
    with display(True) as lines:
        lines(None, 0, 1)
        lines(result(metric="accuracy", test=0.5), 1, 1)
    assert "1/1 digits · rnn · seed 2: test accuracy 0.5" in capsys.readouterr().out

    def own(*_: Any) -> None:
        """A function of the user's own."""

    with display(own) as same:
        assert same is own


def test_nothing_is_shown_where_a_notebook_switches_it_off(output):
    with display(False) as progress:
        assert progress is None
    assert output.contents == []

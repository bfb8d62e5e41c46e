"""The command: what it prints, where, with which exit code, and what it does not load."""

import errno
import io
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from places import ROOT
from rich.console import Console
from typer.testing import CliRunner

from gru_tf.baselines.baseline import BASELINES
from gru_tf.commands import main as cli
from gru_tf.commands import mistakes, stopping
from gru_tf.foundation import signals
from gru_tf.recurrent.cells import CELLS
from gru_tf.suite.progress.terminal import RunProgress
from gru_tf.suite.tracking import Store
from gru_tf.tasks import TASKS

# MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

ONE = {
    "question": "Does the command work?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": ["rnn", "gru"],
    "seeds": 1,
    "model": {"units": 4},
    "training": {"epochs": 1, "batch_size": 128, "jit": False},
    "claims": ["rnn.parameters < gru.parameters"],
    "published": [{"task": "digits", "cell": "gru", "value": 0.9, "tag": "recalled", "source": "A paper"}],
}
LIGHT = """
import sys
from gru_tf.commands import main as cli, mistakes
from gru_tf.foundation import signals
sys.argv = ["gru-tf", *sys.argv[1:]]
try:
    cli.main()
finally:
    loaded = {"tensorflow", "keras", "keras_tuner"} & set(sys.modules)
    assert not loaded, loaded
"""


def call(*arguments, code=None, cwd=ROOT):
    """The command in a process of its own, as a user's shell starts it."""
    start = [sys.executable, "-c", code] if code else [str(Path(sys.executable).with_name("gru-tf"))]
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"COLUMNS": "80"}
    return subprocess.run([*start, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def file(tmp_path):
    """A function that writes an experiment file."""

    def write(content=ONE, name="one.yaml", **changes):
        text = content if isinstance(content, str) else yaml.safe_dump({**content, **changes})
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """`gru-tf run` in an empty folder, with everything at its default but the workers."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "one.yaml").write_text(yaml.safe_dump(ONE))
    return SimpleNamespace(folder=folder, run=call("run", "one.yaml", "--workers", "0", cwd=folder))


def test_run_prints_the_question_a_line_a_run_the_table_and_notes(ran):
    assert ran.run.returncode == 0, ran.run.stderr
    lines = ran.run.stdout.splitlines()
    assert lines[0] == "one: Does the command work?"
    for number, cell in ((1, "rnn"), (2, "gru")):
        shape = rf" +{number}/2 digits\(reading=rows\) · {cell} · seed 0: test accuracy [\d.]+ \([\d.]+ s\)"
        assert re.fullmatch(shape, lines[number])
    table = lines[3 : lines.index("At equal units, not parameters: 4 units.")]
    rows = [line.split()[:3] for line in table if line.strip().startswith(("rnn", "gru"))]
    assert rows == [["rnn", "4", "102"], ["gru", "4", "218"]]  # units × (8 + units + biases), and the head
    assert max(map(len, table)) <= 80


def test_run_ends_with_the_answer_the_verdicts_and_what_is_published(ran):
    said = " ".join(ran.run.stdout.split())
    assert re.search(
        r" digits (RNN|GRU) has the best mean \(accuracy 0\.\d+, one seed\); vs (RNN|GRU) inconclusive \(one seed\); ", said
    )
    assert re.search(r"; (all|only \w+) beats? the baseline \(0\.1\), with one seed", said)
    assert "supported rnn.parameters < gru.parameters 102 against 218." in said
    assert re.search(r"gru +accuracy +0\.9 +recalled +0\.\d+ \[one seed\] +-0\.\d+", ran.run.stdout)
    assert max(map(len, ran.run.stdout.partition("(accuracy")[2].splitlines())) <= 80


def test_run_says_nothing_else(ran):
    assert ran.run.stderr == ""
    assert not re.search("tensorflow|cuda|warning|mlflow|oneDNN", ran.run.stdout, re.IGNORECASE)
    assert "\x1b" not in ran.run.stdout


def test_run_again_and_results_print_the_same_table_without_tensorflow(ran):
    table, end = ran.run.stdout[ran.run.stdout.index("\ndigits") :].rsplit("\n\n", 1)
    assert re.fullmatch(r"2 runs, 2 of them new, in \d:\d\d\. Next: gru-tf report one, gru-tf ui one\n", end)
    ends = {"run": "\n\n2 runs, all in the store already. Next: gru-tf report one, gru-tf ui one\n", "results": ""}
    for arguments in (["run", "one.yaml"], ["results", "one"]):
        done = call(*arguments, code=LIGHT, cwd=ran.folder)
        assert (done.returncode, done.stderr) == (0, "")
        expected = f"{table}{ends[arguments[0]]}"
        assert done.stdout[done.stdout.index("\ndigits") :].split() == expected.split()
        assert done.stdout.endswith(ends[arguments[0]])


COUNTED = """
import sys
from collections import Counter
from gru_tf.commands import main
from gru_tf.experiment import yaml_file
from gru_tf.suite.tracking import Record

calls = Counter()

def counted(owner, name):
    original = getattr(owner, name)
    def call(*arguments, **options):
        calls[name] += 1
        return original(*arguments, **options)
    setattr(owner, name, call)

counted(yaml_file, "locate")
counted(yaml_file, "load")
counted(Record, "results")
sys.argv = ["gru-tf", *sys.argv[1:]]
try:
    main.main()
finally:
    print(*(calls[name] for name in ("locate", "load", "results")), file=sys.stderr)
"""


@pytest.mark.parametrize(("earlier", "expected"), [(False, "1 1 2"), (True, "1 1 0")], ids=["new", "complete"])
def test_a_file_is_located_and_loaded_once_and_results_are_read_once_at_the_end(ran, file, tmp_path, earlier, expected):
    """A new experiment reads the store once before its runs as well; of a complete one no record is opened."""
    file()
    done = call("run", "one.yaml", "--workers", "0", code=COUNTED, cwd=ran.folder if earlier else tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == expected


def test_results_are_read_in_python_without_tensorflow(ran):
    """A table, a frame, a comparison and every text of it; the report has a test of its own."""
    code = """
import sys, gru_tf
found = gru_tf.results("one")
print([row.cell for row in found.table()], len(found.frame), "inconclusive" in str(found.compare("rnn", "gru")))
print(all(found.text(form) for form in ("csv", "json", "markdown", "latex")), bool(found._repr_html_()))
print({"tensorflow", "keras", "keras_tuner"} & set(sys.modules))
"""
    done = call(code=code, cwd=ran.folder)
    assert done.stdout.splitlines() == ["['rnn', 'gru'] 2 True", "True True", "set()"], done.stderr


def test_the_store_is_in_the_folder_s_mlruns(ran):
    assert (ran.folder / "mlruns" / "mlflow.db").is_file()
    assert {file.name for file in ran.folder.iterdir()} == {"one.yaml", "mlruns"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["run", "--help"], ["compare", "--help"], ["run", "no-such-file.yaml"]]
)
def test_light_commands_do_without_tensorflow(arguments):
    done = call(*arguments, code=LIGHT)
    assert done.returncode == (2 if "no-such-file.yaml" in arguments else 0), done.stderr
    assert "AssertionError" not in done.stderr


def test_what_draws_does_without_tensorflow():
    """Its messages are kept off the terminal only where it is imported on purpose."""
    code = "import sys; from gru_tf.commands import screen, screen_doctor, screen_speed\n"
    done = call(code=code + "print({'tensorflow', 'keras', 'keras_tuner', 'mlflow'} & set(sys.modules))")
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_look_for_tensorflow_is_able_to_fail():
    done = call("list", code="import sys; sys.modules['keras'] = None\n" + LIGHT)
    assert "AssertionError: {'keras'}" in done.stderr


def test_help_names_every_command():
    shown = CliRunner().invoke(cli.app, ["--help"])
    assert shown.exit_code == 0
    assert {"run", "compare", "results", "list", "check", "ui"} <= set(re.findall(r"^│ (\w+)", shown.output, re.MULTILINE))


@pytest.mark.parametrize("command", ["run", "compare", "results", "list", "check", "ui"])
def test_every_command_has_help(command):
    shown = CliRunner().invoke(cli.app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage: " in shown.output


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("cells", CELLS.names()),
        ("tasks", TASKS.names()),
        ("baselines", BASELINES.names()),
        ("experiments", ["quickstart"]),
    ],
)
def test_list_one_kind_with_a_line_on_each(main, kind, names):
    code, shown, _ = main("list", kind)
    lines = shown.splitlines()
    assert code == 0
    assert lines[0] == kind
    for name in names:
        assert any(re.match(rf"  {name} +\w+", line) for line in lines)


def test_list_all_kinds(main):
    code, shown, _ = main("list")
    assert code == 0
    kinds = ["cells", "tasks", "baselines", "experiments"]
    assert [line for line in shown.splitlines() if line in kinds] == kinds


def test_experiments_that_follow_papers_are_listed_as_a_group(main, tmp_path):
    (tmp_path / "experiments" / "published").mkdir(parents=True)
    (tmp_path / "experiments" / "published" / "elman1990.yaml").write_text("question: Of a paper?\n")
    code, shown, _ = main("list", "experiments")
    own, published = shown.split("experiments: published\n")
    assert code == 0
    assert own.startswith("experiments\n")
    assert "quickstart" in own
    assert re.search(r"^  elman1990 +Of a paper\? *$", published, re.MULTILINE)
    assert "elman1990" not in own


def test_list_shows_a_file_that_cannot_be_read_and_the_others(main, tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "torn.yaml").write_text("question: [")
    code, shown, _ = main("list", "experiments")
    assert code == 0
    assert re.search(r"torn +cannot be read: torn.yaml", shown)
    assert "quickstart" in shown


def test_check_shows_the_networks(main, file):
    code, shown, errors = main("check", file(model={"parameters": 500}))
    rows = [line.replace(",", "").split() for line in shown.splitlines() if line.startswith(("rnn", "gru"))]
    assert (code, errors) == (0, "")
    assert [row[0] for row in rows] == ["rnn", "gru"]
    for _, units, total, recurrent in rows:
        assert int(total) == int(recurrent) + 10 * (int(units) + 1)
        assert abs(int(total) - 500) < 50


def one_line(errors):
    """The one line of stderr, less the command's name."""
    (line,) = errors.splitlines()
    assert line.startswith("gru-tf: ")
    assert "Traceback" not in line
    return line.removeprefix("gru-tf: ")


@pytest.mark.parametrize(("arrives", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_before_any_command_listens_is_one_line(main, monkeypatch, arrives, status):
    """Typer makes an exit code of one within a command; this one comes while the commands are put together."""
    monkeypatch.setattr(signals, "_received", [])
    monkeypatch.setattr(cli, "app", lambda **_: signal.raise_signal(arrives))
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code, _, errors = main("list")
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    assert code == status
    assert one_line(errors) == "stopped."


def test_finished_work_is_saved_where_some_is():
    progress = RunProgress(Console(file=io.StringIO()))
    with stopping.watched(progress):
        assert stopping.saved() == "No run had finished yet."
        progress.state.done = 1
    assert stopping.saved() == "Finished work is saved; run the same command again to continue."


def test_a_name_that_is_an_experiments_is_to_be_run(main, tmp_path):
    Store(f"sqlite:///{tmp_path}/mlruns/mlflow.db").experiment_id("quickstarted")
    for command in ("results", "report", "ui"):
        for name, told in (
            ("quickstart", "To produce some: gru-tf run quickstart"),
            ("quickstarte", "Did you mean 'quickstarted'?"),
        ):
            code, shown, errors = main(command, name)
            assert (code, shown) == (2, ""), "nothing is started first"
            assert one_line(errors).endswith(told)


@pytest.mark.parametrize(
    "arguments",
    [("report", "quickstart"), ("predict", "sold", "new.csv"), ("import", "a.pt"), ("export", "a.keras")],
)
def test_a_folder_that_does_not_exist_is_not_made(main, tmp_path, arguments):
    ending = {"report": "html", "predict": "csv", "import": "keras", "export": "onnx"}[arguments[0]]
    code, _, errors = main(*arguments, "-o", f"no/such/x.{ending}")
    assert code == 2
    told = f"no/such/x.{ending}: there is no folder {tmp_path}/no/such; the nearest that exists is {tmp_path}"
    assert one_line(errors) == told
    assert not list(tmp_path.iterdir())


MISTAKES = {
    "unknown experiment": (["run", "quickstrat"], "no experiment file or name 'quickstrat'. Did you mean 'quickstart'?"),
    "unknown file": (["check", "missing.yaml"], "no experiment file or name 'missing.yaml'."),
    "no store": (
        ["results", "quickstart"],
        "no store at mlruns/mlflow.db. The first experiment creates it: gru-tf run NAME",
    ),
    "no such store": (["report", "one", "--store", "sqlite:///else/x.db"], "no store at else/x.db."),
    "store's path": (
        ["report", "quickstart", "--store", "else/mlflow.db"],
        "store: expected a tracking URI. Received: else/mlflow.db. Did you mean 'sqlite:///else/mlflow.db'?",
    ),
    "store's folder": (
        ["results", "one", "--store", "else"],
        "store: expected a tracking URI. Received: else. Did you mean 'sqlite:///else/mlflow.db'?",
    ),
    "empty store": (
        ["results", "one", "--store", ""],
        "store: expected a tracking URI. Received: ''. Did you mean 'sqlite:///",
    ),
    "store's scheme": (
        ["results", "one", "--store", "sqlit:///there.db"],
        "store: expected a tracking URI: databricks, databricks-uc, file, http, https, mssql, mysql, postgresql, sqlite, uc."
        " Received: sqlit:///there.db. Did you mean 'sqlite'?",
    ),
    "unknown option": (["run", "quickstart", "--wrokers", "2"], "No such option: --wrokers"),
    "unknown command": (["rum"], "No such command 'rum'. Did you mean 'run'"),
    "missing argument": (["run"], "Missing argument 'EXPERIMENT'"),
    "no number": (["run", "quickstart", "--workers", "two"], "--workers: received 'two', expected a whole number."),
    "negative": (["run", "quickstart", "--workers", "-1"], "--workers: received '-1', expected at least 0."),
    "no seconds": (["run", "quickstart", "--time-limit", "1h"], "--time-limit: received '1h', expected a number."),
    "no port": (["ui", "--port", "65536"], "--port: received '65536', expected at most 65,535."),
    "unknown kind": (
        ["list", "cels"],
        "KIND: received 'cels', expected one of 'cells', 'tasks', 'baselines', 'experiments'. Did you mean 'cells'? Try '",
    ),
    "unknown engine": (
        ["run", "quickstart", "--engine", "lokal"],
        "--engine: received 'lokal', expected one of 'local', 'serial', 'ray'. Did you mean 'local'? Try '",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(main, mistake):
    arguments, said = MISTAKES[mistake]
    code, shown, errors = main(*arguments)
    assert (code, shown) == (2, "")
    assert one_line(errors).startswith(said)
    assert not list(Path.cwd().iterdir()), "nothing is left behind"


def test_a_mistake_of_the_command_line_ends_as_a_sentence_does(main):
    for arguments, said in (
        (["impotr"], r"No such command 'impotr'\. Did you mean 'import'\? Try '.+ --help'\."),
        (["run", "quickstart", "--wrokers", "2"], r"No such option: --wrokers .*[^.?]\. Try '.+ run --help'\."),
        (["export"], r"Missing argument 'MODEL\.keras'\. Try '.+ export --help'\."),
        (["ui", "--port", "none"], r"--port: .*[^.?]\. Try '.+ ui --help'\."),
    ):
        assert re.fullmatch(said, one_line(main(*arguments)[2]))


FILES = {
    "broken YAML": ("question: [", "one.yaml: line 1, column 12: "),
    "no mapping": ("- rnn", "one.yaml: expected a mapping of fields. Received: ['rnn']"),
    "unknown key": (
        yaml.safe_dump({**ONE, "training": {"epoch": 3}}),
        "one.yaml: training.epoch: no such field. Did you mean 'epochs'?",
    ),
    "unknown cell": (
        yaml.safe_dump({**ONE, "cells": ["grru"]}),
        "one.yaml: cells: no cell is called 'grru'. Did you mean 'gru'?",
    ),
    "budget": (yaml.safe_dump({**ONE, "model": {"parameters": 12}}), "one.yaml: digits(reading=rows), rnn: "),
}


@pytest.mark.parametrize("mistake", FILES)
def test_a_mistake_in_a_file_is_one_line_and_exit_code_2(main, file, mistake):
    content, said = FILES[mistake]
    code, _, errors = main("check", file(content))
    assert code == 2
    assert one_line(errors).startswith(said)


def test_markup_in_what_the_user_wrote_is_shown_as_written(main):
    code, _, errors = main("run", "[bold]x[/]")
    assert code == 2
    assert "'[bold]x[/]'" in one_line(errors)


def test_a_taken_port_is_said_to_be(main):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, errors = main("ui", "--no-browser", "--port", str(port))
    assert (code, one_line(errors)) == (2, f"port {port} is already in use; choose another with --port")


def test_no_arguments_show_the_help(main):
    code, shown, errors = main()
    assert (code, errors) == (2, "")
    assert re.search(r"Usage: .+ COMMAND", shown)


def test_a_failed_run_is_shown_and_exit_code_1(main, file, monkeypatch):
    from gru_tf.training import trainer

    def train(*_):
        raise RuntimeError("no [memory] left")

    monkeypatch.setattr(trainer, "train", train)
    code, shown, errors = main(
        "run", file({**ONE, "claims": []}, cells=["rnn"], question="Is [gru] better[/]?", published=[]), "--workers", "0"
    )
    assert (code, errors) == (1, "")
    assert shown.startswith("one: Is [gru] better[/]?\n")
    assert "1/1 digits(reading=rows) · rnn · seed 0: failed: RuntimeError: no [memory] left" in shown
    assert "digits(reading=rows), rnn: seed 0 failed: RuntimeError: no [memory] left" in shown
    assert "No result: no final run has finished, and 1 run diverged or failed" in shown
    assert "Some runs failed; run the same command again to retry them." in shown


def test_a_real_mistake_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gru-tf", "list"])
    monkeypatch.setattr("gru_tf.commands.listing.catalogues", lambda kind: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.parametrize("command", [["run"], ["check"], ["compare"], ["doctor"], ["export", "-o", "x.onnx"]], ids=" ".join)
def test_a_name_that_no_file_can_have_is_one_line(main, command):
    code, out, error = main(*command, "x" * 300)
    assert (code, out) == (2, "")
    assert error.endswith("x…: File name too long\n")
    assert error.count("\n") == 1


def test_a_full_disk_below_the_output_is_said_to_be_so():
    full = mistakes.of_a_place(OSError(errno.ENOSPC, "No space left on device"))
    assert full.startswith("No space left on device: the output. ")
    assert mistakes.of_a_place(OSError(errno.ENOENT, "No such file or directory", "x")) == "", "a fault of ours"

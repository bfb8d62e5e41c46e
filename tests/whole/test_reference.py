"""The pages of docs/tasks: every task has its experiment and its page, and on each a GRU beats the baseline."""

import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any

import pytest
from places import ROOT

from gru_tf.experiment import yaml_file
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import TASKS, Task, create

FOLDER = ROOT / "docs" / "tasks"
MEASURED: dict[str, Any] = json.loads((FOLDER / "measured.json").read_text(encoding="utf-8"))


def script() -> Any:
    """docs/reference.py as a module."""
    spec = spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["reference"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = script()
MEASURABLE = [name for name in TASKS.names() if not reference.on_own_files(name)]
COMMAND = re.compile(r"gru-tf run (\w+)")


# --- the checks ---


def check_beats_the_baseline(numbers: dict[str, Any]) -> None:
    """The whole interval is on the better side of the baseline; one seed has none."""
    low, high = numbers["gru"]["low"], numbers["gru"]["high"]
    assert low <= numbers["gru"]["mean"] <= high
    assert low > numbers["chance"] if numbers["direction"] == "max" else high < numbers["chance"]


def check_is_of_this_file(name: str, numbers: dict[str, Any]) -> None:
    """What was measured is what the experiment's file now says, on its task, with a GRU and several seeds."""
    experiment = yaml_file.load(ROOT / "experiments" / f"{name}.yaml")
    assert reference.definition(experiment) == numbers["definition"], f"gru-tf run {name}; then docs/reference.py --store"
    assert "gru" in [cell.label for cell in experiment.cells]
    assert len(experiment.seeds) >= 3
    assert len(experiment.tasks) == 1


def check_commands(page: str, experiments: set[str]) -> set[str]:
    """Every command of a page runs an experiment that there is; returns their names."""
    named = set(COMMAND.findall(page))
    assert named <= experiments
    return named


# --- every task ---


def test_every_task_is_on_one_page():
    """A new task's place is PAGES in docs/reference.py; one that needs a user's own file has none."""
    assert sorted(name for page in reference.PAGES.values() for name in page.tasks) == sorted(MEASURABLE)


@pytest.mark.parametrize("name", MEASURABLE)
def test_every_task_has_an_experiment_and_it_is_measured(name):
    for experiment in reference.experiments_of(name):
        assert (ROOT / "experiments" / f"{experiment}.yaml").is_file()
        assert yaml_file.load(ROOT / "experiments" / f"{experiment}.yaml").tasks[0].name == name
        assert experiment in MEASURED


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_is_what_the_file_says(name):
    check_is_of_this_file(name, MEASURED[name])


@pytest.mark.parametrize("name", MEASURED)
def test_the_gru_beats_the_baseline(name):
    check_beats_the_baseline(MEASURED[name])


def test_the_baseline_that_was_measured_is_the_tasks():
    """Of tasks without files; for those with files tests/whole/test_every_task.py reads them."""
    loaded = {name: yaml_file.load(ROOT / "experiments" / f"{name}.yaml").tasks[0] for name in MEASURED}
    tasks = {name: create(choice.name, choice.options) for name, choice in loaded.items()}
    without = {name: task.metric for name, task in tasks.items() if not task.checksums()}
    assert len(without) >= 7
    for name, metric in without.items():
        assert (MEASURED[name]["metric"], MEASURED[name]["direction"]) == (metric.name, metric.direction)
        assert MEASURED[name]["chance"] == pytest.approx(metric.chance, rel=1e-12)


def test_commands_name_what_there_is():
    there = {file.stem for file in (ROOT / "experiments").glob("*.yaml")}
    commands = check_commands((FOLDER / "README.md").read_text(encoding="utf-8"), there)
    assert commands == set(MEASURED)
    pages = [file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md") if file.name != "README.md"]
    assert set().union(*(check_commands(page, there) for page in pages)) == set(MEASURED)


def test_links_lead_somewhere():
    for file in FOLDER.glob("*.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)(?:#(\w+))?\)", file.read_text(encoding="utf-8")):
            path, anchor = link
            target = file.parent / path
            assert target.is_file(), f"{file.name}: {path}"
            assert not anchor or f"\n## {anchor}\n" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", *(f"{name}.md" for name in reference.PAGES)])
def test_the_pages_are_what_the_script_writes(page):
    """After a change of a task's words or of an experiment's file: `python docs/reference.py`."""
    assert (FOLDER / page).read_text(encoding="utf-8") == reference.pages(MEASURED)[page]


@pytest.mark.parametrize("name", MEASURABLE)
def test_every_option_is_described(name):
    described = reference.described(name)
    assert all(described[option] for option in TASKS.find(name).model_fields)


# --- the checks are able to fail ---

GOOD = {"chance": 0.5, "direction": "max", "gru": {"mean": 0.7, "low": 0.6, "high": 0.8}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"chance": 0.65},
        {"chance": 0.6},
        {"direction": "min"},
        {"gru": {"mean": 0.7, "low": float("nan"), "high": float("nan")}},
        {"gru": {"mean": 0.9, "low": 0.6, "high": 0.8}},
    ],
)
def test_an_interval_that_does_not_exclude_the_baseline_is_found(wrong):
    check_beats_the_baseline(GOOD)
    with pytest.raises(AssertionError):
        check_beats_the_baseline(GOOD | wrong)


def test_a_table_of_another_definition_is_found():
    name = next(iter(MEASURED))
    recorded = MEASURED[name]
    check_is_of_this_file(name, recorded)
    with pytest.raises(AssertionError, match="reference.py --store"):
        check_is_of_this_file(name, recorded | {"definition": recorded["definition"] | {"seeds": [7]}})


def test_a_command_that_runs_nothing_is_found():
    with pytest.raises(AssertionError):
        check_commands("| `gru-tf run adition` |", {"adding"})


class OnFiles(Task):
    """A task that needs a user's file.

    Args:
        path: the file.
        most: <b>most</b> of it,
            or `<all>`.
    """

    path: str
    most: int = 3


def test_a_task_on_own_files_needs_no_page(monkeypatch):
    monkeypatch.setattr(reference, "TASKS", SimpleNamespace(find=lambda name: OnFiles))
    assert reference.on_own_files("mine")
    assert reference.described("mine") == {"path": "the file.", "most": "<b>most</b> of it, or `<all>`."}
    assert reference._prose("<b>most</b>, `<all>`\n    a < b") == "&lt;b>most&lt;/b>, `<all>`\n    a < b"


def test_only_a_finished_experiment_of_the_same_definition_is_taken(monkeypatch):
    from gru_tf import suite

    experiment = yaml_file.load(ROOT / "experiments" / "adding.yaml")
    monkeypatch.setattr(suite, "results", lambda name, store: suite.Results(experiment, ()))
    with pytest.raises(UserError, match="a part of it"):
        reference.measure("adding", "")
    other = validate({**experiment.model_dump(mode="json"), "seeds": [7]}, "adding")
    monkeypatch.setattr(suite, "results", lambda name, store: suite.Results(other, ()))
    with pytest.raises(UserError, match="another definition"):
        reference.measure("adding", "")

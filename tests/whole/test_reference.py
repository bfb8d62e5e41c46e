"""The pages of tasks: every task has its experiment and its page, and on each a GRU beats the baseline."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
import site_sources
from places import ROOT

from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import TASKS, Task, create

measuring, tasks = site_sources.module("measuring"), site_sources.module("pages.tasks")
docstrings, no_network = site_sources.module("pages.docstrings"), site_sources.module("pages.no_network")
MEASURED: dict[str, Any] = json.loads(tasks.MEASURED.read_text(encoding="utf-8"))
PAGES = tasks.pages(MEASURED)
MEASURABLE = [name for name in TASKS.names() if not tasks.on_own_files(name)]
NOT_LEARNED = {"counting"}  # by a GRU beyond the numbers of training, which is what Weiss et al. found
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
    assert measuring.definition(experiment) == numbers["definition"], f"gru-tf run {name}; then docs/measuring.py"
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
    """A new task's place is PAGES in docs/pages/tasks.py; one that needs a user's own file has none."""
    assert sorted(name for page in tasks.PAGES.values() for name in page.tasks) == sorted(MEASURABLE)


@pytest.mark.parametrize("name", MEASURABLE)
def test_every_task_has_an_experiment_and_it_is_measured(name):
    for experiment in tasks.experiments_of(name):
        assert (ROOT / "experiments" / f"{experiment}.yaml").is_file()
        assert yaml_file.load(ROOT / "experiments" / f"{experiment}.yaml").tasks[0].name == name
        assert experiment in MEASURED


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_is_what_the_file_says(name):
    check_is_of_this_file(name, MEASURED[name])


@pytest.mark.parametrize("name", MEASURED)
def test_the_gru_beats_the_baseline(name):
    if name in NOT_LEARNED:
        with pytest.raises(AssertionError):
            check_beats_the_baseline(MEASURED[name])
    else:
        check_beats_the_baseline(MEASURED[name])


def test_the_baseline_that_was_measured_is_the_tasks():
    """Of tasks without files; for those with files tests/whole/test_every_task.py reads them."""
    loaded = {name: yaml_file.load(ROOT / "experiments" / f"{name}.yaml").tasks[0] for name in MEASURED}
    made = {name: create(choice.name, choice.options) for name, choice in loaded.items()}
    without = {name: task.metric for name, task in made.items() if not task.checksums()}
    assert len(without) >= 7
    for name, metric in without.items():
        assert (MEASURED[name]["metric"], MEASURED[name]["direction"]) == (metric.name, metric.direction)
        assert MEASURED[name]["chance"] == pytest.approx(metric.chance, rel=1e-12)


def test_commands_name_what_there_is():
    there = {file.stem for file in (ROOT / "experiments").glob("*.yaml")}
    assert check_commands(PAGES["index.md"], there) == set(MEASURED)
    pages = [text for name, text in PAGES.items() if name != "index.md"]
    assert set().union(*(check_commands(page, there) for page in pages)) == set(MEASURED)


def test_links_between_the_pages_lead_to_a_task():
    """Links to anything else are checked when the site is built."""
    links = [link for text in PAGES.values() for link in re.findall(r"\]\((\w+\.md)(?:#(\w+))?\)", text)]
    assert len(links) > len(MEASURED)
    for page, anchor in links:
        assert page in PAGES
        assert not anchor or f"\n## {anchor}\n" in PAGES[page]


@pytest.mark.parametrize("name", [name for name in MEASURED if MEASURED[name].get("rival")])
def test_a_model_is_said_to_be_better_where_its_number_is(name):
    numbers, one = MEASURED[name], MEASURED[name]["rival"]
    ahead = one["value"] > one["test"]["mean"] if numbers["direction"] == "max" else one["value"] < one["test"]["mean"]
    assert one["verdict"] in {word for _, words in no_network.GROUPS for word in words}
    assert {"better": ahead, "worse": not ahead}.get(one["verdict"], True)


@pytest.mark.parametrize("name", MEASURABLE)
def test_every_option_is_described(name):
    described = tasks.described(name)
    assert all(described[option] for option in TASKS.find(name).model_fields)


def test_the_groups_of_that_page_are_by_verdict():
    rival = {"cell": "gru", "test": {"mean": 0.9, "low": 0.8, "high": 0.95}, "parameters": 2000, "seconds": 3.0}
    rival |= {"model": "ridge", "value": 0.95, "size": 25, "model_seconds": 0.01, "words": "ahead"}
    known = {
        name: {"metric": "accuracy", "direction": "max", "rival": rival | {"verdict": verdict}}
        for name, verdict in (("a", "better"), ("b", "equivalent"), ("c", "worse"), ("d", "withheld"))
    }
    text = no_network.page({**known, "memory": {"rival": None}})
    better, neither, worse = (text.index(f"## {heading}") for heading, _ in no_network.GROUPS)
    places = [text.index(f"| `{name}` |") for name in known]
    assert better < places[0] < neither < places[1] < places[3] < worse < places[2]
    assert "Of 4 experiments on real data, the best recurrent network is significantly better" in text
    assert "without one in 1, and that model is significantly better in 1; in 2 neither is shown" in text
    assert "without one in none, and that model is significantly better in 1" in no_network.page({"a": known["a"]})


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
    with pytest.raises(AssertionError, match="docs/measuring.py"):
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
    monkeypatch.setattr(tasks, "TASKS", SimpleNamespace(find=lambda name: OnFiles))
    assert tasks.on_own_files("mine")
    assert tasks.described("mine") == {"path": "the file.", "most": "<b>most</b> of it, or `<all>`."}
    assert docstrings.prose("<b>most</b>, `<all>`\n    a < b") == "&lt;b>most&lt;/b>, `<all>`\n    a < b"


def test_only_a_finished_experiment_of_the_same_definition_is_taken(monkeypatch):
    from gru_tf import suite

    experiment = yaml_file.load(ROOT / "experiments" / "adding.yaml")
    monkeypatch.setattr(suite, "results", lambda name, store: suite.Results(experiment, ()))
    with pytest.raises(UserError, match="a part of it"):
        measuring.measure("adding", "")
    other = Experiment.model_validate({**experiment.model_dump(mode="json"), "seeds": [7]})
    monkeypatch.setattr(suite, "results", lambda name, store: suite.Results(other, ()))
    with pytest.raises(UserError, match="another definition"):
        measuring.measure("adding", "")

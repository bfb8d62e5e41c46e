"""Every file in experiments/ is alive: it loads, all that it names exists, each of its tasks and each cell trains.

A new file is picked up by itself. Its networks are all built and counted; each of its tasks trains with one of its cells,
one that no file before has trained where there is such, so that every cell comes, with its options, in some file. Training
is cut to two steps and compiled without XLA: what XLA makes of a cell is for tests/training to say.

Files in experiments/published/ are as many as there are papers, each with a recipe of its own on few tasks: of each one run
trains, that of its first task and cell, and it says its protocol.

Each check is a plain function, so that the last section can apply it to dead files and show that it is able to fail.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pytest
import yaml
from places import ROOT

from gru_tf import suite
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, Range, is_integer
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tuning import declare
from gru_tf.tasks import create
from gru_tf.training import epochs, passes, trainer
from gru_tf.training.batches import BatchPlan

OWN = sorted((ROOT / "experiments").glob("*.yaml"))
PUBLISHED = sorted((ROOT / "experiments" / "published").glob("*.yaml"))
FILES = [*OWN, *PUBLISHED]
STEPS = 2
WHOLE = "counting"  # a task whose metric is of all test sequences together: none of them may be left out
LONG = ("multi30k", WHOLE, "imdb", "nottingham")

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def chosen(experiments: Iterable[Experiment]) -> Iterator[tuple[Experiment, int]]:
    """Of each experiment each task with a cell that has not come yet, else the first; all new cells with the last task."""
    met: set[str] = set()
    for experiment in experiments:
        labels = [cell.label for cell in experiment.cells]
        for number in range(len(experiment.tasks)):
            new = [place for place, label in enumerate(labels) if label not in met] or [0]
            for place in new if number == len(experiment.tasks) - 1 else new[:1]:
                met.add(labels[place])
                yield experiment, number * len(labels) + place


def pairs() -> list[Any]:
    """(file, place, whether as the file compiles it) of the chosen (task, cell) of every file.

    A file that does not load has one place, and fails there. XLA takes seconds to compile a network: it does so for the
    first of each kind of task, the others train without it unless their file asks for it by name.
    """
    found, loaded, kinds = [], [], set()
    for file in OWN:
        try:
            loaded.append(suite.load(file))
        except UserError:
            found.append(pytest.param(file, 0, True, id=f"{file.stem}-unreadable"))
    for experiment, place in chosen(loaded):
        task, cell = list(experiment.pairs())[place]
        file = next(file for file in FILES if file.stem == experiment.name)
        compiled = kind_of(task) not in kinds
        kinds.add(kind_of(task))
        marks = [pytest.mark.slow] if task.name == "multi30k" else []  # ten seconds to compile, for it writes as well
        found.append(pytest.param(file, place, compiled, id=f"{file.stem}-{task.label}-{cell.label}", marks=marks))
    for file in PUBLISHED:
        marks = [pytest.mark.slow] if any(name in file.read_text(encoding="utf-8") for name in LONG) else []
        found.append(pytest.param(file, 0, False, id=f"published-{file.stem}", marks=marks))
    return found


def kind_of(choice: Choice) -> str:
    """What decides which operations a task's compiled step is made of: its signature, sizes aside."""
    signature = create(choice.name, choice.options).signature
    return str(replace(signature, timesteps=0, features=0, outputs=0, tokens=bool(signature.tokens)))


# --- the checks ---


def check_resolves(file: Path) -> None:
    """It loads, says what it asks, and every name, option and budget in it is possible."""
    experiment = suite.load(file)
    assert experiment.name == file.stem
    assert experiment.question.strip().endswith("?")
    found = suite.check(experiment)
    assert len(found) == len(experiment.tasks) * len(experiment.cells)
    assert all(size.units >= 1 for _, _, size in found)


def check_no_run_twice(experiment: Experiment) -> None:
    """No two of its runs are the same."""
    prints = Counter(run.fingerprint for run in experiment.runs())
    assert max(prints.values()) == 1, f"{experiment.name}: the same run more than once"


def check_says_its_protocol(file: Path) -> None:
    """It says what protocol it follows, of which numbers, and how they are printed; no other file has its name."""
    experiment = suite.load(file)
    assert experiment.protocol
    assert experiment.published or experiment.claims, "a figure without numbers is followed by claims on what it shows"
    assert [other.stem for other in FILES].count(file.stem) == 1
    check_decimals(file.read_text(encoding="utf-8"))


def check_decimals(text: str) -> None:
    """A number that is printed with a 0 at its end says so by `decimals`: YAML reads 9.10 as 9.1, which might be 9.14."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    published = next((value.value for key, value in root.value if key.value == "published"), [])
    for number in map(scalars, published):
        places = number["value"].partition(".")[2]
        if places.endswith("0"):
            assert int(number.get("decimals", -1)) >= len(places), (
                f"{number['value']}: expected as many 'decimals' as it has"
            )


def scalars(node: Any) -> dict[str, str]:
    """Key → text of a mapping as it is written, with what it takes over from another one."""
    own = {key.value: value for key, value in node.value}
    merged = scalars(own.pop("<<")) if "<<" in own else {}
    return merged | {key: value.value for key, value in own.items()}


def check_search(experiment: Experiment) -> None:
    """Keras Tuner takes its space, and each end or value of each axis is possible for every (task, cell)."""
    if experiment.search is None:
        return
    declared = declare(experiment.search, keras_tuner.HyperParameters())
    assert declared.keys() == experiment.search.axes.keys()
    for name, axis in experiment.search.axes.items():
        for value in axis.ends(is_integer(name)) if isinstance(axis, Range) else axis:
            tuned = experiment.runs()[0].tuned({name: value})
            suite.check(experiment.model_copy(update={"model": tuned.model}))


def check_trains(experiment: Experiment, place: int, compiled: bool = True) -> RunResult:
    """One run of a (task, cell) comes to its end, in as many steps as `two_steps` leaves.

    Args:
        experiment: what to take it from.
        place: of the (task, cell) among all.
        compiled: whether XLA compiles it where the file leaves that to the machine.
    """
    task, cell = list(experiment.pairs())[place]
    once = {"epochs": 1} if experiment.training.steps is None else {"steps": STEPS, "evaluate_every": STEPS}
    run = experiment.run(task, cell, experiment.seeds[0])
    run = run.model_copy(update={"training": run.training.but(**once)})
    if not compiled and run.training.jit == "auto":
        run = run.tuned({"jit": False})
    result = trainer.train(run)
    assert (result.status, result.error) == ("finished", "")
    losses = [value for values in result.history.values() for value in values]
    validated = run.training.validation != "none"
    assert [len(values) for values in result.history.values()] == ([1, 1, 1] if validated else [1])
    numbers = [*losses, result.test, result.score, result.chance, *([result.validation] if validated else [])]
    assert np.isfinite(numbers).all()
    metric = create(task.name, task.options).metric
    beside = [name for name in result.more if name not in metric.also]
    further = [name.removesuffix(f"_{metric.name}") for name in beside if name.endswith(f"_{metric.name}")]
    assert result.chances == {f"{split}_{metric.name}": metric.chance_on(split) for split in further}
    return result


@pytest.fixture
def two_steps(monkeypatch):
    """Passes over data end after two steps, and all sequences are padded to one length, for each length is compiled apart.

    Returns the numbers of steps that the passes had.
    """
    lengths = []

    def shortened(whole: Any) -> Any:
        def first(*arguments: Any) -> BatchPlan:
            steps = whole(*arguments)
            lengths.append(len(steps.order))
            return BatchPlan(steps.order[:STEPS], steps.valid[:STEPS], steps.bucket[:STEPS])

        return first

    for module, name in ((passes, "plan"), (passes, "streams"), (epochs, "plan")):
        monkeypatch.setattr(module, name, shortened(getattr(module, name)))
    monkeypatch.setattr(trainer, "bucket_lengths", lambda lengths: (int(max(lengths)),))
    return lengths


# --- every file ---


def test_each_kind_of_task_is_compiled_as_its_file_says_once():
    compiled = [kind_of(list(suite.load(file).pairs())[place][0]) for file, place, whole in map(values, pairs()) if whole]
    every = {kind_of(task) for file in OWN for task in suite.load(file).tasks}
    assert sorted(compiled) == sorted(every)
    assert len(every) >= 6


def values(parameters: Any) -> Any:
    return parameters.values


def test_there_are_experiments():
    assert "quickstart" in [file.stem for file in FILES]


def test_each_task_of_each_file_and_each_cell_of_any_is_chosen():
    experiments = [suite.load(file) for file in OWN]
    runs = [(experiment, *list(experiment.pairs())[place]) for experiment, place in chosen(experiments)]
    assert {(e.name, task.label) for e, task, _ in runs} == {(e.name, task.label) for e in experiments for task in e.tasks}
    assert {cell.label for _, _, cell in runs} == {cell.label for e in experiments for cell in e.cells}
    assert len(runs) <= sum(len(e.tasks) for e in experiments) + len({cell.label for _, _, cell in runs})


@every_file
def test_all_that_it_names_exists(file, needs_files):
    for task in suite.load(file).tasks:
        if "minimum_count" in task.options:  # the size of a vocabulary, and with it a network's, follows from the data
            needs_files(create(task.name, task.options))
    check_resolves(file)


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_what_follows_a_paper_says_how(file):
    check_says_its_protocol(file)


@every_file
def test_no_run_is_in_it_twice(file):
    check_no_run_twice(suite.load(file))


@every_file
def test_its_search_offers_what_is_possible(file):
    check_search(suite.load(file))


@pytest.mark.parametrize(("file", "place", "compiled"), pairs())
def test_it_trains_for_two_steps(file, place, compiled, needs_files, request):
    experiment = suite.load(file)
    task, _ = list(experiment.pairs())[place]
    by_length = {"shortest", "test_longest"} & task.options.keys()  # of all sequences of a split
    whole = task.name == WHOLE or by_length
    two_steps = [STEPS] if whole else request.getfixturevalue("two_steps")
    needs_files(create(task.name, task.options))
    result = check_trains(experiment, place, compiled)
    if result.run.training.jit == "auto":
        assert result.jit == (compiled and result.kernel_path != "fused cpu")
    assert max(two_steps) >= STEPS, "the limit was in the way of the training"


# --- the checks are able to fail ---

ALIVE = """\
question: Is this alive?
tasks: [{adding: {length: 4, examples: 64, validation_examples: 8, test_examples: 8}}]
cells: [gru]
seeds: 1
model: {units: 3}
training: {epochs: 3}
"""


def written(folder: Path, text: str) -> Path:
    """A file with this text."""
    file = folder / "dead.yaml"
    file.write_text(text)
    return file


DEAD = {
    "cell that was renamed": ("[gru]", "[gruu]"),
    "option that no cell has": ("[gru]", "[{gru: {resetafter: true}}]"),
    "value that the option does not take": ("[gru]", "[{gru: {reset_after: 1}}]"),
    "task that was renamed": ("[{adding:", "[{addition:"),
    "option that no task has": ("length: 4", "lenght: 4"),
    "field that was renamed": ("epochs: 3", "epoch: 3"),
    "cell that is there twice": ("[gru]", "[gru, gru]"),
    "budget that no network meets": ("units: 3", "parameters: 5"),
}
MUSIC = "tasks: [polyphonic]\ncells: [gru]\nmodel: {units: 3, bidirectional: true}\n"


def test_what_is_alive_passes_all_checks(tmp_path, two_steps):
    file = written(tmp_path, ALIVE + "search: {trials: 2, space: {units: {low: 2, high: 5}}}\n")
    check_resolves(file)
    check_no_run_twice(suite.load(file))
    check_search(suite.load(file))
    result = check_trains(suite.load(file), 0, compiled=False)
    assert len(result.history["train_loss"]) == 1
    assert sorted(two_steps[:2]) == [1, 2], "validation in one step, training in two"


@pytest.mark.parametrize("what", DEAD)
def test_a_dead_file_is_refused(tmp_path, what):
    old, new = DEAD[what]
    assert old in ALIVE
    with pytest.raises(UserError):
        check_resolves(written(tmp_path, ALIVE.replace(old, new)))


def test_a_number_without_its_decimals_is_noticed():
    fine = "- {value: 9.19}\n- &a {value: 9.10, decimals: 2}\n- {value: 100}\n- {<<: *a, value: 9.20}"
    check_decimals(f"published:\n{fine}")
    for wrong in ("value: 9.10", "value: 1.0", "value: 9.10, decimals: 1"):
        with pytest.raises(AssertionError, match="decimals"):
            check_decimals(f"published: [{{{wrong}}}]")


def test_a_file_that_does_not_say_its_protocol_is_noticed(tmp_path):
    with pytest.raises(AssertionError, match="protocol"):
        check_says_its_protocol(written(tmp_path, ALIVE))


def test_a_network_that_would_see_the_answers_is_refused(tmp_path):
    with pytest.raises(UserError, match="bidirectional"):
        check_resolves(written(tmp_path, f"question: Is this alive?\n{MUSIC}"))


@pytest.mark.parametrize("text", ["", "question: Is this alive?\n", ALIVE.replace("alive?", "a question")])
def test_an_empty_or_unfinished_file_is_refused(tmp_path, text):
    with pytest.raises((UserError, AssertionError)):
        check_resolves(written(tmp_path, text))


def test_a_run_that_is_there_twice_is_refused(tmp_path):
    experiment = suite.load(written(tmp_path, ALIVE))
    with pytest.raises(AssertionError, match="more than once"):
        check_no_run_twice(experiment.model_copy(update={"cells": experiment.cells * 2}))


def test_a_search_that_leads_out_of_what_is_possible_is_refused(tmp_path):
    search = "search: {trials: 2, space: {bidirectional: [true]}}\n"
    file = written(tmp_path, f"question: Is this alive?\n{MUSIC.replace('true', 'false')}{search}")
    with pytest.raises(UserError, match="bidirectional"):
        check_resolves(file)
    with pytest.raises(UserError, match="bidirectional"):
        check_search(suite.load(file))


def test_a_run_that_diverges_is_refused(tmp_path, two_steps):
    text = ALIVE.replace("epochs: 3", "epochs: 3, optimizer: sgd, learning_rate: 1e38, clip_norm: null")
    with pytest.raises(AssertionError, match="diverged"):
        check_trains(suite.load(written(tmp_path, text)), 0, compiled=False)

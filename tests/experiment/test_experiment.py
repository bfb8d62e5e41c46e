"""An experiment as data: fingerprints, runs, seeds, choices, searches, and what none of it imports."""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from places import ROOT
from pydantic import ValidationError

from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.fingerprint import BESIDE
from gru_tf.experiment.specs import (
    DIAGNOSTICS,
    MODEL,
    TRAINING,
    Choice,
    ModelSpec,
    Range,
    SearchSpec,
    TrainingSpec,
    is_integer,
)
from gru_tf.foundation.errors import UserError

FIELDS = {"question": "Which one?", "tasks": ["adding"], "cells": ["gru", "lstm"], "model": {"units": 4}}


def experiment(**fields: Any) -> Experiment:
    """A small experiment with these fields."""
    return Experiment.model_validate({"name": "mine", **FIELDS, **fields})


def search(**space: Any) -> dict[str, Any]:
    """The field of an experiment that searches this space."""
    return {"search": {"trials": 2, "space": space}}


RUN = Run(
    purpose="final",
    task=Choice(name="adding", options={"length": 30}),
    cell=Choice(name="gru"),
    seed=7,
    model=ModelSpec(units=4),
    training=TrainingSpec(),
)
# The canonical form in full: sorted keys, no spaces, numbers as JSON. A field that is added changes every fingerprint,
# and with it which runs of an existing store count as done: this test is where that is noticed.
CANONICAL = (
    '{"cell":{"name":"gru","options":{}},"model":{"bidirectional":false,"budget":"size","dropout":0.0,'
    '"implementation":"stock","layers":1,"parameters":null,"units":4},"purpose":"final","seed":7,"task":{"name":"adding","options":{"length":30}},"training":'
    '{"batch_size":32,"clip":"global","clip_norm":1.0,"deterministic":true,"epochs":10,"jit":"auto","learning_rate":0.001,'
    '"optimizer":"adam","patience":null,"seconds":null}}'
)
GOLDEN = "9ff379fea6c75959"
LENGTH, COUNT = ("length", 30), ("examples", 100)
PRINT_IT = f"from gru_tf.experiment.experiment import Run; print(Run.model_validate_json({CANONICAL!r}).fingerprint)"


def in_another_process(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- fingerprints ---


def test_the_fingerprint_is_the_hash_of_the_canonical_form():
    assert RUN.fingerprint == hashlib.sha256(CANONICAL.encode()).hexdigest()[:16] == GOLDEN


@pytest.mark.parametrize("hashing", ["0", "1"])
def test_the_fingerprint_is_the_same_in_another_process(hashing):
    assert in_another_process(PRINT_IT, PYTHONHASHSEED=hashing).strip() == GOLDEN


def test_the_fingerprint_does_not_depend_on_the_order_of_keys():
    one, two = (Choice(name="adding", options=dict(pairs)) for pairs in [(LENGTH, COUNT), (COUNT, LENGTH)])
    assert list(one.options) != list(two.options)
    assert RUN.but(task=one).fingerprint == RUN.but(task=two).fingerprint
    content = RUN.model_dump()
    backwards = {key: content[key] for key in reversed(content)}
    assert Run.model_validate(backwards).fingerprint == GOLDEN


def test_fields_that_came_later_are_no_part_of_a_fingerprint_at_their_defaults():
    assert RUN.but(training=RUN.training.but(warmup=0, decay="none", refit=False)).fingerprint == GOLDEN
    assert (
        RUN.but(model=RUN.model.but(scaling="none", linear_path=0, quantiles=False, initial="keras", tied=False)).fingerprint
        == GOLDEN
    )
    searched = experiment(**search(learning_rate=[0.1, 0.2]))
    assert (
        json.loads(searched.model_dump_json())["search"]["space"]
        .keys()
        .isdisjoint({"warmup", "decay", "scaling", "linear_path"})
    )
    assert experiment(**search(decay=["none", "cosine"])).search.axes == {"decay": ("none", "cosine")}
    schedules = [{"warmup": 0.1}, {"decay": "cosine"}, {"decay": "linear"}, {"warmup": 0.1, "decay": "linear"}]
    runs = [RUN.but(training=RUN.training.but(**schedule)) for schedule in schedules]
    assert len({run.fingerprint for run in [*runs, RUN]}) == 5
    assert [Run.model_validate_json(run.model_dump_json()) for run in runs] == runs


def test_a_schedule_needs_a_known_number_of_steps():
    for schedule, words in (({"warmup": 0.25}, "'warmup'.*: 0.25"), ({"decay": "cosine"}, "'decay'.*: cosine")):
        with pytest.raises(ValidationError, match=f"expected no {words.split('.')[0]} together with 'seconds'.*steps") as e:
            TrainingSpec(seconds=3.0, **schedule)
        assert str(e.value).count("Received: " + words.rpartition(": ")[2]) == 1


def test_the_fingerprint_does_not_depend_on_how_a_number_is_written():
    whole, fraction = (RUN.but(training=TrainingSpec(learning_rate=rate)) for rate in (1, 1.0))
    assert whole.fingerprint == fraction.fingerprint != RUN.fingerprint


OTHER = {
    "purpose": "trial",
    "task.name": "digits",
    "task.options": {"length": 31},
    "cell.name": "lstm",
    "cell.options": {"reset_after": False},
    "seed": 8,
    "split_seed": 3,
    "model.units": 5,
    "model.parameters": {"units": None, "parameters": 4},  # never both
    "model.layers": 2,
    "model.bidirectional": True,
    "model.dropout": 0.1,
    "model.implementation": "custom",
    "model.scaling": "robust",
    "model.linear_path": 3,
    "model.quantiles": True,
    "model.initial": "he_normal",
    "model.initial_scale": {"initial": "uniform", "initial_scale": 0.1},
    "model.keep_biases": {"initial": "uniform", "initial_scale": 0.1, "keep_biases": True},
    "model.input_dropout": 0.1,
    "model.embedding_dropout": 0.1,
    "model.variational": True,
    "model.tied": True,
    "model.residual": True,
    "model.layer_norm": True,
    "model.start": {"units": None, "start": "a.keras"},  # the file says the units
    "model.frozen": {"units": None, "start": "a.keras", "frozen": True},
    "model.sha256": {"units": None, "start": "a.keras", "sha256": "0123456789abcdef"},
    "training.epochs": 11,
    "training.batch_size": 33,
    "training.learning_rate": 0.002,
    "training.warmup": 0.1,
    "training.decay": "cosine",
    "training.clip_norm": None,
    "training.weight_decay": 0.01,
    "training.decay_start": {"decay": "linear", "decay_start": 2},  # the rest of the recipe's fields: with what reads them
    "training.decay_every": {"decay": "step", "decay_every": 3, "decay_factor": 0.5},
    "training.decay_factor": {"decay": "step", "decay_every": 2, "decay_factor": 0.25},
    "training.clip_value": {"clip_norm": None, "clip_value": 0.5},
    "training.weight_noise": 0.075,
    "training.momentum": {"optimizer": "sgd", "momentum": 0.9},
    "training.nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "training.beta_1": 0.8,
    "training.beta_2": 0.99,
    "training.rho": {"optimizer": "rmsprop", "rho": 0.95},
    "training.epsilon": 1e-4,
    "training.centered": {"optimizer": "rmsprop", "centered": True},
    "training.clip": "weight",
    "training.optimizer": "sgd",
    "training.patience": 10,
    "training.refit": True,
    "training.steps": {"steps": 20},  # in place of the epochs
    "training.evaluate_every": {"steps": 20, "evaluate_every": 6},
    "training.fresh": True,
    "training.monitor": "loss",
    "training.select": "last",
    "training.stop_at": 0.01,
    "training.validation": {"validation": "none", "select": "last"},
    "training.truncate": 4,
    "training.teacher_forcing": 0.5,
    "training.teacher_forcing_per": {"teacher_forcing": 0.6, "teacher_forcing_per": "step"},
    "training.teacher_forcing_decay": {"teacher_forcing_decay": "linear", "teacher_forcing_end": 0.2},
    "training.teacher_forcing_end": {"teacher_forcing_decay": "linear", "teacher_forcing_end": 0.3},
    "model.attention": "none",
    "model.counted": {"units": None, "parameters": 1000, "counted": "recurrent"},
    "training.jit": False,
    "training.deterministic": False,
    "training.seconds": 2.5,
    "model.budget": "seconds",
}


def leaves(model: Any, prefix: str = "") -> list[str]:
    """Dotted path of every field that decides a run's numbers, those of its parts included."""
    found = []
    for name, field in model.model_fields.items():
        if name in ("diagnostics", "cut_search"):
            continue  # what is looked at, and why a search ended: their own tests are below
        nested = hasattr(field.annotation, "model_fields")
        found += leaves(field.annotation, f"{prefix}{name}.") if nested else [f"{prefix}{name}"]
    return found


def with_other(path: str) -> Run:
    """The run with another value in one field."""
    content = RUN.model_dump()
    part, _, field = path.rpartition(".")
    change = OTHER[path] if part and isinstance(OTHER[path], dict) and field != "options" else {field: OTHER[path]}
    (content[part] if part else content).update(change)
    if "steps" in change:
        del content["training"]["epochs"]
    return Run.model_validate(content)


def test_every_field_of_a_run_has_another_value_here():
    assert sorted(leaves(Run)) == sorted(OTHER)


@pytest.mark.parametrize("path", leaves(Run))
def test_the_fingerprint_differs_where_any_field_does(path):
    assert with_other(path).fingerprint != RUN.fingerprint


def test_what_is_looked_at_makes_no_other_run():
    assert RUN.but(diagnostics=True).fingerprint == RUN.fingerprint == GOLDEN
    with pytest.raises(ValidationError, match="expected a trial without 'diagnostics'. Received: gates, saturation, memory"):
        RUN.but(diagnostics=True, purpose="trial")


def test_why_a_search_ended_makes_no_other_run():
    cut = RUN.model_copy(update={"cut_search": (5, 12)})
    assert cut.fingerprint == GOLDEN
    assert Run.model_validate_json(cut.model_dump_json()) == cut, "as a store gives it back"


def test_no_two_of_these_runs_share_a_fingerprint():
    prints = {with_other(path).fingerprint for path in OTHER}
    assert len(prints) == len(OTHER)


SINCE = ("baselines", "replicates")  # fields that there are since


def test_an_experiment_without_diagnostics_has_the_fingerprint_that_it_had_before_there_were_any():
    plain = experiment()
    canonical = plain.model_dump(mode="json", exclude={*SINCE, *BESIDE, "diagnostics"})
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    assert plain.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert plain.fingerprint == experiment(diagnostics=False).fingerprint == experiment(diagnostics=[]).fingerprint
    some, all_of_them = experiment(diagnostics=["memory"]), experiment(diagnostics=True)
    assert len({plain.fingerprint, some.fingerprint, all_of_them.fingerprint}) == 3


def test_diagnostics_are_for_final_runs_and_have_one_order():
    one = experiment(diagnostics=["gradients", "gates"])
    assert one.diagnostics == ("gates", "gradients")
    assert experiment(diagnostics=True).diagnostics == DIAGNOSTICS
    assert {run.diagnostics for run in one.runs()} == {("gates", "gradients")}
    assert one.run(one.tasks[0], one.cells[0], 0, "trial").diagnostics == ()


def test_an_option_as_text_is_another_run_than_as_a_number():
    prints = {RUN.but(cell=Choice(name="gru", options={"a": value})).fingerprint for value in (1, 1.0, True, "1")}
    assert len(prints) == 4


def test_an_experiment_survives_the_store():
    """The store keeps an experiment and its results as JSON: equal and of equal fingerprint when read again."""
    one = experiment(
        tasks=[{"adding": {"length": 30}}, "digits"],
        seeds=[4, 2],
        **search(learning_rate={"low": 1e-3, "high": 1, "sampling": "log"}, clip_norm=[None, 1.0], jit=["auto", True]),
    )
    again = Experiment.model_validate_json(one.model_dump_json())
    assert again == one
    assert again.fingerprint == one.fingerprint != experiment().fingerprint
    assert again.search.axes == one.search.axes
    assert [run.fingerprint for run in again.runs()] == [run.fingerprint for run in one.runs()]


# --- runs, seeds, choices ---


def test_where_an_experiment_was_read_makes_it_no_other_one():
    plain = experiment()
    read = plain.read_from("mine.yml")
    assert (plain.origin, read.origin) == ("mine", "mine.yml")
    assert read == plain
    assert (read.fingerprint, read.model_dump(), repr(read)) == (plain.fingerprint, plain.model_dump(), repr(plain))
    assert read.model_copy(update={"seeds": (4,)}).origin == "mine.yml", "also with its users' files pinned"
    assert Experiment.model_validate_json(read.model_dump_json()).origin == "mine", "the store keeps nothing of it"


def test_the_runs_are_all_tasks_by_all_cells_by_all_seeds():
    runs = experiment(tasks=["adding", "digits"], seeds=[5, 3]).runs()
    named = [(run.task.name, run.cell.name, run.seed) for run in runs]
    assert named == [
        ("adding", "gru", 5),
        ("adding", "gru", 3),
        ("adding", "lstm", 5),
        ("adding", "lstm", 3),
        ("digits", "gru", 5),
        ("digits", "gru", 3),
        ("digits", "lstm", 5),
        ("digits", "lstm", 3),
    ]
    assert {run.purpose for run in runs} == {"final"}
    assert {run.model for run in runs} == {ModelSpec(units=4)}
    assert len({run.fingerprint for run in runs}) == 8


@pytest.mark.parametrize(("given", "seeds"), [(1, (0,)), (4, (0, 1, 2, 3)), ([4], (4,)), ([9, 0], (9, 0)), ((2, 1), (2, 1))])
def test_seeds_are_a_count_or_a_list(given, seeds):
    assert experiment(seeds=given).seeds == seeds


def test_the_search_has_a_seed_of_its_own():
    apart = search(learning_rate=[0.1])["search"] | {"shared": True}
    assert experiment(search=apart).search.seed == 1000
    for seeds in (1001, [1000]):
        with pytest.raises(ValidationError, match=r"search\.seed: expected none of the final seeds\. Received: 1000"):
            experiment(seeds=seeds, search=apart)
    assert len(experiment(seeds=1000, search=apart).seeds) == 1000
    assert len(experiment(seeds=1001, search={**apart, "seed": 2000}).seeds) == 1001


def test_the_searches_of_replicates_have_seeds_apart_from_the_final_ones():
    own = search(learning_rate=[0.1])["search"] | {"shared": False}
    assert [experiment(seeds=5, search=own).search.seed_for(seed) for seed in range(5)] == [1000, 1001, 1002, 1003, 1004]
    with pytest.raises(
        ValidationError, match=r"none of the final seeds\. Received: 1000 plus 4, a final seed, which is 1004"
    ):
        experiment(seeds=[4, 1004], search=own)
    with pytest.raises(ValidationError, match=r"at most 4,294,967,295 with each final seed added\. Received: 4,294,967,296"):
        experiment(seeds=2, search=own | {"seed": 2**32 - 1})


def test_an_experiment_of_before_has_the_fingerprint_that_it_had():
    """Printed by a version that had neither replicates, nor ranges that are widened, and one search by default."""
    own = search(learning_rate=[0.1])["search"]
    assert experiment().fingerprint == "05e1275f6d03fedf"
    assert experiment(search=own | {"shared": True}).fingerprint == "d800c5f833987004"
    assert experiment(search=own | {"shared": False}).fingerprint == "6ffc63e7032499da" == experiment(search=own).fingerprint
    ranged = search(learning_rate={"low": 0.1, "high": 1.0})["search"]
    assert experiment(search=ranged | {"widen": False}).fingerprint == "946eadefd2cbab32"
    assert experiment(search=ranged).fingerprint != "946eadefd2cbab32"


# --- replicates ---


def test_replicates_have_the_seeds_that_follow_theirs():
    assert experiment(replicates={}).seeds == tuple(range(34))
    assert experiment(replicates={"at_most": 3, "seed": 7}).seeds == (7, 8, 9)
    assert experiment(seeds=3, replicates={"at_most": 3}) == experiment(replicates={"at_most": 3})


def test_how_long_replicates_may_take_is_no_part_of_the_experiment_and_their_number_is():
    one = experiment(replicates={"at_most": 8})
    assert one.fingerprint == experiment(replicates={"at_most": 8, "minutes": 5}).fingerprint
    others = [experiment(seeds=8), experiment(replicates={"at_most": 7}), experiment(replicates={"at_most": 8, "seed": 1})]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 4


@pytest.mark.parametrize("replicates", [None, {}, {"at_most": 6, "minutes": 0.5, "seed": 9}])
def test_a_stored_definition_with_replicates_reads_back(replicates):
    one = experiment(replicates=replicates, **search(learning_rate=[0.1]))
    again = Experiment.model_validate_json(one.model_dump_json())
    assert (again, again.fingerprint, again.seeds) == (one, one.fingerprint, one.seeds)
    assert one.but(question="Another?").seeds == one.seeds


def test_the_largest_seed_is_one_that_numpy_and_keras_take():
    largest = 2**32 - 1
    assert experiment(seeds=[largest]).seeds == (largest,)
    with pytest.raises(ValidationError):
        RUN.but(seed=largest + 1)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("adding", "adding"),
        ({"adding": None}, "adding"),
        ({"adding": {}}, "adding"),
        ({"adding": {"length": 100}}, "adding(length=100)"),
        ({"name": "adding", "options": {"length": 100}}, "adding(length=100)"),
        ({"gru": {"reset_after": False, "convention": "write"}}, "gru(convention=write, reset_after=False)"),
        (Choice(name="adding"), "adding"),
    ],
)
def test_a_choice_and_its_label(given, label):
    assert Choice.model_validate(given).label == label


def test_equal_labels_are_refused_and_unequal_options_are_not():
    with pytest.raises(ValidationError, match=r"expected each cell once\. Received: 'gru\(reset_after=False\)' 2 times"):
        experiment(cells=[{"gru": {"reset_after": False}}] * 2)
    assert len(experiment(cells=["gru", {"gru": {"reset_after": False}}]).cells) == 2


@pytest.mark.parametrize("name", ["one", "Größe 2 (copy)", "a.b", "x" * 200])
def test_an_experiment_is_called_what_a_file_can_be_called(name):
    assert experiment(name=name).name == name


NO_NAMES = ("", " ", ".", "..", "../..", "a/b", "/", "a\\b", ".hidden", " one", "one\n", "a\0b", "x" * 201, "ö" * 101)


@pytest.mark.parametrize("name", [*NO_NAMES, "Default", "one.lock", "one.holder.json"])
def test_no_name_leads_out_of_the_folder_that_is_taken_away_after_the_last_run(name):
    with pytest.raises(ValidationError, match=r"name\n  Value error, expected .* Received: "):
        experiment(name=name)


def test_specs_are_frozen():
    for spec, field in ((RUN, "seed"), (RUN.model, "units"), (experiment(), "seeds")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(spec, field, 1)


# --- settings of a search ---


def test_tuned_sets_hyperparameters_by_name_and_nothing_else():
    tuned = RUN.tuned({"units": 9, "clip_norm": None, "learning_rate": 0.5})
    assert (tuned.model.units, tuned.training.clip_norm, tuned.training.learning_rate) == (9, None, 0.5)
    back = tuned.tuned({"units": 4, "clip_norm": 1.0, "learning_rate": 1e-3})
    assert back == RUN != tuned
    assert back.fingerprint == GOLDEN
    assert RUN.tuned({}) == RUN


@pytest.mark.parametrize("settings", [{"units": 0}, {"learning_rate": -1.0}, {"parameters": 1000}, {"epochs": 1.5}])
def test_tuned_refuses_an_impossible_value(settings):
    with pytest.raises(ValidationError):
        RUN.tuned(settings)


@pytest.mark.parametrize("name", ["unit", "seed", "deterministic", "purpose"])
def test_tuned_refuses_what_is_no_hyperparameter(name):
    with pytest.raises(ValueError, match=rf"^no hyperparameter is called '{name}'\."):
        RUN.tuned({name: 1})


@pytest.mark.parametrize(
    ("name", "axis", "message"),
    [
        ("learning_rate", [0.1, -1], "received -1, expected more than 0."),
        ("learning_rate", {"low": 0, "high": 1}, "received 0.0, expected more than 0."),
        ("dropout", {"low": 0, "high": 1}, "received 1.0, expected less than 1."),
        ("units", [4, "many"], "received 'many', expected a whole number."),
        ("units", [4, 5.0], "received 5.0, expected a whole number."),
        ("optimizer", ["adam", "adm"], "received 'adm', expected 'adam', 'rmsprop' or 'sgd'. Did you mean 'adam'?"),
        ("bidirectional", {"low": 0, "high": 1}, "received 0.0, expected true or false."),
        ("patience", [5, 0], "received 0, expected at least 1."),
    ],
)
def test_each_value_of_a_space_must_be_possible(name, axis, message):
    with pytest.raises(ValidationError) as refused:
        experiment(**search(**{name: axis}))
    assert str(refused.value.errors()[0]["ctx"]["error"]) == f"search.space.{name}: {message}"


def test_the_space_has_every_field_but_what_may_not_be_tuned():
    fields = {*ModelSpec.model_fields, *TrainingSpec.model_fields}
    assert fields - {*MODEL, *TRAINING} == {
        "deterministic",
        "refit",
        "budget",
        "counted",
        "seconds",
        "start",
        "frozen",
        "sha256",
        "quantiles",
        "evaluate_every",
        "fresh",
        "monitor",
        "select",
        "stop_at",
        "validation",
    }
    assert set(SearchSpec.model_fields["space"].annotation.model_fields) == {*MODEL, *TRAINING}


def test_which_hyperparameters_take_whole_numbers():
    whole = {
        "units",
        "parameters",
        "layers",
        "linear_path",
        "epochs",
        "steps",
        "truncate",
        "batch_size",
        "patience",
        "decay_start",
        "decay_every",
    }
    assert {name for name in (*MODEL, *TRAINING) if is_integer(name)} == whole


@pytest.mark.parametrize("name", ["units", "layers", "epochs", "batch_size", "patience"])
def test_a_range_of_whole_numbers_has_whole_ends(name):
    axis = experiment(**search(**{name: {"low": 2, "high": 16}})).search.axes[name]
    assert [type(end) for end in axis.ends(is_integer(name))] == [int, int]
    assert axis.ends(is_integer(name)) == (2, 16)
    assert [type(end) for end in Range(low=2, high=16).ends(integer=False)] == [float, float]


def test_axes_keep_the_order_of_the_fields_whatever_the_file_says():
    one = experiment(**search(clip_norm=[1.0], learning_rate=[0.1], units=[4]))
    two = experiment(**search(units=[4], learning_rate=[0.1], clip_norm=[1.0]))
    assert list(one.search.axes) == ["units", "learning_rate", "clip_norm"] == list(two.search.axes)
    assert one.fingerprint == two.fingerprint


def test_budgets_in_words():
    assert ModelSpec(units=36).size == "36 units"
    assert ModelSpec(parameters=12_000).size == "12,000 parameters"


def test_an_unknown_name_is_a_user_error_inside():
    with pytest.raises(ValidationError) as refused:
        experiment(cells=["gruu"])
    assert isinstance(refused.value.errors()[0]["ctx"]["error"], UserError)


# --- what is not imported ---

LIGHT = ("experiment.experiment", "experiment.yaml_file", "analysis.table", "commands.listing", "commands.screen")
HEAVY = "{'tensorflow', 'keras', 'keras_tuner', 'mlflow', 'torch', 'ray', 'matplotlib', 'sklearn'}"


def heavy_after(code: str) -> str:
    """Which heavy packages are loaded after this code, in a fresh interpreter."""
    return in_another_process(f"{code}\nimport sys; print(*sorted({HEAVY} & sys.modules.keys()))").strip()


def test_describing_listing_and_tables_import_nothing_heavy():
    modules = ", ".join(f"gru_tf.{name}" for name in LIGHT)
    use = "from gru_tf.experiment import yaml_file as f; f.load(f.locate('quickstart')).runs()"
    assert heavy_after(f"import {modules}\n{use}") == ""


def test_the_look_for_heavy_imports_is_able_to_fail():
    assert heavy_after("import sys; sys.modules['keras'] = None") == "keras"


WRONG = {
    "a task": ({"tasks": ["digitz"]}, "tasks: no task is called 'digitz'. Did you mean 'digits'?"),
    "a value": ({"model": {"units": 0}}, "model.units: received 0, expected at least 1."),
    "a field": ({"training": {"epoch": 3}}, "training.epoch: no such field. Did you mean 'epochs'?"),
    "an argument": ({"seed": 3}, "seed: no such field. Did you mean 'seeds'?"),
    "beside a specification": (
        {"model": ModelSpec(units=3), "seeds": 0},
        "seeds: received 0, expected a count of at least 1",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_in_python_is_the_line_that_a_file_would_get(wrong):
    changes, line = WRONG[wrong]
    right = {"name": "mine", "question": "Which?", "tasks": ["digits"], "cells": ["gru"], "model": {"units": 4}}
    with pytest.raises(UserError) as error:
        Experiment(**{**right, **changes})
    assert str(error.value).startswith(f"Experiment: {line}")
    assert "\n" not in str(error.value)
    assert Experiment(**right) == Experiment.model_validate(right)
    with pytest.raises(ValidationError):  # which a store's definition of another version is recognised by
        Experiment.model_validate({**right, **changes})


def test_variational_needs_a_dropout_whose_masks_it_keeps():
    def of(model, **more):
        return experiment(model={"units": 3, **model}, **more)

    with pytest.raises(
        ValidationError, match=r"expected 'model\.variational' together with 'model\.dropout' or .*Received: neither"
    ):
        of({"variational": True, "embedding_dropout": 0.1})
    for model in ({"dropout": 0.1}, {"input_dropout": 0.1}):
        of({"variational": True, **model})
    of({"variational": True}, **search(dropout=[0.0, 0.2]))

"""A user's mistake in an experiment file is one line: file, path, received, expected, nearest valid name.

Each mistake changes one place of a file that loads, so that nothing else can be what is refused.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from gru_tf.experiment import files, yaml_file, yaml_syntax
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError, shown

VALID = """\
question: Which one?
tasks: [{adding: {length: 30}}]
cells: [gru, lstm]
model: {units: 4}
training: {epochs: 2}
search: {trials: 2, space: {learning_rate: [0.1, 0.2]}}
"""
ABSENT = object()  # takes a key away
TOP = (
    "Fields: question, tasks, cells, seeds, replicates, model, training, search, diagnostics, baselines, claims, published,"
    " protocol, not_followed, smaller, timing"
)
A_CHOICE = "expected a name, or one name with its options: 'name: {option: value}'"
AN_AXIS = "expected a list of values, or a mapping with low and high."
A_SCALAR = "expected true or false, a whole number, a number or text."
AN_OPTION = "expected true or false, a whole number, a number, text or a list."
JARGON = ("input should", "value error", "valid ", "pydantic", "keys should", "literal[", "union", "tuple", "unicode string")


def changed(path: str, value: Any) -> str:
    """The valid file with the value at one dotted path set, or taken away."""
    content = here = yaml.safe_load(VALID)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        here = here[part]
    if value is ABSENT:
        del here[last]
    else:
        here[last] = value
    return yaml.safe_dump(content, sort_keys=False)


def loaded(folder: Path, text: str) -> Experiment:
    """The experiment that this text makes."""
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return yaml_file.load(file)


def refusal(folder: Path, text: str) -> str:
    """The message for this text, held to what every message must be."""
    with pytest.raises(UserError) as refused:
        loaded(folder, text)
    message = str(refused.value)
    assert message.startswith("mine.yaml: ")
    assert len(message.splitlines()) == 1
    assert not [word for word in JARGON if word in message.lower()]
    return message.removeprefix("mine.yaml: ")


def test_the_look_for_jargon_is_able_to_fail():
    for fields in (
        {"units": "4"},
        {"units": 4, "parameters": 5},
        {"units": 4, "dropout": 2.0},
        {"units": 4, "layers": None},
    ):
        with pytest.raises(ValidationError) as raw:
            ModelSpec(**fields)
        assert any(word in raw.value.errors()[0]["msg"].lower() for word in JARGON)


def test_what_the_mistakes_are_made_in_loads(tmp_path):
    experiment = loaded(tmp_path, VALID)
    assert experiment.name == "mine"
    assert [choice.label for choice in (*experiment.tasks, *experiment.cells)] == ["adding(length=30)", "gru", "lstm"]
    assert (experiment.model.units, experiment.training.epochs, experiment.search.trials) == (4, 2, 2)


UNKNOWN = {
    "quesion": f"quesion: no such field. Did you mean 'question'? {TOP}",
    "zzz": f"zzz: no such field. {TOP}",
    "training.epoch": "training.epoch: no such field. Did you mean 'epochs'? Fields: epochs, seconds, ",
    "model.unit": "model.unit: no such field. Did you mean 'units'? Fields: units, parameters, counted, budget, ",
    "search.trial": "search.trial: no such field. Did you mean 'trials'? Fields: tuner, trials, space, seed, shared, widen",
    "search.space.learningrate": "search.space.learningrate: no such field. Did you mean 'learning_rate'? Fields: units, ",
    "search.space.seed": "search.space.seed: no such field. Did you mean 'tied'? Fields: units, parameters, ",
    "search.space.deterministic": "search.space.deterministic: no such field. Did you mean 'initial'? Fields: units, ",
    "tasks.0.adding.lenght": "tasks: adding.lenght: no such option. Did you mean 'length'? Options: examples, ",
}


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_key_at_any_level(tmp_path, path):
    assert refusal(tmp_path, changed(path, 1)).startswith(UNKNOWN[path])


def test_an_unknown_key_comes_before_the_missing_one_that_it_was_meant_for(tmp_path):
    message = refusal(tmp_path, VALID.replace("question:", "quetsion:"))
    assert message == f"quetsion: no such field. Did you mean 'question'? {TOP} (also question)"
    space = refusal(tmp_path, changed("search.space.learning_rate", {"low": 0.1, "hihg": 1.0}))
    assert space == (
        "search.space.learning_rate.hihg: no such field. Did you mean 'high'?"
        " Fields: low, high, sampling (also search.space.learning_rate.high)"
    )


WRONG_TYPE = [
    ("question", 5, "received 5, expected text."),
    ("question", False, "received false, expected text."),
    ("training.epochs", "10", "received '10', expected a whole number."),
    ("training.epochs", True, "received true, expected a whole number."),
    ("training.epochs", 1.0, "received 1.0, expected a whole number."),
    ("training.epochs", [1], "received [1], expected a whole number."),
    ("training.epochs", None, "received null, expected a whole number."),
    ("training.learning_rate", "fast", "received 'fast', expected a number."),
    ("training.learning_rate", True, "received true, expected a number."),
    ("training.clip_norm", "none", "received 'none', expected a number."),
    ("training.optimizer", 1, "received 1, expected 'adam', 'rmsprop' or 'sgd'."),
    ("training.optimizer", "adm", "received 'adm', expected 'adam', 'rmsprop' or 'sgd'. Did you mean 'adam'?"),
    ("training.jit", "yes", "received 'yes', expected 'auto' or true or false."),
    ("training.jit", "aut", "received 'aut', expected 'auto' or true or false. Did you mean 'auto'?"),
    ("training.jit", 1, "received 1, expected 'auto' or true or false."),
    ("training.deterministic", 1, "received 1, expected true or false."),
    ("model.bidirectional", 1, "received 1, expected true or false."),
    ("model.dropout", True, "received true, expected a number."),
    ("model.implementation", "stok", "received 'stok', expected 'stock' or 'custom'. Did you mean 'stock'?"),
    (
        "search.tuner",
        "randm",
        "received 'randm', expected 'random', 'bayesian', 'grid' or 'hyperband'. Did you mean 'random'?",
    ),
    ("search.space.learning_rate", 0.1, f"received 0.1, {AN_AXIS}"),
    ("search.space.learning_rate", "fast", f"received 'fast', {AN_AXIS}"),
    ("model", None, "received null, expected a mapping."),
    ("model", [{"units": 4}], "received [{'units': 4}], expected a mapping."),
    ("model", "small", "received 'small', expected a mapping."),
    ("training", None, "received null, expected a mapping."),
    ("search", ["random"], "received ['random'], expected a mapping."),
    ("search.space", None, "received null, expected a mapping."),
    ("search.space", [1], "received [1], expected a mapping."),
    ("cells", "gru", "received 'gru', expected a list."),
    ("cells", None, "received null, expected a list."),
    ("tasks", 5, "received 5, expected a list."),
    ("seeds", "3", "received '3', expected a count of at least 1, or a list of seeds"),
    ("seeds", True, "received true, expected a count of at least 1, or a list of seeds"),
    ("seeds", None, "received null, expected a count of at least 1, or a list of seeds"),
    ("seeds", {"first": 1}, "received {'first': 1}, expected a count of at least 1, or a list of seeds"),
    ("replicates", 5, "received 5, expected a mapping."),
    ("replicates", True, "received true, expected a mapping."),
    ("replicates", {"until": "know"}, ".until: received 'know', expected 'decided'."),
    ("replicates", {"at_most": "34"}, ".at_most: received '34', expected a whole number."),
    ("replicates", {"minutes": "ten"}, ".minutes: received 'ten', expected a number."),
    ("search.shared", "no", "received 'no', expected true or false."),
    ("search.widen", 1, "received 1, expected true or false."),
]
IMPOSSIBLE = [
    ("training.epochs", 0, "received 0, expected at least 1."),
    ("training.batch_size", -1, "received -1, expected at least 1."),
    ("training.learning_rate", 0, "received 0, expected more than 0."),
    ("training.learning_rate", -1, "received -1, expected more than 0."),
    ("training.learning_rate", float("inf"), "received inf, expected a finite number."),
    ("training.learning_rate", float("nan"), "received nan, expected a finite number."),
    ("training.clip_norm", 0, "received 0, expected more than 0."),
    ("training.patience", 0, "received 0, expected at least 1."),
    ("model.units", 0, "received 0, expected at least 1."),
    ("model.dropout", 1.0, "received 1.0, expected less than 1."),
    ("model.dropout", -0.5, "received -0.5, expected at least 0."),
    ("model.layers", 0, "received 0, expected at least 1."),
    ("model.parameters", 1000, "expected one of 'units' and 'parameters'. Received: both"),
    ("model.units", ABSENT, "expected one of 'units' and 'parameters'. Received: neither"),
    ("seeds", 0, "received 0, expected a count of at least 1, or a list of seeds"),
    ("seeds", -1, "received -1, expected a count of at least 1, or a list of seeds"),
    ("seeds", [], "received [], expected at least one value."),
    ("replicates", {"at_most": 1}, ".at_most: received 1, expected at least 2."),
    ("replicates", {"minutes": 0}, ".minutes: received 0, expected more than 0."),
    ("replicates", {"seed": -1}, ".seed: received -1, expected at least 0."),
    (
        "replicates",
        {"seed": 2**32 - 3, "at_most": 5},
        "seed: expected at most 4,294,967,295 for the last replicate. Received: 4,294,967,297",
    ),
    ("replicates", {"at_mots": 5}, ".at_mots: no such field. Did you mean 'at_most'? Fields: until, at_most, minutes, seed"),
    ("seeds", [3, 3], "expected each seed once. Received: 3 2 times"),
    ("search.trials", 0, "received 0, expected at least 1."),
    ("search.seed", -1, "received -1, expected at least 0."),
    ("search.seed", 2**32, "received 4294967296, expected at most 4,294,967,295."),
    ("search.space", {}, "expected at least one hyperparameter. Received: none. Fields: units, "),
    ("cells", [], "received [], expected at least one value."),
    ("tasks", {}, "received {}, expected at least one value."),
    ("cells", ["gru", "lstm", "gru"], "expected each cell once. Received: 'gru' 2 times"),
    ("tasks", ["adding", "adding"], "expected each task once. Received: 'adding' 2 times"),
    ("diagnostics", "all", "received 'all', expected true, false or a list of gates, saturation, memory, gradients"),
    ("diagnostics", 1, "received 1, expected true, false or a list of gates"),
    ("diagnostics", {}, "received {}, expected true, false or a list of gates"),
    (
        "diagnostics",
        ["gate"],
        "received 'gate', expected one of gates, saturation, memory, gradients. Did you mean 'gates'?",
    ),
    ("diagnostics", ["gates", []], "received [], expected one of gates"),
    ("diagnostics", ["gates", "gates"], "expected each name once. Received: 'gates' 2 times"),
]
AXES = [
    ([], "received [], expected at least one value."),
    ([0.1, -1], "received -1, expected more than 0."),
    ([0.1, "fast"], "received 'fast', expected a number."),
    ([0.1, 0.2, 0.1], "expected each value once. Received: 0.1 2 times"),
    ({"low": 2, "high": 1}, "expected low < high. Received: low 2, high 1"),
    ({"low": 1, "high": 1}, "expected low < high. Received: low 1, high 1"),
    ({"low": 0, "high": 1, "sampling": "log"}, "expected low > 0 with sampling: log. Received: 0"),
    ({"low": 0, "high": 1}, "received 0.0, expected more than 0."),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG_TYPE + IMPOSSIBLE)
def test_a_wrong_type_or_an_impossible_value(tmp_path, path, value, message):
    where = "model" if "'units' and" in message else path  # a mistake of two fields is one of their mapping
    separator = "" if message.startswith(".") else ": "  # a field of the value that is changed
    assert refusal(tmp_path, changed(path, value)).startswith(f"{where}{separator}{message}")


@pytest.mark.parametrize(("axis", "message"), AXES)
def test_an_impossible_axis_of_the_search(tmp_path, axis, message):
    assert refusal(tmp_path, changed("search.space.learning_rate", axis)) == f"search.space.learning_rate: {message}"


DEEPER = [
    ("search.space.learning_rate", {"low": 1}, "search.space.learning_rate.high: missing. Fields: low, high, sampling"),
    (
        "search.space.learning_rate",
        {"low": "1", "high": 2},
        "search.space.learning_rate.low: received '1', expected a number.",
    ),
    (
        "search.space.learning_rate",
        {"low": 1, "high": 2, "sampling": "lg"},
        "search.space.learning_rate.sampling: received 'lg', expected 'linear' or 'log'. Did you mean 'log'?",
    ),
    ("search.space.learning_rate", [[1]], f"search.space.learning_rate[0]: received [1], {A_SCALAR}"),
    ("search.space.units", {"low": 1.5, "high": 4}, "search.space.units: received 1.5, expected a whole number."),
    ("search.space.epochs", None, f"search.space.epochs: received null, {AN_AXIS}"),
    (
        "search.space.parameters",
        [1000],
        "search.space.parameters: expected one of 'units' and 'parameters'. Received: both",
    ),
    ("seeds", [0.5], "seeds[0]: received 0.5, expected a whole number."),
    ("seeds", [0, True], "seeds[1]: received true, expected a whole number."),
    ("seeds", [0, 2**32], "seeds[1]: received 4294967296, expected at most 4,294,967,295."),
    ("cells", ["gru", 1], f"cells[1]: received 1, {A_CHOICE}"),
    ("cells", [None], f"cells[0]: received null, {A_CHOICE}"),
    ("cells", [{}], f"cells[0]: received {{}}, {A_CHOICE}"),
    # what `- gru:` with its option on the next line, not indented, comes to
    (
        "cells",
        [{"gru": None, "reset_after": True}],
        f"cells[0]: received {{'gru': None, 'reset_after': True}}, {A_CHOICE}",
    ),
    ("cells", [{"gru": "fast"}], "cells[0].gru: received 'fast', expected a mapping."),
    ("cells", ["lstm", {"gru": []}], "cells[1].gru: received [], expected a mapping."),
    ("cells", [{"gru": {"reset_after": [1]}}], "cells[0].gru.reset_after: received [1], expected a list of strings"),
    ("cells", {"lstm": None, "gru": {"reset_after": None}}, f"cells.gru.reset_after: received null, {AN_OPTION}"),
    (
        "cells",
        [{"name": "gru", "option": {}}],
        "cells[0].option: no such field. Did you mean 'options'? Fields: name, options",
    ),
    ("cells", ["GRUU"], "cells: no cell is called 'GRUU'. Did you mean 'gru'? Cells: "),
    ("tasks", ["adin"], "tasks: no task is called 'adin'. Did you mean 'adding'? Tasks: "),
    ("tasks.0.adding.length", "long", "tasks: adding.length: received 'long', expected a whole number."),
    ("tasks.0.adding.length", 1, "tasks: adding.length: received 1, expected at least 2."),
    ("tasks.0.adding.length", True, "tasks: adding.length: received true, expected a whole number."),
    ("tasks.0.adding.length", None, f"tasks[0].adding.length: received null, {AN_OPTION}"),
    (
        "tasks",
        [{"digits": {"reading": "row"}}],
        "tasks: digits.reading: received 'row', expected 'pixels' or 'rows'. Did you mean 'rows'?",
    ),
    ("name", "yours", "name: no such field; the file's name is the experiment's name"),
]


@pytest.mark.parametrize(("path", "value", "message"), DEEPER)
def test_a_mistake_below_or_above_the_changed_place(tmp_path, path, value, message):
    assert refusal(tmp_path, changed(path, value)).startswith(message)  # the catalogue's names may follow


@pytest.mark.parametrize("path", ["question", "tasks", "cells", "model", "search.space"])
def test_a_missing_key(tmp_path, path):
    fields = TOP if "." not in path else "Fields: tuner, trials, space, seed, shared, widen"
    assert refusal(tmp_path, changed(path, ABSENT)) == f"{path}: missing. {fields}"


@pytest.mark.parametrize("seeds", [3, [0, 1, 2, 3], "three", True, None, 5.5])
def test_seeds_beside_replicates_that_have_others(tmp_path, seeds):
    message = refusal(tmp_path, f"{VALID}seeds: {json.dumps(seeds)}\nreplicates: {{at_most: 5}}")
    assert message == f"seeds: received {shown(seeds)}, expected none beside 'replicates', which has the seeds 0 to 4"


@pytest.mark.parametrize("seeds", [5, [7, 8, 9, 10]])
def test_seeds_beside_replicates_that_do_not_begin_at_zero(tmp_path, seeds):
    message = refusal(tmp_path, f"{VALID}seeds: {seeds}\nreplicates: {{at_most: 5, seed: 7}}")
    assert message.endswith("expected none beside 'replicates', which has the seeds 7 to 11")
    assert loaded(tmp_path, f"{VALID}seeds: [7, 8, 9, 10, 11]\nreplicates: {{at_most: 5, seed: 7}}").seeds[-1] == 11


def test_the_seed_of_a_search_is_none_of_the_final_ones(tmp_path):
    shared = yaml.safe_load(VALID)["search"] | {"shared": True, "seed": 2}
    assert refusal(tmp_path, changed("search", shared)) == "search.seed: expected none of the final seeds. Received: 2"
    own = refusal(tmp_path, changed("search.seed", 2))
    assert own == "search.seed: expected none of the final seeds. Received: 2"
    much = VALID.replace("trials: 2", "trials: 2, seed: 20") + "replicates: {}\n"
    assert refusal(tmp_path, much) == "search.seed: expected none of the final seeds. Received: 20"


def test_hyperband_sets_the_number_of_trials_and_the_others_do_not(tmp_path):
    missing = refusal(tmp_path, changed("search.trials", ABSENT))
    assert missing == "search: expected 'trials' (how many configurations to try)"
    needless = refusal(tmp_path, changed("search.tuner", "hyperband"))
    assert needless == "search: expected 'trials' to be left out: Hyperband sets their number"


NOT_EXPERIMENTS = {
    "": "expected a mapping of fields. Received: null",
    "# only a comment\n": "expected a mapping of fields. Received: null",
    "gru\n": "expected a mapping of fields. Received: 'gru'",
    "5\n": "expected a mapping of fields. Received: 5",
    "- gru\n- lstm\n": "expected a mapping of fields. Received: ['gru', 'lstm']",
    f"[{', '.join(['gru'] * 50)}]\n": "expected a mapping of fields. Received: ['gru', 'gru', 'gru', 'gru', ",
    "{}\n": f"question: missing. {TOP} (also tasks, cells, model)",
    "cells: [gru\n": "line 2, column 1: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'",
    "question: a: b\n": "line 1, column 12: mapping values are not allowed here",
    "question: a\n\tcells: b\n": "line 2, column 1: ",
    "question: *one\n": "line 1, column 11: found undefined alias 'one'",
    "question: !!python/name:os.system\n": "line 1, column 11: could not determine a constructor for the tag",
    "question: \x01\n": "unacceptable character #x0001",
    VALID + "---\nquestion: Another?\n": "line 7, column 1: expected a single document in the stream",
    VALID + "cells: [rnn]\n": "line 7, column 1: 'cells' is given a second time",
    VALID.replace("units: 4", "units: 4, units: 5"): "line 4, column 19: 'units' is given a second time",
    "yes: 1\n": "line 1, column 1: expected text as a key. Received: yes",
    "1: 1\n": "line 1, column 1: expected text as a key. Received: 1",
    "? [gru]\n: 1\n": "line 1, column 3: expected text as a key.",
    VALID.replace("epochs: 2", f"epochs: {'9' * 5000}"): "Exceeds the limit (4300 digits)",
}


@pytest.mark.parametrize("text", NOT_EXPERIMENTS, ids=lambda text: repr(text[:20]))
def test_a_text_that_is_no_experiment(tmp_path, text):
    assert refusal(tmp_path, text).startswith(NOT_EXPERIMENTS[text])


def test_a_file_that_cannot_be_read(tmp_path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("question: Größe?\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.yaml: expected UTF-8 text\. Received: byte 0xf6 at 12$"):
        yaml_file.load(latin)
    with pytest.raises(UserError, match=r"absent\.yaml: No such file or directory$"):
        yaml_file.load(tmp_path / "absent.yaml")
    with pytest.raises(UserError, match=rf"^{tmp_path}: Is a directory$"):
        yaml_file.load(tmp_path)


NUMBERS = {
    "1e-3": 0.001,
    "1E-3": 0.001,
    ".5e-2": 0.005,
    "1.e-3": 0.001,
    "1.0e-3": 0.001,
    "1e3": 1000.0,
    "+1e+3": 1000.0,
    "1_000": 1000.0,
    "1_000.5": 1000.5,
    "1_0e3": 10000.0,
    "3": 3.0,
    "0.25": 0.25,
    ".25": 0.25,
    "5.": 5.0,
}


@pytest.mark.parametrize("written", NUMBERS)
def test_numbers_as_people_write_them(tmp_path, written):
    text = VALID.replace("epochs: 2", f"learning_rate: {written}")
    assert loaded(tmp_path, text).training.learning_rate == NUMBERS[written]


def test_a_whole_number_may_have_underscores(tmp_path):
    assert loaded(tmp_path, VALID.replace("units: 4", "parameters: 12_000")).model.parameters == 12000


@pytest.mark.parametrize("written", ['"1e-3"', "'1e-3'", "1e", "e3", "1e-3x", "1e-", ".", "0.1.2", "1:30"])
def test_text_that_resembles_a_number_stays_text(tmp_path, written):
    received = written.strip("'\"")
    message = refusal(tmp_path, VALID.replace("epochs: 2", f"learning_rate: {written}"))
    assert message == f"training.learning_rate: received '{received}', expected a number."


@pytest.mark.parametrize("written", ["010", "0x10", "0b1", "1:30", "1e1"])
def test_a_whole_number_is_decimal_or_refused(tmp_path, written):
    """YAML 1.1 would train for 8 epochs where 010 is written, and for 90 where 1:30 is."""
    assert "expected a whole number" in refusal(tmp_path, VALID.replace("epochs: 2", f"epochs: {written}"))


@pytest.mark.parametrize(("written", "received"), [("1e400", "inf"), (".inf", "inf"), (".nan", "nan"), ("-.inf", "-inf")])
def test_numbers_that_are_not_finite(tmp_path, written, received):
    message = refusal(tmp_path, VALID.replace("epochs: 2", f"learning_rate: {written}"))
    assert message == f"training.learning_rate: received {received}, expected a finite number."


def test_a_date_is_text(tmp_path):
    assert loaded(tmp_path, VALID.replace("Which one?", "2026-13-45")).question == "2026-13-45"


def test_anchors_and_merges(tmp_path):
    text = VALID.replace(
        "tasks: [{adding: {length: 30}}]", "tasks: [{adding: &a {length: 5}}, {adding: {<<: *a, length: 7}}]"
    )
    assert [task.label for task in loaded(tmp_path, text).tasks] == ["adding(length=5)", "adding(length=7)"]


def test_every_form_of_a_choice(tmp_path):
    plain = loaded(tmp_path, changed("cells", ["gru", {"lstm": None}]))
    named = loaded(tmp_path, changed("cells", [{"name": "gru"}, {"name": "lstm", "options": {}}]))
    mapped = loaded(tmp_path, changed("cells", {"gru": None, "lstm": {}}))
    assert plain == named == mapped


def test_what_is_dumped_is_read_as_the_same(tmp_path):
    """Text that PyYAML alone would write without quotes, and the loader here would read as a number, among it."""
    options = {"path": "1e3", "target": ["010", "2020-01-01", "yes", "null", "größe"], "season": 12, "rate": 1e-05}
    content = {**yaml.safe_load(VALID), "question": "ä: #?", "training": {"learning_rate": 1e-05}, "diagnostics": True}
    text = yaml_file.dump({**content, "options": options, "nothing": None})
    assert yaml.load(text, Loader=yaml_syntax.Loader) == {**content, "options": options, "nothing": None}  # noqa: S506, a SafeLoader
    assert [line.partition(":")[0] for line in text.splitlines() if line[0].isalpha()] == [*content, "options", "nothing"]
    assert "größe" in text
    assert loaded(tmp_path, yaml_file.dump(content)) == loaded(tmp_path, yaml.safe_dump(content))


def test_a_long_line_is_broken_at_the_width():
    text = yaml_file.dump({"question": "word " * 60}, width=60)
    assert all(40 < len(line) <= 66 for line in text.splitlines()[:-1])
    assert yaml.safe_load(text)["question"] == "word " * 60


# --- by path or by name ---


@pytest.fixture
def shelves(tmp_path, monkeypatch):
    """The current folder with an experiment `mine`, and none that come with the package but `quickstart`."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "package"
    for folder, name in (("experiments", "mine"), ("package", "quickstart"), ("package", "mine")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.yaml").write_text(VALID)
    monkeypatch.setattr(files, "folders", lambda: [Path("experiments"), package])
    return tmp_path


def test_a_path_or_a_name_is_located(shelves):
    assert yaml_file.locate("package/mine.yaml") == Path("package/mine.yaml")
    assert yaml_file.locate("mine") == Path("experiments/mine.yaml"), "the user's own come first"
    assert yaml_file.locate("quickstart") == shelves / "package" / "quickstart.yaml"


def test_what_follows_a_paper_is_found_by_its_name_and_behind_its_group(shelves):
    for folder, name in (("experiments", "waves"), ("package", "waves"), ("package", "adding"), ("package", "mine")):
        (shelves / folder / "published").mkdir(exist_ok=True)
        (shelves / folder / "published" / f"{name}.yaml").write_text(VALID)
    own, brought = Path("experiments/published/waves.yaml"), shelves / "package" / "published" / "adding.yaml"
    assert yaml_file.locate("waves") == yaml_file.locate("published/waves") == own
    assert yaml_file.locate("adding") == yaml_file.locate("published/adding") == brought
    assert yaml_file.locate("mine") == Path("experiments/mine.yaml"), "a name is one experiment's"
    assert yaml_file.load(yaml_file.locate("published/waves")).name == "waves"
    assert files.groups() == {
        "": {"mine": Path("experiments/mine.yaml"), "quickstart": shelves / "package" / "quickstart.yaml"},
        "published": {"waves": own, "adding": brought},
    }
    with pytest.raises(UserError, match="no experiment file or name 'published/wave'. Did you mean 'waves'"):
        yaml_file.locate("published/wave")
    with pytest.raises(UserError, match="no experiment file or name 'published/quickstart'"):
        yaml_file.locate("published/quickstart")


@pytest.mark.parametrize("given", ["quickstar", "quickstart.yml", "elsewhere/quickstart.yaml"])
def test_what_is_neither_is_refused_with_the_nearest_name(shelves, given):
    with pytest.raises(UserError) as refused:
        yaml_file.locate(given)
    assert str(refused.value) == f"no experiment file or name '{given}'. Did you mean 'quickstart'?"


@pytest.mark.parametrize("given", ["", "experiments", "zzz"])
def test_a_folder_or_nothing_is_no_experiment(shelves, given):
    with pytest.raises(UserError) as refused:
        yaml_file.locate(given)
    assert str(refused.value) == f"no experiment file or name '{given}'. 'gru-tf list experiments' shows the names."


def test_an_experiment_knows_its_file(shelves):
    (shelves / "other.yml").write_text(VALID)
    assert yaml_file.load("other.yml").origin == "other.yml"
    assert yaml_file.load(shelves / "other.yml").origin == "other.yml", "messages name the file, not its folder"


def test_the_package_brings_the_quickstart():
    assert "quickstart" in yaml_file.names()

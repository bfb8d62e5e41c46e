"""Command, Python function and tasks agree on the options of a comparison, which are written down once."""

import inspect
import re
from typing import Any, get_type_hints

import pytest
import typer

import gru_tf
from gru_tf.commands.main import app
from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison
from gru_tf.suite.comparison import options
from gru_tf.suite.comparison.defaults import protocol
from gru_tf.suite.comparison.guess import guess
from gru_tf.suite.comparison.signatures import documented
from gru_tf.tasks import TASKS, Signature

FORECAST = ["target", "time", "group", "covariates", "window", "horizon", "stride", "season", "relative", "missing"]
FORECAST += ["zone", "dates", "gaps", "scaling", "known", "metric", "split", "layout", "quoting"]
FORECAST += ["backtest", "intervals"]
SEQUENCES = ["label", "id", "order", "features", "group", "window", "stride", "missing", "split", "layout", "quoting"]
SEQUENCES += ["metric", "intervals", "labels", "per_step"]
TEXTS = ["text", "read", "label", "group", "split", "quoting", "metric", "intervals"]
PROTOCOL = ["cells", "seeds", "parameters", "units", "trials", "minutes", "draws", "epochs", "batch_size"]
EVERY = {"kind", *FORECAST, *SEQUENCES, *TEXTS, *PROTOCOL}
BESIDE = ["data", "test", "name", "store", "workers", "progress", "final"]
COMMAND = {parameter.name: parameter for parameter in typer.main.get_command(app).commands["compare"].params}


def test_the_options_are_those_of_each_kind_of_data():
    assert set(options.OPTIONS) == EVERY
    assert sorted(options.options_of("forecast")) == sorted(FORECAST)
    assert sorted(options.options_of("sequences")) == sorted(SEQUENCES)
    assert sorted(options.options_of("texts")) == sorted(TEXTS)
    assert sorted(options.PROTOCOL) == sorted(PROTOCOL)
    shared = {"group", "missing", "split", "layout", "quoting", "metric", "intervals"}
    assert set(options.only_of("forecast")) == set(FORECAST) - shared
    assert set(options.only_of("sequences")) == {"id", "order", "features", "labels", "per_step"}
    assert options.only_of("texts") == ("text", "read")


@pytest.mark.parametrize("kind", ["forecast", "sequences", "texts"])
def test_the_task_has_each_option_of_its_data_with_the_same_bound(kind):
    fields = TASKS.find(kind).model_fields
    for name in set(options.options_of(kind)) - set(options.APART):
        bounds = [value.ge for value in fields[name].metadata if hasattr(value, "ge")]
        assert bounds == ([] if options.OPTIONS[name].least is None else [options.OPTIONS[name].least]), name


def test_the_protocol_takes_each_of_its_options():
    signature = Signature(timesteps=24, features=1, outputs=1, target="value")
    usual = protocol(signature, 70, {}).content
    for name in set(options.PROTOCOL) - {"draws"}:  # which is the task's
        assert protocol(signature, 70, {name: ("gru",) if name == "cells" else 2}).content != usual, name


def test_the_python_function_names_and_documents_every_option():
    signature = inspect.signature(gru_tf.compare)
    assert set(signature.parameters) == EVERY | set(BESIDE)
    assert list(signature.parameters)[:2] == ["data", "test"]
    for name in EVERY:
        parameter = signature.parameters[name]
        assert (parameter.kind, parameter.default) == (inspect.Parameter.KEYWORD_ONLY, None)
    hints = get_type_hints(gru_tf.compare)
    assert (hints["window"], hints["relative"], hints["zone"]) == (int | None, bool | None, str | None)
    assert hints["return"] is comparison.Comparison
    assert "options" not in hints
    entries = re.findall(r"^ {8}(\w+): (?=\S)(.*)", gru_tf.compare.__doc__, re.MULTILINE)
    assert sorted(name for name, _ in entries) == sorted([*signature.parameters, "UserError"])
    assert dict(entries)["target"] == "for forecasts: column or columns to predict."
    assert dict(entries)["label"] == "for sequences and texts: column, or array, to predict."
    assert "**options" not in gru_tf.compare.__doc__


def test_a_function_without_a_docstring_stays_without():
    def bare(data, *, test=None, **options: Any):
        return options

    assert documented(bare).__doc__ is None
    assert bare(1, window=3) == {"window": 3}
    assert set(inspect.signature(bare).parameters) == EVERY | {"data", "test"}


def test_the_command_has_every_option_with_help_and_bound():
    assert set(COMMAND) - {"help"} == EVERY | {"data", "test", "name", "store", "workers", "write", "save", "final"}
    for name, option in options.OPTIONS.items():
        parameter = COMMAND[name]
        assert parameter.help == option.help
        assert parameter.min == option.least
        assert parameter.rich_help_panel == options.TITLES.get(option.section)
        assert parameter.multiple == (name == "target")
        assert options.flag(name) in [*parameter.opts, *parameter.secondary_opts]
    assert (COMMAND["relative"].opts, COMMAND["relative"].secondary_opts) == (["--relative"], ["--absolute"])
    assert (COMMAND["id"].opts, COMMAND["batch_size"].opts) == (["--id"], ["--batch-size"])


def test_what_the_command_takes_is_what_python_takes(monkeypatch):
    received = {}

    def plan(data, **arguments):
        received.update(arguments)
        raise UserError("enough")

    monkeypatch.setattr("gru_tf.suite.comparison.planning.plan", plan)
    columns = ["--target", "a,b", "--target", "c", "--covariates", "d,e", "--id", "f"]
    words = [*columns, "--cells", "rnn,gru", "--absolute", "--seeds", "2", "--workers", "0"]
    with pytest.raises(UserError, match="enough"):
        app(["compare", "mine.csv", *words], standalone_mode=False)
    assert {name: value for name, value in received.items() if value is not None} == {
        "target": ["a,b", "c"],
        "covariates": ("d", "e"),
        "cells": ("rnn", "gru"),
        "relative": False,
        "id": "f",
        "seeds": 2,
    }
    assert set(received) == EVERY | {"test", "name", "store"}


@pytest.mark.parametrize("function", [gru_tf.compare, comparison.plan])
def test_an_option_that_is_none_is_refused_with_the_nearest(function, tmp_path):
    with pytest.raises(TypeError, match="no option is called 'wndow'. Did you mean 'window'"):
        function(tmp_path / "none.csv", wndow=3)


def test_an_option_decides_the_kind_of_data_where_no_other_kind_has_it(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n" + "".join(f"{n},{n % 7}\n" for n in range(60)))
    assert guess(str(file), None, {"target": ("a",)}).kind == "forecast"
    assert guess(str(file), None, {"label": "b", "id": "a"}).task == "sequences"
    with pytest.raises(UserError, match="cannot infer what to predict"):
        guess(str(file), None, {"missing": "drop"})

"""Messages name options as whoever reads them writes them: `target` in Python, `--target` on the command line."""

import numpy as np
import pytest

from gru_tf.foundation import option_spelling
from gru_tf.foundation.errors import UserError
from gru_tf.foundation.option_spelling import quoted, setting, spelled
from gru_tf.suite import comparison
from gru_tf.suite.comparison.options import OPTIONS

DAYS = range(1, 29)
FILES = {
    "two.csv": "date,load,heat\n" + "\n".join(f"2020-01-{day:02},{day * day % 17},{day % 5}.5" for day in DAYS),
    "later.csv": "date,load,heat\n" + "\n".join(f"2020-02-{day:02},{day * day % 17},{day % 5}.5" for day in DAYS),
    "gap.csv": "date,load\n" + "\n".join(f"2020-01-{day:02},{day * day % 17 if day != 9 else ''}" for day in DAYS),
    "months.csv": "when,load\n" + "\n".join(f"{day % 12 + 1:02}/{day // 3 + 1:02}/2020,{day}" for day in DAYS),
    "clocks.csv": "when,load\n" + "\n".join(f"2019-10-27 0{hour}:00,{hour}" for hour in (0, 1, 2, 2, 3, 4)),
    "walks.csv": "walk,x,gait\n"
    + "\n".join(f"{walk},{walk * step % 7},{walk * 1.37}" for walk in DAYS for step in range(4)),
    "said.csv": "said,mood\n" + "\n".join(f"a {'good' if day % 2 else 'bad'} day {day},{day % 2}" for day in DAYS),
}
LOAD = {"target": ["load"]}
MISTAKES = {
    "two columns": ("two.csv", {}, "specify the column to predict ({target})"),
    "of another kind": ("two.csv", {**LOAD, "label": "load"}, "{label}: this option is for sequences and texts"),
    "unknown kind": ("two.csv", {"kind": "forcast"}, "{kind}: received 'forcast'"),
    "text for a number": ("two.csv", {**LOAD, "batch_size": "many"}, "{batch_size}: expected a whole number"),
    "no such column": ("two.csv", {"target": ["laod"]}, "{target}: no column is called 'laod'. Did you mean 'load'?"),
    "no such covariate": ("two.csv", {**LOAD, "covariates": ["cold"]}, "{covariates}: no column is called 'cold'."),
    "two uses": ("two.csv", {**LOAD, "covariates": ["load"]}, "received 'load' as {target} and {covariates}, expected one"),
    "day or month": ("months.csv", LOAD, "; set {dates} to day-first or month-first"),
    "an order that is none": ("months.csv", {**LOAD, "dates": "months-first"}, "{dates}: received 'months-first', expected"),
    "an hour twice": ("clocks.csv", LOAD, "; set {zone} to that of the times"),
    "no such zone": ("two.csv", {**LOAD, "zone": "Europe/Berln"}, "{zone}: received 'Europe/Berln', expected a zone"),
    "no such time": ("two.csv", {**LOAD, "time": ["date", "hour"]}, "{time}: no column is called 'hour'."),
    "no way with gaps": ("two.csv", {**LOAD, "gaps": "stretched"}, "{gaps}: received 'stretched', expected 'leave_out'"),
    "no window": ("two.csv", {**LOAD, "window": 0}, "{window}: received 0, expected at least 1"),
    "a way that is none": ("two.csv", {**LOAD, "missing": "forwards"}, "{missing}: received 'forwards', expected 'refuse'"),
    "a split that is none": ("two.csv", {**LOAD, "split": "drawm"}, "split: received 'drawm', expected 'time'"),
    "drawn with a test": ("two.csv", {**LOAD, "draws": "drawn", "test": "later.csv"}, "{draws}: received drawn and {test},"),
    "a missing value": ("gap.csv", LOAD, "set {missing} to drop, forward, interpolate or mean"),
    "no such cell": ("two.csv", {**LOAD, "cells": ["gruu"]}, "{cells}: no cell is called 'gruu'. Did you mean 'gru'?"),
    "no epoch": ("two.csv", {**LOAD, "epochs": 0}, "{epochs}: received 0, expected at least 1"),
    "one column twice": ("walks.csv", {"label": "gait", "id": "gait"}, "expected two columns for {id!r} and {label!r}."),
    "a label as input": (
        "walks.csv",
        {"label": "gait", "id": "walk", "features": ["gait"]},
        "beside the column of {label!r}. Received: 'gait' among {features}",
    ),
    "two columns of texts": (
        "said.csv",
        {"text": "said", "label": "said"},
        "different columns for {text}, {label} and {group}",
    ),
    "a column of arrays": ("walks.npz", {"id": "walk"}, "expected no option {id!r} for an .npz file"),
    "several arrays": ("walks.npz", {"features": ["X", "y"]}, "expected one array of {features}. Received: X, y"),
    "seeds and minutes": (
        "two.csv",
        {**LOAD, "seeds": 3, "minutes": 5},
        "expected one of {seeds!r} and {minutes!r}. Received: both",
    ),
    "no minute": ("two.csv", {**LOAD, "minutes": 0}, "{minutes}: received 0"),
    "both sizes": (
        "two.csv",
        {**LOAD, "units": 8, "parameters": 99},
        "expected one of {units!r} and {parameters!r}. Received",
    ),
}


class Flag(str):
    """An option of the command, which stands without quotes."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


NAMES = [*OPTIONS, "test"]
IN_PYTHON = {name: name for name in NAMES}
OF_COMMAND = {name: Flag(f"--{name.replace('_', '-')}") for name in NAMES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("own")
    for name, text in FILES.items():
        (path / name).write_text(f"{text}\n")
    steps = np.arange(120.0).reshape(20, 6)
    np.savez(path / "walks.npz", X=steps, y=np.arange(20) % 2)
    return path


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_option_is_named_as_it_is_written(mistake, folder):
    file, options, words = MISTAKES[mistake]
    options = {name: str(folder / value) if name == "test" else value for name, value in options.items()}
    with pytest.raises(UserError) as in_python:
        comparison.plan(str(folder / file), **options)
    with pytest.raises(UserError) as of_command, option_spelling.of_commands():
        comparison.plan(str(folder / file), **options)
    assert words.format(**IN_PYTHON) in str(in_python.value)
    assert words.format(**OF_COMMAND) in str(of_command.value)
    assert "--" not in str(in_python.value)


def test_inside_a_command_and_outside():
    assert (spelled("batch_size"), quoted("id"), setting("missing", "mean")) == ("batch_size", "'id'", "missing: mean")
    with option_spelling.of_commands():
        flags = spelled("batch_size"), quoted("id"), setting("missing", "mean")
        assert spelled("relative") in OPTIONS["relative"].switch.split("/")
    assert flags == ("--batch-size", "--id", "--missing mean")
    assert not option_spelling.in_command()

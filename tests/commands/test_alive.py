"""While a command works, a line on the terminal says at what: phase by phase, from the first import to the last model."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from terminals import on_a_terminal

pytestmark = pytest.mark.slow
EXPERIMENT = {
    "question": "Which one?",
    "tasks": [{"adding": {"length": 8, "examples": 500}}],
    "cells": ["rnn", "gru"],
    "seeds": 1,
    "model": {"units": 4},
    "training": {"epochs": 2},
}
PHASES = (
    "importing TensorFlow and building the networks",
    "opening the store and starting workers",
    "training",
    "timing",
    "reading the results",
    "writing the report",
    "publishing the answer and the data",
    "publishing the best models",
)
ROWS = "\n".join(f"2020-{month:02}-{day:02},{(day * day + month) % 17}" for month in range(1, 5) for day in range(1, 29))


def on_terminal(folder, *words):
    command = [str(Path(sys.executable).with_name("gru-tf")), *words]
    left_out = ("GRU_TF_TIMING", "GRU_TF_REPORT", "GRU_TF_BASELINES", "MLFLOW_TRACKING_URI", "CI", "NO_COLOR")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    return on_a_terminal(command, folder, environment | {"TERM": "xterm"})


def in_order(text, parts):
    """The places of these parts in a text, each behind the one before; -1 for one that is not there."""
    places = []
    for part in parts:
        places.append(text.find(part, max(places, default=0)))
    return places


def test_every_phase_of_a_run_is_on_the_terminal(tmp_path):
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    status, text = on_terminal(tmp_path, "run", "short.yaml")
    assert status == 0, text
    places = in_order(text, ["short: Which one?", *PHASES, "Next: gru-tf report short, gru-tf ui short"])
    assert -1 not in places, (places, text)
    assert "elapsed" in text
    assert "/0 runs" not in text
    assert "absl::InitializeLog" not in text
    status, text = on_terminal(tmp_path, "run", "short.yaml")
    assert -1 not in in_order(text, ["short: Which one?", "all in the store already. Next:"]), text


def test_every_phase_of_a_comparison_and_of_its_forecast_is_on_the_terminal(tmp_path):
    (tmp_path / "sales.csv").write_text(f"day,sales\n{ROWS}\n")
    options = ["--target", "sales", "--cells", "rnn,gru", "--units", "4", "--trials", "0", "--seeds", "1", "--epochs", "2"]
    status, text = on_terminal(tmp_path, "compare", "sales.csv", *options)
    assert status == 0, text
    assert -1 not in in_order(text, ["reading sales.csv", *PHASES, "Next: gru-tf report sales"]), text
    status, text = on_terminal(tmp_path, "predict", "sales", "sales.csv", "-o", "forecast.csv")
    assert status == 0, text
    assert text.count("loading the model of 'sales'") > 4, (
        "what holds the libraries' messages back holds the spinner as well"
    )

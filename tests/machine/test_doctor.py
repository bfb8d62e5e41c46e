"""What the doctor says is what happens: paths against traced graphs, refusals against what check and train do."""

import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import keras
import numpy as np
import pytest
import tensorflow as tf
from places import ROOT
from rich.console import Console

from gru_tf import suite
from gru_tf.commands import screen_doctor
from gru_tf.experiment.specs import ModelSpec
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation import environment
from gru_tf.foundation.errors import UserError
from gru_tf.machine import doctor
from gru_tf.machine.doctor import combinations, facts, paths
from gru_tf.recurrent import kernel_conditions, kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.kernel_path import Path as KernelPath
from gru_tf.recurrent.kernels import operations
from gru_tf.recurrent.layers.gru import GRU
from gru_tf.recurrent.layers.lstm import LSTM
from gru_tf.tasks import Examples
from gru_tf.training import trainer
from gru_tf.training.network.model import kernel

CONTENT = {
    "question": "Does XLA compile cuDNN?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": ["rnn", "gru"],
    "seeds": 1,
    "model": {"units": 4},
    "training": {"epochs": 1, "batch_size": 256},
}


def experiment(**changes):
    return validate({**CONTENT, **changes, "name": "asked"}, "asked")


def uses_cudnn(layer, gpu=True):
    """Whether the graph that the layer traces to holds cuDNN's operation, TensorFlow being told of a GPU."""
    with patch.object(tf.config, "list_logical_devices", return_value=["GPU:0"] if gpu else []):
        traced = tf.function(lambda x: layer(x, training=True)).get_concrete_function(tf.TensorSpec((4, 7, 3)))
    return any(operation.type.startswith("CudnnRNN") for operation in traced.graph.get_operations())


def test_every_cell_is_there_with_each_of_its_options():
    names = [line.name for line in paths.of_cells(gpu=False)]
    assert set(CELLS.names()) <= set(names)
    assert {"gru(reset_after=False)", "gru(convention=write)"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", CELLS.names())
def test_the_path_of_a_cell_on_a_gpu_is_what_its_layer_traces_to(name):
    spec = CELLS.find(name)
    path, jit = kernel(ModelSpec(units=3), spec, {}, "auto", gpu=True)
    assert (path.name == "cudnn") == uses_cudnn(spec.layer(3, {}))
    assert jit == (path.name != "cudnn")
    assert bool(path.why_not_cudnn) == (path.name != "cudnn")


@pytest.mark.parametrize("why_not", ["", "turned off"])
def test_without_a_gpu_a_fused_kernel_computes_what_it_can_and_xla_compiles_the_rest(why_not, monkeypatch):
    monkeypatch.setattr(kernel_conditions, "why_no_kernels", lambda: why_not)
    for line in paths.of_cells(gpu=False):
        by_steps = any(option in line.name for option in ("recurrent_dropout", "zoneout", "peepholes", "projection", "relu"))
        fused = line.name.partition("(")[0] in ("rnn", "lstm", "gru", "gru_reset_before") and not by_steps
        if fused and not why_not:
            assert (line.here.name, line.here.why_not_fused) == ("fused cpu", "")
        else:
            assert line.here.name.startswith("xla ")
            assert line.here.why_not_fused == (why_not if fused else line.here.why_not_fused) != ""


def test_a_reason_that_is_the_same_for_all_is_said_once(monkeypatch):
    console = Console(width=80, record=True)
    lines = tuple(paths.of_options(keras.layers.LSTM, gpu=False))
    console.print(screen_doctor.paths("theirs", lines, "option"))
    assert console.export_text().count("gru_tf.LSTM") == 1
    monkeypatch.setattr("gru_tf.recurrent.kernels.why_not", lambda: "turned off")
    console.print(screen_doctor.paths("ours", tuple(paths.of_options(LSTM, gpu=False)), "option"))
    assert "turned off" not in console.export_text(), "the facts above the tables say so"


def test_each_reason_says_of_what_it_is():
    here, gpu = KernelPath("while-loop", why_not_fused="a mask"), KernelPath("while-loop", "no biases")
    both = KernelPath("while-loop", "relu", "relu")
    lines = [paths.PathRow("one", here, gpu), paths.PathRow("two", both, both), paths.PathRow("three", here, gpu)]
    console = Console(width=80, record=True)
    console.print(screen_doctor.paths("all", lines, "option"))
    rows = [line.split() for line in console.export_text().splitlines()]
    assert [row[-1] for row in rows if row[0] in ("one", "two", "three")] == ["2", "3", "2"]
    assert ["1", *["not", "fused", "here:", "a", "mask"]] in rows
    assert ["2", *["not", "cuDNN", "on", "a", "GPU:", "no", "biases"]] in rows
    assert ["3", *["neither", "fused", "here", "nor", "cuDNN", "on", "a", "GPU:", "relu"]] in rows


def test_no_letter_of_a_reason_is_cut_at_80_columns():
    path = KernelPath("while-loop", " ".join(f"word{n:02}x" for n in range(40)), " ".join(f"other{n:02}" for n in range(40)))
    lines = [
        paths.PathRow("gru_reset_before(convention=write)", path, path),
        paths.PathRow("rnn", KernelPath("fused cpu"), path),
    ]
    console = Console(width=80, record=True)
    console.print(screen_doctor.paths("all", lines, "cell"))
    words = console.export_text().replace(";", " ").split()
    assert {f"word{n:02}x" for n in range(40)} | {f"other{n:02}" for n in range(40)} <= set(words)


@pytest.mark.parametrize("layer", [GRU, LSTM, keras.layers.LSTM])
def test_the_path_of_each_layer_option_is_what_the_layer_traces_to(layer):
    lines = {line.name: line for line in paths.of_options(layer, gpu=False)}
    assert set(lines) == {name for name, _, _ in paths.OPTIONS}
    for name, options, call in paths.OPTIONS:
        if call or "bidirectional" in options:
            continue  # what comes with the call is not in the layer
        made = layer(3, **options)
        assert (lines[name].gpu.name == "cudnn") == uses_cudnn(made), name
    assert lines["default options"].gpu.name == "cudnn"
    fused = layer is not keras.layers.LSTM and not kernels.why_not()
    assert lines["default options"].here.name == ("fused cpu" if fused else "while-loop")
    assert lines["XLA requested, jit_compile=True"].gpu.name == "fails"


def test_xla_with_cudnn_is_refused_by_check_before_training(monkeypatch):
    asked = experiment(training={"epochs": 1, "jit": True})
    suite.check(asked)  # without a GPU it is what "auto" is
    monkeypatch.setattr("gru_tf.suite.engine.processes.gpus", lambda: ["0"])
    with pytest.raises(UserError, match=r"^asked: digits\(reading=rows\), gru: training\.jit: received true, expected auto"):
        suite.check(asked)
    suite.check(experiment(training={"epochs": 1, "jit": True}, model={"units": 4, "implementation": "custom"}))
    suite.check(experiment(training={"epochs": 1, "jit": True}, cells=["rnn", {"gru": {"reset_after": False}}]))


def test_xla_with_cudnn_is_refused_by_the_worker_too(monkeypatch):
    run = next(r for r in experiment(training={"epochs": 1, "jit": True}).runs() if r.cell.name == "gru")
    monkeypatch.setattr("gru_tf.training.compiled_steps.on_gpu", lambda: True)
    assert trainer.attempt(run).error.startswith("UserError: training.jit: received true, expected auto or false")


def test_an_experiment_that_another_machine_would_refuse_is_said():
    lines = {line.name: line for line in paths.of_experiment(experiment(training={"epochs": 1, "jit": True}), gpu=False)}
    assert lines["gru"].here.name == "xla while-loop"
    assert (lines["gru"].gpu.name, lines["rnn"].gpu.name) == ("refused", "xla while-loop")


@pytest.mark.parametrize(("length", "words"), [(0, "Received: 0 in row 2"), (6, "Received: 6 in row 2")])
def test_a_sequence_of_no_step_or_too_many_is_refused_naming_its_row(length, words):
    lengths = np.array([5, 1, length, 3])
    with pytest.raises(ValueError, match=f"expected lengths from 1 to 5. {words}"):
        Examples(np.zeros((4, 5, 1)), np.zeros(4), lengths)


def test_the_machine_is_described():
    told = dict(facts.describe())
    assert all(f"{name} {number}" in told["versions"] for name, number in environment.versions().items())
    assert str(os.cpu_count()) in told["processor"]
    why_not = operations.why_not()
    assert told["CPU kernels"] == (f"none, {why_not}" if why_not else f"fused, build {kernels.build()}")
    assert told["store"].startswith("sqlite:///") or "MLFLOW_TRACKING_URI" in os.environ


def test_why_there_are_no_kernels_is_a_fact(monkeypatch):
    monkeypatch.setenv("GRU_TF_KERNELS", "off")
    assert dict(facts.describe())["CPU kernels"] == "none, GRU_TF_KERNELS=off"


def test_known_combinations_say_what_happens_and_what_to_do():
    for one in combinations.KNOWN:
        assert one.what
        assert one.then
        assert one.instead


def test_all_of_it_fits_80_columns():
    console = Console(width=80, record=True)
    for block in screen_doctor.blocks(doctor.examine()):
        console.print(block)
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_command_prints_all_and_no_start_up_lines():
    command = [str(Path(sys.executable).with_name("gru-tf")), "doctor", "quickstart", "--no-measure"]
    environment_ = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment_, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "quickstart: what trains each cell" in done.stdout


def examined(here="fused cpu", **facts):
    """An examination in which a gru takes this path."""
    rows = (paths.PathRow("gru", KernelPath(here, "why not"), KernelPath("cudnn")),)
    named = {"GPU": "none that TensorFlow sees", "CPU kernels": "fused, build generic"} | facts
    return doctor.Examination(tuple(named.items()), (doctor.Paths("all", "cell", rows),), ())


@pytest.mark.parametrize(
    ("examination", "words"),
    [
        (examined(), "Ready: cells train on the CPU, by fused kernels"),
        (examined(GPU="NVIDIA H200"), "Ready: cells train on the GPU, NVIDIA H200."),
        (
            examined(**{"CPU kernels": "none, turned off, by you"}),
            "Ready, but slower than possible: .*turned off, by you",
        ),
        (examined("fails"), r"Not ready: gru cannot be trained here: fails \(why not\)\."),
        (examined("refused", GPU="NVIDIA H200"), "Not ready: gru cannot"),
    ],
)
def test_the_verdict_says_whether_cells_train_here_and_by_what(examination, words):
    assert re.match(words, examination.verdict)


def test_the_verdict_comes_first():
    command = [str(Path(sys.executable).with_name("gru-tf")), "doctor", "quickstart", "--no-measure"]
    environment_ = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment_, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(("Ready", "Not ready")), done.stderr

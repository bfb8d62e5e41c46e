"""Results made by hand, without training."""

from typing import Any

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, Speed

FIELDS = {"name": "mine", "question": "Which one?", "tasks": ["adding", "digits"], "cells": ["gru", "lstm"], "seeds": 3}


SEARCH = {"trials": 2, "space": {"learning_rate": [0.1, 0.2], "units": [4, 8]}}


def experiment(**fields: Any) -> Experiment:
    """Two tasks, two cells, three seeds, with these fields changed."""
    return Experiment.model_validate({**FIELDS, "model": {"units": 4}, **fields})


def speed(step_ms: float, compile_seconds: float = 1.0) -> Speed:
    """A speed of this many milliseconds a step."""
    return Speed(
        compile_seconds=compile_seconds,
        train_seconds=2.0,
        step_ms=step_ms,
        step_ms_low=step_ms,
        step_ms_high=step_ms,
        samples_per_second=1000.0,
    )


def result(one: Experiment, task: int = 0, cell: int = 0, seed: int = 0, purpose: str = "final", **fields: Any) -> RunResult:
    """A finished run of one (task, cell) by their places in the experiment."""
    run = one.run(one.tasks[task], one.cells[cell], seed, purpose)
    usual = {"status": "finished", "metric": "mse", "direction": "min", "chance": 0.2, "units": 4, "parameters": 93}
    measured = {"recurrent_parameters": 88, "kernel_path": "while-loop", "speed": speed(2.0)}
    return RunResult.model_validate({"run": run, "started": 0.0, "seconds": 1.0, **usual, **measured, **fields})

"""A row of a table, and an experiment that it may be of."""

from typing import Any

from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.table import Row
from gru_tf.experiment.experiment import Experiment

FIELDS = {"name": "mine", "question": "Which one?", "tasks": ["digits"], "cells": ["rnn", "lstm", "gru"], "seeds": 3}


def experiment(**fields: Any) -> Experiment:
    """One task, three cells, three seeds, with these fields changed."""
    return Experiment.model_validate({**FIELDS, "model": {"parameters": 12_000}, **fields})


ROW = Row(
    task="digits",
    title="digits",
    cell="gru",
    units=57,
    parameters=12_094,
    recurrent_parameters=11_514,
    metric="accuracy",
    direction="max",
    test=Interval(0.9123, 0.8534, 0.9712),
    chance=0.075,
    score=0.9,
    step_ms=12.34,
    compile_seconds=3.2,
    kernel_path="while-loop",
    settings={},
    seeds=3,
    wanted=3,
    failures=(),
)

"""Timing phases made by hand."""

import numpy as np

from gru_tf.experiment.timing import NetworkTimes, Timing

ROUNDS = 20
MS = {"rnn": 1.0, "gru": 2.0, "lstm": 3.0}


def series(ms, noise=0.0, seed=0):
    return tuple(float(v) for v in ms * np.exp(np.random.default_rng(seed).normal(0, noise, ROUNDS)))


def phase(one, task=0, noise=0.01, without=(), **ms):
    """The timing phase of a task; each cell with a noise of its own."""
    times = MS | ms
    networks = {}
    for place, cell in enumerate(one.cells):
        train = () if cell.label in without else series(times[cell.label], noise, place)
        predict = () if cell.label in without else series(times[cell.label] / 5, noise, 10 + place)
        fingerprint = one.run(one.tasks[task], cell, one.seeds[0]).fingerprint
        more = {"train_cpu_ms": train, "predict_ms": predict, "predict_cpu_ms": predict, "kernel_path": "fused cpu"}
        networks[cell.label] = NetworkTimes(fingerprint=fingerprint, batch_size=32, train_ms=train, **more)
    load = {"load_before": (0.5, 1.0, 1.0), "load_after": (1.75, 1.0, 1.0), "cores": 2}
    return Timing(task=one.tasks[task].label, networks=networks, ended="the time was up", **load)


def timings(*phases):
    return {one.task: one for one in phases}

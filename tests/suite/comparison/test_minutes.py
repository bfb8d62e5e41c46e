"""`--minutes` in a whole comparison in worker processes: it ends in time, says what it has, and goes on with more."""

import os
import subprocess
import sys
import time

import numpy as np
import pandas
import pytest

import gru_tf
from gru_tf.foundation.errors import UserError

pytestmark = [
    pytest.mark.slow,
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    # Keras Tuner 1.4.8 calls deprecated names of threading
    pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning"),
]

SLACK = 90.0  # seconds for reading, starting, publishing, on a machine that does other things
ROWS = 2000
COMMAND = [sys.executable, "-c", "from gru_tf.commands.start import main; main()", "compare"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a file whose comparison takes many minutes."""
    folder, steps = tmp_path_factory.mktemp("long"), np.arange(ROWS)
    load = 100 + 8 * np.sin(steps / 3) + np.random.default_rng(0).normal(0, 1, ROWS)
    frame = pandas.DataFrame({"day": pandas.date_range("2000-01-01", periods=ROWS), "load": load.round(3)})
    frame.to_csv(folder / "load.csv", index=False)
    return folder


def options(minutes):
    return {"target": "load", "cells": ("rnn", "gru"), "units": 8, "minutes": minutes, "epochs": 40, "trials": 200}


def command(place, minutes):
    """What the command does, and the seconds that it takes."""
    flags = [f"--{name}={','.join(v) if isinstance(v, tuple) else v}" for name, v in options(minutes).items()]
    clock = time.monotonic()
    done = subprocess.run(
        [*COMMAND, "load.csv", *flags, "--workers=2", f"--store=sqlite:///{place}/mlflow.db"],
        cwd=place,
        env={**os.environ, "GRU_TF_TIMING": "no"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done, time.monotonic() - clock


def test_it_ends_in_time_and_more_minutes_go_on(place):
    done, seconds = command(place, 0.01)
    assert done.returncode == 2, done.stdout + done.stderr
    assert seconds < 0.6 + SLACK
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("gru-tf:")]
    assert line.startswith("gru-tf: load: expected a whole replicate within 0.01 minutes. Received: ")
    assert line.endswith("What has ended is kept: with a larger --minutes the same call goes on from there")
    assert "Recommended" not in done.stdout
    done, seconds = command(place, 0.6)
    assert done.returncode == 0, done.stdout + done.stderr
    assert seconds < 36 + SLACK
    assert "search of gru cut after " in done.stdout
    assert " of 200 trials by --minutes" in done.stdout
    assert "Not decided: rnn, gru on load after 1 replicate. To go on, raise --minutes" in done.stdout
    said = " ".join(done.stdout.split())
    assert "How sure Not decided: 1 replicate, and comparisons begin at 5" in said
    answer = gru_tf.compared("load", f"sqlite:///{place}/mlflow.db")
    assert [(row.seeds, row.wanted, row.failures) for row in answer.table()][:2] == [(1, 1, ()), (1, 1, ())]
    assert answer.is_kept
    trained = {r.run.fingerprint for r in answer.results.runs}
    done, _ = command(place, 0.8)
    assert done.returncode == 0
    more = gru_tf.compared("load", f"sqlite:///{place}/mlflow.db").results.runs
    assert len({r.run.fingerprint for r in more}) == len(more), "nothing is trained twice"
    assert trained <= {r.run.fingerprint for r in more}
    first = [r for r in more if r.run.purpose == "final" and r.run.seed == 0]
    assert sorted(r.run.cell.name for r in first) == ["gru", "rnn"]


def test_in_python_it_is_a_mistake_of_one_line(place):
    with pytest.raises(
        UserError, match=r"^load2: .*with a larger 'minutes' \('replicates.minutes' in a file\) the same call"
    ):
        gru_tf.compare(place / "load.csv", name="load2", store=f"sqlite:///{place}/mlflow.db", workers=2, **options(0.01))

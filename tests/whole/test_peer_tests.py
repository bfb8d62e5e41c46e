"""Keras' own test files of recurrent layers, from the installed Keras, with our classes in the place of Keras'.

The classes are those of the installed wheel. What passes with Keras' classes passes with ours, on TensorFlow and on JAX.
`docs/reference/layers.md` has the numbers.
"""

import json
import re
import shutil
from importlib.util import find_spec

import pytest
from peer_tests import FILES, REPLACED
from places import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("keras.src.layers.rnn.gru_test"), reason="wheels before Keras 3.15 have no tests"),
]

APART = ROOT / ".jax"  # a JAX that the tests' environment does not have
USED = {  # file → which of our classes its tests call; those of a layer around any layer have none
    "gru": {"GRU"},
    "lstm": {"LSTM"},
    "simple_rnn": {"SimpleRNN"},
    "rnn": {"RNN"},
    "bidirectional": {"Bidirectional", "GRU", "LSTM", "SimpleRNN"},
    "stacked_rnn_cells": {"RNN", "GRUCell", "LSTMCell", "RNNCell"},
    "time_distributed": set(),
}
PAGE = ROOT / "docs" / "reference" / "layers.md"


def reported(place, which, backend):
    """The report of one run of all files in the wheel's environment."""
    if not (find_spec(backend) or (APART / backend).is_dir()):
        pytest.skip(f"{backend} is not installed")
    program, report = (place.folder / "work" / name for name in ("peer_tests.py", f"{backend}-{which}.json"))
    program.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "support" / "peer_tests.py", program)
    path = {} if backend == "tensorflow" else {"PYTHONPATH": str(APART)}
    done = place.run("python", str(program), which, str(report), KERAS_BACKEND=backend, **path)
    assert done.returncode == 0, done.stderr
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["versions"]["gru_tf"] == str(place.site / "gru_tf" / "__init__.py"), "the wheel's"
    assert content["versions"]["backend"] == backend
    return content


def passed(report):
    """File → names of the tests that passed."""
    return {file: {name for name, how in tests.items() if how == "passed"} for file, tests in report["outcomes"].items()}


def rows(backend, stock, ours):
    """The lines of the page's table."""
    return [f"| `{file}_test` | {backend} | {len(stock[file])} | {len(stock[file] & ours[file])} |" for file in FILES]


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_what_passes_with_keras_own_classes_passes_with_ours(place, backend):
    reports = {which: reported(place, which, backend) for which in ("stock", "ours")}
    stock, ours = map(passed, reports.values())
    assert set(stock) == set(FILES)
    assert all(len(stock[file]) >= 5 for file in FILES)
    worse = {
        f"{file}: {name}": reports["ours"]["outcomes"][file].get(name) for file in FILES for name in stock[file] - ours[file]
    }
    assert not worse
    assert not any(reports["stock"]["calls"].values())
    for file, classes in USED.items():
        calls = reports["ours"]["calls"][file]
        assert set(calls) >= classes, f"{file}: not called: {classes - set(calls)}"
    assert set().union(*USED.values()) == set(REPLACED.values())
    page = PAGE.read_text(encoding="utf-8")
    if f"Keras {reports['ours']['versions']['keras']}," in page:
        assert re.findall(rf"(?m)^\| `.*` \| {backend} \|.*$", page) == rows(backend, stock, ours)


def test_the_tests_notice_halved_outputs(place):
    """In every file that calls a class of ours."""
    report = reported(place, "halved", "tensorflow")
    failed = {file for file, tests in report["outcomes"].items() if any(how.startswith("failed") for how in tests.values())}
    assert failed == {file for file, classes in USED.items() if classes}

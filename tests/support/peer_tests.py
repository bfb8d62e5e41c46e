"""A program that runs the test files of Keras' recurrent layers with its own classes or with ours in their place.

    python peer_tests.py stock|ours|halved REPORT

REPORT gets, as JSON, the outcome of each test by file ("passed", "failed" or "skipped", and the last line of an error), how
often each of our classes was called while the tests of a file ran, and which versions ran. `halved` is ours with halved
outputs, which shows that the tests notice another function.
"""

import json
import sys
from collections import Counter
from functools import wraps
from pathlib import Path
from typing import Any

import keras
import keras.src.layers
import pytest

import gru_tf

FILES = ("gru", "lstm", "simple_rnn", "rnn", "bidirectional", "stacked_rnn_cells", "time_distributed")
REPLACED = {  # Keras' class → ours
    "Bidirectional": "Bidirectional",
    "GRU": "GRU",
    "GRUCell": "GRUCell",
    "LSTM": "LSTM",
    "LSTMCell": "LSTMCell",
    "RNN": "RNN",
    "SimpleRNN": "SimpleRNN",
    "SimpleRNNCell": "RNNCell",
}


class Recorder:
    """A plugin of pytest that keeps outcomes and calls by file."""

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, str]] = {name: {} for name in FILES}
        self.calls: dict[str, Counter[str]] = {name: Counter() for name in FILES}
        self.file = ""

    def pytest_runtest_setup(self, item: Any) -> None:
        self.file = item.module.__name__.rpartition(".")[2].removesuffix("_test")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when != "call" and report.outcome == "passed":
            return  # set up and taken down
        error = "" if report.outcome != "failed" else ": " + str(report.longrepr.reprcrash.message).partition("\n")[0]
        self.outcomes[self.file][report.nodeid.partition("::")[2]] = report.outcome + error

    def count(self, name: str, kind: type, halved: bool) -> None:
        """Count the calls of a class, whose outputs become half of what they were with `halved`."""
        call = kind.call  # type: ignore[attr-defined]

        @wraps(call)
        def counted(layer: Any, *inputs: Any, **options: Any) -> Any:
            self.calls[self.file][name] += 1
            outputs = call(layer, *inputs, **options)
            return keras.tree.map_structure(lambda x: 0.5 * x, outputs) if halved else outputs

        kind.call = counted  # type: ignore[attr-defined]


def main(which: str, report: Path) -> None:
    """Run all files and write the report."""
    recorder = Recorder()
    if which != "stock":
        for theirs, ours in REPLACED.items():
            kind = getattr(gru_tf, ours)
            recorder.count(ours, kind, which == "halved")
            setattr(keras.src.layers, theirs, kind)  # the tests say `layers.GRU`, `layers` being this module
            setattr(keras.layers, theirs, kind)
    names = [f"keras.src.layers.rnn.{name}_test" for name in FILES]
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "-W", "ignore"]
    pytest.main([*options, "--pyargs", *names], plugins=[recorder])
    versions = {"keras": keras.__version__, "backend": keras.backend.backend(), "gru_tf": gru_tf.__file__}
    content = {"outcomes": recorder.outcomes, "calls": recorder.calls, "versions": versions}
    report.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

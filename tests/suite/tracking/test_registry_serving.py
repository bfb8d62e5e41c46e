"""The registry's best models: what stands there, fetched as Keras models, and served over HTTP with the same numbers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import keras
import mlflow
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from gru_tf import suite
from gru_tf.commands import main
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import agreement, provenance
from gru_tf.suite.tracking import from_registry, paging, registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning"),
]
FLOAT32 = 1e-6
MOVED = 1e-4
PATIENCE = 180.0  # seconds for a server to come up on a busy machine
NUMBERS = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
TOKENS = np.array([[2, 3, 4, 1], [5, 6, 2, 2], [7, 2, 0, 0]], "int32")
REAL = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]], bool)
EXPERIMENT = {
    "question": "Is what is registered what is served?",
    "cells": [{"gru": {"convention": "write"}}],
    "seeds": 1,
    "model": {"units": 4, "implementation": "custom", "bidirectional": True},  # this project's classes, and a mask
    "training": {"epochs": 1, "batch_size": 16, "jit": False, "deterministic": False},
}
SMALL = {"length": 6, "examples": 64, "validation_examples": 16, "test_examples": 16, "longer": 1}


def texts(file):
    rng = np.random.default_rng(0)
    words = ["good", "bad", "fine", "poor", "great", "awful", "film", "plot", "cast", "the"]
    lines = [f"{' '.join(rng.choice(words, rng.integers(2, 9)))},{'yes' if n % 2 else 'no'}" for n in range(60)]
    file.write_text("\n".join(["said,mood", *lines]))
    return str(file)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A store with the best models of two tasks: (tracking URI, kind of input → name)."""
    folder = tmp_path_factory.mktemp("registry")
    own = {"path": texts(folder / "texts.csv"), "text": "said", "label": "mood"}
    (folder / "served.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "tasks": [{"adding": SMALL}, {"texts": own}]}))
    uri = f"sqlite:///{folder}/mlflow.db"
    experiment = suite.run(folder / "served.yaml", uri, workers=0).experiment
    names = [registry.name(experiment, task, experiment.cells[0]) for task in experiment.tasks]
    return uri, dict(zip(("numbers", "tokens"), names, strict=True))


def test_what_is_registered_says_what_it_takes_and_where_it_comes_from(stored):
    uri, names = stored
    client = mlflow.MlflowClient(uri)
    signatures = {}
    for kind, name in names.items():
        version = client.get_model_version_by_alias(name, "best")
        assert {"experiment", "task", "cell", "seed"} < version.tags.keys()
        assert any(key.startswith("validation_") for key in version.tags)
        with registry.model.default_store(uri):
            given = mlflow.models.get_model_info(f"models:/{name}@best").signature
        signatures[kind] = [(tensor.name, str(tensor.type), tensor.shape) for tensor in given.inputs.inputs]
    assert signatures["numbers"] == [(None, "float32", (-1, -1, 2))]
    assert signatures["tokens"] == [("sequence", "int32", (-1, -1)), ("mask", "bool", (-1, -1))]


@pytest.fixture(scope="module")
def brought(stored):
    """Kind of input → the imported model."""
    uri, names = stored
    return {kind: from_registry.bring(f"models:/{name}@best", uri, verify=True) for kind, name in names.items()}


def test_a_registered_model_becomes_a_keras_model(stored, brought, tmp_path):
    uri, names = stored
    for kind, found in brought.items():
        assert found.source == f"MLflow registry, models:/{names[kind]}/1"
        assert found.verified.by == f"MLflow {mlflow.__version__}"
        assert found.verified.cases == 3
        found.model.save(tmp_path / f"{kind}.keras")
        kept = provenance.record_of(tmp_path / f"{kind}.keras")
        assert (kept["source"], kept["file"]) == ("MLflow registry", f"models:/{names[kind]}/1")
        again = keras.saving.load_model(tmp_path / f"{kind}.keras")
        with registry.model.default_store(uri):
            served = mlflow.pyfunc.load_model(f"models:/{names[kind]}@best")
        given = NUMBERS if kind == "numbers" else {"sequence": TOKENS, "mask": REAL}
        taken = NUMBERS if kind == "numbers" else [TOKENS, REAL]
        np.testing.assert_allclose(served.predict(given), again(taken), rtol=0, atol=FLOAT32)


def test_the_command_brings_it(stored, tmp_path):
    uri, names = stored
    output = tmp_path / "model.keras"
    command = ["import", f"models:/{names['tokens']}@best", "-o", str(output), "--store", uri, "--no-verify"]
    done = CliRunner().invoke(main.app, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert keras.saving.load_model(output)([TOKENS, REAL]).shape == (3, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--reference", "none.npz"], "--reference: no option"),
        (["--last", "--scope", "a", "--forget-bias", "0"], "--scope, --forget-bias, --last: no option"),
        (["--no-head", "--reset-before"], "--no-head, --reset-before: no option"),
    ],
)
def test_an_option_that_would_be_left_unread_is_refused(stored, tmp_path, options, words):
    uri, names = stored
    output = tmp_path / "model.keras"
    command = ["import", f"models:/{names['tokens']}@best", "-o", str(output), "--store", uri, *options]
    with pytest.raises(UserError, match=words):
        CliRunner().invoke(main.app, command, catch_exceptions=False, standalone_mode=False)
    assert not output.exists()


def test_a_model_that_answers_otherwise_is_refused(stored, monkeypatch):
    uri, names = stored
    monkeypatch.setattr(agreement, "answer", lambda model, given: np.full((len(next(iter(given.values()))), 1), MOVED))
    with pytest.raises(UserError, match=r"MLflow .*: not the same: expected what Keras gives.* in output, batch of \d"):
        from_registry.bring(f"models:/{names['numbers']}@best", uri, verify=True)


def test_every_registered_name_is_known_however_many_there_are(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = mlflow.MlflowClient(uri)
    for name in ("alpha", "bravo", "charlie", "delta", "echo"):
        client.create_registered_model(name)
    monkeypatch.setattr(paging, "PAGE", 2)
    with pytest.raises(UserError, match=r"Did you mean 'echo'\? Registered: alpha, bravo, charlie, delta, echo$"):
        from_registry.bring("models:/ecko@best", uri)
    with pytest.raises(UserError, match=r"models:/echo@best: no such alias. Aliases: none"):
        from_registry.bring("models:/echo@best", uri)


def test_what_was_logged_beside_a_model_runs_only_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(3)])
    with registry.model.default_store(uri), registry.model._only({}), mlflow.start_run():
        stock = mlflow.tensorflow.log_model(model, name="stock", pip_requirements=[]).model_uri
        hostile = mlflow.tensorflow.log_model(
            model, name="hostile", pip_requirements=[], custom_objects={"odd": Marking(tmp_path / "ran")}
        ).model_uri
    assert from_registry.bring(stock, uri).verified.cases == 3
    found = from_registry.bring(hostile, uri)
    assert found.verified is None
    assert found.unverified.startswith("MLflow would run what is in ")
    assert not (tmp_path / "ran").exists()
    from_registry.bring(hostile, uri, verify=True)
    assert (tmp_path / "ran").exists()  # so it would have


class Marking:
    """Unpickled it makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("models:/{}x@best", "no such model in sqlite:.* Did you mean '{}'"),
        ("models:/{}@bets", "no such alias. Did you mean 'best'. Aliases: best"),
        ("models:/{}/7", "no such version. Versions: 1$"),
        ("models:/{}", "expected models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-ID"),
        ("models:/m-0123", "models:/m-0123: cannot be read"),
    ],
)
def test_an_address_of_no_model_is_refused_in_one_line(stored, address, words):
    uri, names = stored
    name = names["numbers"]
    with pytest.raises(UserError, match=words.format(name).replace("?", r"\?")) as caught:
        from_registry.bring(address.format(name), uri)
    assert "\n" not in str(caught.value)


# --- served ---


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Server:
    """`mlflow models serve` on a port of this machine, in a process group of its own."""

    def __init__(self, uri, name, log):
        self.port, self.log = free_port(), log
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it starts uvicorn by name
        environment = os.environ | {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{name}@best", "--env-manager", "local"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, env=environment, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5):
                    return
            except OSError:
                time.sleep(0.3)
        raise AssertionError(f"no answer in {PATIENCE:g} s: {self.log.read_text()[-2000:]}")

    def ask(self, inputs):
        body = json.dumps({"inputs": inputs}).encode()
        address = f"http://127.0.0.1:{self.port}/invocations"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return np.array(json.load(answer)["predictions"])

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)  # MLflow's own child as well
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)


def test_mlflow_serves_the_same_numbers(stored, brought, tmp_path):
    uri, names = stored
    servers = {kind: Server(uri, name, tmp_path / f"{kind}.log") for kind, name in names.items()}
    try:
        for server in servers.values():
            server.wait()
        found = servers["numbers"].ask(NUMBERS.tolist())
        np.testing.assert_allclose(found, brought["numbers"].model(NUMBERS), rtol=0, atol=FLOAT32)
        found = servers["tokens"].ask({"sequence": TOKENS.tolist(), "mask": REAL.tolist()})
        np.testing.assert_allclose(found, brought["tokens"].model([TOKENS, REAL]), rtol=0, atol=FLOAT32)
        whole = servers["tokens"].ask({"sequence": TOKENS.tolist(), "mask": np.ones_like(REAL).tolist()})
        assert np.abs(whole - found)[1:].max() > MOVED  # the mask is heard
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            servers["tokens"].ask({"sequence": TOKENS.tolist()})
        refused.value.close()
    finally:
        for server in servers.values():
            server.stop()

"""`model.from`: a trained stack as the recurrent part of an experiment's networks, frozen or fine-tuned."""

import re
import shutil

import keras
import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from gru_tf import suite
from gru_tf.analysis.report.provenance import definition
from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.keras_model import network_of
from gru_tf.recurrent import gates
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training import compiled_steps, trainer
from gru_tf.training.network import pretrained, truncation
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

pytestmark = pytest.mark.slow
FLOAT32 = 2e-6
MOVED = 1e-4
VALUES = Signature(timesteps=6, features=2, outputs=1, target="value")
MUSIC = Signature(timesteps=6, features=2, outputs=3, target="binary", per_step=True)
WORDS = Signature(timesteps=6, features=9, outputs=11, target="class", per_step=True, tokens=11)
ADDING = {"length": 6, "examples": 64, "validation_examples": 16, "test_examples": 16, "longer": 1}


def save(folder, name, *layers, features=2):
    """A stack with random numbers for all weights, and a head that nobody is to find again; returns its file."""
    start = [keras.Input((None, features))] if features else [keras.Input((None,), dtype="int32")]
    model = keras.Sequential([*start, *layers, keras.layers.Dense(4)])
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    model.save(folder / f"{name}.keras")
    return str(folder / f"{name}.keras")


def gru(units, **options):
    return keras.layers.GRU(units, **{"return_sequences": True, **options})


def both(layer):
    return keras.layers.Bidirectional(layer)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stacks")


@pytest.fixture(scope="module")
def stacks(folder):
    """Name → file."""
    lstm, rnn, embedding = keras.layers.LSTM, keras.layers.SimpleRNN, keras.layers.Embedding
    return {
        "gru": save(folder, "gru", gru(4), gru(3)),
        "both": save(folder, "both", both(gru(4)), both(gru(3))),
        "lstm": save(folder, "lstm", lstm(4, return_sequences=True)),
        "rnn": save(folder, "rnn", rnn(4)),
        "before": save(folder, "before", gru(4, reset_after=False)),
        "relu": save(folder, "relu", gru(4, activation="relu")),
        "plain relu": save(folder, "plain-relu", rnn(4, activation="relu")),
        "backwards": save(folder, "backwards", gru(4, go_backwards=True)),
        "last backwards": save(folder, "last-backwards", gru(4, go_backwards=True, return_sequences=False)),
        "tokens": save(folder, "tokens", embedding(11, 5), gru(4), features=None),
        "grey": save(folder, "grey", keras.layers.Rescaling(0.1), gru(4)),
        "wide": save(folder, "wide", gru(4), features=12),
        "convolution": save(folder, "convolution", keras.layers.Conv1D(2, 1), gru(4)),
    }


def blocks(layers):
    """All recurrent weights in canonical form, by which implementations and conventions are one."""
    inner = [each for layer in layers for each in getattr(layer, "forward_layer", layer) and _inner(layer)]
    return [
        gates.from_layer(each).in_convention("keep" if each.cell.__class__.__name__ == "GRUCell" else None) for each in inner
    ]


def _inner(layer):
    return [layer.forward_layer, layer.backward_layer] if hasattr(layer, "forward_layer") else [layer]


def recurrent(model):
    return [layer for layer in model.layers if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))]


def equal(some, others):
    pairs = zip(some, others, strict=True)
    return all(np.array_equal(a.blocks[name], b.blocks[name]) for a, b in pairs for name in a.blocks)


# --- built ---

NETWORKS = [
    ("gru", "gru", {}, "stock"),
    ("gru", "gru", {"convention": "write"}, "custom"),
    ("both", "gru", {}, "custom"),
    ("before", "gru", {"reset_after": False}, "stock"),
    ("lstm", "lstm", {}, "custom"),
    ("rnn", "rnn", {}, "stock"),
]


@pytest.mark.parametrize(("name", "cell", "options", "implementation"), NETWORKS)
def test_the_recurrent_part_computes_what_the_file_does(stacks, name, cell, options, implementation):
    spec = ModelSpec(start=stacks[name], implementation=implementation)
    network = resolve(spec, MUSIC, CELLS.find(cell), options)
    made = build(network)
    source, x = keras.saving.load_model(stacks[name]), np.random.default_rng(1).normal(size=(3, 6, 2)).astype("float32")
    part = keras.Model(made.input, made.get_layer("head").input)
    expected = keras.Sequential(source.layers[:-1])(x)  # without its head
    np.testing.assert_allclose(part(x)[:, -1] if name == "rnn" else part(x), expected, rtol=0, atol=FLOAT32)
    assert made(x).shape == (3, 6, 3)
    size = network.size
    assert size.parameters == made.count_params()
    assert size.recurrent_parameters == sum(layer.count_params() for layer in recurrent(made))
    assert size.units == {"gru": 3, "both": 3}.get(name, 4)


def test_the_embedding_comes_along_where_both_know_as_many_tokens(stacks):
    spec, cell = ModelSpec(start=stacks["tokens"], frozen=True), CELLS.find("gru")
    source = network_of(keras.saving.load_model(stacks["tokens"])).embedding
    made = build(resolve(spec, WORDS, cell, {}))
    embedding = made.get_layer("embedding")
    np.testing.assert_array_equal(embedding.get_weights()[0], source)
    assert not embedding.trainable
    assert resolve(spec, WORDS, cell, {}).size.parameters == made.count_params()
    other = Signature(**{**vars(WORDS), "tokens": 7})
    # another vocabulary: a new embedding, of the width that fits
    embedding = build(resolve(spec, other, cell, {})).get_layer("embedding")
    assert embedding.get_weights()[0].shape == (7, 5)
    assert embedding.trainable


# --- trained ---


def run(stacks, name, cell="gru", options=None, epochs=2, rate=1e-2, implementation="stock", **more):
    model = pretrained.pinned(ModelSpec(start=stacks[name], implementation=implementation, **more))
    recipe = TrainingSpec(epochs=epochs, batch_size=32, learning_rate=rate, jit=False, deterministic=False)
    choice = Choice(name=cell, options=options or {})
    return Run(
        purpose="final", task=Choice(name="adding", options=ADDING), cell=choice, seed=1, model=model, training=recipe
    )


def trained(asked, folder):
    result = trainer.train(asked, folder)
    assert result.status == "finished"
    return keras.saving.load_model(result.model_file), result


@pytest.mark.parametrize(
    ("options", "implementation"), [({}, "stock"), ({"convention": "write"}, "custom")], ids=["stock", "custom, write"]
)
def test_frozen_weights_stay_to_the_bit_and_the_head_learns(stacks, tmp_path, options, implementation):
    how = {"options": options, "implementation": implementation}
    before = blocks(recurrent(keras.saving.load_model(stacks["gru"])))
    frozen, result = trained(run(stacks, "gru", frozen=True, **how), tmp_path)
    untouched, _ = trained(run(stacks, "gru", frozen=True, rate=1e-30, **how), tmp_path)
    assert equal(blocks(recurrent(frozen)), before)
    learned, fresh = frozen.get_layer("head").get_weights()[0], untouched.get_layer("head").get_weights()[0]
    assert np.abs(learned - fresh).max() > MOVED
    assert result.parameters == frozen.count_params()

    tuned, _ = trained(run(stacks, "gru", **how), tmp_path)
    at_rest, _ = trained(run(stacks, "gru", rate=1e-30, **how), tmp_path)
    assert equal(blocks(recurrent(at_rest)), before)  # it began with the file's
    moved = [np.abs(a.blocks["U_h"] - b.blocks["U_h"]).max() for a, b in zip(blocks(recurrent(tuned)), before, strict=True)]
    assert min(moved) > MOVED


def test_the_head_is_not_the_one_that_the_stack_learned_with(stacks, tmp_path, monkeypatch):
    """Which began from the same seed, and would make that seed the best of all."""

    def head(asked):
        return trained(asked, tmp_path)[0].get_layer("head").get_weights()[0]

    asked = run(stacks, "rnn", "rnn", rate=1e-30, epochs=1)
    first = head(asked.model_copy(update={"model": ModelSpec(units=4)}))
    assert np.abs(head(asked) - first).max() > MOVED
    monkeypatch.setattr(compiled_steps, "ON_TRAINED", 0)
    np.testing.assert_array_equal(head(asked), first)


def test_a_run_reads_its_file_once_and_a_plain_one_none(stacks, tmp_path, monkeypatch):
    reads, digests = [], []
    read, digest = pretrained.read, pretrained._digest
    monkeypatch.setattr(pretrained, "read", lambda model: reads.append(model) or read(model))
    monkeypatch.setattr(pretrained, "_digest", lambda model: digests.append(model) or digest(model))
    asked = run(stacks, "rnn", "rnn", epochs=1)
    digests.clear()  # of the pinned specification
    trained(asked, tmp_path)
    assert (reads, digests) == ([asked.model], [asked.model])
    trained(asked.model_copy(update={"model": ModelSpec(units=4)}), tmp_path)
    assert len(reads) == len(digests) == 1


def test_another_content_under_the_same_name_is_compiled_anew(stacks, tmp_path):
    """Frozen weights are a part of what was compiled; a specification without a checksum does not tell them apart."""
    file = tmp_path / "moving.keras"
    asked = run({"moving": stacks["gru"]}, "moving", frozen=True, epochs=1)
    model = ModelSpec(start=str(file), frozen=True)
    for name, seed in (("gru", 0), ("gru again", 1)):
        if seed:
            source = keras.saving.load_model(stacks["gru"])
            source.set_weights([weight + seed for weight in source.get_weights()])
            source.save(file)
        else:
            shutil.copy(stacks[name], file)
        kept, _ = trained(asked.model_copy(update={"model": model}), tmp_path / name)
        expected = blocks(recurrent(keras.saving.load_model(file)))
        assert equal(blocks(recurrent(kept)), expected), name


def test_an_interrupted_run_goes_on_to_the_same_numbers(stacks, tmp_path):
    straight, _ = trained(run(stacks, "both", epochs=3, frozen=True), tmp_path / "straight")
    trainer.train(run(stacks, "both", epochs=1, frozen=True), tmp_path / "parts", checkpoint_seconds=0)
    pretrained._read.cache_clear()  # as in another process
    parts, result = trained(run(stacks, "both", epochs=3, frozen=True), tmp_path / "parts")
    for one, other in zip(straight.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(result.history["validation_mse"]) == 3


# --- refused ---

CAUSAL = Signature(timesteps=6, features=2, outputs=2, target="class", per_step=True, causal=True)
DECODED = Signature(timesteps=6, features=5, outputs=7, target="class", tokens=11, decoded=4)
GREY = Signature(timesteps=6, features=2, outputs=2, target="class", scale=0.5)


@pytest.mark.parametrize(
    ("name", "cell", "options", "signature", "words"),
    [
        ("wide", "gru", {}, VALUES, r"wide.keras: expected a stack that reads 2 features a step, .* Received: 12 features"),
        ("tokens", "gru", {}, VALUES, r"tokens.keras: expected a stack that reads 2 features .* Received: one of tokens"),
        ("lstm", "gru", {}, VALUES, r"expected layers of the experiment's cell gru. Received: layer '\w+' of lstm"),
        ("rnn", "janet", {}, VALUES, r"expected layers of the experiment's cell janet. Received: layer '\w+' of rnn"),
        ("before", "gru", {}, VALUES, "expected a gru with reset_after: true, .* with reset_after: false"),
        ("gru", "gru", {"reset_after": False}, VALUES, "expected a gru with reset_after: false, .* reset_after: true"),
        ("relu", "gru", {}, VALUES, "expected tanh and sigmoid, .* is another cell; .* with relu and sigmoid$"),
        ("plain relu", "rnn", {}, VALUES, "expected tanh and sigmoid, .* Received: layer '.*' with relu$"),
        ("backwards", "gru", {}, VALUES, "Received: steps from the last to the first"),
        ("last backwards", "gru", {}, VALUES, "which reads backwards alone"),
        ("both", "gru", {}, CAUSAL, "this task predicts the next step"),
        ("tokens", "gru", {}, DECODED, "written token by token"),
        ("grey", "gru", {}, GREY, "expected inputs multiplied by 0.5, as the task's are. Received: by 0.1"),
        ("convolution", "gru", {}, VALUES, "model.from: model .* Received: Conv1D"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(stacks, name, cell, options, signature, words):
    with pytest.raises(UserError, match=words) as caught:
        resolve(ModelSpec(start=stacks[name]), signature, CELLS.find(cell), options)
    assert str(caught.value).startswith("model.from: ")
    assert "\n" not in str(caught.value)


def test_what_only_an_import_can_be_told_is_said_as_its_option(tmp_path):
    """A linear layer in front of a stack: the file of an experiment has no field to leave it out."""
    file, rng = tmp_path / "front.safetensors", np.random.default_rng(0)
    shapes = {"inp.weight": (5, 8), "inp.bias": (5,), "rnn.weight_ih_l0": (9, 5), "rnn.weight_hh_l0": (9, 3)}
    shapes |= {"rnn.bias_ih_l0": (9,), "rnn.bias_hh_l0": (9,)}
    save_file({key: rng.normal(size=shape).astype("float32") for key, shape in shapes.items()}, file)
    with pytest.raises(UserError) as caught:
        pretrained.read(ModelSpec(start=str(file)))
    assert str(caught.value).startswith(f"model.from: {file}: inp.weight: could be a layer in front of the stack")
    assert "expected --leave-out inp " in str(caught.value)
    assert str(caught.value).endswith("; gru-tf import takes such options and makes a .keras file")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"from": "a.keras", "units": 5}, "expected no 'units' together with 'from': the file defines it. Received: 5"),
        ({"from": "a.keras", "layers": 2}, "expected no 'layers' together with 'from'"),
        ({"from": "a.keras", "bidirectional": True}, "expected no 'bidirectional' together with 'from'"),
        ({"units": 5, "frozen": True}, "expected 'from' (a file) together with 'frozen'. Received: none"),
        ({"form": "a.keras"}, "model.form: no such field. Did you mean 'from'"),
        ({"from": "", "units": 5}, "model.from: "),
    ],
)
def test_fields_that_contradict_it_are_refused(model, words):
    with pytest.raises(UserError, match=re.escape(words)):
        yaml_file.validate({**EXPERIMENT, "model": model, "name": "mine"}, "mine.yaml")


# --- experiments ---

EXPERIMENT = {
    "question": "Does a stack that was trained on something else help?",
    "tasks": [{"adding": ADDING}],
    "cells": ["gru"],
    "seeds": 1,
    "training": {"epochs": 1, "batch_size": 32, "jit": False, "deterministic": False},
}


def written(folder, **model):
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump({**EXPERIMENT, "model": model}))
    return file


def test_an_experiment_goes_there_and_back(stacks, tmp_path, monkeypatch):
    asked = suite.load(written(tmp_path, **{"from": stacks["gru"], "frozen": True, "dropout": 0.1}))
    assert asked.model.start == stacks["gru"]
    assert re.fullmatch("[0-9a-f]{16}", asked.model.sha256)
    assert Experiment.model_validate_json(asked.model_dump_json()) == asked  # as the store keeps it
    assert suite.load(asked) == asked
    (tmp_path / "again.yaml").write_text(definition(asked))  # as the report shows it
    monkeypatch.chdir(tmp_path)
    shutil.copy(stacks["gru"], "gru.keras")
    again = suite.load("again.yaml")
    assert again.model.start == "gru.keras"
    assert again.runs()[0].fingerprint == asked.runs()[0].fingerprint  # what the file holds counts, not where it lies


def test_the_content_of_the_file_decides_which_run_it_is(stacks, folder, tmp_path):
    file = tmp_path / "moving.keras"
    shutil.copy(stacks["gru"], file)
    first = suite.load(written(tmp_path, **{"from": str(file)}))
    shutil.copy(stacks["both"], file)
    second = suite.load(written(tmp_path, **{"from": str(file)}))
    frozen = suite.load(written(tmp_path, **{"from": str(file), "frozen": True}))
    assert len({each.runs()[0].fingerprint for each in (first, second, frozen)}) == 3
    with pytest.raises(UserError, match=r"moving.keras: changed. Received: sha256 \w{16}, expected \w{16}"):
        pretrained.read(first.model)
    with pytest.raises(UserError, match="none.keras"):
        suite.load(written(tmp_path, **{"from": str(tmp_path / "none.keras")}))


def test_where_there_is_no_file_nothing_has_changed():
    model = ModelSpec(units=5)
    names = ["units", "parameters", "budget", "layers", "bidirectional", "dropout", "implementation"]
    assert list(model.model_dump()) == names  # what every fingerprint so far is made of
    assert model.but(units=6).units == 6
    assert ModelSpec(start="a.keras").but(dropout=0.2) == ModelSpec(**{"from": "a.keras", "dropout": 0.2})


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_an_experiment_is_run_once_and_refused_before_it_starts(stacks, tmp_path):
    store = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(UserError, match=r"^mine.yaml: adding\(.*\), gru: model.from: .*wide.keras: .* 2 feat.* 12 feat"):
        suite.check(written(tmp_path, **{"from": stacks["wide"]}))
    file = written(tmp_path, **{"from": stacks["gru"], "frozen": True})
    told = []
    found = suite.run(file, store, workers=0, progress=lambda result, *_: told.append(result))
    again = suite.run(file, store, workers=0, progress=lambda result, *_: told.append(result))
    assert [result.status for result in told if result is not None] == ["finished"]
    assert found.frame["from"].tolist() == again.frame["from"].tolist() == [stacks["gru"]]
    assert "At the size of gru.keras, frozen" in found.text("markdown")


def test_a_file_that_is_not_there_is_a_mistake_in_the_experiments_own_field(tmp_path):
    with pytest.raises(UserError, match=r"^model\.from: .*none\.pt: no such file"):
        pretrained.pinned(ModelSpec(start=str(tmp_path / "none.pt")))


def test_truncation_beside_a_file_that_reads_both_ways_is_refused(folder):
    file = save(folder, "two_ways", both(gru(3)))
    network = resolve(ModelSpec(start=file), MUSIC, CELLS.find("gru"), {})
    with pytest.raises(UserError, match=r"^training\.truncate: received 2, expected null beside model\.from"):
        truncation.check_layers(TrainingSpec(truncate=2), network.layers)
    truncation.check_layers(TrainingSpec(), network.layers)
    one_way = resolve(ModelSpec(start=save(folder, "one_way", gru(3))), MUSIC, CELLS.find("gru"), {})
    truncation.check_layers(TrainingSpec(truncate=2), one_way.layers)

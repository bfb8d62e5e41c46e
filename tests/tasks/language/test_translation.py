"""Translation: the network beside NumPy, its compiled steps, Multi30k beside its files, a small experiment end to end."""

import gzip
import json
import sys
from collections import Counter
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import keras_tuner
import mlflow
import numpy as np
import pytest
import sacrebleu
from mlflow.tracking import MlflowClient
from scipy.special import log_softmax, softmax

from gru_tf import suite
from gru_tf.data.datasets import DatasetError, locate
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import decoding
from gru_tf.recurrent.cells import CELLS
from gru_tf.suite.tuning import RecurrentHyperModel
from gru_tf.tasks import END, Examples, Signature, create
from gru_tf.tasks.language import _bleu, multi30k
from gru_tf.tasks.language.multi30k import FILES, LONGEST, Multi30k, joined, read_sentences, tokens
from gru_tf.training import feeding, trainer
from gru_tf.training.batches import plan, spans
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.epochs import Epochs
from gru_tf.training.network import budget
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve, resolve_run
from gru_tf.training.network.sequence_writer import SequenceWriter

pytestmark = [  # as in test_tracking
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up .*gru-tf-oracle:ResourceWarning"),
]

READ, WRITTEN, STEPS, DECODED, ROWS, UNITS = 7, 6, 5, 8, 4, 4
SIGNATURE = Signature(STEPS, 3, WRITTEN, "class", tokens=READ, varying=True, decoded=DECODED)
RNG = np.random.default_rng(0)

# --------------------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize("form", [{}, {"layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("cell", CELLS.names())
def test_size_is_exact(cell, form):
    model = ModelSpec(units=UNITS, **form)
    size = budget.size(CELLS.find(cell), {}, SIGNATURE, model, UNITS)
    network = build(resolve(model, SIGNATURE, CELLS.find(cell), {}))
    assert size.parameters == network.count_params()
    recurrent = [layer for layer in network.layers if hasattr(layer, "cell") or hasattr(layer, "forward_layer")]
    assert size.recurrent_parameters == sum(layer.count_params() for layer in recurrent)


def weights_of(layer):
    """Name → float64 array."""
    return {variable.path.rpartition("/")[2]: np.array(variable, "float64") for variable in layer.weights}


def run_over(cell, layer, states, x):
    """Outputs (T, H) and last states of one sequence, by the cell's step in NumPy."""
    outputs = []
    for step in x:
        states = cell.step(step[None], states, weights_of(layer))
        outputs.append(states[0][0])
    return np.array(outputs), states


def by_hand(model, cell, tokens, before):
    """Logits of one pair of sequences from the equations in `encoder_decoder`, float64."""
    matrix = {name: weights_of(model.get_layer(name)) for name in ("embedding", "target_embedding", "keys", "attended")}
    encoder = next(layer for layer in model.layers if hasattr(layer, "forward_layer") or hasattr(layer, "cell"))
    zeros = [np.zeros((1, UNITS)) for _ in cell.states]
    x = matrix["embedding"]["embeddings"][tokens]
    if hasattr(encoder, "forward_layer"):
        ahead, last = run_over(cell, encoder.forward_layer, zeros, x)
        back, first = run_over(cell, encoder.backward_layer, zeros, x[::-1])
        h = np.concatenate([ahead, back[::-1]], axis=-1)
        bridges = [weights_of(model.get_layer(f"bridge_0_{i}")) for i in range(len(zeros))]
        pairs = [np.concatenate(pair, axis=-1) for pair in zip(last, first, strict=True)]
        start = [pair @ b["kernel"] + b["bias"] for pair, b in zip(pairs, bridges, strict=True)]
    else:
        h, start = run_over(cell, encoder, zeros, x)
    s, _ = run_over(cell, model.get_layer("decoder_0"), start, matrix["target_embedding"]["embeddings"][before])
    shares = softmax(s @ (h @ matrix["keys"]["kernel"]).T, axis=-1)
    attended = np.tanh(np.concatenate([shares @ h, s], axis=-1) @ matrix["attended"]["kernel"])
    head = weights_of(model.get_layer("head"))
    return attended @ head["kernel"] + head["bias"]


def randomised(cell, **form):
    model = build(resolve(ModelSpec(units=UNITS, **form), SIGNATURE, CELLS.find(cell), {}))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(scale=0.7, size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm", "min_gru"])
def test_logits_follow_from_the_equations(cell, bidirectional):
    """What stands behind a sentence's end is noise here; the equations read the real words alone."""
    model, rng, lengths = randomised(cell, bidirectional=bidirectional), np.random.default_rng(2), [5, 1, 3, 2]
    read, before = rng.integers(0, READ, (ROWS, STEPS)), rng.integers(0, WRITTEN, (ROWS, 6))
    logits = np.array(model([read, np.arange(STEPS) < np.array(lengths)[:, None], before]))
    expected = [by_hand(model, CELLS.find(cell), x[:n], y) for x, n, y in zip(read, lengths, before, strict=True)]
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    other = [by_hand(model, CELLS.find(cell), (x[:n] + 1) % READ, y) for x, n, y in zip(read, lengths, before, strict=True)]
    assert np.abs(logits - other).max() > 1e-2, "what is read has no effect: the comparison could not fail"


def test_no_target_is_seen_before_it_is_written():
    model, rng = randomised("gru", layers=2), np.random.default_rng(3)
    read, before = rng.integers(0, READ, (ROWS, STEPS)), rng.integers(0, WRITTEN, (ROWS, 6))
    mask, changed = np.ones((ROWS, STEPS), bool), before.copy()
    changed[:, 3] = (changed[:, 3] + 1) % WRITTEN
    moved = np.abs(np.array(model([read, mask, changed])) - np.array(model([read, mask, before]))).max((0, 2))
    assert np.all(moved[:3] == 0)
    assert np.all(moved[3:] > 1e-4)


# --------------------------------------------------------------------------------------------------- the compiled steps


def pairs(count=11):
    """Sequences, and targets that end with END but for one that was cut, −1 behind."""
    rng = np.random.default_rng(4)
    lengths, ends = rng.integers(1, STEPS + 1, count), rng.integers(0, DECODED - 1, count)
    inputs = np.where(np.arange(STEPS) < lengths[:, None], rng.integers(1, READ, (count, STEPS)), 0)
    place, words = np.arange(DECODED), rng.integers(1, WRITTEN, (count, DECODED))
    targets = np.where(place < ends[:, None], words, np.where(place == ends[:, None], END, -1))
    targets[0] = words[0]
    return Examples(inputs.astype("int32"), targets.astype("int32"), lengths)


RUN = Run(
    purpose="final",
    task=Choice(name="adding"),
    cell=Choice(name="gru"),
    seed=3,
    model=ModelSpec(units=UNITS, layers=2, dropout=0.05),
    training=TrainingSpec(batch_size=ROWS, jit=False, learning_rate=0.02),
)


@pytest.fixture(scope="module")
def compiled():
    steps = CompiledSteps(RUN, resolve_run(RUN, SIGNATURE), ("perplexity",), (4, DECODED))
    steps.warm_up(feeding.load(pairs(), DECODED, True))
    return steps


@pytest.fixture
def steps(compiled):
    """With weights so large that what is written depends on what is read."""
    rng = np.random.default_rng(8)
    compiled.set_weights([rng.normal(scale=1.2, size=w.shape) for w in compiled.weights()])
    return compiled


def test_teacher_forcing_by_hand(steps):
    """The loss of a target is that of the network which is given all targets before it, END first."""
    examples = pairs()
    data = feeding.load(examples, DECODED, per_step=True)
    order = plan(spans(examples, True), (4, DECODED), ROWS, np.random.default_rng(0))
    assert set(order.bucket) == {0, 1}
    loss, again = steps.test(data, order)
    before = np.concatenate([np.full((11, 1), END), np.maximum(examples.targets[:, :-1], 0)], axis=1)
    mask = np.arange(STEPS) < examples.lengths[:, None]
    logp = log_softmax(np.array(steps.model([examples.inputs, mask, before]), "float64"), axis=-1)
    real = examples.targets >= 0
    chosen = np.take_along_axis(logp, np.maximum(examples.targets, 0)[..., None], -1)[..., 0]
    assert loss == again == pytest.approx(-chosen[real].mean(), rel=1e-5)
    assert abs(loss + chosen.mean()) > 1e-3, "padding counts for nothing here: the comparison could not fail"


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("width", [1, 3])
def test_what_is_written_comes_in_the_order_of_the_sequences(steps, width, resident, monkeypatch):
    examples = pairs()
    monkeypatch.setattr(feeding, "RESIDENT_BYTES", 2**31 if resident else 0)
    monkeypatch.setattr(feeding, "PART_BYTES", 1)
    data = feeding.load(examples, DECODED, per_step=True)
    assert data.resident == resident
    found = steps.write(data, examples.lengths, width)
    writer = SequenceWriter(steps.model)
    read = writer.read([examples.inputs, np.arange(STEPS) < examples.lengths[:, None]])
    if width == 1:
        expected = decoding.greedy(writer.step, *read, DECODED)
    else:
        expected = decoding.beam(writer.step, *read, DECODED, width)[0]
    assert np.array_equal(found, np.array(expected))
    assert len(np.unique(found, axis=0)) > 2


def test_a_network_learns_to_write(compiled):
    """One of two answers of different lengths, whose words come from what was written and the choice from what was read."""
    rng = np.random.default_rng(5)
    inputs = np.where(rng.integers(0, 2, (64, 1)), [1, 2, 3], [4, 3, 2])
    targets = np.where(inputs[:, :1] == 1, [[2, 1, END, -1]], [[3, 4, 5, END]])
    examples = Examples(inputs.astype("int32"), targets.astype("int32"), np.full(64, 3))
    data, order = feeding.load(examples, DECODED, True), plan(spans(examples, True), (4, DECODED), ROWS)
    compiled.reset(RUN)
    losses = [compiled.train(data, order) for _ in range(25)]
    written = compiled.write(data, examples.lengths)[:, :4]
    assert losses[-1] < 0.2 * losses[0]
    assert np.array_equal(written, np.maximum(targets, 0))


# ---------------------------------------------------------------------------------------------------------------- BLEU


def test_bleu_by_hand():
    """Of 5 tokens 4 come in the reference, of 4 pairs 2, of 3 triples 1, of 2 quadruples none: half a match is taken for it.

    sacrebleu's smoothing "exp" takes 1/2 of a match for the first order without one.
    """
    precisions = [4 / 5, 2 / 4, 1 / 3, 0.5 / 2]
    expected = 100 * np.prod(precisions) ** 0.25 * np.exp(1 - 6 / 5)
    assert _bleu.corpus(["Ein Mann geht weg."], ["ein mann geht sehr schnell."]) == pytest.approx(expected)
    assert _bleu.signature() == f"nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"


def test_the_best_constant_is_that_of_every_answer_tried():
    rng = np.random.default_rng(6)
    for _ in range(5):
        lengths = rng.integers(2, 9, 25)
        texts = [[f"w{i}" for i in rng.integers(0, 4, n)] for n in lengths]
        words = np.array([int(word[1:]) for text in texts for word in text])
        sentences = [" ".join(text) for text in texts]
        scores = [sacrebleu.corpus_bleu([s] * 25, [sentences], smooth_method="none").score for s in sentences]
        assert scores[_bleu.best_constant(words, lengths)] == pytest.approx(max(scores))
        assert min(scores) < 0.9 * max(scores)


# ------------------------------------------------------------------------------------------------------------ Multi30k


def test_words_and_marks_by_hand():
    sentence = "A man's T-Shirt (red) says: 50% off, it's \"new\"!"
    words = tokens(sentence)
    assert words == [
        "a",
        "man",
        "'s",
        "t-shirt",
        "(",
        "red",
        ")",
        "says",
        ":",
        "50",
        "%",
        "off",
        ",",
        "it",
        "'s",
        '"',
        "new",
        '"',
        "!",
    ]
    assert joined(words) == "a man's t-shirt (red) says: 50% off, it's \" new \"!"
    assert tokens("„Größe“ – ja") == ["„", "größe", "“", "–", "ja"]
    assert joined(tokens("„Größe“ – ja")) == "„größe“ – ja"


def test_multi30k_is_its_files(needs_files):
    """Words counted in Python; what the vocabulary does not have is 1."""
    task = Multi30k(source_vocabulary=500, target_vocabulary=300, longest=10, train_sentences=2000)
    needs_files(task)
    splits = task.splits(RNG)
    for language, size, nothing in (("en", 500, 0), ("de", 300, -1)):
        texts = {split: read_sentences(locate(FILES[split, language])) for split in multi30k.SENTENCES}
        counts = Counter(word for line in texts["train"] for word in tokens(line))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[: size - 2]
        number = {word: rank for rank, word in enumerate(ranked, start=2)}
        for split, lines in texts.items():
            examples = getattr(splits, split)
            array = examples.inputs if language == "en" else examples.targets
            for row, line in zip(array, lines[:2000], strict=True):
                words = [number.get(word, 1) for word in tokens(line)]
                expected = words[:10] + [END] * (language == "de" and len(words) <= 10)
                assert row.tolist() == expected + [nothing] * (len(row) - len(expected))
    assert splits.train.targets.shape[1] == 11
    assert splits.train.lengths.max() == 10


def test_the_other_direction_is_the_files_read_backwards(needs_files):
    """German in, reversed; English out; words that the training sentences have twice."""
    task = Multi30k(direction="de-en", minimum_count=2, reverse_source=True, longest=multi30k.MOST)
    needs_files(task)
    splits = task.splits(RNG)
    numbers = {}
    for language, size in zip(("de", "en"), task.vocabularies, strict=True):
        texts = {split: read_sentences(locate(FILES[split, language])) for split in multi30k.SENTENCES}
        counts = Counter(word for line in texts["train"] for word in tokens(line))
        ranked = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
        assert size == len(ranked) + 2
        numbers[language] = {word: rank for rank, word in enumerate(ranked, start=2)}
        for row, line in zip(splits.test.inputs if language == "de" else splits.test.targets, texts["test"], strict=True):
            words = [numbers[language].get(word, 1) for word in tokens(line)]
            expected = words[::-1] if language == "de" else [*words, END]
            assert row[: len(expected)].tolist() == expected
    assert (task.signature.tokens, task.signature.outputs) == task.vocabularies
    assert splits.train.lengths.max() == multi30k.MOST, "a sentence is cut"
    assert (splits.train.targets == END).sum() == len(splits.train)


def test_bleu_of_words_is_not_smoothed_and_an_unknown_word_is_none(needs_files):
    """Of 5 words 4 come in the reference, of 4 pairs 3, of 3 triples 2, of 2 quadruples 1; without one it is 0."""
    reference = ["a", "man", "is", "going", "away", "⁇"]
    assert _bleu.of_words([["a", "man", "goes", "away", "⁇"]], [reference]) == 0
    written = ["a", "man", "is", "going", "home"]
    expected = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25 * np.exp(1 - 6 / 5)
    assert _bleu.of_words([written], [reference]) == pytest.approx(expected)
    assert _bleu.of_words([["A", *written[1:]]], [reference]) < expected
    assert _bleu.signature(True) == f"nrefs:1|case:mixed|eff:no|tok:none|smooth:none|version:{sacrebleu.__version__}"
    whole = Multi30k(direction="de-en", target_vocabulary=20_000, bleu="words")
    needs_files(whole)
    limited = Multi30k(direction="de-en", minimum_count=50, bleu="words")
    scores = [task.scored("test", np.maximum(task.splits(RNG).test.targets, 0)) for task in (whole, limited)]
    assert 90 < scores[0] < 100
    assert scores[1] < scores[0] - 10
    assert whole.metric.chance > 1
    assert whole.metric.trivial.startswith("always 'A man in")


@pytest.mark.parametrize("option", ["source_vocabulary", "target_vocabulary"])
def test_a_vocabulary_has_one_size(option):
    with pytest.raises(UserError, match=f"expected no '{option}' together with 'minimum_count'.* Received: 900"):
        create("multi30k", {option: 900, "minimum_count": 2})


def test_a_perfect_translation_scores_100_and_an_unknown_word_costs(needs_files):
    whole = Multi30k(target_vocabulary=20_000)
    needs_files(whole)
    limited = Multi30k(target_vocabulary=1000)
    scores = [task.scored("test", np.maximum(task.splits(RNG).test.targets, 0)) for task in (whole, limited)]
    assert 90 < scores[0] < 100  # a word that training never has cannot be written
    assert scores[1] < scores[0] - 10
    assert whole.sentences(np.array([[0, 5, 6]])) == [""]
    assert "⁇" in limited.sentences(np.array([[1, 2, 0, 5]]))[0]


def test_translations_are_shown_beside_their_sources(needs_files):
    task = Multi30k()
    needs_files(task)
    written = np.maximum(task.splits(RNG).test.targets, 0)
    first, second, *_ = task.sample_text(written, written * 0).split("\n\n")
    assert first == f"BLEU: {_bleu.signature()}"
    assert "A man in an orange hat starring at something." in second
    assert "greedy     ein mann mit einem orangefarbenen hut, der etwas" in second


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1: expected a sentence. Received: ' '"),
        (b"no gzip", "expected a gzip file. Received: Not a gzipped file"),
        (gzip.compress(b"one\ntwo\n" * 100)[:-12], "expected a gzip file"),
        (gzip.compress("é".encode("latin-1")), "line 1: expected utf-8 text. Received: byte 0xe9"),
        (gzip.compress(b"one\n \ntwo\n"), "line 2: expected a sentence. Received: ' '"),
        (gzip.compress(b"one\ntwo\n"), "expected 29,000 sentences. Received: 2"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, monkeypatch, content, words):
    (tmp_path / "a.gz").write_bytes(content)
    monkeypatch.setattr(multi30k, "locate", lambda file: tmp_path / "a.gz")
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DatasetError, match=f"a.gz: {words}"):
        Multi30k().splits(RNG)


# ---------------------------------------------------------------------------------------------- a small one, end to end

SMALL = {
    "question": "Does it translate?",
    "tasks": [{"multi30k": {"longest": 6, "source_vocabulary": 12, "target_vocabulary": 12, "embedding": 4, "beam": 2}}],
    "cells": ["lstm"],
    "seeds": 1,
    "model": {"units": 8, "bidirectional": True},
    "training": {"epochs": 12, "batch_size": 16, "learning_rate": 0.03, "jit": False, "deterministic": False},
    "search": {"trials": 1, "shared": True, "space": {"learning_rate": [0.02, 0.03]}},
}
WORDS = {"a": "ein", "two": "zwei", "dog": "hund", "cat": "kater", "runs": "rennt", "sees": "sieht", "sits": "sitzt"}


@contextmanager
def instead(counts, names, cache):
    """Other sentences in the place of the published ones, for a while: nothing of them is met by a later test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multi30k, "SENTENCES", counts)
        patch.setattr(multi30k, "locate", lambda file: names[file.path])
        patch.setenv("GRU_TF_CACHE", str(cache))
        multi30k._best_without_learning.cache_clear()
        yield
    trainer._data.cache_clear()
    multi30k._best_without_learning.cache_clear()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A store with an experiment on made sentences: each word has one translation, and the verb comes last in German."""
    folder, rng = tmp_path_factory.mktemp("small"), np.random.default_rng(7)
    counts = {"train": 96, "validation": 12, "test": 12}
    for split, count in counts.items():
        drawn = [
            (rng.choice(["a", "two"]), rng.choice(["dog", "cat"]), rng.choice(["runs", "sees", "sits"]))
            for _ in range(count)
        ]
        english = [f"{n} {who} {does} a cat." for n, who, does in drawn]
        german = [f"{WORDS[n]} {WORDS[who]} ein kater {WORDS[does]}." for n, who, does in drawn]
        for language, lines in (("en", english), ("de", german)):
            (folder / f"{split}.{language}.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    names = {file.path: folder / f"{split}.{language}.gz" for (split, language), file in FILES.items()}
    uri = f"sqlite:///{folder}/mlruns/mlflow.db"
    with instead(counts, names, folder / "cache"):
        experiment = validate({**SMALL, "name": "small"}, "small")
        results = suite.run(experiment, uri, workers=0)
        run = next(r.run for r in results.runs if r.run.purpose == "final")
        again = resumed(run, folder)
        references = read_sentences(names["multi30k/test_2016_flickr.de.gz"])
        inputs = Multi30k(**SMALL["tasks"][0]["multi30k"]).splits(RNG).test
    data = partial(instead, counts, names, folder / "cache")
    return SimpleNamespace(
        uri=uri, results=results, again=again, experiment=experiment, references=references, inputs=inputs, data=data
    )


def resumed(run, folder):
    """The run's result where it goes on from the checkpoint of one that ended after two epochs, as a trial does."""
    short = run.model_copy(update={"purpose": "trial", "training": run.training.but(epochs=2)})
    trainer.train(short, folder)
    return trainer.train(short.model_copy(update={"training": run.training}), folder)


@pytest.fixture(scope="module")
def forced(small):
    """The small experiment from German into English, with coins and a schedule; and again from its second epoch."""
    options = {**SMALL["tasks"][0]["multi30k"], "direction": "de-en", "reverse_source": True}
    recipe = {"teacher_forcing": 0.9, "teacher_forcing_decay": "sigmoid", "teacher_forcing_end": 0.3, "deterministic": True}
    content = {**SMALL, "tasks": [{"multi30k": options}], "search": None, "name": "forced"}
    content["model"], content["training"] = {"units": 8, "attention": "context"}, {**SMALL["training"], **recipe}
    (run,) = validate(content, "forced").runs()
    return run


@pytest.mark.slow
def test_a_forced_run_goes_on_from_a_checkpoint_to_the_same_bits(small, forced, tmp_path, monkeypatch):
    with small.data():
        whole = trainer.train(forced, tmp_path / "whole")
        epoch = Epochs._epoch

        def stopped(self, validation):
            if self.done.epoch == 5:
                raise KeyboardInterrupt
            return epoch(self, validation)

        with monkeypatch.context() as patch:
            patch.setattr(Epochs, "_epoch", stopped)
            with pytest.raises(KeyboardInterrupt):
                trainer.train(forced, tmp_path / "again", checkpoint_seconds=0)
        assert list((tmp_path / "again").glob("*.checkpoint"))
        again = trainer.train(forced, tmp_path / "again")
        plain = trainer.train(forced.model_copy(update={"training": forced.training.but(**PLAIN)}))
    assert again.history == whole.history
    assert (again.test, again.more) == (whole.test, whole.more)
    assert whole.history["train_loss"] != plain.history["train_loss"]
    assert whole.test > whole.chance > 0


PLAIN = {"teacher_forcing": 1.0, "teacher_forcing_decay": "none", "teacher_forcing_end": None}


def final(small):
    return next(result for result in small.results.runs if result.run.purpose == "final")


def test_an_experiment_ends_with_bleu_above_the_baseline(small):
    (row,) = small.results.table()
    result = final(small)
    assert (row.metric, row.direction, row.seeds) == ("bleu", "max", 1)
    assert row.test.mean == result.test > result.chance > 0
    assert set(result.more) == {"beam_bleu", "perplexity"}
    assert result.more["perplexity"] > 1
    assert result.score == (result.test - result.chance) / (100 - result.chance)
    assert not any(r.more or r.test for r in small.results.runs if r.run.purpose == "trial")


def test_the_best_epoch_is_that_of_the_best_validation_bleu(small):
    client = MlflowClient(small.uri)
    parent = client.get_experiment_by_name("small").experiment_id
    for child in client.search_runs([parent], "tags.gru_tf.fingerprint != ''"):
        curve = client.get_metric_history(child.info.run_id, "validation_bleu")
        assert len(curve) == SMALL["training"]["epochs"]
        assert child.data.metrics["best_validation_bleu"] == max(point.value for point in curve)


def test_a_run_that_goes_on_reaches_the_same_numbers(small):
    assert small.again.validation == final(small).validation
    assert len(small.again.history["validation_bleu"]) == SMALL["training"]["epochs"]


def test_the_store_has_translations_and_a_model_that_anybody_can_ask(small):
    """The model is given the inputs by name, and what it writes word by word has the BLEU that was recorded."""
    client = MlflowClient(small.uri)
    experiment = client.get_experiment_by_name("small").experiment_id
    (child,) = client.search_runs([experiment], "tags.gru_tf.kind = 'final'")
    text = client.download_artifacts(child.info.run_id, "samples.txt")
    with open(text) as file:
        assert "source     " in file.read()
    uri = json.loads(json.dumps(child.data.tags))["gru_tf.model"]
    mlflow.set_tracking_uri(small.uri)
    model = mlflow.pyfunc.load_model(uri)
    mlflow.set_tracking_uri(None)
    assert [(spec.name, spec.type) for spec in model.metadata.signature.inputs.inputs] == [
        ("sequence", np.dtype("int32")),
        ("mask", np.dtype("bool")),
        ("written", np.dtype("int32")),
    ]
    examples = small.inputs
    mask = np.arange(examples.inputs.shape[1]) < examples.lengths[:, None]
    before = np.full((len(examples), 1), END, "int32")
    for _ in range(7):
        logits = model.predict({"sequence": examples.inputs, "mask": mask, "written": before})
        before = np.append(before, logits[:, -1:].argmax(-1), axis=1).astype("int32")
    task = Multi30k(**SMALL["tasks"][0]["multi30k"])
    with small.data():
        answers = task.sentences(before[:, 1:])
    assert sacrebleu.corpus_bleu(answers, [small.references], lowercase=True).score == pytest.approx(final(small).test)


def test_without_sacrebleu_nothing_is_trained_or_stored_and_old_results_are_read(small, tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == "sacrebleu"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    expected = r"small: multi30k.*, lstm: the task needs sacrebleu: pip install 'gru-tf\[translation\]'$"
    store = f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    for refused in (suite.check, partial(suite.run, store=store, workers=0)):
        with pytest.raises(UserError, match=expected):
            refused(small.experiment)
    with pytest.raises(UserError, match="small"):
        suite.results("small", store)
    with pytest.raises(UserError, match=r"^the metric bleu needs sacrebleu: pip install 'gru-tf\[translation\]'$"):
        _bleu._metric.__wrapped__()
    assert suite.results("small", small.uri).table()[0].test.mean == final(small).test


def test_keras_tuner_gets_a_model_with_a_loss_by_word(small):
    with small.data():
        model = RecurrentHyperModel(small.experiment, small.experiment.tasks[0].label, "lstm").build(
            keras_tuner.HyperParameters()
        )
    examples = small.inputs
    mask = np.arange(examples.inputs.shape[1]) < examples.lengths[:, None]
    before = np.pad(np.maximum(examples.targets[:, :-1], 0), ((0, 0), (1, 0)))
    weights = (examples.targets >= 0).astype("float32")
    found = model.evaluate(
        [examples.inputs, mask, before], examples.targets, sample_weight=weights, verbose=0, return_dict=True
    )
    assert set(found) == {"loss", "nll"}


def test_diagnostics_are_refused_in_words():
    with pytest.raises(UserError, match="diagnostics: expected them to be left out: a task of tokens"):
        suite.check(validate({**SMALL, "name": "small", "search": None, "diagnostics": True}, "small"))


def test_what_writes_nothing_has_no_written_score():
    from gru_tf.tasks.memory.adding import Adding

    for ask in (lambda task: task.scored("test", np.zeros((1, 1))), lambda task: task.sample_text(np.zeros(1), np.zeros(1))):
        with pytest.raises(NotImplementedError, match="Adding has no targets that a network writes"):
            ask(Adding())


def test_the_longest_sentence_is_read_whole(needs_files):
    task = Multi30k()
    needs_files(task)
    assert task.splits(RNG).train.lengths.max() == LONGEST

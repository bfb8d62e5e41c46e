"""Greedy decoding and beam search beside NumPy: all sequences tried, a search written plainly, prefixes recomputed."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from gru_tf.experiment.specs import ModelSpec
from gru_tf.recurrent import decoding
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import END, Signature
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve
from gru_tf.training.network.sequence_writer import SequenceWriter

VOCABULARY, LONGEST, ROWS = 4, 4, 3


class Table:
    """A network whose next token depends on all that was written and on the row: its state numbers the prefix in base V."""

    def __init__(self, seed=0, ends=0.0):
        size = VOCABULARY ** (LONGEST + 1)
        logits = np.random.default_rng(seed).normal(scale=1.5, size=(ROWS, size, VOCABULARY))
        logits[..., END] += ends
        self.logits = logits.astype("float32")

    def __call__(self, tokens, states, memory):
        prefix = states[0][:, 0] * VOCABULARY + tokens
        rows = ops.take(ops.convert_to_tensor(self.logits), memory[0][:, 0], axis=0)
        logits = ops.take_along_axis(rows, ops.cast(prefix, "int32")[:, None, None], axis=1)[:, 0]
        return logits, [prefix[:, None]]

    def start(self):
        return [ops.zeros((ROWS, 1), "int32")], [ops.arange(ROWS, dtype="int32")[:, None]]

    def logp(self, row, words):
        """Log-probabilities of all next tokens behind these words, float64."""
        prefix = 0
        for token in (END, *words):
            prefix = prefix * VOCABULARY + token
        logits = self.logits[row, prefix].astype("float64")
        return logits - np.log(np.exp(logits).sum())


def score(table, row, words, alpha):
    logp = sum(table.logp(row, words[:i])[word] for i, word in enumerate(words))
    return logp / ((5 + len(words)) / 6) ** alpha


def every_sequence():
    """All that can be written: END once, at the end, or not at all and cut."""
    words = range(1, VOCABULARY)
    for n in range(LONGEST):
        yield from ((*begin, END) for begin in itertools.product(words, repeat=n))
    yield from itertools.product(words, repeat=LONGEST)


def plain_beam(table, row, width, alpha):
    """The same search with Python's lists."""
    kept = [((), 0.0)]
    for _ in range(LONGEST):
        candidates = []
        for words, logp in kept:
            if words and words[-1] == END:
                candidates.append((words, logp))
            else:
                candidates += [((*words, w), logp + p) for w, p in enumerate(table.logp(row, words))]
        kept = sorted(candidates, key=lambda c: -c[1] / ((5 + len(c[0])) / 6) ** alpha)[:width]
    return kept[0][0]


def filled(words):
    return [*words, *[END] * (LONGEST - len(words))]


def beam(table, width, alpha=decoding.ALPHA):
    return [np.array(a) for a in decoding.beam(table, *table.start(), LONGEST, width, alpha)]


@pytest.mark.parametrize("ends", [0.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_greedy_writes_the_likeliest_token_at_each_step(seed, ends):
    table = Table(seed, ends)
    written = np.array(decoding.greedy(table, *table.start(), LONGEST))
    for row in range(ROWS):
        words = []
        while len(words) < LONGEST and END not in words:
            words.append(int(table.logp(row, words).argmax()))
        assert written[row].tolist() == filled(words)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_that_keeps_everything_finds_the_best_of_all_sequences(seed, alpha):
    table = Table(seed)
    written, scores = beam(table, VOCABULARY**LONGEST, alpha)
    for row in range(ROWS):
        best = max(every_sequence(), key=lambda words: score(table, row, words, alpha))
        assert written[row].tolist() == filled(best)
        assert scores[row] == pytest.approx(score(table, row, best, alpha), rel=1e-5)


def test_a_narrow_beam_is_that_of_a_plain_search():
    differs = 0
    for seed, width, alpha in itertools.product(range(6), (2, 3), (0.0, 1.0)):
        table = Table(seed, ends=1.0)
        written, _ = beam(table, width, alpha)
        expected = [filled(plain_beam(table, row, width, alpha)) for row in range(ROWS)]
        assert written.tolist() == expected
        differs += written.tolist() != np.array(decoding.greedy(table, *table.start(), LONGEST)).tolist()
    assert differs > 3, "a beam that never finds more than greedy decoding proves nothing"


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_is_greedy(seed):
    table = Table(seed, ends=1.0)
    greedy = np.array(decoding.greedy(table, *table.start(), LONGEST))
    for alpha in (0.0, 0.6):
        assert np.array_equal(beam(table, 1, alpha)[0], greedy)


def test_a_longer_answer_gains_by_the_length_penalty():
    lengths = [(beam(Table(5, ends=2.0), 64, alpha)[0] != END).sum() for alpha in (0.0, 3.0)]
    assert lengths[0] < lengths[1]


# ------------------------------------------------------------------------------------------------- with a real network

READ, WRITTEN, STEPS = 7, 6, 5
SIGNATURE = Signature(STEPS, 3, WRITTEN, "class", tokens=READ, varying=True, decoded=STEPS)


def network(cell, seed=3, **form):
    """A network with weights large enough that what it writes depends on what it reads, and its inputs."""
    model = build(resolve(ModelSpec(units=4, **form), SIGNATURE, CELLS.find(cell), {}))
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(scale=1.2, size=w.shape) for w in model.get_weights()])
    lengths = rng.integers(1, STEPS + 1, 8)
    return model, rng.integers(0, READ, (8, STEPS)).astype("int32"), np.arange(STEPS) < lengths[:, None]


@pytest.mark.parametrize("form", [{}, {"layers": 2, "bidirectional": True}, {"implementation": "custom"}])
@pytest.mark.parametrize("cell", ["gru", "lstm", "min_gru", "janet"])
def test_what_is_written_follows_from_the_whole_prefix(cell, form):
    """Step by step with carried states as through the network that is trained, which is given the whole prefix each time."""
    for seed in range(3, 13):  # some draws prefer to end at once, or to write the same whatever they read
        model, tokens, mask = network(cell, seed, **form)
        writer = SequenceWriter(model)
        found = np.array(decoding.greedy(writer.step, *writer.read([tokens, mask]), STEPS))
        if len(np.unique(found, axis=0)) > 1:
            break
    before = np.full((8, 1), END, "int32")
    ended = np.zeros(8, bool)
    for t in range(STEPS):
        logits = np.array(model([tokens, mask, before]))[:, -1]
        token = np.where(ended, END, logits.argmax(-1))
        ended |= token == END
        assert np.array_equal(found[:, t], token)
        before = np.concatenate([before, token[:, None]], axis=1).astype("int32")
    assert len(np.unique(found, axis=0)) > 1, "always the same answer"


def test_states_move_with_the_beginning_that_they_belong_to():
    """The scores that a beam reports are those of its answers, recomputed through the network that is trained.

    The head is made less sure of itself and length is rewarded, so that what leads changes from step to step.
    """
    model, tokens, mask = network("lstm", layers=2)
    model.get_layer("head").set_weights([w / 4 for w in model.get_layer("head").get_weights()])
    writer = SequenceWriter(model)
    written, scores = map(np.array, decoding.beam(writer.step, *writer.read([tokens, mask]), STEPS, 6, 3.0))
    before = np.concatenate([np.full((8, 1), END), written[:, :-1]], axis=1).astype("int32")
    logits = np.array(model([tokens, mask, before]), "float64")
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    chosen = np.take_along_axis(logp, written[..., None], -1)[..., 0]
    counts = np.where((written == END).any(1), (written == END).argmax(1) + 1, STEPS)
    total = (chosen * (np.arange(STEPS) < counts[:, None])).sum(1)
    np.testing.assert_allclose(scores, total / ((5 + counts) / 6) ** 3.0, rtol=1e-4)


def test_a_loaded_network_writes_the_same(tmp_path):
    model, tokens, mask = network("gru", bidirectional=True)
    model.save(tmp_path / "model.keras")
    writers = SequenceWriter(model), SequenceWriter(keras.saving.load_model(tmp_path / "model.keras"))
    first, second = (np.array(decoding.greedy(w.step, *w.read([tokens, mask]), STEPS)) for w in writers)
    assert np.array_equal(first, second)

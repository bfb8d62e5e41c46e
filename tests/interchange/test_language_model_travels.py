"""A character language model trained in PyTorch has the same perplexity in Keras, and in ONNX Runtime.

Logits come from each framework; perplexity is the same few lines of NumPy for all.
"""

from pathlib import Path

import numpy as np
import pytest

import gru_tf
from gru_tf.interchange import provenance
from gru_tf.tasks.language.tiny_shakespeare import CHARACTERS, TinyShakespeare

pytestmark = [pytest.mark.torch, pytest.mark.slow]
SAME = 1e-4  # relative, of perplexities
SEQUENCES, TIMESTEPS = 20, 100
UNITS = 64
CELLS = ("gru", "lstm")


@pytest.fixture(scope="module")
def texts(needs_files):
    pytest.importorskip("torch")
    task = TinyShakespeare()
    needs_files(task)
    return task.texts()


@pytest.fixture(scope="module", params=CELLS)
def trained(request, texts):
    """Embedding, two recurrent layers, a linear head; a few hundred steps of Adam on one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[request.param]
    model = torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(CHARACTERS, 16),
            "stack": kind(16, UNITS, num_layers=2, batch_first=True, dropout=0.1),
            "head": torch.nn.Linear(UNITS, CHARACTERS),
        }
    )
    text, rng = texts["train"].astype("int64"), np.random.default_rng(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        starts = rng.integers(0, len(text) - 33, 32)
        part = torch.tensor(np.array([text[start : start + 33] for start in starts]))
        logits = model["head"](model["stack"](model["embedding"](part[:, :-1]))[0])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    torch.set_num_threads(threads)
    return model.eval()


@pytest.fixture(scope="module")
def held_out(texts):
    """Inputs and targets (sequences, steps) of the test text."""
    part = texts["test"][: SEQUENCES * TIMESTEPS + 1].astype("int64")
    return part[:-1].reshape(SEQUENCES, TIMESTEPS), part[1:].reshape(SEQUENCES, TIMESTEPS)


def perplexity(logits, targets):
    """exp of the mean negative log-likelihood of the next character, in float64."""
    logits = np.asarray(logits, "float64")
    logits = logits - logits.max(-1, keepdims=True)
    likelihoods = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return float(np.exp(-np.take_along_axis(likelihoods, targets[..., None], -1).mean()))


def in_pytorch(model, inputs):
    import torch

    with torch.no_grad():
        return model["head"](model["stack"](model["embedding"](torch.tensor(inputs)))[0]).numpy()


def test_the_same_perplexity_in_keras_and_in_onnx_runtime(trained, held_out, tmp_path: Path):
    import onnxruntime
    import torch

    inputs, targets = held_out
    expected = perplexity(in_pytorch(trained, inputs), targets)
    assert expected < 12  # it has learned: 27 is what the characters' frequencies alone give

    torch.save(trained.state_dict(), tmp_path / "model.pt")
    model = gru_tf.import_model(tmp_path / "model.pt", verify=True)
    assert provenance.record_of(model)["verified"]["largest"] <= 1e-5
    assert perplexity(model(inputs), targets) == pytest.approx(expected, rel=SAME)

    gru_tf.export_model(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    logits = session.run([session.get_outputs()[0].name], {given.name: inputs})[0]
    assert perplexity(logits, targets) == pytest.approx(expected, rel=SAME)


def test_gates_in_the_wrong_order_have_another_perplexity(trained, held_out, tmp_path: Path):
    """What the comparison above must not miss."""
    import torch

    inputs, targets = held_out
    swapped = dict(trained.state_dict())
    for name in [name for name in swapped if name.startswith("stack.")]:
        first, second, *others = swapped[name].split(UNITS)
        swapped[name] = torch.cat([second, first, *others])
    torch.save(swapped, tmp_path / "swapped.pt")
    model = gru_tf.import_model(tmp_path / "swapped.pt", verify=False)
    expected = perplexity(in_pytorch(trained, inputs), targets)
    assert perplexity(model(inputs), targets) > expected * (1 + 100 * SAME)

"""Weights that multiply rounding errors: compared in float64, and in float32 by PyTorch's own distance from it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building, importing, pytorch, verification

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
CHAOTIC, STABLE = 4.0, 0.1  # of W_h's entries, in units of 1/√H


class Single:
    """A framework that computes in float32 alone."""

    def __init__(self, run):
        self.run = run

    def __call__(self, inputs, lengths=None):
        return self.run(inputs, lengths)


def saved(folder, scale, units=64, nonlinearity="tanh", kind=torch.nn.RNN, dtype=torch.float32):
    torch.manual_seed(0)
    options = {"nonlinearity": nonlinearity} if kind is torch.nn.RNN else {}
    module = kind(4, units, batch_first=True, **options)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.copy_(torch.randn(weight.shape) * (scale / np.sqrt(units) if name.startswith("weight_hh") else 1.0))
    torch.save(module.to(dtype).state_dict(), folder / "rnn.pt")
    return folder / "rnn.pt"


def number(pattern, line):
    return float(re.search(pattern, line)[1])


def test_chaotic_weights_are_judged_in_float64(tmp_path):
    line = str(importing.import_file(saved(tmp_path, CHAOTIC), verify=True).verified)
    assert re.match(r"verified by PyTorch [\d.]+ in float64: outputs and states of 8 batches differ by at most", line)
    assert number(r"at most (\S+) \(", line) < 1e-8
    assert number(r"amplify: PyTorch [\d.]+ (\S+) from", line) > 1e-4
    assert number(r"the model ([\d.e-]+)", line) > 1e-4
    plain = str(importing.import_file(saved(tmp_path, STABLE), verify=True).verified)
    assert "float64" not in plain


def test_a_file_of_float64_is_judged_by_what_float32_makes_of_it(tmp_path):
    line = str(importing.import_file(saved(tmp_path, CHAOTIC, dtype=torch.float64), verify=True).verified)
    assert "rounding in float32, which these weights amplify: PyTorch" in line


WRONG = {
    "zeros": lambda blocks: {name: 0 * block for name, block in blocks.items()},
    "a tenth more": lambda blocks: {name: block * np.float32(1.1) for name, block in blocks.items()},
    "no biases": lambda blocks: {name: block * (name[0] != "b") for name, block in blocks.items()},
    "gates changed round": lambda blocks: {
        name.translate(str.maketrans("rz", "zr")): block for name, block in blocks.items()
    },
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("scale", [8.0, 20.0])
def test_a_wrong_model_is_noticed_where_float32_has_nothing_in_common(tmp_path, wrong, scale):
    """The model alone is wrong, as if it had been spoiled after reading; rounding is as large as the states themselves."""
    source = pytorch.read(saved(tmp_path, scale, kind=torch.nn.GRU))
    by, run = source.framework()
    (layer,) = source.network.layers
    blocks = {name: np.asarray(block, "float32") for name, block in WRONG[wrong](dict(layer.forward.blocks)).items()}
    spoiled = replace(source.network, layers=(replace(layer, forward=replace(layer.forward, blocks=blocks)),))
    options = {"by": by, "in_float64": source.in_float64}
    assert verification.verify(building.build(source.network), source.network, run, **options).rounding
    with pytest.raises(UserError, match="not the same"):
        verification.verify(building.build(spoiled), source.network, run, **options)
    with pytest.raises(UserError, match="not the same"):
        verification.verify(building.build(spoiled), spoiled, run, **options)


@pytest.mark.parametrize("exact", [True, False])
def test_another_function_is_noticed_however_chaotic(tmp_path, exact):
    source = pytorch.read(saved(tmp_path, CHAOTIC))
    by, run = source.framework()
    run = run if exact else Single(run)
    (layer,) = source.network.layers
    assert verification.verify(
        building.build(source.network), source.network, run, by=by, in_float64=source.in_float64
    ).rounding
    blocks = {name: block + 1e-3 * (name == "W_h") for name, block in layer.forward.blocks.items()}
    assert any(np.any(blocks[name] != block) for name, block in layer.forward.blocks.items())
    wrong = replace(source.network, layers=(replace(layer, forward=replace(layer.forward, blocks=blocks)),))
    with pytest.raises(UserError, match="not the same"):
        verification.verify(building.build(wrong), wrong, run, by=by, in_float64=lambda: wrong)


def test_an_overflow_is_called_one(tmp_path):
    path = saved(tmp_path, 1e4, nonlinearity="relu")
    words = "expected finite numbers of PyTorch", "nan or infinite ones in ", "as where sums with large weights overflow"
    refused(lambda: gru_tf.import_model(path, verify=True, activation="relu"), *words)
